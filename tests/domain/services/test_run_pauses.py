"""Runs that stand aside: nothing on the book, coins in the run, and on again at a word."""

from dataclasses import replace

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.market.model import Side
from domain.market.orders import OrderState
from domain.market.runs import RUN_EDGES, Run, RunState
from domain.ports.freezes import NEW
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import ALICE, BTC, OWNER, USDT, Worker, World
from tests.fakes.exchange import PAIR

DEPOSIT = {BTC: "0.02", USDT: "1000"}


async def at_work() -> tuple[MemoryWorld, Worker, Run]:
    world = MemoryWorld()
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start("0.02", "1000")
    await world.rounds(worker, 1)
    assert world.venue.resting()
    return world, worker, run


async def state_of(world: MemoryWorld, run: Run) -> RunState:
    return (await world.runs.get(run.id)).state


async def test_a_paused_run_has_nothing_on_the_book_and_keeps_its_coins() -> None:
    world, worker, run = await at_work()
    assert await world.pauses.pause(ALICE, run.number)
    assert not await world.pauses.pause(ALICE, run.number)
    await world.rounds(worker, 1)
    assert world.venue.resting() == []
    sent = len(world.venue.sent)
    world.venue.move(6_100_000, 6_100_100)
    await world.rounds(worker, 30)
    assert len(world.venue.sent) == sent, "a paused run placed an order"
    assert await world.desk_of_people.get(ALICE, run.number)
    kinds = [row[1] for row in world.outbox.rows]
    assert (kinds.count("run_paused"), kinds.count("run_trouble")) == (1, 0)


async def test_a_resumed_run_quotes_at_its_next_round_with_what_it_has() -> None:
    world, worker, run = await at_work()
    await world.pauses.pause(ALICE, run.number)
    await world.rounds(worker, 3)
    world.venue.move(6_100_000, 6_100_100)
    assert await world.pauses.resume(ALICE, run.number)
    assert not await world.pauses.resume(ALICE, run.number)
    await world.rounds(worker, 2)
    prices = [order.price for order in world.venue.resting() if order.side is Side.BUY]
    assert prices
    assert max(prices) > 60_500
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_fill_that_was_on_its_way_when_a_run_was_paused_is_booked() -> None:
    world, worker, run = await at_work()
    order = world.venue.resting()[0]
    world.venue.fill(next(o for o in world.venue.orders if o.order == order), order.quantity)
    await world.pauses.pause(ALICE, run.number)
    await world.rounds(worker, 20)
    assert world.venue.resting() == []
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == 1
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_another_worker_takes_the_orders_of_a_paused_run_off() -> None:
    world, _, run = await at_work()
    await world.pauses.pause(ALICE, run.number)
    world.time.advance(3_600)
    await world.rounds(world.worker(), 4)
    assert world.venue.resting() == []
    assert await state_of(world, run) is RunState.PAUSED


@pytest.mark.parametrize("scope", [NEW, f"user:{ALICE}", "coin:BTC"])
async def test_nothing_resumes_that_could_not_begin(scope: str) -> None:
    world, worker, run = await at_work()
    await world.freezes.freeze(scope, "by_hand", world.time.now())
    assert await world.pauses.pause(ALICE, run.number), "a freeze must not keep anybody from lowering risk"
    await world.rounds(worker, 2)
    with pytest.raises(Refused):
        await world.pauses.resume(ALICE, run.number)
    assert await state_of(world, run) is RunState.PAUSED


async def test_only_ones_own_run_that_goes_on_can_be_paused_or_resumed() -> None:
    world, worker, run = await at_work()
    for act in (world.pauses.pause, world.pauses.resume):
        with pytest.raises(Refused, match="run_unknown"):
            await act(OWNER, run.number)
    await world.desk_of_people.stop(ALICE, run.number)
    for act in (world.pauses.pause, world.pauses.resume):
        with pytest.raises(Refused, match="run_not_running"):
            await act(ALICE, run.number)
    await world.until_stopped(worker)
    with pytest.raises(Refused, match="run_not_running"):
        await world.pauses.resume(ALICE, run.number)


async def test_a_pair_that_is_suspended_for_long_pauses_its_runs_once() -> None:
    world, worker, run = await at_work()
    world.venue.delisted.add(PAIR)
    await world.rounds(worker, 20)
    assert await state_of(world, run) is RunState.RUNNING, "a moment of maintenance pauses nobody"
    worker.desk.policy = replace(worker.desk.policy, untraded_patience_s=30.0)
    await world.rounds(worker, 60)
    assert await state_of(world, run) is RunState.PAUSED
    assert (await world.runs.get(run.id)).trouble == "pair_not_traded"
    kinds = [row[1] for row in world.outbox.rows]
    assert kinds.count("run_paused_untraded") == 1
    world.venue.delisted.clear()
    await world.rounds(worker, 5)
    assert await state_of(world, run) is RunState.PAUSED, "only its person lets it go on"
    await world.pauses.resume(ALICE, run.number)
    await world.rounds(worker, 3)
    assert world.venue.resting()
    assert (await world.runs.get(run.id)).trouble == ""


async def test_a_pair_whose_orders_are_refused_as_closed_pauses_its_runs_too() -> None:
    world, worker, run = await at_work()
    world.venue.closed.add(PAIR)
    worker.desk.policy = replace(worker.desk.policy, untraded_patience_s=30.0)
    await world.rounds(worker, 5)
    assert await state_of(world, run) is RunState.RUNNING
    for each in world.venue.orders:  # the venue took them off when it closed the pair
        each.order = replace(each.order, state=OrderState.CANCELLED)
    await world.rounds(worker, 120)
    assert await state_of(world, run) is RunState.PAUSED


async def test_maintenance_that_comes_and_goes_is_not_added_up() -> None:
    world, worker, run = await at_work()
    worker.desk.policy = replace(worker.desk.policy, untraded_patience_s=30.0)
    for _ in range(5):
        world.venue.delisted.add(PAIR)
        began = world.time.monotonic()
        while world.time.monotonic() - began < 20:
            await world.rounds(worker, 1)
        world.venue.delisted.clear()
        await world.rounds(worker, 10)
    assert await state_of(world, run) is RunState.RUNNING


async def test_the_database_knows_every_edge_of_a_runs_life(store: PostgresStore) -> None:
    rows = await store.fetch(
        "SELECT from_state, to_state FROM state_edges WHERE machine = 'run' AND from_state <> ''"
    )
    known = {(was, to) for was, edges in RUN_EDGES.items() for to in edges}
    assert {(row["from_state"], row["to_state"]) for row in rows} == known


async def test_no_order_of_a_paused_run_is_taken_by_the_database(store: PostgresStore) -> None:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.pauses.pause(ALICE, run.number)
    await world.rounds(worker, 3)
    assert not world.venue.sent
    await world.pauses.resume(ALICE, run.number)
    await world.rounds(worker, 2)
    assert len(world.venue.resting()) == 6
    await world.pauses.pause(ALICE, run.number)
    await world.rounds(worker, 2)
    assert world.venue.resting() == []
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)
