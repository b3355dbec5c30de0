"""The store: what joins, what is undone, and what an error of the driver means."""

import asyncio
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from adapters.db.errors import Conflict, as_domain_error
from adapters.db.models.ledger import CoinRow
from adapters.db.store import PostgresStore, assert_outside_transaction
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable

ADD = "INSERT INTO coins (code) VALUES ($1)"
MINE = "SELECT pg_backend_pid() AS pid"


@pytest.fixture
def migrated_url(admin_url: str) -> str:
    """Give the owner's address: these tests write a table of rules, since any table would do."""
    return admin_url


async def coins(store: PostgresStore) -> set[str]:
    return {row["code"] for row in await store.fetch("SELECT code FROM coins")} - {"BTC", "ETH", "USDT"}


async def kill(database_url: str, pid: int) -> None:
    """Cut another connection, as a restart of the database would."""
    other = await asyncpg.connect(database_url)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()


async def test_execute_returns_how_many_rows_it_touched(store: PostgresStore) -> None:
    assert await store.execute("INSERT INTO coins (code) VALUES ('A'), ('B')") == 2
    assert await store.execute("UPDATE coins SET code = code WHERE code = 'Z'") == 0
    assert await store.execute("SET LOCAL work_mem = '4MB'") == 0


async def test_transaction_keeps_all_or_nothing(store: PostgresStore) -> None:
    async def break_off() -> None:
        async with store.transaction():
            await store.execute(ADD, "A")
            raise Refused("no")

    with pytest.raises(Refused):
        await break_off()
    assert await coins(store) == set()
    async with store.transaction():
        await store.execute(ADD, "A")
    assert await coins(store) == {"A"}


async def test_inner_transaction_is_a_savepoint(store: PostgresStore) -> None:
    async def break_off() -> None:
        async with store.transaction():
            await store.execute(ADD, "B")
            raise Refused("no")

    async with store.transaction():
        await store.execute(ADD, "A")
        with pytest.raises(Refused):
            await break_off()
        async with store.transaction():
            await store.execute(ADD, "C")
    assert await coins(store) == {"A", "C"}


async def test_models_join_the_transaction(store: PostgresStore) -> None:
    async def break_off() -> None:
        async with store.transaction():
            async with store.models():
                await CoinRow.create(code="A")
            assert await coins(store) == {"A"}
            raise Refused("no")

    with pytest.raises(Refused):
        await break_off()
    assert await coins(store) == set()
    async with store.models():
        await CoinRow.create(code="B")
    assert await coins(store) == {"B"}


async def test_error_of_a_model_is_the_domains(store: PostgresStore) -> None:
    with pytest.raises(InvariantBroken, match="store_refused"):
        async with store.models():
            await CoinRow.create(code="BTC")


async def test_other_tasks_do_not_join(store: PostgresStore) -> None:
    async with store.transaction():
        await store.execute(ADD, "A")
    inside, outside = asyncio.Event(), asyncio.Event()

    async def hold_open() -> None:
        async with store.transaction():
            await store.execute(ADD, "B")
            inside.set()
            await outside.wait()

    task = asyncio.create_task(hold_open())
    await inside.wait()
    assert await coins(store) == {"A"}
    outside.set()
    await task
    assert await coins(store) == {"A", "B"}


async def test_task_started_inside_a_transaction_may_not_use_it(store: PostgresStore) -> None:
    async with store.transaction():
        with pytest.raises(InvariantBroken, match="task_started_inside_transaction"):
            await asyncio.create_task(store.execute(ADD, "A"))
        with pytest.raises(InvariantBroken, match="task_started_inside_transaction"):
            await asyncio.create_task(store.run(lambda: coins(store)))


async def test_second_store_is_refused_inside_a_transaction(store: PostgresStore, migrated_url: str) -> None:
    other = PostgresStore(migrated_url)
    async with store.transaction():
        with pytest.raises(InvariantBroken, match="two_stores_in_one_transaction"):
            await other.fetch("SELECT 1")


async def test_leaving_the_building_is_refused_inside_a_transaction(store: PostgresStore) -> None:
    assert_outside_transaction()
    async with store.transaction():
        with pytest.raises(InvariantBroken, match="inside_transaction"):
            assert_outside_transaction()
    assert_outside_transaction()


async def test_block_that_was_in_the_way_runs_again_as_a_whole(store: PostgresStore) -> None:
    tries = []

    async def block() -> str:
        tries.append(await coins(store))
        await store.execute(ADD, f"A{len(tries)}")
        if len(tries) < 3:
            await store.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")
        return "done"

    assert await store.run(block) == "done"
    assert tries == [set(), set(), set()]
    assert await coins(store) == {"A3"}


async def test_block_that_is_always_in_the_way_gives_up(store: PostgresStore) -> None:
    tries = []

    async def block() -> None:
        tries.append(1)
        await store.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")

    with pytest.raises(Conflict):
        await store.run(block)
    assert len(tries) == 5


async def test_inner_block_leaves_repeating_to_the_outermost(store: PostgresStore) -> None:
    tries = []

    async def inner() -> None:
        tries.append(1)
        if len(tries) < 2:
            await store.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")

    await store.run(lambda: store.run(inner))
    assert len(tries) == 2


async def test_single_statement_is_repeated_on_a_conflict(store: PostgresStore) -> None:
    await store.execute("CREATE SEQUENCE tries")
    await store.execute(
        "DO $$ BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; END $$"
    )
    assert (await store.fetch("SELECT last_value AS tries FROM tries"))[0]["tries"] == 3


