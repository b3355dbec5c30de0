"""What an account may send in a day, whichever process sends it; and what it may not while clocks differ."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Unavailable
from domain.ids import VenueAccountName
from domain.services.venue_clock import VenueClock
from tests.domain.services.trading_world import ALICE, OWNER, World

ACCOUNT = VenueAccountName("fake-1")


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def halted(world: World) -> str:
    state = await world.accounts.find(ACCOUNT)
    assert state
    return state.halted


async def test_the_daily_limit_outlives_the_process_and_its_breach_halts_the_account(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(base="0", quote="1000", levels="1", order_amount="0.005", tolerance_bps="0")  # 300 each
    await world.rounds(worker, 1)
    assert len(world.venue.sent) == 1
    world.venue.limits = replace(world.venue.limits, max_daily_notional=Decimal(700))
    await worker.keeper.give_back()
    later = world.worker()
    await world.rounds(later, 3)
    for step in range(1, 6):
        world.venue.move(5_999_950 - 50_000 * step, 6_000_050 - 50_000 * step)
        world.venue.move(5_999_950 - 40_000 * step, 6_000_050 - 40_000 * step)
        await world.rounds(later, 12)
    assert len(world.venue.sent) == 2
    assert await halted(world) == "limit_daily_notional"
    assert (await world.notices(OWNER)).count("account_halted") == 1
    assert world.venue.resting() == []
    await world.check_books()


async def test_orders_of_a_day_ago_count_no_more(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(base="0", quote="1000", levels="1", order_amount="0.005")
    await world.rounds(worker, 1)
    [(at, notional)] = await world.orders.sent_since(ACCOUNT, world.time.now() - timedelta(days=1))
    [sent] = world.venue.resting()
    assert notional == sent.price * sent.quantity
    assert await world.orders.sent_since(ACCOUNT, at) == []


@pytest.mark.parametrize("ahead_s", [1.5, -1.5, 3_600])
async def test_while_clocks_differ_nothing_new_is_sent_and_people_hear_of_it(
    world: World, ahead_s: float
) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(tolerance_bps="0")
    await world.rounds(worker, 1)
    assert len(world.venue.resting()) == 6
    world.venue.skew_s = ahead_s
    world.time.advance(world.policy.clock_interval_s)
    await world.rounds(worker, 1)
    sent = len(world.venue.sent)
    await world.rounds(worker, 20)
    assert len(world.venue.sent) == sent
    assert world.venue.resting() == []
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "clock_skew"
    assert (await world.notices()).count("run_trouble") == 1
    world.venue.skew_s = 0.2
    await world.rounds(worker, 20)
    assert len(world.venue.resting()) == 6
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""


async def test_a_slow_answer_is_no_skew(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    there = worker.desk.exchange.time

    async def slow() -> object:
        world.time.advance(4)
        return await there()

    worker.desk.exchange.time = slow  # type: ignore[assignment, method-assign]
    clock = VenueClock(worker.desk)
    await clock.look()
    assert clock.doubt == ""
    world.venue.skew_s = 3.5
    world.time.advance(60)
    await clock.look()
    assert clock.doubt == "clock_skew"


async def test_a_venue_that_refuses_us_for_our_clock_is_not_called_silent(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.skew_s = 30
    world.time.advance(world.policy.clock_interval_s)
    there = worker.desk.exchange.time

    async def unsigned() -> object:  # the time is told to everybody, whatever their clock
        world.venue.mischief.silent_read = 0.0
        try:
            return await there()
        finally:
            world.venue.mischief.silent_read = 1.0

    worker.desk.exchange.time = unsigned  # type: ignore[assignment, method-assign]
    await world.rounds(worker, 6)
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "clock_skew"


async def test_a_clock_that_was_never_measured_is_in_doubt(world: World) -> None:
    """CK2: a venue that answers everything but the time may be an hour away."""
    await world.rounds(world.worker(), 2)
    run = await world.start()
    worker = world.worker()
    there = worker.desk.exchange.time

    async def silent() -> object:
        raise Unavailable("venue_silent")

    worker.desk.exchange.time = silent  # type: ignore[assignment, method-assign]
    await world.rounds(worker, 20)
    assert world.venue.sent == []
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "venue_clock_unknown"
    worker.desk.exchange.time = there  # type: ignore[method-assign]
    await world.rounds(worker, 20)
    assert len(world.venue.resting()) == 6
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""


async def test_a_measured_clock_stays_trusted_while_the_venue_does_not_tell_the_time(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 1)
    clock = worker.clock
    assert clock.doubt == ""
    world.venue.mischief.silent_read = 1.0
    world.time.advance(world.policy.clock_interval_s)
    await clock.look()
    assert clock.doubt == ""
