"""What the ledger promises, in memory and in Postgres."""

from decimal import Decimal

import pytest

from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.ledger.model import (
    SIDE_OF,
    Account,
    AccountKind,
    Balance,
    Cause,
    Hold,
    Posting,
    Side,
    Transfer,
    available,
    mixin,
    own,
    run,
    venue,
)
from domain.money import ZERO, Coin, Token
from domain.ports.ledger import Ledger
from tests.fakes.ledger import FakeLedger
from tests.simulation.day.ledger import DayLedger

USDT, BTC = Coin("USDT"), Coin("BTC")
ALICE, BOB = UserId("0c2f7b6e-0000-4000-8000-00000000a11c"), UserId("0c2f7b6e-0000-4000-8000-000000000b0b")
BINANCE = VenueAccountName("binance-1")
DOLLARS = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), USDT, "Ethereum")
WALLET, VENUE = mixin(DOLLARS), venue(BINANCE, USDT)
PURSE, RUN = available(ALICE, USDT), run(RunId("run-1"), BINANCE, USDT)
INVENTORY = own(AccountKind.INVENTORY, USDT)


@pytest.fixture
def fake_ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def postgres_ledger(store: PostgresStore) -> PostgresLedger:
    return PostgresLedger(store)


@pytest.fixture
def day_ledger() -> DayLedger:
    return DayLedger()


@pytest.fixture(params=["fake", "day", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    kept: Ledger = request.getfixturevalue(f"{request.param}_ledger")
    return kept


def move(number: int, source: Account, destination: Account, amount: str, kind: str = "move") -> Transfer:
    return Transfer(Cause(kind, str(number)), (Posting(source, destination, Decimal(amount)),))


def deposit(number: int, amount: str, user: UserId = ALICE) -> Transfer:
    return move(number, WALLET, available(user, USDT), amount, "deposit")


def promise(number: int, amount: str, account: Account = PURSE) -> Hold:
    return Hold(Cause("withdrawal", str(number)), account, Decimal(amount))


async def total(ledger: Ledger, account: Account) -> Decimal:
    return (await ledger.balance(account)).total


async def test_posting_moves_both_balances_in_the_direction_of_their_sides(ledger: Ledger) -> None:
    assert await ledger.post(deposit(1, "100"))
    assert await total(ledger, WALLET) == 100
    assert await total(ledger, PURSE) == 100
    assert await ledger.post(move(1, PURSE, WALLET, "30.000000000000000001"))
    assert await total(ledger, WALLET) == Decimal("69.999999999999999999")
    assert await total(ledger, PURSE) == Decimal("69.999999999999999999")


async def test_what_causes_have_made_is_found_again(ledger: Ledger) -> None:
    moves = [deposit(1, "100"), move(1, PURSE, available(BOB, USDT), "30.5"), move(2, PURSE, INVENTORY, "1")]
    await ledger.post(moves[0])
    await ledger.post_all(moves[1:])
    causes = [moves[1].cause, Cause("move", "7"), moves[0].cause]
    found = await ledger.find_all(causes)
    assert [(each, each.fingerprint) for each in found] == [(each, each.fingerprint) for each in moves[:2]]
    assert await ledger.find_all([]) == []


async def test_cause_posts_once(ledger: Ledger) -> None:
    assert await ledger.post(deposit(1, "100"))
    assert not await ledger.post(deposit(1, "100.00"))
    assert await total(ledger, PURSE) == 100


async def test_cause_with_other_contents_is_a_broken_invariant(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "100"))
    with pytest.raises(InvariantBroken, match="cause_has_other_contents"):
        await ledger.post(deposit(1, "101"))
    with pytest.raises(InvariantBroken, match="cause_has_other_contents"):
        await ledger.post_all([deposit(2, "1"), deposit(1, "100", BOB)])
    assert await total(ledger, WALLET) == 100


async def test_same_id_of_another_kind_is_another_cause(ledger: Ledger) -> None:
    assert await ledger.post(move(1, WALLET, PURSE, "1", "deposit"))
    assert await ledger.post(move(1, WALLET, PURSE, "1", "refund"))


async def test_post_all_counts_what_was_made_now_even_with_repeats_inside(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "1"))
    assert await ledger.post_all([deposit(2, "2"), deposit(1, "1"), deposit(2, "2"), deposit(3, "4")]) == 2
    assert await total(ledger, PURSE) == 7
    assert await ledger.post_all([]) == 0


async def test_post_all_with_contradicting_repeats_posts_nothing(ledger: Ledger) -> None:
    with pytest.raises(InvariantBroken, match="cause_has_other_contents"):
        await ledger.post_all([deposit(1, "1"), deposit(1, "2")])
    assert await total(ledger, WALLET) == 0


