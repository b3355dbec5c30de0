"""Fees, rule by rule: a posting each, by the version that binds, told with what is left (FE1-FE4)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.fees import NOTICE, FeeKind, Schedule, ServiceFee
from domain.ids import UserId
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, own, pending
from domain.payouts.model import Payout, PayoutState
from domain.services.payouts import NOT_COVERED
from tests.domain.services.money_books import Told
from tests.domain.services.money_world import ALICE, BOB, IN_MEMORY, OWNER, USDT, MoneyWorld
from tests.refusals import refused

pytestmark = IN_MEMORY

IN_USDT = {"coin": "USDT", "network": "Ethereum"}
WALLET, FEES = mixin(USDT), own(AccountKind.FEES, USDT.coin)
KEPT = own(AccountKind.SUSPENSE, USDT.coin)
HOUR = timedelta(hours=1)


async def charge(
    world: MoneyWorld, deposit: int, withdrawal: int = 10, after: timedelta = timedelta(0)
) -> None:
    """Let the next version hold, from now or later; what comes in is made now from here on."""
    version = len(await world.books.fees.schedules()) + 1
    at = world.clock.now() + after
    await world.books.fees.add(Schedule(version, deposit, withdrawal, 0, at, "owner"))
    world.wallet.at = world.clock.now()


def pass_by(world: MoneyWorld, span: timedelta) -> None:
    """Let time pass, for Mixin too."""
    world.clock.advance(span.total_seconds())
    world.wallet.at = world.clock.now()


async def noted(world: MoneyWorld, user_id: UserId = ALICE) -> list[tuple[FeeKind, Decimal]]:
    """Return what a person was charged so far."""
    return [(paid.kind, paid.amount) for paid in await world.books.fees.paid_by(user_id)]


# Coming in.


async def test_a_deposit_is_booked_less_its_fee_and_told_with_both(world: MoneyWorld) -> None:
    await charge(world, 50)
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "100")
    await world.process().deposits.collect()
    cause = Cause("deposit", output.output_id)
    assert await world.books.ledger.find_all([cause]) == [
        Transfer(
            cause,
            (
                Posting(WALLET, available(ALICE, USDT.coin), Decimal("99.5")),
                Posting(WALLET, FEES, Decimal("0.5")),
            ),
        )
    ]
    fee = ServiceFee(FeeKind.DEPOSIT, cause, 2, ALICE, "", USDT.coin, Decimal(100), Decimal("0.5"))
    assert world.books.fees.rows.fees == {cause: fee}
    facts = {**IN_USDT, "amount": "100", "fee": "0.5", "receives": "99.5"}
    assert await world.told(ALICE) == [Told("deposit_credited", output.output_id, facts)]
    await world.check()


async def test_what_is_not_final_is_charged_when_it_is(world: MoneyWorld) -> None:
    await charge(world, 50)
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "100", at=world.clock.now())
    await world.process().deposits.collect()
    assert await noted(world) == []
    world.wallet.settle(output.request_id)
    await world.process().deposits.collect()
    waits, cause = pending(ALICE, USDT.coin), Cause("deposit", output.output_id)
    assert await world.books.ledger.find_all([cause]) == [
        Transfer(
            cause,
            (
                Posting(waits, available(ALICE, USDT.coin), Decimal("99.5")),
                Posting(waits, FEES, Decimal("0.5")),
            ),
        )
    ]
    assert await noted(world) == [(FeeKind.DEPOSIT, Decimal("0.5"))]
    await world.check()


async def test_small_payments_are_charged_as_one_when_they_add_up(world: MoneyWorld) -> None:
    await charge(world, 50)
    await world.give(ALICE, "0.6")
    assert await noted(world) == []
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "0.6")
    await world.process().deposits.collect()
    cause = Cause("added_up", output.output_id)
    assert await world.books.ledger.find_all([cause]) == [
        Transfer(
            cause,
            (
                Posting(KEPT, available(ALICE, USDT.coin), Decimal("1.194")),
                Posting(KEPT, FEES, Decimal("0.006")),
            ),
        )
    ]
    fee = ServiceFee(FeeKind.DEPOSIT, cause, 2, ALICE, "", USDT.coin, Decimal("1.2"), Decimal("0.006"))
    assert world.books.fees.rows.fees == {cause: fee}
    facts = {**IN_USDT, "amount": "1.2", "fee": "0.006", "receives": "1.194"}
    assert (await world.told(ALICE))[1:] == [Told("deposit_added_up", output.output_id, facts)]
    await world.check()


@pytest.mark.parametrize("amount", ["0.6", "100"])
async def test_what_was_paid_before_a_change_pays_the_rate_of_its_moment(
    world: MoneyWorld, amount: str
) -> None:
    await charge(world, 0)
    await charge(world, 50, after=HOUR)
    world.wallet.pay_in(ALICE, USDT.asset_id, amount)
    world.wallet.pay_in(ALICE, USDT.asset_id, amount)
    pass_by(world, 2 * HOUR)
    await world.process().deposits.collect()
    assert await noted(world) == []


async def test_what_waits_to_add_up_does_not_become_dearer(world: MoneyWorld) -> None:
    await charge(world, 0)
    await world.give(ALICE, "0.6")
    await charge(world, 50, after=HOUR)
    pass_by(world, 2 * HOUR)
    await world.give(ALICE, "0.6")
    assert await noted(world) == []
    assert await world.free(ALICE) == Decimal("1.2")


@pytest.mark.parametrize(
    ("payer", "amount", "after", "free"),
    [
        (ALICE, "100", timedelta(hours=24), "100"),
        (ALICE, "100", timedelta(hours=24, seconds=1), "99.5"),
        (ALICE, "100.00000001", timedelta(hours=24), "99.5"),
        (BOB, "100", timedelta(hours=24), "99.5"),
    ],
)
async def test_a_link_keeps_its_rate_for_a_day_to_its_person_and_amount(
    world: MoneyWorld, payer: UserId, amount: str, after: timedelta, free: str
) -> None:
    await charge(world, 0)
    at = world.process().deposits
    intent = await at.open(ALICE, USDT.asset_id, Decimal(100))
    assert (intent.fee_version, await at.fee_of(intent)) == (2, Decimal(0))
    await charge(world, 50, after=HOUR)
    pass_by(world, after)
    dearer = await at.open(ALICE, USDT.asset_id, Decimal(100))
    assert (dearer.fee_version, await at.fee_of(dearer)) == (3, Decimal("0.5"))
    world.wallet.pay_in(payer, USDT.asset_id, amount, request_id=intent.trace)
    await at.collect()
    assert await world.free(payer) == Decimal(free)


async def test_a_rate_that_fell_since_is_paid_instead_of_the_one_shown(world: MoneyWorld) -> None:
    await charge(world, 50)
    intent = await world.process().deposits.open(ALICE, USDT.asset_id, Decimal(100))
    await charge(world, 20, after=HOUR)
    pass_by(world, HOUR)
    world.wallet.pay_in(ALICE, USDT.asset_id, "100", request_id=intent.trace)
    await world.process().deposits.collect()
    assert await noted(world) == [(FeeKind.DEPOSIT, Decimal("0.2"))]
    [fee] = world.books.fees.rows.fees.values()
    assert fee.version == 3


async def test_float_and_what_is_kept_aside_cost_nothing(world: MoneyWorld) -> None:
    await charge(world, 50)
    output = world.wallet.pay_in(OWNER, USDT.asset_id, "80", memo="float")
    world.wallet.pay_in(ALICE, USDT.asset_id, "0.5")
    await world.process().deposits.collect()
    assert [await world.own(AccountKind.INVENTORY), await world.own(AccountKind.SUSPENSE)] == [
        Decimal(80),
        Decimal("0.5"),
    ]
    assert await world.told(OWNER) == [Told("float_added", output.output_id, {**IN_USDT, "amount": "80"})]
    assert world.books.fees.rows.fees == {}


# Going out.


async def test_a_withdrawal_pays_what_was_quoted_by_the_version_it_was_quoted_by(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await charge(world, 0, 100)
    await world.settle()
    [payout] = await world.books.made()
    assert (payout.fee, payout.fee_version) == (Decimal("0.04"), 1)
    cause = Cause("withdrawal", payout_id)
    fee = ServiceFee(FeeKind.WITHDRAWAL, cause, 1, ALICE, "", USDT.coin, Decimal(40), Decimal("0.04"))
    assert world.books.fees.rows.fees == {cause: fee}
    quote = await world.process().withdrawals.quote(ALICE, USDT.asset_id, Decimal(40))
    assert (quote.fee, quote.fee_version) == (Decimal("0.4"), 2)
    await world.check()


async def test_a_quote_of_a_version_that_has_passed_costs_no_confirmation(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    at = world.process().withdrawals
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(10))
    token = await at.confirm(ALICE, quote)
    await charge(world, 0, 10)
    with refused("quote_expired"):
        await at.request(quote, ALICE, token)
    assert not await world.process().confirmations.is_used(ALICE, token)


# What was earned, to the owner.


async def earn(world: MoneyWorld) -> Payout:
    """Let Alice's withdrawal bring 1 USDT of fees, and the owner take it."""
    await world.give(ALICE, "1000")
    await world.request(ALICE, "1000")
    await world.settle()
    at = world.process().takings
    amount, token = await at.ask(OWNER, USDT.asset_id, None)
    return await at.announce(OWNER, USDT.asset_id, amount, token, "tap")


