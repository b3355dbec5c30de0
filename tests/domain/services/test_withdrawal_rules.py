"""Withdrawals, rule by rule: what is refused and why, what is written down, when it is tried again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.ids import AssetId, WithdrawalId, request_id
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, own
from domain.payouts.model import Payout, PayoutState, Purpose
from domain.services.payouts import FLOAT_TOO_SMALL, wait_after
from domain.services.withdrawals import DUE_AT_ONCE
from tests.domain.services.money_world import ALICE, BOB, IN_MEMORY, USDT, MoneyWorld
from tests.fakes.wallet import Fault
from tests.refusals import refused

pytestmark = IN_MEMORY

STRANGE = AssetId("9999508b-91c5-375b-92b0-ee702ed29999")
SECOND = timedelta(seconds=1)


async def only(world: MoneyWorld) -> Payout:
    """Return the one payout there is."""
    [payout] = await world.books.made()
    return payout


# Asking.


@pytest.mark.parametrize(
    ("amount", "code", "facts"),
    [
        ("100.00000001", "insufficient_funds", {"available": "100"}),
        ("0.5", "amount_too_small", {"minimum": "1"}),
        ("0.00000001", "amount_too_small", {"minimum": "0.00000002"}),
        ("-1", "amount_not_positive", {}),
        ("1.000000001", "amount_too_precise", {"places": 8}),
    ],
)
async def test_a_refusal_says_what_would_do(
    world: MoneyWorld, amount: str, code: str, facts: dict[str, object]
) -> None:
    await world.give(ALICE, "100")
    with refused(code, **facts):
        await world.process().withdrawals.quote(ALICE, USDT.asset_id, Decimal(amount))


async def test_who_has_nothing_or_asks_for_what_we_do_not_know_is_refused(world: MoneyWorld) -> None:
    at = world.process().withdrawals
    with refused("insufficient_funds", available="0"):
        await at.quote(ALICE, USDT.asset_id, Decimal(1))
    with refused("token_unknown", asset_id=STRANGE):
        await at.quote(ALICE, STRANGE, Decimal(1))


async def test_the_minimum_itself_and_all_there_is_can_be_taken(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    at = world.process().withdrawals
    for amount in ("1", "100"):
        quote = await at.quote(ALICE, USDT.asset_id, Decimal(amount))
        assert (quote.token, quote.amount, quote.receives) == (
            USDT,
            Decimal(amount),
            Decimal(amount) * Decimal("0.999"),
        )


async def test_what_is_finer_than_mixin_can_pay_stays(world: MoneyWorld) -> None:
    """A person may have more places than Mixin moves; of dust alone there is nothing to take."""
    kept = own(AccountKind.ROUNDING, USDT.coin)
    for number, (who, amount) in enumerate(((ALICE, "2.000000001"), (BOB, "0.000000009"))):
        given = Posting(kept, available(who, USDT.coin), Decimal(amount))
        await world.books.ledger.post(Transfer(Cause("test", str(number)), (given,)))
    at = world.process().withdrawals
    assert (await at.quote(ALICE, USDT.asset_id, None)).amount == 2
    assert [balance.coin for balance in await at.choices(ALICE)] == [USDT.coin]
    assert await at.choices(BOB) == []
    with refused("insufficient_funds", available="0"):
        await at.quote(BOB, USDT.asset_id, None)


async def test_a_request_writes_down_what_was_confirmed(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    now = world.clock.now()
    payout = await only(world)
    assert payout == Payout(
        payout_id,
        Purpose.WITHDRAWAL,
        ALICE,
        USDT,
        Decimal(40),
        Decimal("0.04"),
        PayoutState.REQUESTED,
        now,
        now,
        fee_version=1,
        request_id=payout.request_id,
    )
    guesses = {request_id(payout.purpose, payout.id), payout.id, request_id(payout.id)}
    assert payout.request_id not in guesses, "who can name it takes the name before us"
    assert await world.funds(ALICE) == ("60", "40")


async def test_a_quote_of_another_fee_has_expired_and_costs_no_confirmation(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    at = world.process().withdrawals
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(10))
    token = await at.confirm(ALICE, quote)
    for other in (replace(quote, fee=Decimal("0.011")), replace(quote, fee_version=2)):
        with refused("quote_expired"):
            await at.request(other, ALICE, token)
    await at.request(quote, ALICE, token)


async def test_what_was_taken_back_says_so_and_nothing_else(world: MoneyWorld) -> None:
    await world.give(ALICE, "1000")
    await world.lend("970")
    waiting = await world.request(ALICE, "500")
    process = world.process()
    await process.payouts.advance(waiting)
    before = await only(world)
    assert before.reason == FLOAT_TOO_SMALL
    with refused("withdrawal_unknown", id=waiting):
        await process.withdrawals.cancel(BOB, waiting)
    with refused("withdrawal_unknown", id="none"):
        await process.withdrawals.cancel(ALICE, WithdrawalId("none"))
    cancelled = await process.withdrawals.cancel(ALICE, waiting)
    assert cancelled == replace(before, state=PayoutState.CANCELLED, reason="") == await only(world)
    with refused("withdrawal_under_way"):
        await process.withdrawals.cancel(ALICE, waiting)


async def test_a_refund_cannot_be_taken_back_as_a_withdrawal(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, STRANGE, "7")
    process = world.process()
    await process.deposits.collect()
    _, token = await process.refunds.ask(ALICE, STRANGE)
    refund = await process.refunds.request(ALICE, STRANGE, token)
    with refused("withdrawal_unknown", id=refund.id):
        await process.withdrawals.cancel(ALICE, refund.id)
    [status] = await process.withdrawals.status(ALICE)
    assert not status.can_be_cancelled


async def test_a_hundred_are_due_at_once_and_no_more(world: MoneyWorld) -> None:
    await world.give(ALICE, "1000")
    ids = [await world.request(ALICE, "1") for _ in range(DUE_AT_ONCE + 1)]
    assert await world.process().withdrawals.due() == sorted(ids)[:DUE_AT_ONCE]


# Waiting.


async def test_what_waits_for_money_is_looked_at_every_second(world: MoneyWorld) -> None:
    await world.give(ALICE, "1000")
    await world.lend("970")
    waits = await world.request(ALICE, "500")
    process = world.process()
    for _ in range(3):
        said = await process.payouts.advance(waits)
        assert said == f"withdrawal:{waits} stays waiting: at place 1, float_too_small"
        now = world.clock.now()
        payout = await only(world)
        assert (payout.state, payout.reason) == (PayoutState.WAITING, FLOAT_TOO_SMALL)
        assert (payout.due_at, payout.attempts) == (now + SECOND, 0)
        assert await process.withdrawals.due() == []
        world.clock.advance(1)
        assert await process.withdrawals.due() == [waits]


@pytest.mark.parametrize("call", ["build", "sign", "find"])
async def test_without_an_answer_it_is_tried_later_and_later_and_then_at_once(
    world: MoneyWorld, call: str
) -> None:
    await world.give(ALICE, "100")
    going = await world.request(ALICE, "40")
    process = world.process()
    world.wallet.faults[call] += [Fault.DOWN] * 3
    for tries in range(3):
        assert (await process.payouts.drive(going)).endswith(": mixin_down")
        payout = await only(world)
        assert payout.attempts == tries + 1
        assert payout.due_at == world.clock.now() + wait_after(tries)
        world.clock.advance(60)
    stuck = payout.state
    await process.payouts.advance(going)
    payout = await only(world)
    assert payout.state is not stuck
    assert (payout.attempts, payout.due_at) == (0, world.clock.now())
