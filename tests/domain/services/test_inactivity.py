"""Who was away for long is reminded of what they have here, and keeps it (WI9)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.db.inactive import PostgresInactive
from domain.errors import Refused
from domain.services.auth import AuthService
from domain.services.inactivity import AFTER, InactivityService
from tests.domain.services.money_world import ALICE, BOB, BTC, OWNER, MoneyWorld, money_world

pytestmark = pytest.mark.database


@pytest.fixture
async def world(migrated_url: str, admin_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url, admin_url) as made:
        yield made


def reminding(world: MoneyWorld) -> InactivityService:
    """Return the use case, as a process that has just begun."""
    auth = AuthService(world.books.roles, world.books.audit, world.clock)
    inactive = PostgresInactive(world.store)
    return InactivityService(world.store, inactive, world.books.notices, world.clock, auth)


async def reminders(world: MoneyWorld) -> list[str]:
    """Return what Alice was told of what is hers."""
    told = await world.told(ALICE)
    return [notice.params["coins"] for notice in told if notice.kind == "you_were_away"]


async def test_who_was_away_for_long_is_reminded_once_in_each_period(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(ALICE, "0.5", BTC)
    world.clock.advance((AFTER - timedelta(days=1)).total_seconds())
    assert await reminding(world).remind() == "nobody has been away for long"
    world.clock.advance(timedelta(days=2).total_seconds())
    for _ in range(3):
        assert await reminding(world).remind() == "1 people have been away for long"
        world.clock.advance(timedelta(days=30).total_seconds())
    assert await reminders(world) == ["0.5 BTC, 100 USDT"]
    world.clock.advance(AFTER.total_seconds())
    await reminding(world).remind()
    assert len(await reminders(world)) == 2
    assert await world.funds(ALICE) == ("100", "0"), "nothing is ever taken"
    assert [each.user_id for each in await reminding(world).list(OWNER)] == [ALICE]
    with pytest.raises(Refused, match="not_allowed"):
        await reminding(world).list(ALICE)


async def test_a_sign_of_life_or_a_run_is_no_absence(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "100")
    world.clock.advance((AFTER + timedelta(days=1)).total_seconds())
    await world.request(ALICE, "10")
    await world.process().users.ensure(BOB, "hi")
    await world.store.execute("INSERT INTO venue_accounts (name, venue) VALUES ('v', 'binance')")
    await world.store.execute(
        """
        INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version, state,
                          base_start, quote_start, started_at)
        VALUES ('run-1', $1, 1, 'v', 'BTC', 'USDT', 'pure_market_making', 'calm', 1, 'running', 0, 20, $2)
        """,
        BOB,
        world.clock.now() - AFTER - timedelta(days=1),
    )
    assert await reminding(world).remind() == "nobody has been away for long"
