"""Streams kept alive: one that breaks starts afresh after a pause, longer each time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
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
    sound: bool = False
    """Whether it told something and has not broken since."""
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
                failed, self.sound = 0, True
            except failures() as e:
                failed, self.sound = failed + 1, False
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
    """The private side of one account's client: a bell that rings when something of ours was traded.

    It is a hint only: fills are always read by request.
    """

    client: Any
    account: str
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _traded: set[str] = field(default_factory=set)  # symbols
    _missed: bool = False  # something may have been traded while nobody listened
    _orders: Stream = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the one stream there is; it runs from its first use on."""
        self._orders = Stream(self.account, "orders", self._step, self._miss)

    @property
    def tell(self) -> bool:
        """Tell whether the stream of orders is known to run."""
        return self._orders.sound

    def watch_orders(self) -> None:
        """Ring the bell whenever one of the account's orders trades, from now on."""
        self._orders.keep()

    def ring(self) -> None:
        """End somebody's wait."""
        self._bell.set()

    async def wait_for_bell(self, timeout_s: float) -> None:
        """Return when the bell rang, or after the timeout, and silence it."""
        if timeout_s > 0 and not self._bell.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._bell.wait()
        self._bell.clear()

    def take_traded(self, watched: Collection[str]) -> set[str]:
        """Return on which of the watched symbols something of ours was traded since this was asked last.

        When the stream broke meanwhile, it may have been on any.
        """
        traded = set(watched) if self._missed else self._traded.intersection(watched)
        self._traded, self._missed = set(), False
        return traded

    async def stop(self) -> None:
        """Stop listening."""
        await self._orders.stop()

    async def _step(self) -> None:
        orders = await self.client.watch_orders()
        traded = {order.get("symbol") or "" for order in orders if _has_traded(order)}
        if traded:
            self._missed = self._missed or "" in traded  # it says that something was traded, and not where
            self._traded |= traded
            self._bell.set()

    def _miss(self) -> None:
        self._missed = True
        self._bell.set()


def _has_traded(order: Mapping[str, Any]) -> bool:
    """Tell whether an order has traded, or may have: what else happens to orders, we have asked for."""
    filled = order.get("filled")
    return filled is None or float(filled) > 0
