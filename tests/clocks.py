"""Clocks for tests."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """The real clock, for tests on real sockets."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)
