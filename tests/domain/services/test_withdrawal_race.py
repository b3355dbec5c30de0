"""A thousand withdrawals at once, through all of the service: one balance pays what it has (WD6)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from adapters.db.ledger import PostgresLedger
from domain.errors import Refused
from domain.payouts.fees import WithdrawalQuote
from domain.services.withdrawals import WithdrawalService
from tests.domain.services.money_world import ALICE, BOB, USDT, MoneyWorld, money_world

pytestmark = pytest.mark.database

CONNECTIONS = 8
WITHDRAWALS = 1_000
BALANCE, AMOUNT = Decimal(100), Decimal(9)


@pytest.fixture
async def world(migrated_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url) as made:
        yield made


async def test_thousand_withdrawals_of_one_balance_through_the_service(world: MoneyWorld) -> None:
    """All are confirmed while there is money for each: the promise must refuse, not the quote before it."""
    await world.give(ALICE, str(BALANCE))
    await world.give(BOB, "7")
    people = [world.process().withdrawals for _ in range(CONNECTIONS)]
    quote = await people[0].quote(ALICE, USDT.asset_id, AMOUNT)
    tokens = iter([await people[0].confirm(ALICE, quote) for _ in range(WITHDRAWALS)])

    async def ask(at: WithdrawalService) -> Counter[str]:
        said: Counter[str] = Counter()
        for token in tokens:
            said[await answer(at, quote, token)] += 1
        return said

    said = sum(await asyncio.gather(*map(ask, people)), Counter[str]())
    paid = int(BALANCE // AMOUNT)
    assert said == {"promised": paid, "insufficient_funds": WITHDRAWALS - paid}
    assert await world.funds(ALICE) == ("1", "99")
    assert await world.funds(BOB) == ("7", "0")
    assert await connections(world) == CONNECTIONS
    assert await PostgresLedger(world.store).faults() == []
    await world.settle(rounds=30)
    assert await world.states() == ["done"] * paid
    assert world.wallet.paid[ALICE, USDT.asset_id] == paid * quote.receives
    assert await PostgresLedger(world.store).faults() == []
    await world.check()


async def answer(at: WithdrawalService, quote: WithdrawalQuote, token: str) -> str:
    """Ask for a withdrawal; return what was said."""
    try:
        await at.request(quote, ALICE, token)
    except Refused as refused:
        return refused.code
    return "promised"


async def connections(world: MoneyWorld) -> int:
    """Return how many connections our side has to its database."""
    mine = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND usename = user"
    return int((await world.store.fetch(mine))[0]["n"])
