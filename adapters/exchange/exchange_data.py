"""What everybody may see of a venue: one subscription for each pair, however many accounts and runs use it.

A streamed book is given away only while it can be believed: it came just now, its numbers run forward, it
does not cross and it does not lag behind the venue's own time. Whoever gets nothing asks by request.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.exchange.account import VenueAccount
from adapters.exchange.client import make_public_client
from adapters.exchange.outcomes import failures
from adapters.exchange.streams import Stream

log = structlog.get_logger()

MOST_LAG_S = 2.0
"""How much later than usual the venue's news may come: behind that, a queue is told and not the market."""

_SWEEP_S, _UNWATCH_S = 5.0, 3.0
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


Listener = Callable[[str, Any], None]
"""Is told of each book that can be believed, by its symbol, as it comes."""


@dataclass(slots=True)
class _Subscription:
    stream: Stream
    watch: BookWatch
    used_s: float


@dataclass(slots=True)
class ExchangeData:
    """Public streams of one venue over one client without keys; seconds by the loop's clock.

    A streamed book older than ``fresh_s`` is not given: it is read by request instead. After ``unused_s``
    without a question a subscription is given up.
    """

    venue: str
    client: Any
    fresh_s: float = 2.0
    unused_s: float = 60.0
    _subscriptions: dict[str, _Subscription] = field(default_factory=dict)  # by symbol
    _sweeper: asyncio.Task[None] | None = None
    listeners: list[Listener] = field(default_factory=list)

    def book(self, symbol: str) -> StreamedBook | None:
        """Return the streamed book while it can be believed; subscribe, and stay so while somebody asks."""
        if symbol not in self._subscriptions:
            self._subscriptions[symbol] = self._begin(symbol)
        subscription = self._subscriptions[symbol]
        subscription.used_s = _now()
        if self.client.has.get("watchOrderBook"):  # a venue may have no streams
            subscription.stream.keep()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name=f"{self.venue} sweeper")
        seen = subscription.watch.last
        return seen if seen and _now() - seen.received_s <= self.fresh_s else None

    @property
    def subscribed(self) -> frozenset[str]:
        """Return the symbols whose books are subscribed to now."""
        return frozenset(self._subscriptions)

    async def drop_unused(self) -> None:
        """End subscriptions that nobody has asked for lately."""
        for symbol, subscription in list(self._subscriptions.items()):
            if _now() - subscription.used_s > self.unused_s:
                del self._subscriptions[symbol]  # first: whoever asks meanwhile begins anew
                await subscription.stream.stop()
                await self._unwatch(symbol)
                log.info("stream given up", venue=self.venue, stream=f"book {symbol}")

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

    def _begin(self, symbol: str) -> _Subscription:
        watch = BookWatch()

        async def step() -> None:
            if watch.torn:
                await self._unwatch(symbol)
                watch.torn = False
            raw = await self.client.watch_order_book(symbol)
            try:
                watch.take(raw, _now())
            except BrokenStreamError:
                watch.torn = True
                raise
            if watch.last is not None:
                for listener in self.listeners:
                    listener(symbol, raw)

        return _Subscription(Stream(self.venue, f"book {symbol}", step, watch.forget), watch, _now())

    async def _unwatch(self, symbol: str) -> None:
        """Ask the venue to tell no more; one that does not answer goes on telling nobody."""
        if not self.client.has.get("unWatchOrderBook"):
            return
        with contextlib.suppress(*failures()):
            async with asyncio.timeout(_UNWATCH_S):
                await self.client.un_watch_order_book(symbol)

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
