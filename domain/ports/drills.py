"""What a drill needs: a place where it may happen, and somewhere its result is kept."""

from typing import Protocol

from domain.health.drill import Drill


class DrillStore(Protocol):
    """The drills table; rows are written once."""

    async def add(self, drill: Drill) -> None:
        """Keep a result."""
        ...

    async def newest(self) -> Drill | None:
        """Return the drill that was begun last, ``None`` when there was none."""
        ...


class DrillPlace(Protocol):
    """An instance that may be killed for play."""

    async def refusal(self) -> str:
        """Return the code of why nothing may be killed here, or nothing."""
        ...

    async def resting(self) -> int | None:
        """Return how many orders of ours rest at the venues, ``None`` when they cannot all be seen."""
        ...

    async def kill(self) -> None:
        """Kill everything but the Angel and the database, and keep it down."""
        ...

    async def safe(self) -> bool:
        """Tell whether the Angel has made every account safe since the kill."""
        ...

    async def start(self) -> None:
        """Let everything be started again; harmless when it is up."""
        ...

    async def back(self) -> bool:
        """Tell whether workers have every account again, and every run goes on or waits for its person."""
        ...
