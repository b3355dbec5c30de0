"""Runs, intents and fills in Postgres: what the database itself refuses."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.db.order_writing import PostgresOrderWriting
from adapters.db.store import PostgresStore
from domain.conversions.model import CONVERSION_EDGES
from domain.errors import InvariantBroken, Refused
from domain.ids import VenueAccountName
from domain.leases import venue_scope
from domain.market.model import Side
from domain.market.orders import ORDER_EDGES, Intent, OrderState
from domain.market.runs import RUN_EDGES, Run, RunState
from domain.services.desk import hold_of
from tests.domain.services.trading_world import World
from tests.fakes.exchange import PAIR


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    return world


def intent_of(world: World, run: Run, **changes: object) -> Intent:
    intent = Intent(
        id=world.ids.new_id(),
        client_order_id=world.ids.client_order_id(),
        run_id=run.id,
        account=run.account,
        epoch=1,
        pair=PAIR,
        side=Side.BUY,
        price=Decimal(60_000),
        quantity=Decimal("0.001"),
        post_only=True,
        not_after=world.time.now() + timedelta(seconds=1),
    )
    return replace(intent, **changes)  # type: ignore[arg-type]  # fields by name


async def let_in(world: World, intent: Intent) -> bool:
    """Add an order with its hold; return whether it was let in."""
    added = [(intent, hold_of(intent))]
    writing = PostgresOrderWriting(world.store)
    return bool(await writing.write(venue_scope(intent.account), intent.epoch, [], [], added))


async def hear(world: World, intent: Intent) -> None:
    """Store what became of an order."""
    await PostgresOrderWriting(world.store).write(venue_scope(intent.account), intent.epoch, [intent], [], [])


@pytest.mark.parametrize(
    ("machine", "edges"), [("order", ORDER_EDGES), ("run", RUN_EDGES), ("conversion", CONVERSION_EDGES)]
)
async def test_the_database_and_the_code_agree_on_every_edge(
    store: PostgresStore, machine: str, edges: dict[str, frozenset[str]]
) -> None:
    rows = await store.fetch(
        "SELECT from_state, to_state FROM state_edges WHERE machine = $1 AND from_state <> ''", machine
    )
    known = {(str(row["from_state"]), str(row["to_state"])) for row in rows}
    assert known == {(str(before), str(after)) for before, afters in edges.items() for after in afters}


async def test_no_intent_enters_for_a_run_that_stops_or_from_an_old_epoch(world: World) -> None:
    run = await world.start()
    assert await let_in(world, intent_of(world, run))
    with pytest.raises(Refused, match="epoch_lost"):
        await let_in(world, intent_of(world, run, epoch=7))
    await world.accounts.halt(run.account, "looked_odd")
    assert not await let_in(world, intent_of(world, run))
    await world.store.execute("UPDATE venue_accounts SET halted = ''")
    await world.desk_of_people.stop(world.user, run.number)
    assert not await let_in(world, intent_of(world, run))


async def test_even_plain_sql_cannot_slip_an_order_in(world: World) -> None:
    run = await world.start()
    insert = """
        INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price,
                                   quantity, post_only, not_after, state)
        VALUES ($1, $1, $2, 'fake-1', $3, 'BTC', 'USDT', 'buy', 1, 1, true, now(), 'sending')
    """
    with pytest.raises(Refused, match="epoch_lost"):
        await world.store.execute(insert, "a", run.id, 9)
    await world.desk_of_people.stop(world.user, run.number)
    with pytest.raises(Refused, match="run_not_running"):
        await world.store.execute(insert, "a", run.id, 1)


async def test_a_stop_waits_for_intents_that_are_entering_and_bars_the_next(world: World) -> None:
    run = await world.start()
    entered, stopped = asyncio.Event(), asyncio.Event()

    async def enter() -> bool:
        async with world.store.transaction():
            admitted = await let_in(world, intent_of(world, run))
            entered.set()
            await asyncio.sleep(0.2)
            assert not stopped.is_set()  # the stop waits for this commit
        return admitted

    async def stop() -> None:
        await entered.wait()
        await world.desk_of_people.stop(world.user, run.number)
        stopped.set()

    admitted, _ = await asyncio.gather(enter(), stop())
    assert admitted
    assert not await let_in(world, intent_of(world, run))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE order_intents SET price = 1",
        "UPDATE order_intents SET run_id = 'x'",
        "UPDATE order_intents SET filled = -1, booked = -1",
        "UPDATE order_intents SET booked = 1",
        "UPDATE order_intents SET settled = true",
        "UPDATE order_intents SET state = 'prepared'",
        "DELETE FROM order_intents",
        "TRUNCATE order_intents CASCADE",
        "UPDATE runs SET state = 'stopped', stopped_at = now()",
        "UPDATE runs SET stopped_at = now()",
        "UPDATE runs SET number = 0",
        "UPDATE run_configs SET config = '{}'",
        "DELETE FROM run_configs",
        "UPDATE leases SET epoch = epoch - 1",
    ],
)
async def test_the_database_refuses_to_bend_history(world: World, sql: str) -> None:
    run = await world.start()
    await let_in(world, intent_of(world, run))
    with pytest.raises(InvariantBroken):
        await world.store.execute(sql)


async def test_fills_stay_and_come_once(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_004_000, 6_004_100)
    await world.rounds(worker, 6)
    fill = world.venue.trades[0][1]
    assert await world.fills.add_all(worker.desk.account, [(fill, None), (fill, None)]) == []
    for sql in ("UPDATE fills SET price = 1", "DELETE FROM fills", "TRUNCATE fills"):
        with pytest.raises(InvariantBroken):
            await world.store.execute(sql)


async def test_numbers_count_per_person_even_when_runs_start_together(world: World) -> None:
    runs = await asyncio.gather(*(world.start(base="0", quote="100") for _ in range(5)))
    assert sorted(run.number for run in runs) == [1, 2, 3, 4, 5]


async def test_a_late_fill_after_cancel_may_still_finish_an_order(world: World) -> None:
    run = await world.start()
    intent = intent_of(world, run)
    await let_in(world, intent)
    for state in (OrderState.UNKNOWN, OrderState.CANCELLED, OrderState.FILLED):
        intent = replace(intent, state=state)
        await hear(world, intent)
    with pytest.raises(InvariantBroken, match="illegal_transition"):
        await hear(world, replace(intent, state=OrderState.OPEN))


async def test_a_halt_is_lifted_by_those_who_saw_all_of_it(world: World) -> None:
    name = VenueAccountName(world.account)
    assert await world.accounts.halt(name, "looked_odd")
    assert not await world.accounts.halt(name, "looked_odd")
    seen = await world.accounts.halts()
    assert await world.accounts.halt(name, "looked_odder")
    state = await world.accounts.find(name)
    assert state
    assert state.halted == "looked_odd"
    assert not await world.accounts.lift(seen, world.user, world.time.now())
    both = await world.accounts.halts()
    assert [halt.reason for halt in both] == ["looked_odd", "looked_odder"]
    assert await world.accounts.lift(both, world.user, world.time.now())
    state = await world.accounts.find(name)
    assert state
    assert state.halted == ""
    assert await world.accounts.halts() == []
    assert await world.accounts.halt(name, "looked_odd")
    with pytest.raises(InvariantBroken, match="change_refused"):
        await world.store.execute(
            "UPDATE halts SET lifted_by = 'x', lifted_at = now() WHERE lifted_at IS NOT NULL"
        )


async def test_a_halt_that_comes_while_another_is_lifted_stays(world: World) -> None:
    name = VenueAccountName(world.account)
    await world.accounts.halt(name, "looked_odd")
    seen = await world.accounts.halts()
    lifting, halted = asyncio.Event(), asyncio.Event()

    async def lift() -> None:
        async with world.store.transaction():
            assert await world.accounts.lift(seen, world.user, world.time.now())
            lifting.set()
            await asyncio.sleep(0.2)
            assert not halted.is_set()  # the halt waits for this commit

    async def halt() -> None:
        await lifting.wait()
        assert await world.accounts.halt(name, "looked_odder")
        halted.set()

    await asyncio.gather(lift(), halt())
    state = await world.accounts.find(name)
    assert state
    assert state.halted == "looked_odder"


async def test_a_run_moves_only_from_where_it_is(world: World) -> None:
    run = await world.start()
    at = world.time.now()
    assert not await world.runs.move(run.id, RunState.STOPPING, RunState.STOPPED, at)
    assert await world.runs.move(run.id, RunState.RUNNING, RunState.STOPPING, at)
    with pytest.raises(InvariantBroken, match="illegal_transition"):
        await world.runs.move(run.id, RunState.STOPPING, RunState.RUNNING, at)


async def test_a_stop_is_not_lost_to_a_run_that_is_just_being_halted_or_brought_back(world: World) -> None:
    run, at, moving = await world.start(), world.time.now(), asyncio.Event()

    async def move() -> None:
        async with world.store.transaction():
            assert await world.runs.move(run.id, RunState.RUNNING, RunState.HALTED, at)
            moving.set()
            await asyncio.sleep(0.2)

    async def stop() -> bool:
        await moving.wait()
        return await world.runs.stop(run.id)

    assert (await asyncio.gather(move(), stop()))[1]
    assert (await world.runs.get(run.id)).state is RunState.STOPPING
    assert not await world.runs.stop(run.id), "told once"
