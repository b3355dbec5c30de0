"""The loop that says how far the others are: a process whose work stands still must not pass for well."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from domain.health.progress import WHOLE, Progress
from domain.leases import Grip
from workers.loops import Loops

NAME = "beat"
EVERY_S = 2.0

Say = Callable[[Sequence[Progress]], Awaitable[None]]


def _on_time() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class LeaseWork:
    """Which loop acts for a lease; how late it is, whose silence it waits out, and why another should act."""

    grip: Grip
    loop: str
    late_s: Callable[[], float] = _on_time
    waits_for: Callable[[], str] = str
    stuck: Callable[[], str] = str


class BeatWorker:
    """Says how far this process and each lease it holds have come, in one write."""

    def __init__(self, loops: Loops, works: Sequence[LeaseWork], say: Say) -> None:
        self._loops = loops
        self._works = works
        self._say = say

    @property
    def stuck(self) -> str:
        """Return which loops do no work: those that end no round, and whose rounds fail as nobody foresaw."""
        return "; ".join(f"{name} {why}" for name, why in self._loops.ills().items())

    async def round(self) -> str:
        """Say it, and return what is wrong, if anything is."""
        ills = self._loops.ills()
        parts = [self._of(work, ills.get(work.loop, "")) for work in self._works if work.grip.held]
        await self._say([Progress(WHOLE, stuck=self.stuck), *parts])
        return self.stuck or "well"

    def _of(self, work: LeaseWork, ill: str) -> Progress:
        idle_s = self._loops.idle_s(work.loop)
        return Progress(work.grip.scope, idle_s, work.late_s(), work.waits_for(), ill or work.stuck())
