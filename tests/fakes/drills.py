"""A place for drills in memory: orders that go when they are told to, and a table."""

from dataclasses import dataclass, field

from domain.health.drill import Drill
from tests.fakes.clock import FakeClock


class FakeDrills:
    """The table."""

    def __init__(self) -> None:
        self.rows: list[Drill] = []

    async def add(self, drill: Drill) -> None:
        self.rows.append(drill)

    async def newest(self) -> Drill | None:
        return self.rows[-1] if self.rows else None


@dataclass
class FakePlace:
    """Seconds after the kill (and after the start) at which things become so."""

    clock: FakeClock
    flat_s: float = 8.0
    safe_s: float = 20.0
    back_s: float = 30.0
    orders: int | None = 12
    why_not: str = ""
    comes_back: bool = False
    """An order shows up again after it looked flat."""
    arrives: bool = False
    """The book is empty at the first look; what was under way shows at the next."""
    hides: bool = False
    """A while after it is flat, nobody says what rests."""
    breaks: bool = False
    did: list[str] = field(default_factory=list)
    _since_s: float = 0.0

    async def refusal(self) -> str:
        return self.why_not

    async def resting(self) -> int | None:
        if "kill" in self.did and self.arrives and self._passed_s < 0.1:
            return 0
        if "kill" in self.did and self.hides and self.flat_s + 1 < self._passed_s < self.flat_s + 3:
            return None
        if "kill" not in self.did or self._passed_s < self.flat_s:
            return self.orders
        return 1 if self.comes_back and self._passed_s >= self.safe_s else 0

    async def kill(self) -> None:
        self._do("kill")
        if self.breaks:
            raise OSError("no such command")

    async def safe(self) -> bool:
        return self._passed_s >= self.safe_s

    async def start(self) -> None:
        self._do("start")

    async def back(self) -> bool:
        return self._passed_s >= self.back_s

    def _do(self, what: str) -> None:
        self.did.append(what)
        self._since_s = self.clock.monotonic()

    @property
    def _passed_s(self) -> float:
        return self.clock.monotonic() - self._since_s
