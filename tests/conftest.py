"""What every test may ask for: a database of its own on a real Postgres."""

import asyncio
import importlib
import itertools
import os
import re
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest

from adapters.db.grants import Role
from adapters.db.roles import Names, undecided
from adapters.db.store import PostgresStore
from sandbox.postgres import Postgres, create_database, drop_database, start_postgres
from tests.assurance import FAILED, assure, forget, report
from tests.memory import in_memory
from tests.vectors import OWN, vectors_file

__all__ = ["assure"]  # a fixture

TEMPLATE = "template_migrated"

# No test depends on how busy the machine is.
hypothesis.settings.register_profile(
    "unhurried",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unhurried")

os.environ.setdefault("MRMARKET_BUILD", "tests")  # who edits the sources while tests run stays deployed

_numbers = itertools.count(1)

_OVER_AND_OVER = re.compile("at_(any|every)_boundary|at_any_port_call|dies_(at_any|anywhere)|thousand")
"""Tests that go through the same lines again and again, which others look at closely."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """Give one throw-away cluster per test process, without durability."""
    with in_memory() as state:
        server = start_postgres(state, durable=False)
        yield server
        server.stop()


@pytest.fixture
def database_url(cluster: Postgres) -> Iterator[str]:
    """Give the address of an empty database."""
    yield from _fresh(cluster, None)


@pytest.fixture(scope="session")
def template(cluster: Postgres) -> str:
    """Make one database with all migrations applied, to be copied, and give its name."""
    return make_template(cluster)


@pytest.fixture
def admin_url(cluster: Postgres, template: str) -> Iterator[str]:
    """Give the address of a migrated database (a copy, made in 50 ms) for one whom no right holds back."""
    yield from _fresh(cluster, template)


@pytest.fixture
def url_of(admin_url: str, cluster: Postgres) -> Callable[[Role], str]:
    """Give the addresses of the same database for each role."""
    database = admin_url.rpartition("/")[2]
    return lambda role: cluster.url(database, Names().of(role))


@pytest.fixture
def migrated_url(url_of: Callable[[Role], str]) -> str:
    """Give the address of a database with all migrations applied, for the role of bot and workers."""
    return url_of(Role.APP)


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[PostgresStore]:
    """Give a connected store on a migrated database of its own, with the rights of bot and workers."""
    async with PostgresStore(migrated_url) as store:
        yield store


@pytest.fixture
async def admin(admin_url: str) -> AsyncIterator[Any]:
    """Give a connection to the same database that may do everything: to plant what the program cannot."""
    connection = await asyncpg.connect(admin_url)
    yield connection
    await connection.close()


def make_template(cluster: Postgres) -> str:
    """Make the database that tests copy, and return its name."""
    asyncio.run(_migrate(create_database(cluster, TEMPLATE), cluster.password))
    return TEMPLATE


async def _migrate(database_url: str, password: str) -> None:
    migrate = importlib.import_module("adapters.db.migrate").migrate
    await migrate(database_url, passwords=dict.fromkeys(Role, password))
    connection = await asyncpg.connect(database_url)
    forgotten = await undecided(connection)
    await connection.close()
    assert forgotten == [], "say in adapters/db/grants.py who may use these, or nobody can"


def _fresh(cluster: Postgres, template: str | None) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    yield create_database(cluster, name, template)
    drop_database(cluster, name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys, in all processes but one: they take longest, and wait while others compute.

    No coverage is measured where that costs minutes and tells nothing.
    """
    journeys = [item for item in items if item.get_closest_marker("journey")]
    others = [item for item in items if not item.get_closest_marker("journey")]
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    lanes, size = max(1, processes - 1), -(-len(items) // processes)  # each begins with so many in a row
    items.clear()
    for lane in range(lanes):
        mine = journeys[lane::lanes]
        items += mine + others[: max(0, size - len(mine))]
        del others[: max(0, size - len(mine))]
    items += others
    for item in items:
        if _OVER_AND_OVER.search(item.name):
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember on a test that it failed, for what is written down when it is over."""
    made = yield
    if made.failed:
        item.stash[FAILED] = True
    return made


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget the notes of an earlier run; only the process that starts the others does."""
    if not hasattr(session.config, "workerinput"):
        forget()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write ``reports/assurance.json`` of what has been noted."""
    if not hasattr(session.config, "workerinput"):
        report()


def pytest_report_header() -> str:
    """Say which known answers of the Mixin protocol are used."""
    note = " (our own small set: the shared one was not found)" if vectors_file() == OWN else ""
    return f"mixin vectors: {vectors_file().name}{note}"


@pytest.fixture
def root() -> Path:
    """Give the project's root directory."""
    return Path(__file__).parent.parent