async def test_post_all_posts_all_or_none(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    with pytest.raises(Refused, match="insufficient_funds"):
        await ledger.post_all([deposit(2, "1"), move(1, available(BOB, USDT), WALLET, "1")])
    assert await total(ledger, WALLET) == 10


async def test_post_all_is_judged_by_its_end(ledger: Ledger) -> None:
    assert await ledger.post_all([move(1, PURSE, INVENTORY, "5"), deposit(1, "5")]) == 2
    assert await total(ledger, PURSE) == 0


async def test_transfer_of_several_coins_and_postings_happens_whole(ledger: Ledger) -> None:
    bitcoin = venue(BINANCE, BTC)
    await ledger.post_all(
        [move(1, VENUE, INVENTORY, "50"), move(2, bitcoin, own(AccountKind.INVENTORY, BTC), "1")]
    )
    await ledger.post(move(3, INVENTORY, RUN, "50"))
    buy = Transfer(
        Cause("fill", "1"),
        (
            Posting(RUN, VENUE, Decimal(30)),
            Posting(bitcoin, run(RunId("run-1"), BINANCE, BTC), Decimal("0.001")),
            Posting(run(RunId("run-1"), BINANCE, BTC), own(AccountKind.VENUE_FEES, BTC), Decimal("0.000001")),
        ),
    )
    assert await ledger.post(buy)
    assert {coin: b.total for coin, b in (await ledger.balances(AccountKind.RUN, "run-1")).items()} == {
        BTC: Decimal("0.000999"),
        USDT: Decimal(20),
    }
    assert await total(ledger, bitcoin) == Decimal("1.001")


async def test_refusal_names_the_account_and_what_is_free(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    await ledger.hold(promise(1, "4"))
    with pytest.raises(Refused) as refusal:
        await ledger.post(move(1, PURSE, WALLET, "6.5"))
    assert refusal.value.code == "insufficient_funds"
    assert refusal.value.facts == {"account": f"available:{ALICE}:USDT", "available": "6"}


@pytest.mark.parametrize("kind", [k for k in AccountKind if k not in ("rounding", "external")])
async def test_guarded_account_never_falls_below_zero(ledger: Ledger, kind: AccountKind) -> None:
    owner = "" if SIDE_OF[kind] is Side.OWN else "somebody"
    account = Account(kind, owner, USDT, "binance-1" if kind == "run" else "")
    other = own(AccountKind.EXTERNAL, USDT)
    source, destination = (other, account) if SIDE_OF[kind] is Side.ASSET else (account, other)
    with pytest.raises(Refused, match="insufficient_funds"):
        await ledger.post(move(1, source, destination, "0.000000000000000001"))
    assert await ledger.balance(account) == Balance(ZERO, ZERO)


@pytest.mark.parametrize("kind", [AccountKind.ROUNDING, AccountKind.EXTERNAL])
async def test_unguarded_account_may_fall_below_zero(ledger: Ledger, kind: AccountKind) -> None:
    assert await ledger.post(move(1, own(kind, USDT), PURSE, "3"))
    assert await total(ledger, own(kind, USDT)) == -3
    with pytest.raises(InvariantBroken, match="store_refused"):
        await ledger.hold(promise(1, "1", own(kind, USDT)))


async def test_runs_never_claim_more_than_their_venue_account_has(ledger: Ledger) -> None:
    await ledger.post_all([deposit(1, "100"), move(1, VENUE, INVENTORY, "50")])
    assert await ledger.post(move(2, PURSE, RUN, "50"))
    other_run = run(RunId("run-2"), BINANCE, USDT)
    with pytest.raises(Refused) as refusal:
        await ledger.post(move(3, PURSE, other_run, "0.5"))
    assert refusal.value.code == "beyond_float"
    assert refusal.value.facts == {"account": "venue:binance-1:USDT", "missing": "0.5"}
    assert await ledger.post(move(4, RUN, PURSE, "10"))
    assert await ledger.post(move(5, PURSE, other_run, "0.5"))


async def test_venue_account_cannot_be_drained_below_what_runs_claim(ledger: Ledger) -> None:
    await ledger.post_all([deposit(1, "100"), move(1, VENUE, INVENTORY, "50"), move(2, PURSE, RUN, "40")])
    with pytest.raises(Refused, match="beyond_float"):
        await ledger.post(move(3, INVENTORY, VENUE, "11"))
    assert await ledger.post(move(4, INVENTORY, VENUE, "10"))


async def test_hold_promises_without_moving(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    assert await ledger.hold(promise(1, "4"))
    assert await ledger.balance(PURSE) == Balance(Decimal(10), Decimal(4))
    assert (await ledger.balance(PURSE)).free == 6
    with pytest.raises(Refused, match="insufficient_funds"):
        await ledger.hold(promise(2, "6.5"))
    assert await ledger.hold(promise(3, "6"))


async def test_hold_is_made_once_per_owner(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    assert await ledger.hold(promise(1, "4"))
    assert not await ledger.hold(promise(1, "4.0"))
    with pytest.raises(InvariantBroken, match="cause_has_other_contents"):
        await ledger.hold(promise(1, "5"))
    await ledger.release(promise(1, "4").owner)
    assert not await ledger.hold(promise(1, "4"))
    assert (await ledger.balance(PURSE)).held == 0


async def test_hold_all_holds_all_or_none(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    with pytest.raises(Refused, match="insufficient_funds"):
        await ledger.hold_all([promise(1, "6"), promise(2, "6")])
    assert (await ledger.balance(PURSE)).held == 0
    assert await ledger.hold_all([promise(1, "6"), promise(2, "4"), promise(1, "6")]) == 2
    assert (await ledger.balance(PURSE)).held == 10
    assert await ledger.hold_all([]) == 0


async def test_used_hold_shrinks_and_lets_its_part_be_spent(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    hold = promise(1, "10")
    await ledger.hold(hold)
    with pytest.raises(Refused, match="insufficient_funds"):
        await ledger.post(move(1, PURSE, WALLET, "3"))
    await ledger.use_hold(hold.owner, Decimal(3))
    assert await ledger.post(move(1, PURSE, WALLET, "3"))
    assert await ledger.balance(PURSE) == Balance(Decimal(7), Decimal(7))


async def test_hold_gives_only_what_it_has(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    hold = promise(1, "5")
    await ledger.hold(hold)
    for amount in ("5.000000000000000001", "0.0000000000000000001", "0", "-1"):
        with pytest.raises(InvariantBroken, match="hold_too_small"):
            await ledger.use_hold(hold.owner, Decimal(amount))
    await ledger.use_hold(hold.owner, Decimal(5))
    assert await ledger.release(hold.owner) == 0


async def test_released_hold_gives_back_once(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    hold = promise(1, "5")
    await ledger.hold(hold)
    await ledger.use_hold(hold.owner, Decimal(2))
    assert await ledger.release(hold.owner) == 3
    assert await ledger.release(hold.owner) == 0
    assert await ledger.balance(PURSE) == Balance(Decimal(10), ZERO)
    with pytest.raises(InvariantBroken, match="hold_too_small"):
        await ledger.use_hold(hold.owner, Decimal(1))


async def test_many_holds_are_released_once_all_or_none(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    one, two = promise(1, "5"), promise(2, "3")
    await ledger.hold_all([one, two])
    with pytest.raises(InvariantBroken, match="hold_unknown"):
        await ledger.release_all([one.owner, Cause("withdrawal", "never")])
    assert await ledger.balance(PURSE) == Balance(Decimal(10), Decimal(8))
    assert await ledger.release_all([]) == 0
    await ledger.release(two.owner)
    assert await ledger.release_all([one.owner, two.owner]) == 1
    assert await ledger.balance(PURSE) == Balance(Decimal(10), ZERO)


async def test_balances_of_many_are_each_ones_own(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "10"))
    await ledger.hold(promise(1, "4"))
    found = await ledger.balances_of(PURSE.kind, [PURSE.owner, "nobody"])
    assert found == {PURSE.owner: {PURSE.coin: Balance(Decimal(10), Decimal(4))}, "nobody": {}}


async def test_unknown_hold_is_a_broken_invariant(ledger: Ledger) -> None:
    with pytest.raises(InvariantBroken, match="hold_unknown"):
        await ledger.release(Cause("withdrawal", "never"))
    with pytest.raises(InvariantBroken, match="hold_unknown"):
        await ledger.use_hold(Cause("withdrawal", "never"), Decimal(1))


async def test_amount_finer_than_the_ledger_is_a_broken_invariant(ledger: Ledger) -> None:
    await ledger.post(deposit(1, "1.000000000000000000000"))
    with pytest.raises(InvariantBroken, match="posting_malformed"):
        await ledger.post(deposit(2, "0.0000000000000000001"))
    with pytest.raises(InvariantBroken, match="posting_malformed"):
        await ledger.hold(promise(1, "0.0000000000000000001"))


async def test_balances_of_an_owner_come_by_coin_whatever_the_venue(ledger: Ledger) -> None:
    elsewhere = VenueAccountName("binance-2")
    await ledger.post_all(
        [
            move(1, VENUE, RUN, "5"),
            move(2, venue(elsewhere, USDT), run(RunId("run-1"), elsewhere, USDT), "2"),
            move(3, venue(BINANCE, BTC), run(RunId("run-1"), BINANCE, BTC), "1"),
        ]
    )
    assert await ledger.balances(AccountKind.RUN, "run-1") == {
        BTC: Balance(Decimal(1), ZERO),
        USDT: Balance(Decimal(7), ZERO),
    }
    assert await ledger.balances(AccountKind.RUN, "run-9") == {}
    assert await ledger.balance(available(BOB, USDT)) == Balance(ZERO, ZERO)
