"""Migrations make what is written down, once, and the models know it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tortoise import Tortoise

from adapters.db.config import APP, connection_of
from adapters.db.migrate import LOCATION, migrate
from adapters.db.store import PostgresStore
from domain.ledger.model import SIDE_OF, UNGUARDED
from migrations import state
from tests.adapters.db.schema import WRITTEN, schema

FILES = sorted(LOCATION.glob(f"{APP}/[0-9]*.py"), key=lambda path: int(path.name.split("_")[0]))


async def test_empty_database_becomes_what_is_written_down(database_url: str) -> None:
    assert await migrate(database_url) == [path.name for path in FILES]
    assert (await schema(database_url)).splitlines() == WRITTEN.read_text().splitlines(), (
        "read what changed, then run: .venv/bin/python -m tests.adapters.db.schema"
    )


async def test_migrating_again_does_nothing(admin_url: str) -> None:
    assert await migrate(admin_url) == []


def test_processes_that_start_together_migrate_once(database_url: str, root: Path) -> None:
    command = [sys.executable, "-m", "adapters.db.migrate"]
    environment = {**os.environ, "MRMARKET_DATABASE_URL": database_url}
    running = [
        subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(said, key=len) == [["the schema is up to date"]] * 2 + [
        [f"applied {path.name}" for path in FILES]
    ]


def test_command_without_an_address_says_what_to_set(root: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MRMARKET_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "adapters.db.migrate"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Set MRMARKET_DATABASE_URL" in done.stderr


async def test_newest_migration_knows_the_models_as_they_are() -> None:
    assert FILES[-1] == state.newest()
    assert state.written(FILES[-1]) == await state.present(), (
        "the models changed: add a migration, then run .venv/bin/python -m migrations.state"
    )


async def test_models_have_their_columns(admin_url: str) -> None:
    async with PostgresStore(admin_url, connections=1) as store:
        for model in Tortoise.apps[APP].values():
            async with store.models():
                await model.all().limit(1)


@pytest.mark.parametrize(
    ("address", "connection"),
    [
        (
            "postgres://me:p%40ss@db.example:6543/books?sslmode=require",
            {
                "host": "db.example",
                "port": 6543,
                "user": "me",
                "password": "p@ss",
                "database": "books",
                "ssl": "require",
            },
        ),
        (
            "postgresql://",
            {"host": "127.0.0.1", "port": 5432, "user": "mrmarket", "password": None, "database": "mrmarket"},
        ),
    ],
)
def test_address_is_understood(address: str, connection: dict[str, object]) -> None:
    assert connection_of(address) == connection


def test_address_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with postgres://"):
        connection_of("mysql://localhost/x")


async def test_kinds_of_accounts_are_the_domains(store: PostgresStore) -> None:
    rows = await store.fetch("SELECT kind, side, guarded FROM account_kinds")
    assert {row["kind"]: (row["side"], row["guarded"]) for row in rows} == {
        kind.value: (side.value, kind not in UNGUARDED) for kind, side in SIDE_OF.items()
    }
