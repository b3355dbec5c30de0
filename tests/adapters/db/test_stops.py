"""Stops on Postgres: the listener's one door, workers that share the work, rows that stay as they were."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from adapters.bootstrap_runs import stop_carrying
from adapters.db.asking import Asking
from adapters.db.chat import PostgresOutbox
from adapters.db.grants import Role
from adapters.db.stops import PostgresStopDoor, PostgresStops
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from domain.conversions.quoting import Wish
from domain.errors import InvariantBroken, Refused, Unavailable
from domain.ids import UserId
from domain.market.model import Side
from domain.market.orders import OrderState
from domain.market.runs import RunKind, RunState
from domain.ports.stops import Carried, Stop
from domain.services.stop_carrying import StopCarrying
from tests.domain.services.trading_world import World
from tests.fakes.exchange import PAIR
from tests.fakes.roles import make_owner

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STOP = Stop("019b0000-0000-7000-8000-000000000001", UserId("0b000000-0000-4000-8000-00000000000b"), NOW)


async def test_a_stop_goes_through_the_door_once_and_its_end_comes_back(
    store: PostgresStore, url_of: Callable[[Role], str]
) -> None:
    asking, stops = Asking(url_of(Role.STOP), "listener"), PostgresStops(store)
    door = PostgresStopDoor(asking)
    try:
        assert [await door.say(STOP) for _ in range(3)] == [None] * 3
        async with store.transaction():
            found = await stops.next()
            assert found == STOP
            await stops.carried_out(STOP, Carried(2, 1), NOW)
        assert await door.say(STOP) == Carried(2, 1)
        async with store.transaction():
            assert await stops.next() is None
    finally:
        await asking.close()


async def test_a_file_and_a_row_of_the_same_stop_are_one(store: PostgresStore) -> None:
    stops = PostgresStops(store)
    assert [await stops.add(STOP), await stops.add(STOP)] == [True, False]


async def test_two_workers_do_not_carry_out_the_same_stop(store: PostgresStore) -> None:
    stops, has_it, done = PostgresStops(store), asyncio.Event(), asyncio.Event()
    await stops.add(STOP)

    async def first() -> Stop | None:
        async with store.transaction():
            found = await stops.next()
            has_it.set()
            await done.wait()
            return found

    async def second() -> Stop | None:
        await has_it.wait()
        async with store.transaction():
            found = await stops.next()
        done.set()
        return found

    assert list(await asyncio.gather(first(), second())) == [STOP, None]


async def test_the_listeners_login_may_call_one_function_and_read_nothing(
    url_of: Callable[[Role], str], admin: Any
) -> None:
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    connection = await asyncpg.connect(url_of(Role.STOP))
    try:
        for row in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f'SELECT FROM "{row["tablename"]}" LIMIT 1')
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO stops (id, said_by, said_at) VALUES ('a', 'b', now())")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.fetch("SELECT say_stop('a; b', 'somebody', now())")
    finally:
        await connection.close()


async def test_what_was_carried_out_stays_so(store: PostgresStore, admin: Any) -> None:
    stops = PostgresStops(store)
    await stops.add(STOP)
    await stops.carried_out(STOP, Carried(0, 0), NOW)
    with pytest.raises(InvariantBroken, match="change_refused"):
        await stops.carried_out(STOP, Carried(1, 0), NOW)
    undone = "UPDATE stops SET carried_out_at = NULL, runs = NULL, conversions = NULL"
    for sql in (undone, "DELETE FROM stops"):
        with pytest.raises(asyncpg.PostgresError, match="change_refused"):
            await admin.execute(sql)
    assert await stops.add(replace(STOP, by=UserId("another"))) is False


async def test_a_database_that_is_away_is_silence() -> None:
    asking = Asking("postgres://stop:x@127.0.0.1:1/none", "listener")
    with pytest.raises(Unavailable):
        await PostgresStopDoor(asking).say(STOP)
    await asking.close()


class Waits(PostgresOutbox):
    """An outbox that takes its time over one kind of news: what is told last in a commit."""

    def __init__(self, store: PostgresStore, kind: str) -> None:
        super().__init__(store)
        self.kind, self.there, self.go = kind, asyncio.Event(), asyncio.Event()

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        await super().tell(user_id, kind, cause, params)
        if kind == self.kind:
            self.there.set()
            await self.go.wait()


def carrying(world: World, outbox: PostgresOutbox) -> StopCarrying:
    """Return what a worker carries stops out with."""
    ours: Any = SimpleNamespace(
        store=world.store,
        settings=SimpleNamespace(halt_file=None),
        notices=outbox,
        clock=world.time,
        ids=RandomIds(),
    )
    return stop_carrying(ours)


async def a_world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.05", USDT="4000")
    await world.rounds(world.worker(), 2)
    await make_owner(store, STOP.by)
    return world


async def begins(world: World, what: RunKind, outbox: Waits) -> None:
    """Let the person begin something that trades; its last word takes its time."""
    if what is RunKind.STRATEGY:
        world.desk_of_people._notices = outbox
        await world.start("0.01", "500")
        return
    world.people._notices = outbox
    quote = await world.people.quote(world.user, Wish(PAIR, Side.SELL, Decimal("0.01")))
    token = await world.people.confirm(world.user, quote)
    await world.people.start(world.user, quote.params, token)


async def at_work(world: World) -> list[str]:
    rows = await world.store.fetch("SELECT kind FROM runs WHERE state NOT IN ('stopping', 'stopped')")
    return [row["kind"] for row in rows]


BEGUN = {RunKind.STRATEGY: "run_started", RunKind.CONVERSION: "conversion_begun"}


@pytest.mark.parametrize("what", BEGUN)
async def test_what_begins_while_a_stop_is_carried_out_is_stopped_too(
    what: RunKind, store: PostgresStore
) -> None:
    world = await a_world(store)
    slow = Waits(store, BEGUN[what])
    beginning = asyncio.create_task(begins(world, what, slow))
    await slow.there.wait()  # it is in its commit, and nobody sees it
    await PostgresStops(store).add(STOP)
    stopping = asyncio.create_task(carrying(world, PostgresOutbox(store)).round())
    await asyncio.wait({stopping}, timeout=0.5)
    slow.go.set()
    await beginning
    assert "said STOP" in await stopping
    assert await at_work(world) == []


@pytest.mark.parametrize("what", BEGUN)
async def test_what_begins_while_a_stop_commits_is_refused(what: RunKind, store: PostgresStore) -> None:
    world = await a_world(store)
    slow = Waits(store, "stopped_from_outside")
    await PostgresStops(store).add(STOP)
    stopping = asyncio.create_task(carrying(world, slow).round())
    await slow.there.wait()
    beginning = asyncio.create_task(begins(world, what, Waits(store, "")))
    await asyncio.wait({beginning}, timeout=0.5)
    slow.go.set()
    await stopping
    with pytest.raises(Refused, match="nothing_new_begins"):
        await beginning
    assert await at_work(world) == []


async def test_from_its_row_on_no_worker_sends_an_order_whoever_carries_it_out(
    store: PostgresStore, admin: Any
) -> None:
    world = await a_world(store)
    worker = world.worker()
    run = await world.start("0.01", "500")
    await world.rounds(worker, 3)
    resting = await world.orders.unsettled(run.account)
    assert resting
    await PostgresStops(store).add(STOP)
    world.venue.move(6_100_000, 6_100_100)
    sent = len(world.venue.sent)
    world.time.advance(10)
    await world.rounds(worker, 4)
    assert len(world.venue.sent) == sent, "a row stands, and nobody has carried it out yet"
    assert (await world.runs.get(run.id)).state is RunState.RUNNING
    news = [replace(resting[0], id="another", client_order_id="mmkanother00000000", state=OrderState.SENDING)]
    assert await worker.desk.write([], news) == []
    past = """
        INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price,
            quantity, post_only, not_after, state)
        SELECT 'past', 'mmkpast', run_id, account, epoch, base, quote, side, price, quantity, post_only,
            not_after, 'sending' FROM order_intents LIMIT 1
    """
    with pytest.raises(Refused, match="stop_stands"):
        await store.execute(past)
    await carrying(world, PostgresOutbox(store)).round()
    await world.until_stopped(worker)
    assert world.venue.resting() == []
