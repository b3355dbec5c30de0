"""What the two loops of the bot share: no exception ends them, news ends their waiting."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


async def outcome(step: Awaitable[T]) -> T | Exception:
    """Return what a step gave, or the exception it raised: the one place where any exception is caught."""
    try:
        return await step
    except Exception as e:  # a loop survives whatever its step does; the caller answers for each
        return e


LONGEST_BACKOFF_S = 60.0
SILENT_AFTER_S = LONGEST_BACKOFF_S + 30.0


def backoff_s(attempts: int) -> float:
    """Return how long to wait after so many failed attempts: 1, 2, 4 … 60 seconds."""
    return min(2.0 ** max(0, attempts - 1), LONGEST_BACKOFF_S)


@dataclass(slots=True)
class Pulse:
    """When a loop went round last; one that has not for long is stuck."""

    name: str
    monotonic: Callable[[], float] = time.monotonic
    _went_s: float | None = None

    def beat(self) -> None:
        """Note that the loop goes round."""
        self._went_s = self.monotonic()

    @property
    def silent(self) -> bool:
        """Tell whether a loop that began has not gone round for long."""
        return self._went_s is not None and self.monotonic() - self._went_s > SILENT_AFTER_S


class News:
    """A bell: rung by whoever has work for a loop, heard by the loop."""

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Tell the loop that there may be work."""
        self._bell.set()

    async def wait(self, seconds: float) -> None:
        """Return when the bell was rung since the last time, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # ``wait_for`` of 3.11 swallows an end told with the bell
                await self._bell.wait()
        self._bell.clear()


Ring = Callable[[], None]
