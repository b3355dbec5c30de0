"""Stops on Postgres: the listener's one door, workers that share the work, rows that stay as they were."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from adapters.db.asking import Asking
from adapters.db.grants import Role
from adapters.db.stops import PostgresStopDoor, PostgresStops
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Unavailable
from domain.ids import UserId
from domain.ports.stops import Carried, Stop

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
