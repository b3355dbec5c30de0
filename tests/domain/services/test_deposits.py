"""Deposits, in memory and on Postgres: what comes in is credited once, to who sent it, or to nobody."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId
from domain.ledger.model import AccountKind
from domain.services.incoming import FLOAT_MEMO
from tests.domain.services.money_world import ALICE, BOB, BTC, ON_POSTGRES, OWNER, USDT, MoneyWorld
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.wallet import BOT, Fault

STRANGE = AssetId("9999508b-91c5-375b-92b0-ee702ed29999")


async def test_a_payment_is_credited_to_its_sender(world: MoneyWorld) -> None:
    await world.give(ALICE, "25.5")
    assert await world.free(ALICE) == Decimal("25.5")
    assert await world.notices(ALICE) == ["deposit_credited"]
    await world.check()


async def test_an_output_read_many_times_is_credited_once(world: MoneyWorld) -> None:
    await world.give(ALICE, "25")
    for _ in range(3):
        assert await world.process().deposits.collect() == "no new output"
    assert await world.free(ALICE) == 25
    assert await world.notices(ALICE) == ["deposit_credited"]


async def test_an_intent_is_paid_by_its_trace_and_whoever_pays_is_credited(world: MoneyWorld) -> None:
    deposits = world.process().deposits
    intent = await deposits.open(ALICE, USDT.asset_id, Decimal(10))
    assert f"trace={intent.trace}" in intent.pay_link
    world.wallet.pay_in(BOB, USDT.asset_id, "10", request_id=intent.trace)
    await deposits.collect()
    assert [await world.free(ALICE), await world.free(BOB)] == [Decimal(0), Decimal(10)]
    assert await world.books.paid_by(intent.id) == world.wallet.outputs[0].output_id


@pytest.mark.parametrize(
    ("asset_id", "amount", "code"),
    [
        (STRANGE, "10", "token_unknown"),
        (USDT.asset_id, "0.5", "amount_too_small"),
        (USDT.asset_id, "1.000000001", "amount_too_precise"),
        (USDT.asset_id, "0", "amount_not_positive"),
        (USDT.asset_id, "NaN", "amount_not_positive"),
    ],
)
async def test_an_intent_that_would_not_be_credited_is_refused(
    world: MoneyWorld, asset_id: AssetId, amount: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await world.process().deposits.open(ALICE, asset_id, Decimal(amount))
    assert refused.value.code == code


async def test_what_nobody_may_be_credited_for_is_kept_aside_and_answered(world: MoneyWorld) -> None:
    pay = world.wallet.pay_in
    pay(ALICE, STRANGE, "1000000000000000000000")
    pay(ALICE, USDT.asset_id, "0.1")
    pay(ALICE, USDT.asset_id, "5", inscription=True)
    pay(None, USDT.asset_id, "7")
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 0
    assert await world.own(AccountKind.SUSPENSE) == Decimal("12.1")
    assert await world.notices(ALICE) == ["payment_unwanted", "payment_small", "payment_unwanted"]
    await world.check()


async def test_the_owners_float_is_the_instances_own(world: MoneyWorld) -> None:
    world.wallet.pay_in(OWNER, USDT.asset_id, "500", memo=FLOAT_MEMO)
    world.wallet.pay_in(ALICE, USDT.asset_id, "3", memo=FLOAT_MEMO)
    await world.process().deposits.collect()
    assert await world.own(AccountKind.INVENTORY) == 500
    assert [await world.free(OWNER), await world.free(ALICE)] == [Decimal(0), Decimal(3)]
    assert await world.notices(OWNER) == ["float_added"]
    assert await world.notices(ALICE) == ["deposit_credited"]


async def test_a_payer_cannot_pass_off_a_payment_as_our_change(world: MoneyWorld) -> None:
    await world.give(ALICE, "10")
    payout_id = await world.request(ALICE, "5")
    [payout] = await world.books.made()
    assert payout.id == payout_id
    world.wallet.pay_in(BOB, USDT.asset_id, "3", request_id=payout.request_id)
    await world.process().deposits.collect()
    assert await world.free(BOB) == 3


@ON_POSTGRES
async def test_two_thousand_outputs_that_came_while_we_were_down_are_all_booked(world: MoneyWorld) -> None:
    for _ in range(2_000):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    assert await world.process().deposits.collect() == "booked 2000 outputs"
    assert world.wallet.calls["outputs_from"] <= 5
    assert await world.free(ALICE) == 2_000
    await world.check()


async def test_a_memo_that_no_database_can_keep_stops_nothing(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, USDT.asset_id, "2", memo="\x00\ud800 \u202e")
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 2


async def test_an_output_that_changes_freezes_its_asset_and_nothing_else(world: MoneyWorld) -> None:
    await world.give(ALICE, "10")
    await world.give(ALICE, "1", BTC)
    altered = replace(world.wallet.outputs[0], amount=Decimal(999), immutable_hash="other")
    world.wallet.outputs[0] = altered
    world.wallet.pay_in(BOB, USDT.asset_id, "4")
    with pytest.raises(InvariantBroken):
        await world.process().deposits.collect()
    assert await world.free(ALICE) == 10
    assert await world.free(BOB) == 4
    await world.process().deposits.collect()  # it is known now, and the loop goes on
    frozen, other = await world.request(ALICE, "5"), await world.request(ALICE, "0.5", BTC)
    assert "frozen" in await world.process().payouts.drive(frozen)
    assert "done" in await world.process().payouts.drive(other)


async def test_an_output_that_shows_up_late_with_a_lower_number_is_found(world: MoneyWorld) -> None:
    first = world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    world.wallet.pay_in(ALICE, USDT.asset_id, "2")
    world.wallet.outputs.remove(first)
    await world.process().deposits.collect()
    late = replace(first, sequence=world.wallet.outputs[0].sequence)
    world.wallet.outputs.insert(0, late)
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 3


async def test_an_outage_of_mixin_changes_nothing(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    for fault in Fault:
        world.wallet.faults["outputs_from"].append(fault)
        with pytest.raises(Exception, match=r"mixin_down|answer_lost"):
            await world.process().deposits.collect()
    assert await world.free(ALICE) == 0
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 1


async def test_two_collectors_at_once_credit_once(world: MoneyWorld) -> None:
    for _ in range(50):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    await asyncio.gather(*(world.process().deposits.collect() for _ in range(3)))
    assert await world.free(ALICE) == 50
    await world.check()


async def test_a_crash_at_any_boundary_of_collecting_credits_each_payment_once(world: MoneyWorld) -> None:
    """DP1-DP4: every boundary of one round over every kind of output, enumerated until none is left."""
    boundaries, paid = 0, 0
    while True:
        boundaries += 1
        for sender, asset_id, amount, memo in (
            (ALICE, USDT.asset_id, "10", ""),
            (None, USDT.asset_id, "2", ""),
            (ALICE, STRANGE, "3", ""),
            (OWNER, USDT.asset_id, "4", FLOAT_MEMO),
            (BOT, USDT.asset_id, "0.5", ""),
        ):
            world.wallet.pay_in(sender, asset_id, amount, memo)
        paid += 1
        fuse = Fuse(boundaries)
        try:
            await world.process(fuse).deposits.collect()
        except SimulatedCrash:
            await world.process().deposits.collect()
        else:
            break
    assert boundaries > 40
    assert await world.free(ALICE) == 10 * paid
    assert await world.own(AccountKind.SUSPENSE) == 2 * paid
    assert await world.own(AccountKind.INVENTORY) == 4 * paid
    assert (await world.notices(ALICE)).count("deposit_credited") == paid


async def test_a_page_in_any_order_leaves_no_gap_when_we_die_in_its_middle(world: MoneyWorld) -> None:
    for _ in range(60):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    world.wallet.outputs.reverse()
    fuse = Fuse(30)
    with pytest.raises(SimulatedCrash):
        await world.process(fuse).deposits.collect()
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 60


@ON_POSTGRES
async def test_an_output_that_shows_up_behind_many_others_is_found_within_a_minute(world: MoneyWorld) -> None:
    deposits = world.process().deposits
    late = world.wallet.pay_in(ALICE, USDT.asset_id, "5")
    for _ in range(700):
        world.wallet.pay_in(BOB, USDT.asset_id, "1")
    world.wallet.outputs.remove(late)
    await deposits.collect()
    world.wallet.outputs.insert(0, late)
    world.clock.advance(61)
    await deposits.collect()
    assert await world.free(ALICE) == 5


@pytest.mark.parametrize("amount", ["1" + "0" * 20, "1.000000001"])
async def test_an_amount_that_no_ledger_holds_stops_nothing(world: MoneyWorld, amount: str) -> None:
    world.wallet.pay_in(ALICE, USDT.asset_id, amount)
    world.wallet.pay_in(BOB, USDT.asset_id, "2")
    await world.process().deposits.collect()
    assert await world.free(BOB) == 2
    assert await world.notices(ALICE) == ["payment_unwanted"]
    await world.request(BOB, "2")
    await world.settle()
    assert await world.states() == ["done"]


async def test_a_hash_of_another_version_is_no_change(world: MoneyWorld) -> None:
    await world.give(ALICE, "10")
    first = world.wallet.outputs[0]
    world.wallet.outputs[0] = replace(first, immutable_hash="v9:" + first.immutable_hash)
    assert await world.process().deposits.collect() == "no new output"
    payout_id = await world.request(ALICE, "5")
    assert "done" in await world.process().payouts.drive(payout_id)
