"""Payouts, rule by rule: what Mixin is asked, when a payment is believed, and what a merge takes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken, Unavailable
from domain.ids import AssetId, WithdrawalId
from domain.payouts import inputs
from domain.payouts.model import Payout, PayoutState, Purpose
from domain.ports.wallet import Payment, SendState, SentTransaction
from domain.services import payouts
from domain.services.payouts import LOOKED_UP_ENOUGH, NO_STANDS_AFTER
from tests.domain.services.money_world import ALICE, BOB, IN_MEMORY, OWNER, USDT, MoneyWorld
from tests.fakes.wallet import BOT
from tests.fakes.wallet_views import Meanwhile, Noted

pytestmark = IN_MEMORY

STRANGE = AssetId("9999508b-91c5-375b-92b0-ee702ed29999")
SECOND = timedelta(seconds=1)


async def only(world: MoneyWorld) -> Payout:
    """Return the one payout there is."""
    [payout] = await world.books.made()
    return payout


async def steps(world: MoneyWorld, payout_id: WithdrawalId, count: int) -> Payout:
    """Take so many steps of the one payout there is."""
    for _ in range(count):
        await world.process().payouts.advance(payout_id)
    return await only(world)


# What Mixin is asked.


async def test_mixin_is_asked_for_what_was_promised_and_for_nothing_else(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    mixin = Noted(world.wallet)
    await world.process(wallet=mixin).payouts.drive(payout_id)
    paid = await only(world)
    name = paid.request_id
    [taken] = await world.books.reserved()
    payment = Payment(name, USDT.asset_id, ALICE, Decimal("39.96"), "withdrawal", (taken,))
    assert mixin.asked == [
        ("build", payment),
        ("find", name),
        ("sign", name, paid.raw, (taken,)),
        ("find", name),
        ("submit", name, paid.signed_raw),
        ("find", name),
    ]


async def test_a_refund_carries_its_own_memo(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, STRANGE, "7")
    mixin = Noted(world.wallet)
    process = world.process(wallet=mixin)
    await world.process().deposits.collect()
    _, token = await process.refunds.ask(ALICE, STRANGE)
    refund = await process.refunds.request(ALICE, STRANGE, token)
    await process.payouts.drive(refund.id)
    [payment] = [asked[1] for asked in mixin.asked if asked[0] == "build"]
    assert (payment.receiver, payment.amount, payment.memo) == (ALICE, Decimal(7), "refund")


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (1, "is reserved"),
        (2, "is built"),
        (3, "is signed"),
        (4, "is sent"),
        (5, "is done"),
        (6, "is done: nothing to do"),
    ],
)
async def test_each_step_says_what_it_did(world: MoneyWorld, taken: int, said: str) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, taken - 1)
    assert await world.process().payouts.advance(payout_id) == f"withdrawal:{payout_id} {said}"


# When a payment is believed.


async def test_what_is_accepted_and_not_final_is_asked_for_every_second(world: MoneyWorld) -> None:
    world.wallet.polls_to_final = 9
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    said = await world.process().payouts.drive(payout_id)
    assert said == f"withdrawal:{payout_id} stays sent: not final yet"
    assert (await only(world)).due_at == world.clock.now() + SECOND


@pytest.mark.parametrize("before", [2, 3, 4])
async def test_another_transaction_by_our_request_id_stops_everything(world: MoneyWorld, before: int) -> None:
    """Whoever it was, nothing of this wallet is paid until a person has looked."""
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    stood = await steps(world, payout_id, before)
    name = stood.request_id
    other = SentTransaction(name, "other hash", SendState.SIGNED, "")
    process = world.process(wallet=Noted(world.wallet, {"find": other}))
    with pytest.raises(InvariantBroken) as broken:
        await process.payouts.advance(payout_id)
    assert broken.value.code == "other_transaction"
    assert broken.value.facts == {"payout": payout_id, "theirs": "other hash"}
    [freeze] = await process.freezes.list(OWNER)
    assert (freeze.scope, freeze.reason) == ("wallet", f"other_transaction:{payout_id}")
    assert freeze.created_at == world.clock.now()
    assert await only(world) == replace(stood, due_at=world.clock.now() + 30 * SECOND)
    assert await world.held(ALICE) == 40


async def test_an_answer_to_other_bytes_than_ours_stops_everything(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, 3)
    other = SentTransaction((await only(world)).request_id, "other hash", SendState.SIGNED, "")
    process = world.process(wallet=Noted(world.wallet, {"submit": other}))
    with pytest.raises(InvariantBroken, match="other_transaction"):
        await process.payouts.advance(payout_id)


async def test_what_stopped_for_one_reason_is_not_told_again_for_another(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, 4)
    await world.books.freezes.freeze("wallet", "why", world.clock.now())
    other = SentTransaction("", "other hash", SendState.SPENT, "")
    with pytest.raises(InvariantBroken, match="other_transaction"):
        await world.process(wallet=Noted(world.wallet, {"find": other})).payouts.advance(payout_id)
    assert await world.told(OWNER) == []
    assert await world.process().payouts.advance(payout_id) == f"withdrawal:{payout_id} is done"


async def test_a_request_that_was_only_checked_is_not_accepted(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    signed = await steps(world, payout_id, 3)
    name = signed.request_id
    assert await world.wallet.find(name) == SentTransaction(
        name, signed.transaction_hash, SendState.CHECKED, f"snapshot-{name}"
    )
    assert (await steps(world, payout_id, 1)).state is PayoutState.SENT
    assert world.wallet.calls["submit"] == 1


async def test_what_was_accepted_unheard_is_neither_signed_nor_sent_again(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    built = await steps(world, payout_id, 2)
    (taken,) = await world.books.reserved()
    signed = await world.wallet.sign(built.request_id, built.raw, (taken,))
    await world.wallet.submit(built.request_id, signed)
    assert (await steps(world, payout_id, 1)).state is PayoutState.SENT
    assert (world.wallet.calls["sign"], world.wallet.calls["submit"]) == (1, 1)


async def test_spent_inputs_name_the_payout(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, 2)
    world.wallet.steal(world.wallet.outputs[0].output_id)
    for tries in range(LOOKED_UP_ENOUGH):
        assert (await steps(world, payout_id, 1)).attempts == tries + 1
    with pytest.raises(InvariantBroken) as broken:
        await world.process().payouts.advance(payout_id)
    assert (broken.value.code, broken.value.facts) == ("spent_elsewhere", {"payout": payout_id})


async def test_a_refusal_is_written_down_with_its_reason(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    world.wallet.unregistered.add(ALICE)
    said = await world.process().payouts.drive(payout_id)
    assert said == f"withdrawal:{payout_id} is refused: receiver_unregistered"
    refused = await only(world)
    assert (refused.state, refused.reason) == (PayoutState.REFUSED, "receiver_unregistered")
    assert await world.books.reserved() == {}


async def test_a_no_to_what_may_be_on_its_way_stands_only_after_a_while(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, 3)
    for tries in range(NO_STANDS_AFTER):
        world.wallet.refusals["submit"].append("receiver_deleted")
        stands = await steps(world, payout_id, 1)
        assert (stands.state, stands.attempts) == (PayoutState.SIGNED, tries + 1)
    world.wallet.refusals["submit"].append("receiver_deleted")
    assert (await steps(world, payout_id, 1)).state is PayoutState.REFUSED


# Choosing, and two who choose.


async def test_who_needs_change_that_is_on_its_way_waits_a_second_and_is_told_nothing(
    world: MoneyWorld,
) -> None:
    await world.give(ALICE, "100")
    first, second = await world.request(ALICE, "50"), await world.request(ALICE, "50")
    process = world.process()
    await process.payouts.advance(first)
    said = await process.payouts.advance(second)
    assert said == f"withdrawal:{second} stays requested: change is on its way back"
    assert (await world.books.payouts.get(second)).due_at == world.clock.now() + SECOND
    assert await world.notices(ALICE) == ["deposit_credited"]


@pytest.mark.parametrize(
    ("amount", "state"), [("40.11011012", PayoutState.REQUESTED), ("40.11011013", PayoutState.WAITING)]
)
async def test_change_is_waited_for_when_it_is_just_enough(
    world: MoneyWorld, amount: str, state: PayoutState
) -> None:
    """Of Alice's 100 come back 40.06, and 0.01 is beside it: for Bob's 40.07, and not for a unit more."""
    await world.give(BOB, "50")
    await world.give(ALICE, "100")
    await world.lend("49.99")
    process = world.process()
    await process.payouts.advance(await world.request(ALICE, "60"))
    asks = await world.request(BOB, amount)
    await process.payouts.advance(asks)
    assert (await world.books.payouts.get(asks)).state is state


@pytest.mark.parametrize(
    ("lent", "state"), [("1550.55", PayoutState.RESERVED), ("1550.55000001", PayoutState.WAITING)]
)
async def test_who_is_behind_may_have_what_is_not_set_aside(
    world: MoneyWorld, lent: str, state: PayoutState
) -> None:
    """After three hours 499.5 of Alice's 999 are set aside; with Bob's 49.95 there must be 549.45."""
    await world.give(ALICE, "2000")
    await world.give(BOB, "100")
    await world.lend(lent)
    process = world.process()
    await process.payouts.advance(await world.request(ALICE, "1000"))
    world.clock.advance(3 * 3600)
    behind = await world.request(BOB, "50")
    await process.payouts.advance(behind)
    assert (await world.books.payouts.get(behind)).state is state
    told = [(n.kind, n.params.get("place")) for n in (await world.told(BOB))[1:]]
    assert told == ([] if state is PayoutState.RESERVED else [("withdrawal_waiting", "2")])


async def test_the_owner_is_told_what_is_missing_beside_change_on_its_way(world: MoneyWorld) -> None:
    """Bob's 49.95 leave 50.05 of his 100; with them and the 30 there, Alice's 139.86 lack 59.81."""
    await world.give(ALICE, "1000")
    await world.give(BOB, "100")
    await world.lend("970")
    process = world.process()
    waits = await world.request(ALICE, "140")
    await process.payouts.advance(waits)
    await process.payouts.advance(await world.request(BOB, "50"))
    world.clock.advance(3600)
    await process.payouts.advance(waits)
    assert [told.params["missing"] for told in await world.told(OWNER)] == ["9.86", "59.81"]


async def test_the_owner_is_told_of_little_that_is_missing_too(world: MoneyWorld) -> None:
    await world.give(ALICE, "1000")
    await world.lend("900")
    await world.process().payouts.advance(await world.request(ALICE, "100.5"))
    assert [told.params["missing"] for told in await world.told(OWNER)] == ["0.3995"]


async def test_nobody_asks_for_money_whose_money_is_only_being_merged(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_INPUTS", 2)
    await world.give(BOB, "100")
    await world.lend("99")
    for _ in range(3):
        await world.give(ALICE, "10")
    process = world.process()
    world.clock.advance(29 * 60 + 59)
    await process.payouts.advance(await world.request(BOB, "100"))
    assert await world.notices(OWNER) == ["float_short"]
    world.clock.advance(1)  # another hour, in which he would be told again
    await process.payouts.advance(await world.request(ALICE, "30"))
    assert [payout.reason for payout in await world.books.made()] == ["float_too_small", "consolidating", ""]
    assert await world.notices(OWNER) == ["float_short"]


async def test_a_step_that_somebody_else_took_meanwhile_is_left_to_them(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await steps(world, payout_id, 1)
    other = world.process().payouts

    async def overtake() -> None:
        await other.advance(payout_id)

    slow = world.process(wallet=Meanwhile(world.wallet, "build", overtake))
    assert await slow.payouts.advance(payout_id) == f"withdrawal:{payout_id} was moved on by somebody else"
    assert (await only(world)).state is PayoutState.BUILT


# Merging, where a crowd is forty outputs, of which six are left alone.


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(payouts, "CROWDED", 40)
    monkeypatch.setattr(payouts, "LEFT_ALONE", 6)
    return 40


async def test_a_merge_takes_the_smallest_and_leaves_the_largest_alone(world: MoneyWorld, crowd: int) -> None:
    for number in range(crowd):
        world.wallet.pay_in(ALICE, USDT.asset_id, str(1 + number))
    process = world.process()
    await process.deposits.collect()
    said = await process.payouts.tidy()
    merge = await only(world)
    count, now = crowd - 6, world.clock.now()
    assert said == f"consolidation:{merge.id} merges small outputs of USDT"
    assert merge.request_id not in ("", None, merge.id)
    assert merge == Payout(
        merge.id, Purpose.CONSOLIDATION, BOT, USDT, Decimal(count * (count + 1) // 2), Decimal(0),
        PayoutState.RESERVED, now, now, request_id=merge.request_id,
    )  # fmt: skip
    left = await world.books.payouts.spendable(USDT.asset_id, crowd)
    assert [output.amount for output in left] == [crowd - n for n in range(6)]
    await world.settle()
    await world.process().deposits.collect()
    assert await world.books.payouts.change_due(USDT.asset_id) == 0
    assert (await world.notices(ALICE), await world.told(BOT)) == (["deposit_credited"] * crowd, [])
    await world.check()


async def test_one_output_less_is_no_crowd(world: MoneyWorld, crowd: int) -> None:
    for _ in range(crowd - 1):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    await world.process().deposits.collect()
    assert await world.process().payouts.tidy() == "nothing to merge"


@pytest.mark.parametrize("scope", ["wallet", USDT.asset_id])
async def test_nothing_is_merged_of_what_is_stopped(world: MoneyWorld, crowd: int, scope: str) -> None:
    for _ in range(crowd):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    await world.process().deposits.collect()
    await world.books.freezes.freeze(scope, "why", world.clock.now())
    assert await world.process().payouts.tidy() == "leaves USDT alone"
    assert await world.books.made() == []


async def test_a_merge_that_is_stopped_is_told_to_nobody(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_INPUTS", 2)
    for _ in range(3):
        await world.give(ALICE, "10")
    waits = await world.request(ALICE, "30")
    process = world.process()
    said = await process.payouts.advance(waits)
    merge = next(p for p in await world.books.made() if p.purpose is Purpose.CONSOLIDATION)
    assert said == f"withdrawal:{waits} waits while consolidation:{merge.id} merges 2 outputs"
    await world.books.freezes.freeze("wallet", "why", world.clock.now())
    said = await process.payouts.advance(merge.id)
    assert said == f"consolidation:{merge.id} stays reserved: frozen by why"
    assert (await world.books.payouts.get(merge.id)).due_at == world.clock.now() + 30 * SECOND
    assert await world.told(BOT) == []


# Why a payout rests is said while it does, and not afterwards.


async def test_who_waited_for_money_waits_for_nothing_once_it_is_there(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.lend("100")
    payout_id = await world.request(ALICE, "40")
    await world.process().payouts.advance(payout_id)
    assert (await only(world)).reason == "float_too_small"
    world.wallet.pay_in(OWNER, USDT.asset_id, "100", memo="float")
    await world.process().deposits.collect()
    reserved = await steps(world, payout_id, 1)
    assert (reserved.state, reserved.reason) == (PayoutState.RESERVED, "")


async def test_what_was_frozen_and_goes_on_is_frozen_no_longer(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    process = world.process()
    await process.payouts.advance(payout_id)
    await world.books.freezes.freeze("wallet", "somebody looks", world.clock.now())
    await process.payouts.advance(payout_id)
    assert (await only(world)).reason == "frozen"
    _, token = await process.freezes.ask(OWNER, "wallet")
    await process.freezes.lift(OWNER, "wallet", token, "tap")
    built = await steps(world, payout_id, 1)
    assert (built.state, built.reason) == (PayoutState.BUILT, "")


async def test_a_refused_pin_stops_everything_at_once(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every further try brings the bot's account nearer to being locked."""
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")

    async def refuses(request_id: str, raw: str) -> SentTransaction:
        raise Unavailable("pin_refused")

    monkeypatch.setattr(world.wallet, "submit", refuses)
    said = await world.process().payouts.drive(payout_id)
    assert said == f"withdrawal:{payout_id} stays signed, and all payouts stop: pin_refused"
    [freeze] = await world.process().freezes.list(OWNER)
    assert (freeze.scope, freeze.reason) == ("wallet", f"pin_refused:{payout_id}")