async def test_fees_are_paid_when_their_day_has_come_and_told(world: MoneyWorld) -> None:
    taking = await earn(world)
    assert (taking.amount, taking.due_at) == (Decimal(1), world.clock.now() + NOTICE)
    assert taking.id not in await world.process().withdrawals.due()
    pass_by(world, NOTICE)
    await world.settle()
    paid = await world.books.payouts.get(taking.id)
    facts = {"coin": "USDT", "amount": "1", "transaction_hash": paid.transaction_hash}
    assert (await world.told(OWNER))[1:] == [Told("fees_taken", f"fees:{taking.id}", facts)]
    assert await world.own(AccountKind.FEES) == 0
    assert (await world.balance(FEES)).held == 0
    cause = Cause("fees", taking.id)
    assert await world.books.ledger.find_all([cause]) == [
        Transfer(cause, (Posting(FEES, WALLET, Decimal(1)),))
    ]


async def test_fees_that_cannot_be_paid_stay_earned(world: MoneyWorld) -> None:
    taking = await earn(world)
    world.wallet.unregistered.add(OWNER)
    pass_by(world, NOTICE)
    await world.settle()
    facts = {"coin": "USDT", "amount": "1", "reason": "receiver_unregistered"}
    assert (await world.told(OWNER))[1:] == [Told("fees_taking_refused", f"fees:{taking.id}", facts)]
    assert (await world.balance(FEES)).free == 1


