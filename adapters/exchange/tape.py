"""What a venue's stream of trades told lately, each trade once."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.exchange.translate import as_trade
from domain.market.candles import Trade, Traded

MOST = 20_000
"""Trades kept: a reader that comes later than that has missed some, and is told so."""


@dataclass(slots=True)
class Tape:
    """Trades of one pair by their place on the tape, for as many readers as there are."""

    _kept: deque[Trade] = field(default_factory=deque)
    _ids: deque[str] = field(default_factory=deque)
    _known: set[str] = field(default_factory=set)
    _end: int = 0  # the place behind the newest trade
    _whole_since: datetime | None = None

    def take(self, raw: Any) -> None:
        """Add what a venue told, without what it told before.

        Raises:
            Unavailable: it makes no sense; nothing of it is added.
        """
        for trade_id, trade in [(str(each["id"]), as_trade(each)) for each in raw]:
            if trade_id not in self._known:
                self._add(trade_id, trade)

    def tear(self) -> None:
        """Note that the stream broke: what is traded now is missing."""
        self._whole_since = None

    def since(self, place: int) -> Traded:
        """Return what was told from a place on, and since when nothing is missing.

        A place beyond the end is one of an earlier tape: everything is new.
        """
        start = self._end - len(self._kept)
        place = place if place <= self._end else start
        trades = list(self._kept)[max(0, place - start) :]
        return Traded(tuple(trades), self._end, None if place < start else self._whole_since)

    def _add(self, trade_id: str, trade: Trade) -> None:
        if self._whole_since is None:
            self._whole_since = trade.at
        self._kept.append(trade)
        self._ids.append(trade_id)
        self._known.add(trade_id)
        self._end += 1
        if len(self._kept) > MOST:
            self._kept.popleft()
            self._known.discard(self._ids.popleft())
