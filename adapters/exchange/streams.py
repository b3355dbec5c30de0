"""Streams of one account: books kept fresh, and a bell that rings when something of ours changed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.exchange.outcomes import failures

log = structlog.get_logger()

_LONGEST_PAUSE_S = 10.0


@dataclass(slots=True)
class StreamedBook:
    """The last book a stream gave, and when it came (monotonic seconds)."""

    raw: Any
    received_s: float


@dataclass(slots=True)
class Streams:
    """The WebSocket side of one client: started on first use, kept alive, stopped together.

    Everything here is a hint: prices may come by request instead, and fills are always read by request.
    """

    client: Any
    account: str
    books: dict[str, StreamedBook] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def watch_book(self, symbol: str) -> None:
        """Keep the book of a symbol fresh from now on."""

        async def step() -> None:
            raw = await self.client.watch_order_book(symbol)
            self.books[symbol] = StreamedBook(raw, asyncio.get_running_loop().time())

        self._keep(f"book {symbol}", step)

    def watch_orders(self) -> None:
        """Ring the bell whenever one of the account's orders changes, from now on."""

        async def step() -> None:
            await self.client.watch_orders()
            self._bell.set()

        self._keep("orders", step)

    async def wait_for_bell(self, timeout_s: float) -> bool:
        """Return whether the bell rang before the timeout, and silence it."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True

    async def stop(self) -> None:
        """Stop every stream."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _keep(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.create_task(self._repeat(name, step), name=f"{self.account} {name}")

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat a step for ever; after a failure pause, longer each time, and start afresh."""
        failed = 0
        while True:
            try:
                await step()
                failed = 0
            except failures() as e:
                failed += 1
                pause = min(_LONGEST_PAUSE_S, 0.1 * 2**failed)
                log.info(
                    "stream broke", account=self.account, stream=name, error=type(e).__name__, pause_s=pause
                )
                self._bell.set()  # something may have happened while nobody listened
                await asyncio.sleep(pause)