async def test_lost_connection_in_a_transaction_means_nothing_happened(
    store: PostgresStore, migrated_url: str
) -> None:
    async def lose() -> None:
        async with store.transaction():
            await store.execute(ADD, "A")
            await kill(migrated_url, (await store.fetch(MINE))[0]["pid"])
            await store.execute(ADD, "B")

    with pytest.raises(Unavailable):
        await lose()
    assert await coins(store) == set()


async def test_lost_connection_at_the_commit_means_nobody_knows(
    store: PostgresStore, migrated_url: str
) -> None:
    async def lose() -> None:
        async with store.transaction():
            await store.execute(ADD, "A")
            await kill(migrated_url, (await store.fetch(MINE))[0]["pid"])

    with pytest.raises(OutcomeUnknown):
        await lose()
    assert await coins(store) == set()


async def test_lost_connection_in_a_savepoint_means_nothing_happened(
    store: PostgresStore, migrated_url: str
) -> None:
    async def lose() -> None:
        async with store.transaction():
            pid = (await store.fetch(MINE))[0]["pid"]
            async with store.transaction():
                await store.execute(ADD, "A")
                await kill(migrated_url, pid)

    with pytest.raises(Unavailable):
        await lose()
    assert await coins(store) == set()


async def test_lost_connection_of_one_statement_tells_reads_from_writes(migrated_url: str) -> None:
    async with PostgresStore(migrated_url, connections=1) as store:
        suicide = "SELECT pg_terminate_backend(pg_backend_pid())"
        with pytest.raises(Unavailable):
            await store.fetch(suicide)
        with pytest.raises(OutcomeUnknown):
            await store.fetch(suicide, writes=True)
        with pytest.raises(OutcomeUnknown):
            await store.execute(suicide)
        assert await coins(store) == set()


async def test_lock_that_is_not_to_be_had_means_nothing_happened(store: PostgresStore) -> None:
    taken, enough = asyncio.Event(), asyncio.Event()

    async def take() -> None:
        async with store.transaction():
            await store.execute("SELECT * FROM coins FOR UPDATE")
            taken.set()
            await enough.wait()

    task = asyncio.create_task(take())
    await taken.wait()
    with pytest.raises(Unavailable, match="store_unavailable"):
        await store.fetch("SELECT * FROM coins FOR UPDATE NOWAIT", writes=True)
    enough.set()
    await task


async def test_database_that_only_reads_means_nothing_happened(store: PostgresStore) -> None:
    async def write() -> None:
        async with store.transaction():
            await store.execute("SET TRANSACTION READ ONLY")
            await store.execute("INSERT INTO users (user_id, language) VALUES ('nobody', 'en')")

    with pytest.raises(Unavailable, match="store_unavailable"):
        await write()


async def test_no_connection_leaks_when_everything_breaks(migrated_url: str) -> None:
    async with PostgresStore(migrated_url, connections=1) as store:

        async def lose() -> None:
            async with store.transaction():
                await store.fetch("SELECT pg_terminate_backend(pg_backend_pid())")

        for _ in range(3):
            with pytest.raises(Unavailable):
                await lose()
        sleeper = asyncio.create_task(in_transaction(store, "SELECT pg_sleep(60)"))
        await asyncio.sleep(0.1)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        assert await coins(store) == set()


async def in_transaction(store: PostgresStore, sql: str) -> None:
    async with store.transaction():
        await store.fetch(sql)


def test_store_whose_password_cannot_be_read_is_unavailable(migrated_url: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no_such_file"):
        PostgresStore(f"{migrated_url}?password_file={tmp_path}/no_such_file")


async def test_store_that_is_not_there_is_unavailable(migrated_url: str) -> None:
    store = PostgresStore(migrated_url.replace("127.0.0.1", "127.0.0.9"))
    with pytest.raises(Unavailable):
        await store.connect()
    with pytest.raises(Unavailable):
        await store.fetch("SELECT 1")
    await store.close()
    closed = PostgresStore(migrated_url)
    await closed.connect()
    await closed.close()
    with pytest.raises(Unavailable):
        await in_transaction(closed, "SELECT 1")


async def test_our_own_sql_errors_carry_code_and_facts(store: PostgresStore) -> None:
    facts = "MESSAGE = 'a_code', DETAIL = '{\"n\": 1}'"
    with pytest.raises(Refused) as refusal:
        await store.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'MM042', {facts}; END $$")
    assert (refusal.value.code, refusal.value.facts) == ("a_code", {"n": 1})
    with pytest.raises(InvariantBroken, match="a_code"):
        await store.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'MM142', {facts}; END $$")


async def test_wrong_sql_is_a_bug_and_stays_one(store: PostgresStore) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await store.fetch("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await in_transaction(store, "SELECT * FROM nowhere")
    with pytest.raises(asyncpg.InterfaceError):
        await store.fetch("SELECT $1::int")


def test_error_without_a_cause_is_no_answer() -> None:
    assert as_domain_error(IntegrityError("?"), lost=False, may_have_happened=False) is None


async def test_transaction_whose_failure_was_swallowed_is_no_success(store: PostgresStore) -> None:
    """Postgres answers COMMIT of a failed transaction with ROLLBACK, and calls that no error."""

    async def swallow() -> None:
        async with store.transaction():
            await store.execute(ADD, "A")
            with suppress(InvariantBroken):
                await store.execute("INSERT INTO coins (code) VALUES ('not a code')")

    with pytest.raises(InvariantBroken, match="transaction_failed"):
        await swallow()
    assert await coins(store) == set()


async def test_error_of_a_statement_tells_no_row(store: PostgresStore) -> None:
    """A failed CHECK shows the whole row in its detail: what people wrote, and what we signed."""
    with pytest.raises(InvariantBroken) as broken:
        await store.execute("INSERT INTO coins (code) VALUES ('secret words')")
    assert "secret words" not in str(broken.value)
