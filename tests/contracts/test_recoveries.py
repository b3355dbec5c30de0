"""What is kept of attempts to bring runs back, in memory and in Postgres (AN10, AN12)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from adapters.db.recoveries import PostgresRecoveries
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken
from domain.ids import RunId, VenueAccountName
from domain.ports.recoveries import Attempt, Outcome, Recoveries
from tests.domain.services.trading_world import World
from tests.fakes.recoveries import FakeRecoveries
from tests.fakes.time import START

ACCOUNT = VenueAccountName("fake-1")


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give the addresses of a database for us and for one whom no right holds back, or none."""
    if request.param == "memory":
        return "", ""
    return request.getfixturevalue("migrated_url"), request.getfixturevalue("admin_url")


@pytest.fixture
async def place(urls: tuple[str, str]) -> AsyncIterator[tuple[Recoveries, list[RunId], Any]]:
    """Give where attempts are kept, two runs, and one whom no right holds back."""
    ours, owners = urls
    if not ours:
        yield FakeRecoveries(), [RunId("one"), RunId("two")], None
        return
    async with PostgresStore(ours) as store:
        world = World(store)
        await world.person(BTC="0.02", USDT="1000")
        await world.rounds(world.worker(), 3)
        runs = [await world.start("0.01", "500") for _ in range(2)]
        admin = await asyncpg.connect(owners)
        yield PostgresRecoveries(store), [run.id for run in runs], admin
        await admin.close()


async def test_an_attempt_is_open_once_and_ends_once(place: tuple[Recoveries, list[RunId], Any]) -> None:
    kept, (one, two), admin = place
    first, other = Attempt(one, ACCOUNT, 3, START), Attempt(two, ACCOUNT, 3, START)
    await kept.begin([])
    await kept.begin([first, other])
    assert await kept.open(ACCOUNT) == [first, other]
    assert await kept.open(VenueAccountName("another")) == []
    assert await kept.tally(ACCOUNT, START) == {None: 2}
    with pytest.raises(InvariantBroken):
        await kept.begin([first])
    later = START + timedelta(seconds=2)
    await kept.end(one, Outcome.RESUMED, "", later)
    await kept.end(two, Outcome.ASKED, "recovery_by_hand", later)
    with pytest.raises(InvariantBroken):
        await kept.end(one, Outcome.ASKED, "", later)
    assert await kept.open(ACCOUNT) == []
    assert await kept.tally(ACCOUNT, START) == {Outcome.RESUMED: 1, Outcome.ASKED: 1}
    await kept.begin([Attempt(one, ACCOUNT, 4, later)])
    if admin:
        for wrong in (
            "outcome = 'asked' WHERE outcome = 'resumed'",
            "ended_at = NULL, outcome = NULL WHERE outcome = 'asked'",
        ):
            with pytest.raises(Exception, match="change_refused"):
                await admin.execute(f"UPDATE recoveries SET {wrong}")  # noqa: S608 - constants


async def test_what_was_brought_back_is_counted_until_it_is_old_or_forgiven(
    place: tuple[Recoveries, list[RunId], Any],
) -> None:
    kept, (one, two), _ = place
    for n, outcome in enumerate((Outcome.RESUMED, Outcome.RESUMED, Outcome.STOPPED)):
        at = START + timedelta(minutes=n)
        await kept.begin([Attempt(one, ACCOUNT, n + 1, at)])
        await kept.end(one, outcome, "", at)
    await kept.begin([Attempt(two, ACCOUNT, 9, START)])
    before = START - timedelta(seconds=1)
    assert dict(await kept.resumed([one, two], before)) == {one: 2}
    assert dict(await kept.resumed([one, two], START)) == {one: 1}
    assert dict(await kept.resumed([two], before)) == {}
    await kept.forgive([one])
    assert dict(await kept.resumed([one, two], before)) == {}
