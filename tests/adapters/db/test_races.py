"""Many at once: what one balance can pay is paid, and not a unit more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from decimal import Decimal

import pytest

from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.ledger.model import Account, Cause, Hold, Posting, Transfer, available, mixin, run, venue
from domain.money import Coin, Token

USDT = Coin("USDT")
WALLET = mixin(Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), USDT, "Ethereum"))
ALICE, BOB = available(UserId("alice"), USDT), available(UserId("bob"), USDT)
BINANCE = VenueAccountName("binance-1")
CONNECTIONS = 8

Deed = Callable[[], Awaitable[object]]


@pytest.fixture
async def ledger(store: PostgresStore) -> AsyncIterator[PostgresLedger]:
    """Give a ledger in which Alice and Bob have 100 each, and look at it in the end."""
    ledger = PostgresLedger(store)
    await ledger.post_all([deposit(1, "100"), deposit(2, "100", BOB)])
    yield ledger
    assert await ledger.faults() == []


def deposit(number: int, amount: str, to: Account = ALICE) -> Transfer:
    return Transfer(Cause("deposit", str(number)), (Posting(WALLET, to, Decimal(amount)),))


def withdrawal(number: int, amount: str) -> Transfer:
    return Transfer(Cause("withdrawal", str(number)), (Posting(ALICE, WALLET, Decimal(amount)),))


async def race(deeds: Iterable[Deed]) -> int:
    """Do all deeds, as many at once as there are connections; return how many were not refused."""
    waiting = iter(list(deeds))

    async def one_after_another() -> int:
        done = 0
        for deed in waiting:
            with suppress(Refused):
                done += bool(await deed())
        return done

    return sum(await asyncio.gather(*(one_after_another() for _ in range(CONNECTIONS))))


async def test_thousand_withdrawals_of_one_balance_pay_what_it_has(ledger: PostgresLedger) -> None:
    deeds = [lambda n=n: ledger.post(withdrawal(n, "0.3")) for n in range(1000)]
    assert await race(deeds) == 333
    assert (await ledger.balance(ALICE)).total == Decimal("0.1")
    assert (await ledger.balance(WALLET)).total == Decimal("100.1")


async def test_holds_and_withdrawals_share_one_balance(ledger: PostgresLedger) -> None:
    holds = [lambda n=n: ledger.hold(Hold(Cause("order", str(n)), ALICE, Decimal(1))) for n in range(100)]
    posts = [lambda n=n: ledger.post(withdrawal(n, "1")) for n in range(100)]
    both = [deed for pair in zip(holds, posts, strict=True) for deed in pair]
    assert await race(both) == 100
    balance = await ledger.balance(ALICE)
    assert balance.free == 0
    assert balance.held > 0


async def test_one_cause_raced_is_posted_once(ledger: PostgresLedger) -> None:
    assert await race([lambda: ledger.post(deposit(9, "5"))] * 50) == 1
    assert (await ledger.balance(ALICE)).total == 105


async def test_one_hold_raced_ends_once(ledger: PostgresLedger) -> None:
    owner = Cause("order", "1")
    assert await race([lambda: ledger.hold(Hold(owner, ALICE, Decimal(7)))] * 20) == 1
    assert await race([lambda: ledger.release(owner)] * 20) == 1
    assert (await ledger.balance(ALICE)).held == 0


async def test_runs_started_at_once_share_the_float(ledger: PostgresLedger) -> None:
    there = venue(BINANCE, USDT)
    await ledger.post(Transfer(Cause("opening", "1"), (Posting(there, BOB, Decimal(10)),)))

    def start(number: int) -> Deed:
        claim = run(RunId(f"run-{number}"), BINANCE, USDT)
        return lambda: ledger.post(
            Transfer(Cause("start", str(number)), (Posting(ALICE, claim, Decimal(3)),))
        )

    assert await race(start(number) for number in range(20)) == 3


async def test_new_accounts_are_opened_once(ledger: PostgresLedger) -> None:
    claims = [run(RunId(f"run-{number % 3}"), BINANCE, Coin("BTC")) for number in range(60)]
    deeds = [
        lambda n=n, claim=claim: ledger.post(
            Transfer(Cause("open", str(n)), (Posting(venue(BINANCE, Coin("BTC")), claim, Decimal(1)),))
        )
        for n, claim in enumerate(claims)
    ]
    assert await race(deeds) == 60


async def test_transactions_that_cross_each_other_both_happen(
    ledger: PostgresLedger, store: PostgresStore
) -> None:
    tries: list[str] = []
    both_began = asyncio.Barrier(2)

    async def promise(name: str, accounts: tuple[Account, Account]) -> None:
        tries.append(name)
        is_first_try = tries.count(name) == 1
        await ledger.hold(Hold(Cause(name, "first"), accounts[0], Decimal(1)))
        if is_first_try:
            await both_began.wait()
        await ledger.hold(Hold(Cause(name, "second"), accounts[1], Decimal(1)))

    await asyncio.gather(
        store.run(lambda: promise("there", (ALICE, BOB))), store.run(lambda: promise("back", (BOB, ALICE)))
    )
    assert len(tries) == 3
    assert [(await ledger.balance(account)).held for account in (ALICE, BOB)] == [2, 2]
