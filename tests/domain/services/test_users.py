"""People: the language they are answered in, and what they have."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from adapters.db.ledger import PostgresLedger
from domain.errors import Refused
from domain.ids import RunId, VenueAccountName
from domain.ledger.model import Cause, Posting, Transfer, available, mixin, run, venue
from domain.ports.users import User
from domain.services.user_balance import CoinBalance
from domain.services.users import language_of
from tests.domain.services.money_world import ALICE, BOB, USDT, MoneyWorld, money_world

VENUE = VenueAccountName("binance-1")


@pytest.fixture
async def world(migrated_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "language"),
    [("hi", "en"), ("", "en"), ("你好", "zh"), ("deposit 存款", "zh"), ("こんにちは", "en"), ("𠀋", "zh")],
)
def test_the_first_text_tells_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.database
async def test_a_person_keeps_their_language_until_they_change_it(world: MoneyWorld) -> None:
    users = world.process().users
    assert await users.ensure(ALICE, "你好") == User(ALICE, "zh")
    assert await users.ensure(ALICE, "hello") == User(ALICE, "zh")
    await users.set_language(ALICE, "en")
    assert await users.ensure(ALICE, "你好") == User(ALICE, "en")


@pytest.mark.database
async def test_a_person_never_seen_may_choose_a_language(world: MoneyWorld) -> None:
    await world.process().users.set_language(BOB, "zh")
    assert await world.process().users.ensure(BOB, "hi") == User(BOB, "zh")


@pytest.mark.database
async def test_a_language_we_do_not_speak_is_refused(world: MoneyWorld) -> None:
    with pytest.raises(Refused, match="language_unknown"):
        await world.process().users.set_language(ALICE, "fr")


@pytest.mark.database
async def test_a_balance_shows_what_is_free_promised_and_at_work(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, "30")
    await world.process().users.ensure(ALICE, "hi")
    await world.store.execute("INSERT INTO venue_accounts (name, venue) VALUES ($1, 'binance')", VENUE)
    await world.store.execute(
        """
        INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version, state,
                          base_start, quote_start, started_at)
        VALUES ('run-1', $1, 1, $2, 'BTC', 'USDT', 'pure_market_making', 'calm', 1, 'running', 0, 20, now())
        """,
        ALICE,
        VENUE,
    )
    work = run(RunId("run-1"), VENUE, USDT.coin)
    there = Posting(venue(VENUE, USDT.coin), mixin(USDT), Decimal(20))
    await PostgresLedger(world.store).post(Transfer(Cause("test", "moved"), (there,)))
    started = Posting(available(ALICE, USDT.coin), work, Decimal(20))
    await PostgresLedger(world.store).post(Transfer(Cause("test", "started"), (started,)))
    assert await world.process().balances.of(ALICE) == [
        CoinBalance(USDT.coin, available=Decimal(50), held=Decimal(30), in_runs=Decimal(20))
    ]
    assert await world.process().balances.of(BOB) == []
