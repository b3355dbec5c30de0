"""`mrmarket backup` and `restore`: everything comes back, and everything stays stopped (T11, PG5)."""

import asyncio
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from adapters.cli.__main__ import main
from adapters.db import dumps
from adapters.db.grants import Role
from adapters.db.store import PostgresStore
from tests.adapters.db.schema import schema
from tests.domain.services.test_chain import World

pytestmark = pytest.mark.database

_TABLES = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname NOT IN ('freezes', 'outbox', 'deployment')
    ORDER BY relname
"""
_RIGHTS = """
    SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges
    WHERE table_schema = 'public'
    UNION ALL SELECT grantee, routine_name, privilege_type FROM information_schema.routine_privileges
    WHERE routine_schema = 'public'
    UNION ALL SELECT roles::text, tablename, policyname FROM pg_policies
    UNION ALL SELECT 'owner', relname, relowner::regrole::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
"""


@pytest.fixture
async def used(store: PostgresStore) -> World:
    """Give a database with five transfers in the chain and an owner."""
    world = World(store)
    await world.post(5)
    await world.service().round()
    return world


def rules(written: str) -> list[str]:
    """Return a schema but for brackets and casts, which Postgres sets anew each time it reads a condition."""
    return [re.sub(r"::text\[\]|::text|::character varying|[()]", "", line) for line in written.splitlines()]


async def run(monkeypatch: pytest.MonkeyPatch, dsn: str, *words: str) -> int:
    """Return a command's exit code, as a process of its own would give."""
    monkeypatch.setenv("MRMARKET_MIGRATE_DATABASE_URL", dsn)
    return await asyncio.get_running_loop().run_in_executor(None, main, list(words))


def names_in(directory: Path) -> list[str]:
    """Return the names of what lies in a directory."""
    return sorted(each.name for each in directory.iterdir())


async def asked(dsn: str, *questions: str) -> list[str]:
    """Return all rows that questions have for an answer, in the order of their words."""
    connection = await asyncpg.connect(dsn)
    try:
        return sorted([str(tuple(row)) for each in questions for row in await connection.fetch(each)])
    finally:
        await connection.close()


async def rows_of(dsn: str) -> list[str]:
    """Return every row of every table, but for those that a restore writes."""
    connection = await asyncpg.connect(dsn)
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    await connection.close()
    return await asked(dsn, *(f'TABLE "{table}"' for table in tables))


async def test_everything_comes_back_and_stays_stopped(
    used: World,
    admin_url: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, head = tmp_path / "dump", str(await used.chain.head())
    assert await run(monkeypatch, admin_url, "backup", str(file)) == 0
    assert f"head {head}" in capsys.readouterr().out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await run(monkeypatch, database_url, "restore", str(file)) == 0
    said = capsys.readouterr().out
    assert f"whole: 5 links read, head {head}" in said
    assert "/unfreeze instance" in said
    assert await rows_of(database_url) == await rows_of(admin_url)
    assert rules(await schema(database_url)) == rules(await schema(admin_url))
    stops = await asked(database_url, "SELECT scope, reason FROM freezes WHERE lifted_at IS NULL")
    assert stops == [str(("instance", f"{dumps.RESTORED}:5"))]


@pytest.mark.parametrize(("age_s", "forgotten"), [(30, False), (120, True)])
async def test_what_no_link_had_reached_when_an_old_backup_was_made_is_no_fault(
    used: World,
    admin: asyncpg.Connection,
    admin_url: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    age_s: int,
    forgotten: bool,
) -> None:
    """Links follow within a minute: what was younger in the backup may lack one, however old that is."""
    await used.post(2)
    await admin.execute("SET session_replication_role = replica")
    sixth = "UPDATE transfers SET posted_at = now() - interval '1 day' - $2::interval WHERE id = $1"
    await admin.execute(sixth, 6, timedelta(seconds=age_s))
    await admin.execute(sixth, 7, timedelta())
    await admin.execute("UPDATE transfers SET posted_at = now() - interval '2 days' WHERE id < 6")
    file = tmp_path / "dump"
    await run(monkeypatch, admin_url, "backup", str(file))
    await run(monkeypatch, database_url, "restore", str(file))
    said = capsys.readouterr().out
    assert ("transfer_unchained at no link, transfer 6" in said) is forgotten
    assert "transfer 7" not in said


async def test_roles_may_do_there_what_they_may_do_here(
    used: World,
    admin_url: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "dump"
    await run(monkeypatch, admin_url, "backup", str(file))
    await run(monkeypatch, database_url, "restore", str(file))
    rights = await asked(admin_url, _RIGHTS)
    assert len(rights) > 200
    assert await asked(database_url, _RIGHTS) == rights


async def test_a_database_with_anything_in_it_is_left_alone(
    used: World,
    admin_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "dump"
    await run(monkeypatch, admin_url, "backup", str(file))
    before = await rows_of(admin_url)
    assert await run(monkeypatch, admin_url, "restore", str(file)) == 1
    assert "is not empty" in capsys.readouterr().err
    assert await rows_of(admin_url) == before


async def test_a_file_that_ends_early_restores_nothing(
    used: World,
    admin_url: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "dump"
    await run(monkeypatch, admin_url, "backup", str(file))
    whole = file.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 200):
        file.write_bytes(whole[:length])
        assert await run(monkeypatch, database_url, "restore", str(file)) == 1
        assert "Nothing was restored. pg_restore failed" in capsys.readouterr().err
        connection = await asyncpg.connect(database_url)
        assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relname = 'transfers'") == 0
        await connection.close()


async def test_what_cannot_be_backed_up_leaves_no_file(
    used: World,
    admin_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = tmp_path / "there"
    there.write_text("something dear")
    assert await run(monkeypatch, admin_url, "backup", str(there)) == 1
    assert "exists already" in capsys.readouterr().err
    assert there.read_text() == "something dear"
    monkeypatch.setenv(dumps.BIN, str(tmp_path))
    assert await run(monkeypatch, admin_url, "backup", str(tmp_path / "new")) == 1
    assert "pg_dump was not found" in capsys.readouterr().err
    assert names_in(tmp_path) == ["there"]


async def test_one_who_may_not_read_everything_backs_up_nothing(
    used: World,
    url_of: Callable[[Role], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(monkeypatch, url_of(Role.WEB), "backup", str(tmp_path / "dump")) == 1
    assert "Nothing was backed up. pg_dump failed" in capsys.readouterr().err
    assert names_in(tmp_path) == []
