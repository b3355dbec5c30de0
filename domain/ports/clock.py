"""Time, as an argument."""

from datetime import datetime, timedelta
from typing import Protocol

LONGEST_WAIT = timedelta(minutes=1)
"""No row of work is left alone longer than this between two looks at it (CK1)."""


class Clock(Protocol):
    """A clock that can be simulated."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow, for deadlines within this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""
        ...


class MarketClock(Protocol):
    """The time in which markets move: the wall's, or that of a recording that is being replayed.

    Ticks of runs are due by this clock, so that a replay which waits for its listeners
    decides the same each time.
    """

    async def now(self) -> datetime:
        """Return the present instant of the market, aware, UTC."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return when the market's time has reached the instant."""
        ...
