"""What everybody may see of a venue: one subscription for each pair, however many accounts and runs use it.

A streamed book is given away only while it can be believed: it came just now, its numbers run forward, it
does not cross and it does not lag behind the venue's own time. Whoever gets nothing asks by request. The
trades of everybody are streamed only where somebody asks for them, and stay so for as long as somebody does.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog

from adapters.exchange.account import VenueAccount
from adapters.exchange.book_watch import BookWatch, BrokenStreamError, StreamedBook
from adapters.exchange.client import make_public_client
from adapters.exchange.contract import MarketTrades
from adapters.exchange.outcomes import failures
from adapters.exchange.streams import Step, Stream
from adapters.exchange.trade_watch import TradeWatch
from adapters.exchange.translate import as_public_trade

log = structlog.get_logger()

_SWEEP_S, _UNWATCH_S = 5.0, 3.0

Listener = Callable[[str, Any], None]
"""Is told of each book that can be believed, by its symbol, as it comes."""


W = TypeVar("W", BookWatch, TradeWatch)


@dataclass(slots=True)
class _Subscription(Generic[W]):
    stream: Stream
    watch: W
    used_s: float
    torn: bool = False  # it must be ended at the venue before the next one


@dataclass(slots=True)
class _Kind(Generic[W]):
    """The subscriptions of one kind, by symbol, and what the library calls it."""

    name: str
    watches: str
    unwatches: str
    of: dict[str, _Subscription[W]] = field(default_factory=dict)


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
    _books: _Kind[BookWatch] = field(
        default_factory=lambda: _Kind("book", "watchOrderBook", "unWatchOrderBook")
    )
    _trades: _Kind[TradeWatch] = field(
        default_factory=lambda: _Kind("trades", "watchTrades", "unWatchTrades")
    )
    _sweeper: asyncio.Task[None] | None = None
    listeners: list[Listener] = field(default_factory=list)

    def book(self, symbol: str) -> StreamedBook | None:
        """Return the streamed book while it can be believed; subscribe, and stay so while somebody asks."""
        if symbol not in self._books.of:
            self._books.of[symbol] = self._book_of(symbol)
        seen = self._used(self._books, symbol).last
        return seen if seen and _now() - seen.received_s <= self.fresh_s else None

    def trades(self, symbol: str, kind: MarketTrades) -> TradeWatch:
        """Return what is streamed of a pair's trades; subscribe, and stay so while somebody asks."""
        if symbol not in self._trades.of:
            self._trades.of[symbol] = self._trades_of(symbol, kind)
        return self._used(self._trades, symbol)

    def _used(self, kind: _Kind[W], symbol: str) -> W:
        subscription = kind.of[symbol]
        subscription.used_s = _now()
        if self.client.has.get(kind.watches):  # a venue may have no streams
            subscription.stream.keep()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name=f"{self.venue} sweeper")
        return subscription.watch

    @property
    def subscribed(self) -> frozenset[str]:
        """Return the symbols whose books are subscribed to now."""
        return frozenset(self._books.of)

    @property
    def trades_subscribed(self) -> frozenset[str]:
        """Return the symbols whose trades are subscribed to now."""
        return frozenset(self._trades.of)

    async def drop_unused(self) -> None:
        """End subscriptions that nobody has asked for lately."""
        await self._drop_unused(self._books)
        await self._drop_unused(self._trades)

    async def _drop_unused(self, kind: _Kind[W]) -> None:
        for symbol, subscription in list(kind.of.items()):
            if _now() - subscription.used_s > self.unused_s:
                del kind.of[symbol]  # first: whoever asks meanwhile begins anew
                await subscription.stream.stop()
                await self._unwatch(kind, symbol)
                log.info("stream given up", venue=self.venue, stream=f"{kind.name} {symbol}")

    async def close(self) -> None:
        """Stop every stream and let go of sockets."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        books, trades = self._books.of.values(), self._trades.of.values()
        for stream in [*(each.stream for each in books), *(each.stream for each in trades)]:
            await stream.stop()
        self._books.of.clear()
        self._trades.of.clear()
        await self.client.close()

    def _book_of(self, symbol: str) -> _Subscription[BookWatch]:
        watch = BookWatch()

        async def step() -> None:
            raw = await self.client.watch_order_book(symbol)
            watch.take(raw, _now())
            if watch.last is not None:
                for listener in self.listeners:
                    listener(symbol, raw)

        return self._begin(self._books, symbol, watch, step)

    def _trades_of(self, symbol: str, kind: MarketTrades) -> _Subscription[TradeWatch]:
        watch = TradeWatch(kind)

        async def step() -> None:
            raw = await self.client.watch_trades(symbol)
            watch.take([as_public_trade(each) for each in raw], _now())

        return self._begin(self._trades, symbol, watch, step)

    def _begin(self, kind: _Kind[W], symbol: str, watch: W, step: Step) -> _Subscription[W]:
        """Return a subscription whose stream is ended at the venue first where it told what cannot be."""
        subscription: _Subscription[W]

        async def mended() -> None:
            if subscription.torn:
                await self._unwatch(kind, symbol)
                subscription.torn = False
            try:
                await step()
            except BrokenStreamError:
                subscription.torn = True
                raise

        stream = Stream(self.venue, f"{kind.name} {symbol}", mended, watch.forget)
        subscription = _Subscription(stream, watch, _now())
        return subscription

    async def _unwatch(self, kind: _Kind[W], symbol: str) -> None:
        """Ask the venue to tell no more; one that does not answer goes on telling nobody."""
        if not self.client.has.get(kind.unwatches):
            return
        with contextlib.suppress(*failures()):
            async with asyncio.timeout(_UNWATCH_S):
                if kind is self._books:
                    await self.client.un_watch_order_book(symbol)
                else:
                    await self.client.un_watch_trades(symbol)

    async def _sweep(self) -> None:
        while self._books.of or self._trades.of:
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