@pytest.mark.parametrize(
    ("owed", "state"), [("0", PayoutState.RESERVED), ("0.00000001", PayoutState.WAITING)]
)
async def test_fees_wait_while_mixin_would_hold_less_than_is_owed(
    world: MoneyWorld, owed: str, state: PayoutState
) -> None:
    await world.give(BOB, "500")
    taking = await earn(world)
    if Decimal(owed):  # somebody is owed more than before, and nothing came in for it
        more = Posting(own(AccountKind.ROUNDING, USDT.coin), available(BOB, USDT.coin), Decimal(owed))
        await world.books.ledger.post(Transfer(Cause("test", "more"), (more,)))
    pass_by(world, NOTICE)
    said = await world.process().payouts.advance(taking.id)
    waits = await world.books.payouts.get(taking.id)
    assert waits.state is state
    if state is PayoutState.WAITING:
        assert said == f"fees:{taking.id} stays waiting: at place 1, fees_not_covered"
        assert waits.reason == NOT_COVERED
        assert await world.notices(OWNER) == ["fees_taking_announced"]


async def test_fees_stand_behind_everybody_who_waits(world: MoneyWorld) -> None:
    """Bob asked a day later than the owner, and for more than is there: what gathers is his."""
    taking = await earn(world)
    pass_by(world, NOTICE)
    await world.give(BOB, "2000")
    lent = world.wallet.outputs[-1]
    world.wallet.steal(lent.output_id)
    await world.books.strike(lent.output_id)
    waits = await world.request(BOB, "2000")
    process = world.process()
    await process.payouts.advance(waits)
    pass_by(world, timedelta(hours=6))
    said = await process.payouts.advance(taking.id)
    assert said == f"fees:{taking.id} stays waiting: at place 2, float_too_small"
    [status] = await process.withdrawals.status(BOB)
    assert status.place == 1
