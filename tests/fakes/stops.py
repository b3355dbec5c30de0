"""Stops in memory: the table, the halt file, and the listener's door to the table."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Unavailable
from domain.ports.stops import Carried, Stop
from tests.fakes.rows import Flat


class FakeStops:
    """The table, oldest first."""

    def __init__(self) -> None:
        self.rows: Flat[str, tuple[Stop, Carried | None]] = Flat()

    async def add(self, stop: Stop) -> bool:
        fresh = stop.id not in self.rows
        self.rows.setdefault(stop.id, (stop, None))
        return fresh

    async def next(self) -> Stop | None:
        return next((stop for stop, carried in self.rows.values() if carried is None), None)

    async def carried_out(self, stop: Stop, carried: Carried, at: datetime) -> None:
        self.rows[stop.id] = (stop, carried)


@dataclass
class FakeStopFile:
    """A file on a disk that may be full; a ``stuck`` one cannot be removed."""

    stop: Stop | None = None
    full: bool = False
    stuck: bool = False
    writes: int = 0

    def read(self) -> Stop | None:
        return self.stop

    def write(self, stop: Stop) -> None:
        if self.full:
            raise Unavailable("halt_file_unwritable")
        self.writes += 1
        self.stop = stop

    def remove(self, stop: Stop) -> None:
        if self.stuck:
            raise Unavailable("halt_file_unwritable")
        if self.stop == stop:
            self.stop = None


@dataclass
class FakeDoor:
    """The function of the listener's login, before a database that may be away."""

    stops: FakeStops = field(default_factory=FakeStops)
    away: bool = False

    async def say(self, stop: Stop) -> Carried | None:
        if self.away:
            raise Unavailable("store_unavailable")
        await self.stops.add(stop)
        return self.stops.rows[stop.id][1]
