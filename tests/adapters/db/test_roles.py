"""Roles are made by who may, asked for by who may not, and an older database is taken over."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.db.config import connection_of
from adapters.db.grants import FUNCTIONS, TABLES, Role
from adapters.db.migrate import Done, migrate_fully
from adapters.db.roles import BadRoleName, Names, scram, script
from sandbox.postgres import Postgres

NAMES = Names(f"hoster_{os.getpid()}")
KEEPER = f"keeper_{os.getpid()}"
PASSWORD = "of-this-test-alone"

OWNERS = """
    SELECT relowner::regrole::text AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


@pytest.fixture
async def boss(cluster: Postgres) -> AsyncIterator[Any]:
    """Give a superuser's connection beside the database, which forgets this test's roles in the end."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    yield connection
    for name in (*(NAMES.of(role) for role in Role), KEEPER):
        await connection.execute(f"DROP ROLE IF EXISTS {name}")
    await connection.close()


@pytest.fixture
async def keeper_url(boss: Any, database_url: str, cluster: Postgres) -> AsyncIterator[str]:
    """Give the address of an empty database for the login that owns it and is nobody special."""
    database = database_url.rpartition("/")[2]
    await boss.execute(f"CREATE ROLE {KEEPER} LOGIN PASSWORD '{scram(PASSWORD)}'")
    await boss.execute(f'ALTER DATABASE "{database}" OWNER TO {KEEPER}')
    yield cluster.url(database, KEEPER, PASSWORD)
    await boss.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


async def migrated(url: str, names: Names, passwords: Mapping[Role, str]) -> Done:
    """Migrate as a process of its own would: tortoise keeps one context for all of a task."""
    work = partial(asyncio.run, migrate_fully(url, names, passwords))
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def rows(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row.values()) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_a_login_that_may_make_roles_makes_them(boss: Any, keeper_url: str, cluster: Postgres) -> None:
    await boss.execute(f"ALTER ROLE {KEEPER} CREATEROLE")
    done = await migrated(keeper_url, NAMES, {Role.APP: PASSWORD})
    assert done.roles.acting == NAMES.of(Role.MIGRATE)
    assert done.roles.missing == ()
    assert set(done.roles.locked) == set(Role) - {Role.APP}
    assert await rows(keeper_url, OWNERS) == [(NAMES.of(Role.MIGRATE),)]
    app_url = cluster.url(keeper_url.rpartition("/")[2], NAMES.of(Role.APP), PASSWORD)
    assert await rows(app_url, "SELECT count(*) FROM coins") == [(3,)]
    again = await migrated(keeper_url, NAMES, {})
    assert (again.applied, again.roles.locked) == ([], ())


async def test_a_login_that_may_not_says_what_to_run_and_migrates_all_the_same(
    boss: Any, keeper_url: str, cluster: Postgres
) -> None:
    done = await migrated(keeper_url, NAMES, {})
    assert (done.roles.acting, done.roles.missing) == (None, tuple(Role))
    assert await rows(keeper_url, OWNERS) == [(KEEPER,)]
    for statement in script(done.roles.missing, NAMES):
        await boss.execute(statement.replace("…", PASSWORD))
    await boss.execute(f"ALTER ROLE {KEEPER} CREATEROLE")  # which is no right over roles of others
    done = await migrated(keeper_url, NAMES, {Role.APP: "not-to-be-set"})
    assert (done.applied, done.roles.missing) == ([], ())
    app_url = cluster.url(keeper_url.rpartition("/")[2], NAMES.of(Role.APP), PASSWORD)
    assert await rows(app_url, "SELECT count(*) FROM coins") == [(3,)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows(app_url, "DELETE FROM postings")


async def test_the_owner_itself_may_migrate(boss: Any, admin_url: str, url_of: Callable[[Role], str]) -> None:
    done = await migrated(url_of(Role.MIGRATE), Names(), {})
    assert (done.applied, done.roles.acting) == ([], "mrmarket_migrate")


async def test_what_another_release_left_to_another_owner_is_taken_over(admin: Any, admin_url: str) -> None:
    for table in TABLES:
        kind = "VIEW" if table.endswith("_faults") else "TABLE"
        await admin.execute(f"ALTER {kind} {table} OWNER TO mrmarket")
    for function in FUNCTIONS:
        await admin.execute(f"ALTER FUNCTION {function} OWNER TO mrmarket")
    assert await rows(admin_url, OWNERS) != [("mrmarket_migrate",)]
    await migrated(admin_url, Names(), {})
    assert await rows(admin_url, OWNERS) == [("mrmarket_migrate",)]


async def test_passwords_come_from_files_and_reach_nobody_in_clear(
    boss: Any, database_url: str, cluster: Postgres, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "db_web").write_text(f"{PASSWORD}\n")
    said = {
        "MRMARKET_MIGRATE_DATABASE_URL": database_url,
        "MRMARKET_DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "MRMARKET_ROLE_PASSWORDS_DIR": str(tmp_path),
        "MRMARKET_ROLE_PREFIX": NAMES.prefix,
    }
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "adapters.db.migrate"],
        cwd=root,
        env={**os.environ, **said},
        stdout=asyncio.subprocess.PIPE,
    )
    answer = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert f"Made without a password: {NAMES.of(Role.MIGRATE)}, {NAMES.of(Role.APP)}" in answer
    assert NAMES.of(Role.WEB) not in answer
    database = database_url.rpartition("/")[2]
    web_url = (
        f"postgres://{NAMES.of(Role.WEB)}@127.0.0.1:{cluster.port}/{database}?password_file={tmp_path}/db_web"
    )
    connection = await asyncpg.connect(**connection_of(web_url))
    assert await connection.fetchval("SELECT count(*) FROM coins") == 3
    await connection.close()
    kept = await boss.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", NAMES.of(Role.WEB))
    assert kept.startswith("SCRAM-SHA-256$4096:")
    await boss.execute(f'DROP DATABASE "{database}"')


@pytest.mark.parametrize("prefix", ["", "1a", "a b", "A", 'a"; DROP', "a" * 42])
def test_a_prefix_that_would_need_quotes_is_refused(prefix: str) -> None:
    with pytest.raises(BadRoleName):
        Names(prefix)
