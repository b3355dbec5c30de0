"""Deposits, rule by rule: what a link says, when money is final, and who counts it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken, Refused
from domain.ids import request_id
from domain.ledger.model import Cause, Posting, Transfer, available, mixin, pending
from domain.money import plain
from domain.ports.deposits import DepositIntent
from domain.services import deposits
from domain.services.deposits import FRESH
from domain.services.incoming import Known
from domain.services.tokens import ApprovedToken, Tokens
from tests.domain.services.money_books import Told
from tests.domain.services.money_world import ALICE, BOB, BTC, IN_MEMORY, OWNER, USDT, MoneyWorld
from tests.fakes.wallet import BOT
from tests.fakes.wallet_views import Meanwhile, Noted

pytestmark = IN_MEMORY


async def test_a_link_says_what_its_intent_says(world: MoneyWorld) -> None:
    intent = await world.process().deposits.open(ALICE, USDT.asset_id, Decimal("2.50"))
    trace = request_id("deposit", intent.id)
    link = await world.wallet.pay_link(USDT.asset_id, Decimal("2.5"), trace, "deposit")
    assert intent == DepositIntent(
        intent.id, ALICE, USDT, Decimal("2.5"), trace, link, created_at=world.clock.now(), fee_version=1
    )


async def test_the_smallest_deposit_has_a_link_and_less_has_none(world: MoneyWorld) -> None:
    deposits = world.process().deposits
    assert [plain(deposits.minimum(token)) for token in (USDT, BTC)] == ["1", "0.0001"]
    await deposits.open(ALICE, USDT.asset_id, Decimal(1))
    with pytest.raises(Refused) as refused:
        await deposits.open(ALICE, USDT.asset_id, Decimal("0.99999999"))
    assert (refused.value.code, refused.value.facts) == ("amount_too_small", {"minimum": "1"})
    with pytest.raises(Refused) as refused:
        await deposits.open(ALICE, USDT.asset_id, Decimal("1.000000001"))
    assert (refused.value.code, refused.value.facts) == ("amount_too_precise", {"places": 8})


async def test_a_link_is_paid_when_its_payment_is_final(world: MoneyWorld) -> None:
    deposits = world.process().deposits
    intent = await deposits.open(ALICE, USDT.asset_id, Decimal(10))
    paid = world.wallet.pay_in(ALICE, USDT.asset_id, "10", request_id=intent.trace, at=world.clock.now())
    await deposits.collect()
    assert await world.books.paid_by(intent.id) is None
    world.wallet.settle(paid.request_id)
    await deposits.collect()
    assert await world.books.paid_by(intent.id) == paid.output_id


async def test_what_mixin_lists_but_does_not_show_by_name_is_final(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    del world.wallet.unsettled[output.request_id]
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 50


async def test_of_two_who_see_a_deposit_become_final_one_counts_it(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    await world.process().deposits.collect()
    world.wallet.settle(output.request_id)
    other = world.process().deposits
    slow = world.process(wallet=Meanwhile(world.wallet, "find", other.collect))
    assert await slow.deposits.collect() == "no new output, 0 of 1 became final"
    assert await world.free(ALICE) == 50


async def test_of_two_who_see_an_output_one_counts_it(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    other = world.process().deposits
    slow = world.process(wallet=Meanwhile(world.wallet, "find", other.collect))
    assert await slow.deposits.collect() == "no new output, 0 of 1 became final"


async def test_what_is_not_final_is_booked_as_arriving_and_then_as_a_deposit(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    await world.process().deposits.collect()
    world.wallet.settle(output.request_id)
    await world.process().deposits.collect()
    waits, has = pending(ALICE, USDT.coin), available(ALICE, USDT.coin)
    causes = [Cause("arriving", output.output_id), Cause("deposit", output.output_id)]
    assert await world.books.ledger.find_all(causes) == [
        Transfer(causes[0], (Posting(mixin(USDT), waits, Decimal(50)),)),
        Transfer(causes[1], (Posting(waits, has, Decimal(50)),)),
    ]


# Reading: pages, and how far back.


async def test_all_pages_are_read_and_none_twice(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deposits, "PAGE", 3)
    sequences = [world.wallet.pay_in(ALICE, USDT.asset_id, "1").sequence for _ in range(7)]
    mixin_is = Noted(world.wallet)
    assert await world.process(wallet=mixin_is).deposits.collect() == "booked 7 outputs"
    assert [asked for asked in mixin_is.asked if asked[0] == "outputs_from"] == [
        ("outputs_from", start, 3) for start in (0, *sequences[2:7:2])
    ]


async def test_a_page_that_leads_nowhere_is_read_once(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mixin gives as many outputs of one number as a page holds: the next page would be the same."""
    monkeypatch.setattr(deposits, "PAGE", 2)
    first = world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    world.wallet.outputs = [replace(output, sequence=first.sequence) for output in world.wallet.outputs]
    assert await world.process().deposits.collect() == "booked 2 outputs"
    assert world.wallet.calls["outputs_from"] == 2


