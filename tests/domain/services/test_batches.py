"""Many orders in one request: each has its own row, id and end, whatever becomes of the others."""

import os
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import Refused
from domain.market.model import Pair
from domain.market.runs import Run
from domain.services.order_sending import parcels_of
from domain.services.run_preview import NewRun
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.test_crashes import Points, SimulatedCrash
from tests.domain.services.trading_world import ALICE, BTC, USDT, Worker
from tests.fakes.exchange import PAIR, FakeExchange, Mischief

DEPOSIT = {BTC: "0.02", USDT: "1000"}
SEEDS = int(os.environ.get("BATCH_SEEDS", "4"))
CRASH_STRIDE = int(os.environ.get("BATCH_CRASH_STRIDE", "31"))
"""Every how many-th place a worker dies at; 1 tries them all."""


async def start(world: MemoryWorld) -> Run:
    answers = {"levels": "6", "tolerance_bps": "0", "refresh_s": "2"}
    request = NewRun(PAIR, Decimal("0.02"), Decimal(1000), preset="", answers=answers)
    request = (await world.desk_of_people.preview(ALICE, request)).request
    return await world.desk_of_people.start(
        request, ALICE, await world.desk_of_people.confirm(ALICE, request)
    )


async def trading(seed: int = 1) -> tuple[MemoryWorld, Worker, Run]:
    world = MemoryWorld(seed)
    world.policy = replace(world.policy, sends_at_once=4)
    world.venue.at_once = 5
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 3)
    return world, worker, await start(world)


def wander(world: MemoryWorld, dice: random.Random) -> None:
    bid = world.venue.bid + dice.randint(-40_000, 40_000)
    world.venue.move(bid, bid + 100, Decimal(dice.choice(("0.3", "1"))))


async def test_orders_of_a_pair_come_and_go_together() -> None:
    world, worker, run = await trading()
    await world.rounds(worker, 1)
    assert len(world.venue.resting()) == 12
    assert world.venue.batches == 3, "twelve orders, five at once"
    world.venue.move(world.venue.bid + 3_000, world.venue.bid + 3_100)
    before = world.venue.batches
    while world.venue.batches == before:
        await world.rounds(worker, 1)
    assert world.venue.batches >= before + 5
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_one_that_goes_beyond_a_limit_keeps_no_other_back() -> None:
    world, worker, _ = await trading()
    world.venue.limits = replace(world.venue.limits, burst=8, orders_per_second=1)
    worker.desk.exchange = FakeExchange(world.venue, world.account, worker.desk.grip.require)
    await world.rounds(worker, 1)
    assert len(world.venue.resting()) == 8


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_partial_and_lost_answers_lose_and_double_nothing(seed: int) -> None:
    dice = random.Random(f"batches {seed}")
    world, worker, run = await trading(seed)
    world.venue.mischief = Mischief(
        dice, drop_request=0.1, drop_answer=0.2, refuse=0.2, skips=0.2, silent_read=0.02
    )
    for _ in range(40):
        await worker.round()
        wander(world, dice)
    world.venue.mischief = Mischief(dice)
    assert world.venue.batches > 5
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker, most=400)
    await world.check_ended(DEPOSIT)


async def life(points: Points) -> int:
    """Trade with half the answers broken, and let the worker die at one point; return how many there were."""
    dice = random.Random("a death among many")
    world, worker, run = await trading()
    worker = world.worker(points.wrap)
    world.venue.mischief = Mischief(dice, drop_answer=0.2, refuse=0.3, skips=0.3)

    async def on(until: Callable[[], bool]) -> None:
        nonlocal worker
        while not until():
            try:
                await worker.round()
            except SimulatedCrash:
                worker = world.worker()

    for _ in range(4):
        at_s = world.time.monotonic()
        await on(lambda began=at_s: world.time.monotonic() > began + 2.5)  # type: ignore[misc]  # a number
        wander(world, dice)
    passed = points.passed
    world.venue.mischief = Mischief(dice)
    await world.desk_of_people.stop(ALICE, run.number)
    worker = world.worker()
    await world.until_stopped(worker, most=400)
    await world.check_ended(DEPOSIT)
    return passed


async def test_a_worker_that_dies_at_any_line_of_it_loses_and_doubles_nothing() -> None:
    for die_at in range(1, await life(Points()), CRASH_STRIDE):
        await life(Points(die_at))


def test_parcels_are_of_one_pair_and_immediate_orders_go_alone() -> None:
    other = Pair.parse("ETH/USDT")
    said = [(PAIR, False), (other, False), (PAIR, True), (PAIR, False), (PAIR, False), (other, False)]
    intents: list[Any] = [
        SimpleNamespace(pair=pair, immediate=now, n=n) for n, (pair, now) in enumerate(said)
    ]
    parcels: Any = parcels_of(intents, 2)
    numbered = [[each.n for each in parcel] for parcel in parcels]
    assert numbered == [[0, 3], [1, 5], [2], [4]]
    assert [len(parcel) for parcel in parcels_of(intents, 1)] == [1] * 6


def test_limits_count_all_of_a_request_or_none() -> None:
    world = MemoryWorld()
    exchange = FakeExchange(world.venue)
    keeper = exchange._limits
    keeper.limits = replace(keeper.limits, max_notional=Decimal(100))
    order: Any = SimpleNamespace(price=Decimal(10), quantity=Decimal(5))
    dear: Any = SimpleNamespace(price=Decimal(10), quantity=Decimal(50))
    with pytest.raises(Refused, match="limit_notional"):
        keeper.admit_all([(order, Decimal(10)), (dear, Decimal(10))], 1.0)
    assert keeper._sent_today == 0
    keeper.admit_all([(order, Decimal(10)), (order, Decimal(10))], 1.0)
    assert keeper._sent_today == 100
