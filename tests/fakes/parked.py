"""A clock for many tasks at once: it moves to the next instant when every one of them waits for it."""

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

_START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class ParkedClock:
    """A clock as ``domain.ports.clock.Clock``, driven by ``run``."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._parked: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._now_s)

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._parked, (self._now_s + max(0.0, seconds), next(self._numbers), woken))
        await woken

    async def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do the work, moving time on whenever nobody can go on without it."""
        task = asyncio.ensure_future(work)
        while True:
            await _all_have_had_their_turn()
            if task.done():
                return await task  # type: ignore[no-any-return]  # nothing is returned
            assert self._parked, "everybody waits for something else than time"
            self._now_s, _, woken = heapq.heappop(self._parked)
            if not woken.done():
                woken.set_result(None)


async def _all_have_had_their_turn() -> None:
    """Return when everybody waits: the loop has nothing else to do, locks between tasks included."""
    await asyncio.sleep(0)
    while asyncio.get_running_loop()._ready:  # type: ignore[attr-defined]  # nothing public tells
        await asyncio.sleep(0)


class ParkedMarket:
    """The market's side of the same time, as ``domain.ports.clock.MarketClock``."""

    def __init__(self, clock: ParkedClock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()

    async def sleep_until(self, instant: datetime) -> None:
        await self._clock.sleep((instant - self._clock.now()).total_seconds())