async def test_a_look_far_back_is_taken_once_a_minute(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deposits, "OVERLAP", 2)
    monkeypatch.setattr(deposits, "DEEP_OVERLAP", 4)
    sequences = [world.wallet.pay_in(ALICE, USDT.asset_id, "1").sequence for _ in range(6)]
    mixin_is = Noted(world.wallet)
    at = world.process(wallet=mixin_is).deposits
    for pause in (0, 0, 59.9, 0.1, 59.9, 0.1):
        world.clock.advance(pause)
        await at.collect()
    near, far = sequences[-2], sequences[-4]
    assert [asked[1] for asked in mixin_is.asked] == [0, near, near, far, near, far]


async def test_what_is_ten_minutes_old_is_not_asked_for(world: MoneyWorld) -> None:
    now = world.clock.now()
    for age in (FRESH, FRESH + timedelta(seconds=1)):
        world.wallet.pay_in(ALICE, USDT.asset_id, "5", at=now - age)
    await world.process().deposits.collect()
    assert (await world.free(ALICE), world.wallet.calls["find"]) == (Decimal(5), 2)  # at sight, and once more


async def test_who_waits_more_than_a_minute_is_told(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    at = world.process().deposits
    assert await at.collect() == "booked 1 outputs, 0 of 1 became final"
    world.clock.advance(60)
    await at.collect()
    assert await world.told(ALICE) == []
    world.clock.advance(1)
    assert await at.collect() == "no new output, 0 of 1 became final"
    facts = {"coin": "USDT", "network": "Ethereum", "amount": "50"}
    assert await world.told(ALICE) == [Told("deposit_arriving", output.output_id, facts)]


async def test_what_is_no_longer_approved_waits_for_the_owner_and_holds_up_nobody(world: MoneyWorld) -> None:
    for sender, token in ((ALICE, BTC), (BOB, USDT)):
        world.wallet.pay_in(sender, token.asset_id, "5", at=world.clock.now())
    await world.process().deposits.collect()
    for request in list(world.wallet.unsettled):
        world.wallet.settle(request)
    at = world.process().deposits
    at._known = Known(BOT, Tokens([ApprovedToken(USDT, Decimal(1))]))
    assert await at.collect() == "no new output, 1 of 2 became final"
    assert (await world.free(ALICE, BTC), await world.free(BOB)) == (Decimal(0), Decimal(5))


async def test_an_output_that_changed_is_named_and_the_rest_is_booked(world: MoneyWorld) -> None:
    for _ in range(2):
        await world.give(ALICE, "10")
    world.wallet.outputs = [replace(o, immutable_hash=f"other {o.output_id}") for o in world.wallet.outputs]
    names = [output.output_id for output in world.wallet.outputs]
    world.wallet.outputs[1] = replace(world.wallet.outputs[1], asset_id=BTC.asset_id)
    world.wallet.pay_in(BOB, USDT.asset_id, "4")
    with pytest.raises(InvariantBroken) as broken:
        await world.process().deposits.collect()
    assert (broken.value.code, broken.value.facts) == ("output_changed", {"output_ids": ",".join(names)})
    assert await world.free(BOB) == 4


async def test_an_output_that_was_looked_at_stops_nothing_again(world: MoneyWorld) -> None:
    await world.give(ALICE, "10")
    world.wallet.outputs = [replace(o, immutable_hash="other " * 4) for o in world.wallet.outputs]
    process = world.process()
    with pytest.raises(InvariantBroken, match="output_changed"):
        await process.deposits.collect()
    _, token = await process.freezes.ask(OWNER, USDT.asset_id)
    await process.freezes.lift(OWNER, USDT.asset_id, token, "tap")
    world.clock.advance(120)
    for _ in range(2):
        await world.process().deposits.collect()
    assert await process.freezes.list(OWNER) == []
    world.wallet.outputs = [replace(o, immutable_hash="a third " * 3) for o in world.wallet.outputs]
    world.clock.advance(120)
    with pytest.raises(InvariantBroken, match="output_changed"):
        await world.process().deposits.collect()
