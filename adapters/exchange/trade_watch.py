"""The newest trades of one pair, put together from what a stream tells and what requests do."""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

from adapters.exchange.book_watch import Lag
from adapters.exchange.contract import MarketTrades
from domain.market.tape import PublicTrade, Tape

QUIET_S = 60.0
"""After so long without a word of the stream a request tells whether nothing is traded, or nothing told."""

ASK_EVERY_S, CLOSE_EVERY_S = 30.0, 5.0
"""A pair's trades are not asked for more often, however many want to know; the latter to close a hole."""

OLD_S = 90.0
"""What a request told longer ago is not told any more: two that failed since are enough."""

MOST, KEPT = 10_000, timedelta(minutes=10)
"""How many trades of a pair are kept, and how long; half as much more before the oldest go at once."""

MOST_AT_ONCE = 500
"""So many the library keeps until we look: of as many at once, some may have been lost."""


@dataclass(frozen=True, slots=True)
class _Hole:
    """Trades may be missing after one that is known; ``until`` is the first one known after that."""

    after: PublicTrade | None = None
    until: PublicTrade | None = None


@dataclass(slots=True)
class TradeWatch:
    """Takes in the trades of one pair, each once, and says from when on none is missing.

    What a request tells closes a hole where it has trades of both its ends, by their ids. Where stream and
    requests do not name trades alike they are never put together: one of them is believed at a time.
    """

    kind: MarketTrades
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Is held by who asks: others wait for that answer."""
    _trades: list[PublicTrade] = field(default_factory=list)  # in their order
    _known: set[str] = field(default_factory=set)  # their ids
    _since: datetime | None = None
    _hole: _Hole | None = field(default_factory=_Hole)
    _heard_s: float = -inf
    _asked_s: float = -inf
    _read_at: datetime | None = None
    _lag: Lag = field(default_factory=Lag)

    def take(self, told: Sequence[PublicTrade], now_s: float) -> None:
        """Take in what a stream told now, in whatever order, known or not."""
        told = sorted(told, key=_order)
        if not told:
            return
        missed = self._misses(told) or len(told) >= MOST_AT_ONCE
        if self._hole and self._hole.until is None:
            after = self._hole.after
            if not self._is_new(told[-1]) or (after and told[-1].at <= after.at):
                return  # it repeats what was before, and says nothing of what is now
            self._resume(told[-1])
        elif missed:
            self._hole = _Hole(self._hole.after if self._hole else self._last, told[-1])
        self._add(told)
        if not self._lag.is_long(int(told[-1].at.timestamp() * 1000), now_s):
            self._heard_s = now_s

    def forget(self) -> None:
        """Believe that something is missing from the last trade on: the stream broke."""
        self._hole = _Hole(self._hole.after if self._hole else self._last)
        self._heard_s, self._lag = -inf, Lag()

    def wants(self, now_s: float) -> bool:
        """Tell whether a request should be made, and take it that it is made now."""
        every_s = CLOSE_EVERY_S if self._hole and self._hole.until else ASK_EVERY_S
        if self.kind is MarketTrades.UNASKED or now_s - self._asked_s < every_s:
            return False
        wanted = self._hole is not None or self._quiet(now_s)
        self._asked_s = now_s if wanted else self._asked_s
        return wanted

    def fill(self, page: Sequence[PublicTrade], at: datetime) -> None:
        """Take in the newest trades as a request that left at an instant told them."""
        page, last = sorted(page, key=_order), self._last
        if not self._joins and last and (not page or page[-1].at < last.at):
            return  # it lags behind what is known
        self._read_at = at
        if self._hole is None and page and (last is None or page[-1].at > last.at) and self._is_new(page[-1]):
            self._hole = _Hole(last)  # the stream is silent and should not be
        if self._hole is None:
            self._heard_s = max(self._heard_s, self._asked_s)
            return
        if not self._joins:
            self._replace(page, at)
            return
        after, until = self._hole.after, self._hole.until
        if self._since is None or (page and (after is None or _order(page[0]) > _order(after))):
            self._since = page[0].at if page else at
        self._add(page)
        newest = page[-1] if page else after
        closed = until is not None and newest is not None and _order(newest) >= _order(until)
        self._hole = None if closed else _Hole(newest, until)

    def tape(self, at: datetime, now_s: float) -> Tape | None:
        """Return what is known to be whole at an instant; nothing where nobody has told."""
        until, trades, since = at, self._trades, self._since
        hole, quiet = self._hole, self._quiet(now_s)
        if hole and hole.until and not quiet:
            trades, since = trades[bisect_left(trades, _order(hole.until), key=_order) :], hole.until.at
        elif hole or quiet:
            if self._read_at is None or (at - self._read_at).total_seconds() > OLD_S:
                return None
            until = self._read_at
            if hole and hole.after:
                trades = trades[: bisect_right(trades, _order(hole.after), key=_order)]
        return None if since is None else Tape(tuple(trades), min(since, until), until)

    @property
    def _joins(self) -> bool:
        return self.kind in (MarketTrades.NUMBERED, MarketTrades.SHARED)

    @property
    def _last(self) -> PublicTrade | None:
        return self._trades[-1] if self._trades else None

    def _quiet(self, now_s: float) -> bool:
        return now_s - self._heard_s > QUIET_S

    def _is_new(self, trade: PublicTrade) -> bool:
        return not trade.trade_id or trade.trade_id not in self._known

    def _misses(self, told: Sequence[PublicTrade]) -> bool:
        """Tell whether there are numbers between these and what is known that nobody told."""
        if self.kind is not MarketTrades.NUMBERED or self._last is None:
            return False
        new = [int(each.trade_id) for each in told if self._is_new(each)]
        return bool(new) and max(new) - int(self._last.trade_id) > len(new)

    def _resume(self, told: PublicTrade) -> None:
        """Begin anew with the newest trade that a stream told at once: others before it may be missing."""
        if self._joins:
            self._hole = _Hole(self._hole.after if self._hole else None, told)
        else:
            self._replace((), told.at)
            self._hole = None

    def _replace(self, page: Sequence[PublicTrade], at: datetime) -> None:
        """Know these trades and no others."""
        self._trades, self._known, self._since = [], set(), page[0].at if page else at
        self._heard_s = -inf
        self._add(page)
        self._hole = _Hole(self._last)

    def _add(self, told: Iterable[PublicTrade]) -> None:
        for trade in told:
            if self._is_new(trade):
                insort(self._trades, trade, key=_order)
                self._known.add(trade.trade_id)
        newest = self._trades[-1].at if self._trades else None
        if newest and (len(self._trades) > MOST * 1.5 or newest - self._trades[0].at > KEPT * 1.5):
            old = bisect_left(self._trades, newest - KEPT, key=lambda trade: trade.at)
            self._cut(max(old, len(self._trades) - MOST))

    def _cut(self, oldest: int) -> None:
        """Keep no more than is asked for, and say so."""
        last_cut = self._trades[oldest - 1]
        self._trades = self._trades[oldest:]
        self._known = {each.trade_id for each in self._trades}
        self._since = max(self._since, last_cut.at) if self._since else None


def _order(trade: PublicTrade) -> tuple[datetime, int, str]:
    return trade.order
