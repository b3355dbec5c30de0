"""The worker process on the sandbox's Mixin: books, pays, beats, and survives being killed."""

import asyncio
import random
import signal
from collections.abc import Awaitable
from decimal import Decimal

import pytest

from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import AccountKind, available, mixin, own
from domain.money import Coin
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin
from tests.workers.conftest import Factory

pytestmark = pytest.mark.database

COIN = Coin("USDT")


async def user_of(mixin: Mixin, name: str) -> UserId:
    people = (await mixin.get("people"))["people"]
    return UserId(next(person["user_id"] for person in people if person["name"] == name))


async def wallet_of(mixin: Mixin, name: str) -> Decimal:
    balances = (await mixin.get(f"people/{name}/wallet"))["balances"]
    return Decimal(next(b["amount"] for b in balances if b["asset_id"] == USDT))


async def free(factory: Factory, user_id: UserId) -> Decimal:
    return (await factory.world.ledger.balance(available(user_id, COIN))).free


async def request(factory: Factory, user_id: UserId, amount: str) -> WithdrawalId:
    at = factory.money.withdrawals
    quote = await at.quote(user_id, AssetId(USDT), Decimal(amount))
    return await at.request(quote, user_id, await at.confirm(user_id, quote))


async def books_agree(factory: Factory) -> bool:
    """Tell whether the ledger and the wallet hold the same."""
    for token in factory.world.tokens.list():
        booked = (await factory.world.ledger.balance(mixin(token))).total
        outputs = await factory.world.wallet.outputs_from(0)
        if booked != sum(o.amount for o in outputs if o.asset_id == token.asset_id and not o.spent):
            return False
    return await factory.world.ledger.faults() == []


async def words_of(factory: Factory) -> dict[str, str]:
    """Return what is wrong with each part of what workers do, by their own word."""
    rows = await factory.world.store.fetch("SELECT part, stuck FROM progress WHERE process = 'workers'")
    return {row["part"]: row["stuck"] for row in rows}


async def speaks_for_the_wallet(factory: Factory) -> bool:
    return await words_of(factory) == {"": "", "wallet": ""}


async def all_done(factory: Factory) -> bool:
    rows = await factory.world.store.fetch("SELECT count(*) AS open FROM payouts WHERE state <> 'done'")
    return bool(rows[0]["open"] == 0)


async def test_a_worker_books_pays_beats_and_ends_when_told(factory: Factory, mixin: Mixin) -> None:
    alice = await user_of(mixin, "Alice")
    worker = await factory.start()
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="25", memo="")
    await factory.until(lambda: _is(free(factory, alice), Decimal(25)))
    had = await wallet_of(mixin, "Alice")
    await request(factory, alice, "10")
    await factory.world.alarm.wake("payouts")
    await factory.until(lambda: all_done(factory))
    await factory.until(lambda: books_agree(factory))
    assert await wallet_of(mixin, "Alice") == had + Decimal("9.99")
    assert (await factory.world.ledger.balance(own(AccountKind.FEES, COIN))).total == Decimal("0.01")
    await factory.until(lambda: speaks_for_the_wallet(factory))
    assert await factory.stop(worker) == 0
    assert await words_of(factory) == {}, "who ends as told leaves nothing behind that looks dead"


async def test_workers_killed_at_random_moments_pay_and_credit_once(factory: Factory, mixin: Mixin) -> None:
    dice = random.Random(7)
    alice, had = await user_of(mixin, "Alice"), await wallet_of(mixin, "Alice")
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="100", memo="")
    await mixin.settled()
    await factory.money.deposits.collect()
    for _ in range(5):
        await mixin.post("people/Alice/transfer", asset_id=USDT, amount="20", memo="")
        await request(factory, alice, "7")
        await request(factory, alice, "8")
        worker = await factory.start(ready=True)
        await asyncio.sleep(dice.uniform(0, 0.5))
        await factory.stop(worker, signal.SIGKILL)
    await asyncio.gather(factory.start(), factory.start())
    await factory.until(lambda: all_done(factory), 60)
    await factory.until(lambda: _is(free(factory, alice), Decimal(100 + 5 * (20 - 7 - 8))))
    await factory.until(lambda: books_agree(factory))
    assert await wallet_of(mixin, "Alice") == had - 200 + 5 * Decimal("14.985")
    rows = await factory.world.store.fetch(
        "SELECT kind, count(*) AS n FROM outbox WHERE user_id = $1 GROUP BY kind", alice
    )
    assert {row["kind"]: row["n"] for row in rows} == {"deposit_credited": 6, "withdrawal_sent": 10}


async def test_a_worker_without_redis_still_pays(factory: Factory, mixin: Mixin) -> None:
    alice = await user_of(mixin, "Alice")
    factory.env["MRMARKET_REDIS_URL"] = "redis://127.0.0.1:1/0"
    await factory.start()
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="5", memo="")
    await factory.until(lambda: _is(free(factory, alice), Decimal(5)))


async def test_a_worker_that_cannot_begin_says_why(factory: Factory) -> None:
    factory.env["MRMARKET_DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nothing"
    worker = await factory.start()
    assert await asyncio.wait_for(worker.wait(), 30) == 1
    assert "store_unavailable" in factory.log.read_text()


async def _is(asked: Awaitable[Decimal], wanted: Decimal) -> bool:
    return await asked == wanted
