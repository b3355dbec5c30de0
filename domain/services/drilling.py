"""``mrmarket drill angel``: kills everything but the Angel, counts seconds, and brings all back."""

from collections.abc import Awaitable, Callable

from domain.errors import Refused
from domain.health.drill import Drill
from domain.ids import Ids
from domain.ports.clock import Clock
from domain.ports.drills import DrillPlace, DrillStore

LOOK_EVERY_S = 0.25
FLAT_WITHIN_S, SAFE_WITHIN_S, BACK_WITHIN_S = 60.0, 90.0, 180.0

Say = Callable[[str], None]


class AngelDrill:
    """One drill after another; ``say`` is told each step's code."""

    def __init__(self, place: DrillPlace, drills: DrillStore, clock: Clock, ids: Ids, say: Say) -> None:
        self._place, self._drills = place, drills
        self._clock, self._ids, self._say = clock, ids, say

    async def run(self, allowed_s: float) -> Drill:
        """Kill, measure, bring back, keep the result and return it.

        However it ends, what was killed is started again.

        Raises:
            Refused: ``drill_…``: it may not happen here, or would show nothing; nothing was killed.
        """
        orders = await self._orders()
        began_at = self._clock.now()
        self._say("kill")
        try:
            began_s = self._clock.monotonic()  # before it: a kill that takes long counts
            await self._place.kill()
            flat_s, safe_s = await self._until_safe(began_s)
        finally:
            self._say("start")
            await self._place.start()
        back_s = await self._until(self._place.back, BACK_WITHIN_S, self._clock.monotonic())
        self._say("back" if back_s is not None else "not_back")
        drill = Drill(self._ids.new_id(), began_at, orders, allowed_s, flat_s, safe_s, back_s)
        await self._drills.add(drill)
        return drill

    async def _orders(self) -> int:
        """Return how many orders rest, if that is worth a drill."""
        if code := await self._place.refusal():
            raise Refused(code)
        orders = await self._place.resting()
        if orders is None:
            raise Refused("drill_unseen")
        if orders == 0:
            raise Refused("drill_nothing_rests")
        return orders

    async def _until_safe(self, began_s: float) -> tuple[float | None, float | None]:
        """Return after how many seconds nothing rested any more, for good, and after how many all was safe.

        One look at an empty book is no end: what left before the kill may arrive after it. A venue that does
        not tell what rests says nothing either way.
        """
        flat_s: float | None = None
        while True:
            safe, rests = await self._place.safe(), await self._place.resting()
            passed_s = self._clock.monotonic() - began_s
            if rests:
                flat_s = None
            elif rests == 0 and flat_s is None:
                flat_s = passed_s
                self._say("flat")
            if safe and rests is not None:  # what was called safe and is not never was
                self._say("safe" if rests == 0 else "not_flat")
                return flat_s, passed_s if rests == 0 else None
            if passed_s > (FLAT_WITHIN_S if flat_s is None else SAFE_WITHIN_S):
                self._say("not_flat" if flat_s is None else "not_safe")
                return flat_s, None
            await self._clock.sleep(LOOK_EVERY_S)

    async def _until(
        self, holds: Callable[[], Awaitable[bool]], within_s: float, since_s: float
    ) -> float | None:
        """Return how many seconds after an instant something was so, ``None``: not within so many."""
        while True:
            so = await holds()
            passed_s = self._clock.monotonic() - since_s
            if so or passed_s > within_s:
                return passed_s if so else None
            await self._clock.sleep(LOOK_EVERY_S)
