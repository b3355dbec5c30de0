"""What the two loops of the bot share: no exception ends them, news ends their waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def outcome(step: Awaitable[T]) -> T | Exception:
    """Return what a step gave, or the exception it raised: the one place where any exception is caught."""
    try:
        return await step
    except Exception as e:  # a loop survives whatever its step does; the caller answers for each
        return e


LONGEST_BACKOFF_S = 60.0


def backoff_s(attempts: int) -> float:
    """Return how long to wait after so many failed attempts: 1, 2, 4 … 60 seconds."""
    return min(2.0 ** max(0, attempts - 1), LONGEST_BACKOFF_S)


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
            await asyncio.wait_for(self._bell.wait(), seconds)
        self._bell.clear()


Ring = Callable[[], None]
