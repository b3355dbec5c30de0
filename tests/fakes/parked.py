"""A clock for many tasks at once: it moves to the next instant when every one of them waits for it."""

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

_START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
_TURNS = 20
"""How often everybody is given a turn before time moves: more than any task takes between two waits."""


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
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if task.done():
                return await task  # type: ignore[no-any-return]  # nothing is returned
            assert self._parked, "everybody waits for something else than time"
            self._now_s, _, woken = heapq.heappop(self._parked)
            if not woken.done():
                woken.set_result(None)
