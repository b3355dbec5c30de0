"""What links and visits promise, on the fake and on the real thing, where the pages have the least rights."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.db.grants import Role
from adapters.db.pages import PostgresPageLinks, PostgresVisits, WebDatabase
from adapters.db.store import PostgresStore
from domain.errors import Unavailable
from domain.ids import UserId
from domain.ports.pages import PageLink, PageLinkStore, Purpose, Visitor, VisitStore
from domain.services.confirmations import hash_of
from tests.fakes.clock import FakeClock
from tests.fakes.pages import FakePageLinks

ALICE, BOB = UserId("00000000-0000-4000-8000-00000000000a"), UserId("00000000-0000-4000-8000-00000000000b")


@dataclass
class Doors:
    """Both sides of links, and how time passes for them."""

    links: PageLinkStore
    visits: VisitStore
    now: Callable[[], datetime]
    let_pass: Callable[[timedelta], Awaitable[None]]
    freeze: Callable[[UserId], Awaitable[None]]

    async def give(self, who: UserId, name: str) -> None:
        """Give somebody a link of this name."""
        now = self.now()
        link = PageLink(hash_of(name), who, Purpose.RUN, "/runs/1", now, now + timedelta(minutes=5))
        await self.links.add(link, now - timedelta(days=1))

    async def opens(self, name: str, visit: str, purpose: str = "run") -> str | None:
        """Open a link as a visit."""
        return await self.visits.open(hash_of(name), purpose, hash_of(visit))

    async def goes_on(self, visit: str) -> UserId | None:
        """Return who visits."""
        visitor = await self.visits.visitor(hash_of(visit))
        return visitor.user_id if visitor else None


@pytest.fixture
def fake_doors() -> Doors:
    clock = FakeClock()
    links = FakePageLinks(clock)

    async def let_pass(span: timedelta) -> None:
        clock.advance(span.total_seconds())

    async def freeze(who: UserId) -> None:
        links.frozen_at[who] = clock.now()

    return Doors(links, links, clock.now, let_pass, freeze)


@pytest.fixture
async def web(url_of: Callable[[Role], str]) -> AsyncIterator[WebDatabase]:
    database = WebDatabase(url_of(Role.WEB))
    yield database
    await database.close()


@pytest.fixture
async def postgres_doors(store: PostgresStore, admin: Any, web: WebDatabase) -> Doors:
    await admin.execute("INSERT INTO users (user_id, language) VALUES ($1, 'en'), ($2, 'zh')", ALICE, BOB)

    async def let_pass(span: timedelta) -> None:
        await admin.execute(
            "UPDATE page_links SET created_at = created_at - $1::interval, expires_at = expires_at - $1, "
            "began_at = began_at - $1, seen_at = seen_at - $1",
            span,
        )

    async def freeze(who: UserId) -> None:
        await admin.execute(
            "INSERT INTO freezes (scope, reason, created_at) VALUES ('user:' || $1::text, 'by_hand', now())",
            who,
        )

    return Doors(PostgresPageLinks(store), PostgresVisits(web), lambda: datetime.now(UTC), let_pass, freeze)


@pytest.fixture(params=["fake", "postgres"])
def doors(request: pytest.FixtureRequest) -> Doors:
    made: Doors = request.getfixturevalue(f"{request.param}_doors")
    return made


async def test_life_of_links_and_visits(doors: Doors) -> None:
    """One story, since a database costs more than a step of it."""
    for name in ("a", "b", "c", "d", "e"):
        await doors.give(ALICE, name)
    await doors.give(BOB, "bob")
    assert await doors.opens("unknown", "v") is None
    assert await doors.opens("a", "v", "history") is None
    opened = await asyncio.gather(*(doors.opens("a", f"v{n}") for n in range(4)))
    assert sorted(opened, key=str) == ["/runs/1", None, None, None], "of four who tap at once one gets in"
    mine = next(f"v{n}" for n, target in enumerate(opened) if target)
    assert await doors.goes_on(mine) == ALICE
    assert await doors.goes_on("v9") is None
    assert await doors.opens("bob", "vb") == "/runs/1"
    assert [len(await doors.links.visits(who)) for who in (ALICE, BOB)] == [1, 1]
    await doors.visits.end(hash_of(mine))
    await doors.visits.end(hash_of(mine))
    assert (await doors.goes_on(mine), await doors.goes_on("vb")) == (None, BOB)

    assert await doors.opens("b", "idle") == "/runs/1"
    await doors.let_pass(timedelta(minutes=14))
    assert await doors.opens("c", "late") is None, "it expired"
    assert await doors.goes_on("idle") == ALICE
    await doors.let_pass(timedelta(minutes=14))
    assert await doors.goes_on("idle") == ALICE, "it was heard of in between"
    await doors.let_pass(timedelta(minutes=16))
    assert await doors.goes_on("idle") is None

    await doors.give(ALICE, "f")
    assert await doors.opens("f", "long") == "/runs/1"
    for _ in range(34):
        await doors.let_pass(timedelta(minutes=14))
        assert await doors.goes_on("long") == ALICE
    await doors.let_pass(timedelta(minutes=5))
    assert await doors.goes_on("long") is None, "eight hours are over"

    await doors.give(ALICE, "g")
    await doors.give(ALICE, "h")
    assert await doors.opens("g", "worded") == "/runs/1"
    assert await doors.links.end_visits(ALICE) == 1
    assert (await doors.goes_on("worded"), await doors.opens("h", "x")) == (None, None)

    await doors.give(BOB, "i")
    assert await doors.opens("i", "frozen") == "/runs/1"
    await doors.freeze(BOB)
    assert await doors.goes_on("frozen") is None
    await doors.let_pass(timedelta(seconds=1))
    await doors.give(BOB, "j")
    assert await doors.opens("j", "after") == "/runs/1"
    assert await doors.goes_on("after") == BOB, "who is frozen may still look"


async def test_pages_see_the_language_of_the_chat_and_survive_the_database(
    postgres_doors: Doors, web: WebDatabase, admin: Any
) -> None:
    await postgres_doors.give(BOB, "bob")
    assert await postgres_doors.opens("bob", "v") == "/runs/1"
    ended = await admin.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'mrmarket pages'"
    )
    assert ended == 1
    with contextlib.suppress(Unavailable):  # the first to ask may find a connection that is lost
        await postgres_doors.goes_on("v")
    assert await postgres_doors.visits.visitor(hash_of("v")) == Visitor(BOB, "zh")
