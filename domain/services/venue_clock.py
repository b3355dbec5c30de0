"""The venue's clock beside ours: an order must not be trusted to expire by a clock that is off (CK2)."""

from dataclasses import dataclass

from domain.errors import Unavailable
from domain.services.desk import Desk

SKEWED = "clock_skew"
UNMEASURED = "venue_clock_unknown"


@dataclass(slots=True)
class VenueClock:
    """Measures once a minute how far the venue's clock is from ours; more often while they differ.

    Signed requests of a host whose clock is off are refused, or, worse, live longer at the venue than we
    think. ``doubt`` is the code of that, or empty: there is one until the first measurement, and a venue that
    does not answer changes nothing about it.
    """

    desk: Desk
    doubt: str = UNMEASURED
    apart_s: float | None = None  # their clock less ours, as last measured
    _asked_s: float = float("-inf")

    @property
    def skew(self) -> str:
        """Return the code of clocks that were measured to differ, or nothing."""
        return self.doubt if self.doubt == SKEWED else ""

    async def look(self) -> None:
        """Measure if it is time to."""
        clock, policy = self.desk.clock, self.desk.policy
        interval_s = policy.clock_again_s if self.doubt else policy.clock_interval_s
        began_s, began_at = clock.monotonic(), clock.now()
        if began_s - self._asked_s < interval_s:
            return
        self._asked_s = began_s
        try:
            theirs = await self.desk.exchange.time()
        except Unavailable:
            return
        half_s = (clock.monotonic() - began_s) / 2
        self.apart_s = (theirs - began_at).total_seconds() - half_s
        # the answer was made at some instant between asking and hearing: only what is certain counts
        self.doubt = SKEWED if abs(self.apart_s) - half_s > policy.most_skew_s else ""
