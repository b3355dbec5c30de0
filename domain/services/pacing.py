"""One door for all requests of an account: who may pass now, and who waits for whom."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf

from domain.errors import Refused
from domain.market.limiter import Bucket, Lane
from domain.ports.clock import Clock

_LOOK_S = 0.05
"""How soon somebody who waits behind another looks again."""


@dataclass(slots=True)
class Pacer:
    """Lets requests pass in the order of their lanes, as fast as the venue allows and no faster.

    ``weight`` counts every request by what it costs, ``orders`` those that place an order. Of one lane
    the first to come passes first; nobody passes while somebody of a more urgent lane waits.
    """

    clock: Clock
    weight: Bucket
    orders: Bucket
    _waiting: set[tuple[Lane, int]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    async def enter(self, lane: Lane, cost: float, orders: int = 1, until_s: float = inf) -> None:
        """Return when a request of this lane and cost may leave; it counts from then on.

        ``orders`` are how many it counts for where it places any. What cannot leave by ``until_s`` neither
        waits nor counts: it would take the place of what still can.

        Raises:
            Refused: ``order_too_late``.
        """
        place = (lane, next(self._numbers))
        self._waiting.add(place)
        try:
            while wait_s := self._wait_s(place, cost, orders):
                _require(self.clock.monotonic() + wait_s <= until_s)
                await self.clock.sleep(wait_s)
            _require(self.clock.monotonic() <= until_s)
            self.weight.take(cost)
            if lane in _PLACES:
                self.orders.take(orders)
        finally:
            self._waiting.discard(place)

    def _wait_s(self, place: tuple[Lane, int], cost: float, orders: int) -> float:
        lane, now_s = place[0], self.clock.monotonic()
        wait_s = self.weight.wait_s(lane, cost, now_s)
        if lane in _PLACES:
            wait_s = max(wait_s, self.orders.wait_s(lane, orders, now_s))
        if min(self._waiting) == place:
            return wait_s
        return min(wait_s, _LOOK_S) or _LOOK_S


def _require(in_time: bool) -> None:
    if not in_time:
        raise Refused("order_too_late")


_PLACES = frozenset({Lane.HEDGE, Lane.QUOTE})
