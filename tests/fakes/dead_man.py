"""A venue's dead-man timer in memory: it strikes when the world's time comes to it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from domain.errors import MrMarketError
from domain.market.orders import OrderState
from tests.fakes.exchange import FakeVenue


@dataclass
class FakeVenueTimer:
    """What the venue keeps of it, whoever sets it; ``sleeps`` is one that is set and does nothing."""

    venue: FakeVenue
    strikes_s: float = float("inf")
    struck: int = 0
    sleeps: bool = False

    def __post_init__(self) -> None:
        self.venue.time.listeners.append(lambda _: self._look())

    def _look(self) -> None:
        if self.venue.time.monotonic() < self.strikes_s:
            return
        self.strikes_s = float("inf")
        self.struck += 1
        for each in [] if self.sleeps else self.venue.orders:
            if each.order in self.venue.resting():
                each.order = replace(each.order, state=OrderState.CANCELLED)


@dataclass
class FakeDeadManTimer:
    """``DeadManTimer`` of one worker."""

    far: FakeVenueTimer
    lease: Callable[[], None]
    harmless: bool = False
    fails: MrMarketError | None = None
    least_s: int = 5
    most_s: int = 60
    told: list[int] = field(default_factory=list)

    async def set(self, seconds: int) -> None:
        self.lease()
        self.told.append(seconds)
        if self.fails:
            raise self.fails
        now_s = self.far.venue.time.monotonic()
        self.far.strikes_s = now_s + seconds if seconds else float("inf")
