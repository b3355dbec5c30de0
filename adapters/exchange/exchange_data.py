"""What everybody may see of a venue: one subscription for each pair, however many accounts and runs use it.

A streamed book is given away only while it can be believed: it came just now, its numbers run forward, it
does not cross and it does not lag behind the venue's own time. Whoever gets nothing asks by request.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.exchange.account import VenueAccount
from adapters.exchange.client import make_public_client
from adapters.exchange.outcomes import failures
from adapters.exchange.streams import Broke, Step, Stream
from adapters.exchange.tape import Tape

log = structlog.get_logger()

FRESH_S = 2.0
"""How old a streamed book may be; an older one is read by request instead."""

MOST_LAG_S = 2.0
"""How much later than usual the venue's news may come: behind that, a queue is told and not the market."""

UNUSED_S = 60.0
"""After so long without a question a subscription is given up."""

_SWEEP_S, _UNWATCH_S = 5.0, 3.0
_TOPICS = {"book": ("OrderBook", "order_book"), "trades": ("Trades", "trades")}
_FORGETS = 1e-4
"""Seconds a second by which the shortest lag is forgotten: clocks drift apart by less."""


class BrokenStreamError(ValueError):
    """What a stream told cannot be: it is dropped and begun afresh."""


@dataclass(slots=True)
class StreamedBook:
    """The last book a stream gave, and when it came (monotonic seconds)."""

    raw: Any
    received_s: float


@dataclass(slots=True)
class BookWatch:
    """Takes in the books of one pair and says whether they can be believed."""

    last: StreamedBook | None = None
    torn: bool = False  # the subscription itself must be ended before the next one
    _number: int | None = None
    _shortest_lag_s: float | None = None

    def take(self, raw: Any, now_s: float) -> None:
        """Keep a book that came now.

        Raises:
            BrokenStreamError: it crosses, or is older than the one before.
        """
        bids, asks, number = raw["bids"], raw["asks"], raw.get("nonce")
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise BrokenStreamError("the book crosses")
        if number is not None and self._number is not None and number < self._number:
            raise BrokenStreamError(f"book {number} after {self._number}")
        self._number = number
        self.last = None if self._lags(raw.get("timestamp"), now_s) else StreamedBook(raw, now_s)

    def _lags(self, timestamp_ms: int | None, now_s: float) -> bool:
        """Tell whether a book is late, measured by the most punctual one: no two clocks agree."""
        if timestamp_ms is None:
            return False
        lag = now_s - timestamp_ms / 1000
        before = self.last.received_s if self.last else now_s
        shortest = lag if self._shortest_lag_s is None else self._shortest_lag_s
        self._shortest_lag_s = min(lag, shortest + (now_s - before) * _FORGETS)
        return lag - self._shortest_lag_s > MOST_LAG_S

    def forget(self) -> None:
        """Believe nothing of before."""
        self.last = self._number = self._shortest_lag_s = None


@dataclass(slots=True)
class _Subscription:
    stream: Stream
    used_s: float


@dataclass(slots=True)
class ExchangeData:
    """Public streams of one venue over one client without keys."""

    venue: str
    client: Any
    _books: dict[str, BookWatch] = field(default_factory=dict)
    _tapes: dict[str, Tape] = field(default_factory=dict)
    _subscriptions: dict[tuple[str, str], _Subscription] = field(default_factory=dict)
    _sweeper: asyncio.Task[None] | None = None

    def book(self, symbol: str) -> StreamedBook | None:
        """Return the streamed book while it can be believed; subscribe, and stay so while somebody asks."""
        self._use("book", symbol)
        seen = self._books[symbol].last
        return seen if seen and _now() - seen.received_s <= FRESH_S else None

    def tape(self, symbol: str) -> Tape:
        """Return what was traded; subscribe, and stay so while somebody asks."""
        self._use("trades", symbol)
        return self._tapes[symbol]

    @property
    def subscribed(self) -> frozenset[tuple[str, str]]:
        """Return what is subscribed to now: ``book`` or ``trades``, and the symbol."""
        return frozenset(self._subscriptions)

    async def drop_unused(self) -> None:
        """End subscriptions that nobody has asked for lately."""
        for key, subscription in list(self._subscriptions.items()):
            if _now() - subscription.used_s > UNUSED_S:
                await self._drop(*key)

    async def close(self) -> None:
        """Stop every stream and let go of sockets."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        for subscription in self._subscriptions.values():
            await subscription.stream.stop()
        self._subscriptions.clear()
        await self.client.close()

    def _use(self, kind: str, symbol: str) -> None:
        if (kind, symbol) not in self._subscriptions:
            self._subscriptions[kind, symbol] = self._begin(kind, symbol)
        subscription = self._subscriptions[kind, symbol]
        subscription.used_s = _now()
        if self.client.has.get(f"watch{_TOPICS[kind][0]}"):  # a venue may have no streams
            subscription.stream.keep()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name=f"{self.venue} sweeper")

    def _begin(self, kind: str, symbol: str) -> _Subscription:
        step, broke = (self._book_of if kind == "book" else self._trades_of)(symbol)
        return _Subscription(Stream(self.venue, f"{kind} {symbol}", step, broke), _now())

    def _book_of(self, symbol: str) -> tuple[Step, Broke]:
        watch = self._books[symbol] = BookWatch()

        async def step() -> None:
            if watch.torn:
                await self._unwatch("book", symbol)
                watch.torn = False
            raw = await self.client.watch_order_book(symbol)
            try:
                watch.take(raw, _now())
            except BrokenStreamError:
                watch.torn = True
                raise

        return step, watch.forget

    def _trades_of(self, symbol: str) -> tuple[Step, Broke]:
        tape = self._tapes[symbol] = Tape()

        async def step() -> None:
            tape.take(await self.client.watch_trades(symbol))

        return step, tape.tear

    async def _drop(self, kind: str, symbol: str) -> None:
        await self._subscriptions[kind, symbol].stream.stop()
        del self._subscriptions[kind, symbol]
        if kind == "book":
            del self._books[symbol]
        else:
            del self._tapes[symbol]
        await self._unwatch(kind, symbol)
        log.info("stream given up", venue=self.venue, stream=f"{kind} {symbol}")

    async def _unwatch(self, kind: str, symbol: str) -> None:
        """Ask the venue to tell no more; one that does not answer goes on telling nobody."""
        if not self.client.has.get(f"unWatch{_TOPICS[kind][0]}"):
            return
        with contextlib.suppress(*failures()):
            async with asyncio.timeout(_UNWATCH_S):
                await getattr(self.client, f"un_watch_{_TOPICS[kind][1]}")(symbol)

    async def _sweep(self) -> None:
        while self._subscriptions:
            await asyncio.sleep(_SWEEP_S)
            await self.drop_unused()


@dataclass(slots=True)
class VenueStreams:
    """The public data of every venue that a process trades at, one client for all accounts there."""

    _of: dict[object, ExchangeData] = field(default_factory=dict)

    def of(self, account: VenueAccount) -> ExchangeData:
        """Return the public data of the account's venue, shared by all that reach it at the same address."""
        key = (account.venue, *sorted(account.urls.items()))
        if key not in self._of:
            self._of[key] = ExchangeData(account.venue, make_public_client(account))
        return self._of[key]

    async def close(self) -> None:
        """Stop everything."""
        for data in self._of.values():
            await data.close()
        self._of.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()
