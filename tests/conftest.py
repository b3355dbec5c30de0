"""What every test may ask for: a database of its own on a real Postgres."""

import asyncio
import importlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.db.store import PostgresStore
from sandbox.postgres import Postgres, create_database, drop_database, start_postgres
from tests.vectors import OWN, vectors_file

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Give one throw-away cluster per test process, without durability."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    yield server
    server.stop()


@pytest.fixture
def database_url(cluster: Postgres) -> Iterator[str]:
    """Give the address of an empty database."""
    yield from _fresh(cluster, None)


@pytest.fixture(scope="session")
def template(cluster: Postgres) -> str:
    """Make one database with all migrations applied, to be copied, and give its name."""
    migrate = importlib.import_module("adapters.db.migrate").migrate
    asyncio.run(migrate(create_database(cluster, "template_migrated")))
    return "template_migrated"


@pytest.fixture
def migrated_url(cluster: Postgres, template: str) -> Iterator[str]:
    """Give the address of a database with all migrations applied: a copy, made in 50 ms."""
    yield from _fresh(cluster, template)


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[PostgresStore]:
    """Give a connected store on a migrated database of its own."""
    async with PostgresStore(migrated_url) as store:
        yield store


def _fresh(cluster: Postgres, template: str | None) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    yield create_database(cluster, name, template)
    drop_database(cluster, name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys: they take longest, and wait while other tests compute."""
    items.sort(key=lambda item: item.get_closest_marker("journey") is None)


def pytest_report_header() -> str:
    """Say which known answers of the Mixin protocol are used."""
    note = " (our own small set: the shared one was not found)" if vectors_file() == OWN else ""
    return f"mixin vectors: {vectors_file().name}{note}"


@pytest.fixture
def root() -> Path:
    """Give the project's root directory."""
    return Path(__file__).parent.parent
