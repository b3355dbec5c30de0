"""Streams kept alive: one that breaks starts afresh after a pause, longer each time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.exchange.outcomes import failures

log = structlog.get_logger()

_LONGEST_PAUSE_S = 10.0

Step = Callable[[], Awaitable[None]]
"""Waits for the next news of a stream and takes it in; raises when the stream is broken."""

Broke = Callable[[], None]
"""Is told of each failure."""


@dataclass(slots=True)
class Stream:
    """One subscription: its step is repeated until it is stopped."""

    owner: str
    name: str
    step: Step
    broke: Broke
    _task: asyncio.Task[None] | None = None

    def keep(self) -> None:
        """See to it that the stream runs."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._repeat(), name=f"{self.owner} {self.name}")

    async def stop(self) -> None:
        """Stop it, and return when it has stopped."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _repeat(self) -> None:
        failed = 0
        while True:
            try:
                await self.step()
                failed = 0
            except failures() as e:
                failed += 1
                pause = min(_LONGEST_PAUSE_S, 0.1 * 2**failed)
                self.broke()
                log.info(
                    "stream broke",
                    owner=self.owner,
                    stream=self.name,
                    error=type(e).__name__,
                    said=str(e)[:200],
                    pause_s=pause,
                )
                await asyncio.sleep(pause)


@dataclass(slots=True)
class Streams:
    """The private side of one account's client: a bell that rings when something of ours changed.

    It is a hint only: fills are always read by request.
    """

    client: Any
    account: str
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _orders: Stream = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the one stream there is; it runs from its first use on."""
        # it rings when it breaks too: something may have happened while nobody listened
        self._orders = Stream(self.account, "orders", self._step, self._bell.set)

    def watch_orders(self) -> None:
        """Ring the bell whenever one of the account's orders changes, from now on."""
        self._orders.keep()

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
        """Stop listening."""
        await self._orders.stop()

    async def _step(self) -> None:
        await self.client.watch_orders()
        self._bell.set()
