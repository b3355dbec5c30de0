"""Where runs begin: on an account with room for their orders, or nowhere and with a reason."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import UserId, VenueAccountName
from domain.leases import Grip, venue_scope
from domain.ledger.model import AccountKind
from domain.market.capacity import Place
from domain.market.runs import RunState
from domain.services.confirmations import ConfirmationService
from domain.services.run_changes import RunChangeService
from domain.services.run_preview import NewRun
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import ALICE, FLOAT, World
from tests.fakes.exchange import PAIR, RULES, FakeExchange, FakeVenue
from tests.fakes.time import FakeMarketTime

BOB = UserId("00000000-0000-4000-8000-0000000000b2")
ONE, TWO = VenueAccountName("fake-1"), VenueAccountName("fake-2")
SMALL = NewRun(PAIR, Decimal("0.002"), Decimal(100))  # balanced: six orders, a look in five seconds


async def start(world: Any, user: UserId, request: NewRun = SMALL) -> Any:
    people = world.desk_of_people
    request = (await people.preview(user, request)).request
    return await people.start(request, user, await people.confirm(user, request))


async def at_work(most: int = 200, per_second: int = 10) -> MemoryWorld:
    """Return a world with one account at work, on which so much has room."""
    world = MemoryWorld()
    world.policy = replace(world.policy, orders_per_second=per_second)
    world.venue.rules = replace(RULES, max_open_orders=most)
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    return world


def changes_of(world: MemoryWorld) -> RunChangeService:
    confirming = ConfirmationService(world.store, world.confirmations, world.time, world.ids)
    return RunChangeService(world.store, world.runs, world.accounts, world.outbox, confirming)  # type: ignore[arg-type]


async def change(changes: RunChangeService, number: int, **answers: str) -> None:
    token = await changes.confirm(ALICE, await changes.preview(ALICE, number, answers))
    await changes.change(ALICE, number, answers, token)


async def test_a_run_for_whose_orders_there_is_no_room_is_refused_and_takes_no_coin() -> None:
    world = await at_work(most=8)  # seven for runs: one run of six
    await start(world, ALICE)
    with pytest.raises(Refused, match="no_room_for_orders") as refused:
        await start(world, ALICE)
    assert (refused.value.facts["wanted"], refused.value.facts["left"]) == (6, 1)
    assert len(world.runs.rows) == 1
    assert await world.ledger.balances(AccountKind.RUN, world.runs.rows[0].id)


async def test_a_run_for_whose_requests_there_is_no_room_is_told_what_would_fit() -> None:
    world = await at_work(per_second=1)  # 3,240 an hour for runs: four at 720
    for _ in range(4):
        await start(world, ALICE)
    with pytest.raises(Refused, match="no_room_for_requests") as refused:
        await start(world, ALICE)
    fits = {"refresh_s": str(refused.value.facts["seconds"])}
    await start(world, ALICE, replace(SMALL, preset="", answers=fits))
    with pytest.raises(Refused, match="no_room_for_any_request"):
        await start(world, ALICE)


async def test_nobody_keeps_others_away_with_orders_they_could_not_fill() -> None:
    world = await at_work(most=30)  # 28 for runs
    tiny = replace(SMALL, base=Decimal(0), quote=Decimal(11), preset="", answers={"levels": "10"})
    for _ in range(11):
        await start(world, ALICE, tiny)  # two orders of five dollars are all that this makes
    await start(world, ALICE)
    with pytest.raises(Refused, match="no_room_for_orders"):
        await start(world, ALICE, tiny)


async def test_a_paused_run_leaves_its_room_and_comes_back_only_where_there_is_some() -> None:
    world = await at_work(most=8)
    first = await start(world, ALICE)
    await world.pauses.pause(ALICE, first.number)
    second = await start(world, ALICE)
    with pytest.raises(Refused, match="no_room_for_orders"):
        await world.pauses.resume(ALICE, first.number)
    assert (await world.runs.get(first.id)).state is RunState.PAUSED
    await world.pauses.pause(ALICE, second.number)
    assert await world.pauses.resume(ALICE, first.number)


async def test_a_change_may_claim_less_and_more_only_where_there_is_room() -> None:
    world = await at_work(most=8)
    run, changes = await start(world, ALICE), changes_of(world)
    with pytest.raises(Refused, match="no_room_for_orders"):
        await change(changes, run.number, levels="4")
    await change(changes, run.number, levels="1")
    await start(world, ALICE, replace(SMALL, preset="", answers={"levels": "2"}))
    with pytest.raises(Refused, match="no_room_for_orders"):
        await change(changes, run.number, levels="3")
    await world.pauses.pause(ALICE, run.number)
    await change(changes, run.number, levels="3")  # it claims nothing until it is resumed
    with pytest.raises(Refused, match="no_room_for_orders"):
        await world.pauses.resume(ALICE, run.number)


async def test_runs_spread_over_the_accounts_and_the_last_room_anywhere_is_found() -> None:
    world = await at_work(most=8)
    far = FakeVenue(world.time, FLOAT)
    far.rules = replace(RULES, max_open_orders=8)
    grip = Grip(venue_scope(TWO), world.time.monotonic)
    desk = world.desk_at(FakeExchange(far, TWO, grip.require), grip, FakeMarketTime(world.time))
    worker = world.put_to_work(desk)
    await world.rounds(worker, 2)
    placed = [await start(world, ALICE), await start(world, ALICE)]
    assert {run.account for run in placed} == {ONE, TWO}
    with pytest.raises(Refused, match="no_room_for_orders"):
        await start(world, ALICE)
    await world.rounds(worker, 2)
    assert len(far.resting()) == 6


async def two_people(store: Any) -> tuple[World, World]:
    """Give two people with coins at one account, whose runs have room for one of them."""
    alice = World(store)
    alice.policy = replace(alice.policy, orders_per_second=1)
    alice.venue.rules = replace(RULES, max_open_orders=8)
    bob = World(store, user=BOB, time=alice.time, seed=2)
    for world in (alice, bob):
        await world.person(BTC="0.02", USDT="1000")
    await alice.rounds(alice.worker(), 2)
    return alice, bob


@pytest.mark.parametrize("went_on", ["begins", "resumes"])
async def test_of_two_who_race_for_the_last_room_one_is_refused(store: PostgresStore, went_on: str) -> None:
    alice, bob = await two_people(store)
    for _ in range(4):
        if went_on == "resumes":
            paused = await start(alice, ALICE)
            await alice.pauses.pause(ALICE, paused.number)
            first = alice.pauses.resume(ALICE, paused.number)
        else:
            first = start(alice, ALICE)
        ended = await asyncio.gather(first, start(bob, BOB), return_exceptions=True)
        refused = [each for each in ended if isinstance(each, Refused)]
        assert [each.code for each in refused] == ["no_room_for_orders"], ended
        at_work = [run for run in await alice.runs.active(ONE) if run.state is RunState.RUNNING]
        assert len(at_work) == 1
        for run in at_work:
            await alice.runs.move(run.id, RunState.RUNNING, RunState.PAUSED, alice.time.now())


async def test_a_race_between_a_larger_setting_and_a_run_that_resumes_leaves_no_account_overfull(
    store: PostgresStore,
) -> None:
    alice, bob = await two_people(store)
    other = await start(bob, BOB, replace(SMALL, preset="", answers={"levels": "2"}))  # four of seven
    assert other.account == ONE
    for _ in range(4):
        run = await start(alice, ALICE, replace(SMALL, preset="", answers={"levels": "1"}))
        await alice.pauses.pause(ALICE, run.number)
        wanted = await alice.changes.preview(ALICE, run.number, {"levels": "3"})
        token = await alice.changes.confirm(ALICE, wanted)
        ended = await asyncio.gather(
            alice.changes.change(ALICE, run.number, {"levels": "3"}, token),
            alice.pauses.resume(ALICE, run.number),
            return_exceptions=True,
        )
        assert sum(isinstance(each, Refused) for each in ended) == 1, ended
        await alice.pauses.pause(ALICE, run.number)


async def test_what_the_last_worker_told_of_an_account_is_what_there_is(store: PostgresStore) -> None:
    world = World(store)
    assert (await world.accounts.capacity(ONE)).places == {}
    await world.accounts.register(ONE, "fake", 0)
    await world.accounts.register(ONE, "fake", 7)
    await world.rounds(world.worker(), 2)
    told = await world.accounts.capacity(ONE)
    assert told.per_second == world.policy.orders_per_second
    assert told.places == {PAIR: Place(200, Decimal(5), Decimal(60_000))}
