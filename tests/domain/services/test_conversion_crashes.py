"""A process that dies at any line of a conversion: nothing is lost, or sold twice, or at a worse price."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest

from adapters.db.store import PostgresStore
from domain.conversions.model import ConversionState
from domain.conversions.quoting import Wish
from domain.errors import Refused
from domain.ids import UserId
from domain.market.model import Level, Side
from domain.services.conversions import ConversionService
from domain.services.execution import ExecutionService
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.test_crashes import DEPOSIT, FEE_BPS, Crew, Points, SimulatedCrash, check_fees
from tests.domain.services.trading_world import QUICK, USDT, World
from tests.fakes.exchange import PAIR

STRIDE = int(os.environ.get("CONVERSION_CRASH_STRIDE", "29"))
"""On Postgres, every how many-th place a worker dies at; 1 tries them all, as ``make chaos`` does."""


def world_number(store: PostgresStore, number: int) -> World:
    user = UserId(f"00000000-0000-4000-9000-{number:012x}")
    policy = replace(QUICK, conversion_patience_s=5)
    return World(store, f"fake-c{number}", user, policy, seed=number, fee_bps=FEE_BPS)


async def journey(world: World | MemoryWorld, start_worker: Callable[[], ExecutionService]) -> None:
    """Run, leave in quote, find a thin book, then one that has nothing more within the worst price."""
    crew = Crew(cast("World", world), start_worker())
    while not await world.desk_of_people.pairs():
        await crew.rounds(1)
    run = await world.start(base="0.01", quote="400")
    await crew.rounds(2)
    quote = await world.people.quote_leaving(world.user, run.number, USDT)
    token = await world.people.confirm(world.user, quote)
    conversion = await world.people.start(world.user, quote.params, token)
    asks = [Level(6_000_050, 100_000)]
    world.venue.depth = {Side.BUY: [Level(5_999_950, 200), Level(5_990_000, 300)], Side.SELL: asks}
    while await world.runs.active(crew.worker.desk.account):
        await crew.rounds(1)
        if world.venue.depth[Side.BUY] == []:
            world.venue.depth[Side.BUY] = [Level(5_995_000, 100), Level(5_000_000, 9_000)]
    await crew.rounds(1)
    [done] = [c for c in await world.people.list(world.user) if c.id == conversion.id]
    assert done.state is ConversionState.DONE
    taken = [fill for _, fill in world.venue.trades if not fill.maker]
    assert done.spent == sum(fill.quantity for fill in taken) == Decimal("0.006")
    assert all(fill.price >= done.worst for fill in taken)


@pytest.mark.timeout(600)
async def test_a_worker_that_dies_anywhere_converts_each_coin_once(store: PostgresStore) -> None:
    """CV4."""
    points = Points()
    world = world_number(store, 0)
    await world.person(BTC="0.02", USDT="1000")
    await journey(world, lambda: world.worker(points.wrap))
    await world.check_ended(DEPOSIT)
    await check_fees(world)
    await world.close_account()
    assert points.passed > 100
    for die_at in range(1 + points.passed % STRIDE, points.passed + 1, STRIDE):
        world = world_number(store, die_at)
        await world.person(BTC="0.02", USDT="1000")
        await journey(world, lambda at=die_at, world=world: world.worker(Points(at).wrap))  # type: ignore[misc]
        await world.check_ended(DEPOSIT)
        await check_fees(world)
        await world.close_account()


@pytest.mark.timeout(600)
async def test_a_worker_that_dies_at_any_boundary_in_memory_converts_each_coin_once() -> None:
    """CV4: every boundary, on every push."""
    points = Points()
    world = MemoryWorld(fee_bps=FEE_BPS)
    await world.person(BTC="0.02", USDT="1000")
    await journey(world, lambda: world.worker(points.wrap))
    await world.check_ended(DEPOSIT)
    for die_at in range(1, points.passed + 1):
        world = MemoryWorld(die_at, FEE_BPS)
        await world.person(BTC="0.02", USDT="1000")
        await journey(world, lambda at=die_at, world=world: world.worker(Points(at).wrap))  # type: ignore[misc]
        await world.check_ended(DEPOSIT)


async def test_a_bot_that_dies_anywhere_begins_a_conversion_once(store: PostgresStore) -> None:
    """CV4: confirmation, funds and rows are one commit."""
    world = World(store, fee_bps=FEE_BPS)
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    begun, die_at = 0, 0
    while True:
        die_at += 1
        points = Points(die_at)
        people = mortal_people(world, points)
        quote = await world.people.quote(world.user, Wish(PAIR, Side.SELL, Decimal("0.001")))
        token = await world.people.confirm(world.user, quote)
        with contextlib.suppress(SimulatedCrash):
            await people.start(world.user, quote.params, token)
        before = await count(world)
        with contextlib.suppress(Refused):  # it is tapped again
            await world.people.start(world.user, quote.params, token)
        begun += 1
        assert before in (begun - 1, begun)
        assert await count(world) == begun
        await world.until_stopped(worker)
        if points.passed < die_at:
            break
    assert die_at > 10
    await world.check_ended(DEPOSIT)


async def count(world: World) -> int:
    [row] = await world.store.fetch("SELECT count(*) AS n FROM conversions")
    return int(row["n"])


def mortal_people(world: World, points: Points) -> ConversionService:
    """Return the use cases in a process that dies."""
    return ConversionService(
        *(points.wrap(world.store), points.wrap(world.ledger), world.time, world.ids),
        *(points.wrap(world.outbox), world.accounts, points.wrap(world.runs)),
        points.wrap(world.conversions),
        world.people._confirmations,
        world.fees,
        world.people._admission,
    )
