"""STOP said from outside: a row and a file, written by a process of its own, honoured by whoever lives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId

BY_FILE = UserId("by hand")
"""Who said a STOP that is a file somebody put in place."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One STOP; ``id`` makes it one stop however often and wherever it is found."""

    id: str
    by: UserId
    at: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """What workers did upon it: how many runs were asked to stop, how many conversions called off."""

    runs: int
    conversions: int


class StopFile(Protocol):
    """The halt file: whoever sees it stops, with or without a database."""

    def read(self) -> Stop | None:
        """Return the stop that stands there, ``None`` when there is none; one made by hand counts too."""
        ...

    def write(self, stop: Stop) -> None:
        """Let it stand there so that it outlives this process and this machine's fall.

        Raises:
            Unavailable: ``halt_file_unwritable``.
        """
        ...

    def remove(self, stop: Stop) -> None:
        """Take this very stop away; another one stays.

        Raises:
            Unavailable: ``halt_file_unwritable``.
        """
        ...


class StopDoor(Protocol):
    """The database as the listener sees it: one function, and nothing to read."""

    async def say(self, stop: Stop) -> Carried | None:
        """Write a stop down, once; return what workers did upon it, ``None``: nothing yet.

        Raises:
            Unavailable: it was not written.
            OutcomeUnknown: it may have been; saying it again is harmless.
        """
        ...


class StopStore(Protocol):
    """The stops table as workers see it; calls join the ambient transaction."""

    async def add(self, stop: Stop) -> bool:
        """Write a stop down, once; return whether it was new."""
        ...

    async def next(self) -> Stop | None:
        """Return the oldest stop that was not carried out, locked; what another worker has is passed over."""
        ...

    async def carried_out(self, stop: Stop, carried: Carried, at: datetime) -> None:
        """Note what was done."""
        ...
