"""An event loop in virtual time that waits for nobody: when nothing is ready, it is the next timer's time."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class NothingLeftToDo(Exception):
    """Everybody waits for something that cannot come."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Callbacks in order; of two timers for one instant the one that was set first goes first."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._now_s

    def call_later(  # type: ignore[override]  # the same, said without type variables
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # the same, said without type variables
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]  # of the base class, which fills it
        if not ready:
            if not self._timers:
                raise NothingLeftToDo
            self._now_s, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                timer._run()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()
