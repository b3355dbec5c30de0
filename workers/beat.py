"""The loop that says that the others are alive."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from domain.ports.clock import Clock
from workers.loops import Loops

NAME = "beat"
EVERY_S = 2.0

Say = Callable[[datetime], Awaitable[str]]


class BeatWorker:
    """Beats as long as no loop is stuck, nor fails again and again as nobody foresaw."""

    def __init__(self, loops: Loops, say: Say, clock: Clock) -> None:
        self._loops = loops
        self._say = say
        self._clock = clock

    async def round(self) -> str:
        """Beat, or say which loops are stuck or failing."""
        if stuck := self._loops.silent:
            return f"no beat: stuck are {', '.join(stuck)}"
        if failing := self._loops.failing:
            return f"no beat: failing are {', '.join(failing)}"
        return await self._say(self._clock.now())
