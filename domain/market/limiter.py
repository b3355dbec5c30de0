"""What a venue lets through in a while, shared out by lanes: a cancel never waits for a quote."""

from dataclasses import dataclass, field
from enum import IntEnum


class Lane(IntEnum):
    """What a request is for, the most urgent first."""

    CANCEL = 0
    HEDGE = 1  # an order that takes what is there
    QUOTE = 2
    READ = 3


FLOORS: dict[Lane, float] = {Lane.CANCEL: 0.0, Lane.HEDGE: 0.2, Lane.QUOTE: 0.4, Lane.READ: 0.5}
"""Down to which share of a full bucket each lane may draw: what is below is for those before it."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a venue lets one account ask for in every window of so many seconds, in its own units.

    ``reserve_share`` is not for us: the Angel cancels with it when we have used all of ours up, or gone
    wild. ``burst_share`` of the rest may leave at once, what remains comes back evenly.
    """

    per_window: float
    window_s: float
    reserve_share: float = 0.1
    burst_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what lets nothing through, or keeps nothing back.

        Raises:
            ValueError: a number is not positive, or a share is not below one.
        """
        shares = (self.reserve_share, self.burst_share)
        if min(self.per_window, self.window_s, *shares) <= 0 or max(shares) >= 1:
            raise ValueError(f"no allowance: {self}")

    @property
    def ours(self) -> float:
        """Return what we ask for at most in any window, wherever it begins."""
        return self.per_window * (1 - self.reserve_share)

    @property
    def burst(self) -> float:
        """Return what a full bucket holds."""
        return self.ours * self.burst_share

    @property
    def per_second(self) -> float:
        """Return what comes back in a second: with a burst before it, a window never holds more than ours."""
        return (self.ours - self.burst) / self.window_s


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time; seconds are those of a clock that only grows."""

    allowance: Allowance
    level: float = field(init=False)
    _at_s: float = float("-inf")

    def __post_init__(self) -> None:
        """Begin full."""
        self.level = self.allowance.burst

    def wait_s(self, lane: Lane, cost: float, now_s: float) -> float:
        """Return after how many seconds the lane may take so much, if nobody else takes anything; 0: now.

        What costs more than a lane ever has waits for a full bucket, and leaves it in debt.
        """
        self._refill(now_s)
        burst = self.allowance.burst
        missing = min(FLOORS[lane] * burst + cost, burst) - self.level
        return missing / self.allowance.per_second if missing > _NEARLY else 0.0

    def take(self, cost: float) -> None:
        """Take tokens; whoever calls has asked before whether it may."""
        self.level -= cost

    def _refill(self, now_s: float) -> None:
        if now_s > self._at_s:
            gained = (now_s - self._at_s) * self.allowance.per_second
            self.level = min(self.allowance.burst, self.level + gained)
            self._at_s = now_s


_NEARLY = 1e-9
"""What is missing by less is there: floats of time do not add up."""
