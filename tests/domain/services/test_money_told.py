"""What people are told of their money: to whom, once for which cause, and each word's facts."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken
from domain.ids import AssetId
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, own
from domain.payouts import inputs
from domain.payouts.model import Purpose
from domain.services.payouts import LOOKED_UP_ENOUGH, STUCK_AFTER
from domain.services.withdrawals import Outlook, WithdrawalStatus
from tests.domain.services.money_books import Told
from tests.domain.services.money_world import ALICE, IN_MEMORY, OWNER, USDT, MoneyWorld
from tests.fakes.wallet import BOT, Fault

pytestmark = IN_MEMORY

SHINY = AssetId("5417e000-0000-4000-8000-000000000001")
IN_USDT = {"coin": "USDT", "network": "Ethereum"}


async def test_a_deposit_is_told_by_its_output(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "25.50")
    await world.process().deposits.collect()
    assert await world.told(ALICE) == [
        Told("deposit_credited", output.output_id, {**IN_USDT, "amount": "25.5"})
    ]


async def test_float_is_told_to_the_owner(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(OWNER, USDT.asset_id, "500", memo="float")
    await world.process().deposits.collect()
    assert await world.told(OWNER) == [Told("float_added", output.output_id, {**IN_USDT, "amount": "500"})]


async def test_what_cannot_be_credited_is_told_with_its_asset_and_the_reason(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, SHINY, "7")
    await world.process().deposits.collect()
    facts = {"asset_id": SHINY, "amount": "7", "reason": "asset_unknown"}
    assert await world.told(ALICE) == [Told("payment_unwanted", output.output_id, facts)]


async def test_small_payments_are_told_once_an_hour_and_when_they_add_up(world: MoneyWorld) -> None:
    for amount in ("0.25", "0.25"):
        await world.give(ALICE, amount)
    world.clock.advance(3600)
    await world.give(ALICE, "0.25")
    enough = world.wallet.pay_in(ALICE, USDT.asset_id, "0.25")
    await world.process().deposits.collect()
    small = {**IN_USDT, "minimum": "1"}
    assert await world.told(ALICE) == [
        Told("payment_small", f"small:{USDT.asset_id}:2026-03-01T09", {**small, "amount": "0.25"}),
        Told("payment_small", f"small:{USDT.asset_id}:2026-03-01T10", {**small, "amount": "0.75"}),
        Told("deposit_added_up", enough.output_id, {**IN_USDT, "amount": "1"}),
    ]
    kept, cause = own(AccountKind.SUSPENSE, USDT.coin), Cause("added_up", enough.output_id)
    credited = Transfer(cause, (Posting(kept, available(ALICE, USDT.coin), Decimal(1)),))
    assert await world.books.ledger.find_all([cause]) == [credited]


async def test_the_owner_is_told_which_output_changed_and_what_is_stopped(world: MoneyWorld) -> None:
    await world.give(ALICE, "10")
    changed = world.wallet.outputs[0]
    world.wallet.outputs[0] = replace(changed, immutable_hash="other")
    with pytest.raises(InvariantBroken, match="output_changed"):
        await world.process().deposits.collect()
    now, why = world.clock.now(), f"output_changed:{changed.output_id}:other"
    [freeze] = await world.process().freezes.list(OWNER)
    assert (freeze.scope, freeze.reason, freeze.created_at) == (USDT.asset_id, why, now)
    stopped = Told("payouts_frozen", f"{why}:{now.isoformat()}", {"scope": USDT.asset_id, "reason": why})
    assert await world.told(OWNER) == [stopped]


async def test_a_paid_withdrawal_is_told_with_its_transaction(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await world.settle()
    [payout] = await world.books.made()
    facts = {"coin": "USDT", "amount": "39.96", "transaction_hash": payout.transaction_hash}
    assert (await world.told(ALICE))[1:] == [Told("withdrawal_sent", f"withdrawal:{payout_id}", facts)]


async def test_a_refused_withdrawal_is_told_with_the_whole_amount(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    world.wallet.unregistered.add(ALICE)
    payout_id = await world.request(ALICE, "40")
    await world.settle()
    facts = {"coin": "USDT", "amount": "40", "reason": "receiver_unregistered"}
    assert (await world.told(ALICE))[1:] == [Told("withdrawal_refused", f"withdrawal:{payout_id}", facts)]


async def test_a_withdrawal_that_waits_is_told_once_and_its_owner_what_is_missing(world: MoneyWorld) -> None:
    await world.give(ALICE, "1000")
    await world.lend("970")
    first = await world.request(ALICE, "500")
    second = await world.request(ALICE, "400")
    for _ in range(3):
        await world.round()
        world.clock.advance(31)
    waits = {"coin": "USDT"}
    assert (await world.told(ALICE))[1:] == [
        Told("withdrawal_waiting", f"withdrawal:{first}", {**waits, "amount": "500", "place": "1"}),
        Told("withdrawal_waiting", f"withdrawal:{second}", {**waits, "amount": "400", "place": "2"}),
    ]
    [short] = await world.told(OWNER)
    assert short == Told(
        "float_short",
        f"float_short:{USDT.asset_id}:2026-03-01T09",
        {**IN_USDT, "missing": "469.5", "count": "1"},
    )


async def test_stopped_payouts_are_told_once_to_the_owner_and_to_who_waits(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    going = await world.request(ALICE, "40")
    process = world.process()
    await process.payouts.advance(going)
    [taken] = await world.books.reserved()
    world.wallet.steal(taken)
    for _ in range(LOOKED_UP_ENOUGH):
        await process.payouts.drive(going)
    with pytest.raises(InvariantBroken, match="spent_elsewhere"):
        await process.payouts.drive(going)
    now, why = world.clock.now(), f"spent_elsewhere:{going}"
    stopped = Told("payouts_frozen", f"{why}:{now.isoformat()}", {"scope": "wallet", "reason": why})
    assert await world.told(OWNER) == [stopped]
    for _ in range(3):
        world.clock.advance(31)
        await process.payouts.drive(going)
        assert (await world.notices(ALICE))[1:] == ["withdrawal_frozen"]
    stands = Told("withdrawal_frozen", f"withdrawal:{going}", {"coin": "USDT", "amount": "40"})
    assert (await world.told(ALICE))[1:] == [stands]


async def test_what_is_tried_for_minutes_is_told_to_who_waits_and_to_the_owner(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    going = await world.request(ALICE, "40")
    process = world.process()
    await process.payouts.advance(going)
    world.wallet.faults["build"] += [Fault.DOWN] * (STUCK_AFTER + 1)
    for tries in range(1, STUCK_AFTER + 2):
        await process.payouts.drive(going)
        [status] = await process.withdrawals.status(ALICE)
        outlook = Outlook.STUCK if tries >= STUCK_AFTER else Outlook.NOW
        assert [status] == [WithdrawalStatus(await world.books.payouts.get(going), 0, outlook)]
        assert len(await world.told(OWNER)) == int(tries >= STUCK_AFTER)
    stuck = Told("withdrawal_stuck", f"withdrawal:{going}", {"coin": "USDT", "amount": "40"})
    assert (await world.told(ALICE))[1:] == [stuck]
    why = {"coin": "USDT", "amount": "40", "id": going, "reason": "mixin_down"}
    assert await world.told(OWNER) == [Told("payout_stuck", "payout_stuck:mixin_down:2026-03-01T09", why)]
    await world.settle()
    assert await world.states() == ["done"]


async def test_a_merge_that_is_tried_for_minutes_is_told_to_the_owner_alone(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_INPUTS", 2)
    for _ in range(3):
        await world.give(ALICE, "10")
    process = world.process()
    await process.payouts.advance(await world.request(ALICE, "30"))
    merge = next(p for p in await world.books.made() if p.purpose is Purpose.CONSOLIDATION)
    world.wallet.faults["build"] += [Fault.DOWN] * STUCK_AFTER
    for _ in range(STUCK_AFTER):
        await process.payouts.drive(merge.id)
    assert (await world.notices(BOT), await world.notices(OWNER)) == ([], ["payout_stuck"])


async def test_a_refund_is_told_as_one(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, SHINY, "7")
    process = world.process()
    await process.deposits.collect()
    _, token = await process.refunds.ask(ALICE, SHINY)
    refund = await process.refunds.request(ALICE, SHINY, token)
    await world.settle()
    [payout] = await world.books.made()
    facts = {"coin": SHINY, "amount": "7", "transaction_hash": payout.transaction_hash}
    assert (await world.told(ALICE))[1:] == [Told("refund_sent", f"refund:{refund.id}", facts)]


async def test_a_refund_that_cannot_be_paid_is_told_as_one(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, SHINY, "7")
    world.wallet.unregistered.add(ALICE)
    process = world.process()
    await process.deposits.collect()
    _, token = await process.refunds.ask(ALICE, SHINY)
    refund = await process.refunds.request(ALICE, SHINY, token)
    await world.settle()
    facts = {"coin": SHINY, "amount": "7", "reason": "receiver_unregistered"}
    assert (await world.told(ALICE))[1:] == [Told("refund_refused", f"refund:{refund.id}", facts)]
