"""One door for an account's requests: who waits for whom, by a clock that moves when all wait."""

import asyncio
import random

import pytest

from domain.errors import Refused
from domain.market.limiter import Allowance, Bucket, Lane
from domain.services.pacing import Pacer
from tests.fakes.parked import ParkedClock


def pacer(clock: ParkedClock, per_window: float = 600, window_s: float = 60, orders: float = 100) -> Pacer:
    placing = Bucket(Allowance(orders, 10, burst_share=0.5))
    return Pacer(clock, Bucket(Allowance(per_window, window_s)), placing)


async def test_cancels_never_wait_while_quotes_and_reads_starve() -> None:
    clock = ParkedClock()
    door, waited, passed = pacer(clock), list[float](), dict.fromkeys(Lane, 0)

    async def storm(lane: Lane) -> None:
        while True:
            await door.enter(lane, 1)
            passed[lane] += 1

    async def cancel_now_and_then() -> None:
        for _ in range(100):
            await clock.sleep(2)
            began_s = clock.monotonic()
            await door.enter(Lane.CANCEL, 1)
            waited.append(clock.monotonic() - began_s)

    storms = [asyncio.create_task(storm(lane)) for lane in (Lane.QUOTE, Lane.QUOTE, Lane.READ)]
    await clock.run(cancel_now_and_then())
    for each in storms:
        each.cancel()
    await asyncio.gather(*storms, return_exceptions=True)
    assert max(waited) == 0.0
    assert passed[Lane.QUOTE] > 500, "the storm went on all the time"


async def test_those_of_one_lane_pass_as_they_came_and_urgent_ones_before_them() -> None:
    clock, order = ParkedClock(), list[str]()
    door = pacer(clock)
    while not door.weight.wait_s(Lane.CANCEL, 1, 0.0):
        door.weight.take(1)  # nothing is left

    async def ask(name: str, lane: Lane) -> None:
        await door.enter(lane, 1)
        order.append(name)

    names = [("r1", Lane.READ), ("q1", Lane.QUOTE), ("q2", Lane.QUOTE), ("h", Lane.HEDGE), ("c", Lane.CANCEL)]

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(name, lane) for name, lane in names))

    await clock.run(all_of_them())
    assert order == ["c", "h", "q1", "q2", "r1"]


async def test_who_stops_waiting_keeps_nobody_else_waiting_and_costs_nothing() -> None:
    clock = ParkedClock()
    door = pacer(clock)
    while not door.weight.wait_s(Lane.QUOTE, 1, 0.0):
        door.weight.take(1)
    level = door.weight.level
    gone = asyncio.create_task(door.enter(Lane.QUOTE, 1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert door.weight.level == level
    await clock.run(door.enter(Lane.READ, 1))


async def test_orders_are_counted_apart_from_what_they_weigh() -> None:
    clock = ParkedClock()
    door = pacer(clock, per_window=60_000, orders=20)

    async def many() -> None:
        for _ in range(40):
            await door.enter(Lane.QUOTE, 0.2)

    await clock.run(many())
    assert clock.monotonic() > 10
    began_s = clock.monotonic()
    await clock.run(door.enter(Lane.CANCEL, 0.2))
    assert clock.monotonic() == began_s


async def test_what_would_leave_too_late_neither_waits_nor_takes_the_place_of_others() -> None:
    """Fifty orders that are to leave within a second, where thirty may and five more each second."""
    clock = ParkedClock()
    door, left = pacer(clock, per_window=60_000), list[float]()

    async def one() -> None:
        await door.enter(Lane.QUOTE, 0.2, until_s=1.0)
        left.append(clock.monotonic())

    async def fifty() -> None:
        told = await asyncio.gather(*(one() for _ in range(50)), return_exceptions=True)
        late = [str(each) for each in told if each is not None]
        assert len(left) + len(late) == 50
        assert all("order_too_late" in each for each in late)

    await clock.run(fifty())
    assert 28 <= len(left) <= 34
    assert clock.monotonic() <= 1.0
    before = door.orders.level
    with pytest.raises(Refused, match="order_too_late"):
        await clock.run(door.enter(Lane.QUOTE, 0.2, until_s=-1.0))
    assert door.orders.level == before
    await clock.run(door.enter(Lane.QUOTE, 0.2))
    assert clock.monotonic() < 1.5, "nothing was used up for nothing"


async def test_whatever_is_asked_the_venue_refuses_nothing_and_the_reserve_is_whole() -> None:
    """The venue counts in windows of its own, fixed ones: none ever holds more than ours."""
    clock, dice = ParkedClock(), random.Random(3)
    door, windows = pacer(clock, per_window=90, window_s=10), dict[int, float]()

    async def ask() -> None:
        for _ in range(30):
            lane, cost = dice.choice(list(Lane)), dice.choice((0.2, 1.0, 4.0))
            await clock.sleep(dice.random())
            await door.enter(lane, cost)
            window = int(clock.monotonic() // 10)
            windows[window] = windows.get(window, 0.0) + cost

    async def crowd() -> None:
        await asyncio.gather(*(ask() for _ in range(12)))

    await clock.run(crowd())
    assert len(windows) > 5
    assert max(windows.values()) <= 90 * 0.9 + 1e-6
