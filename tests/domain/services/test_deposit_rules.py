"""Deposits, rule by rule: what a link says, when money is final, and who counts it."""

from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ids import request_id
from domain.ledger.model import Cause, Posting, Transfer, available, mixin, pending
from domain.money import plain
from domain.ports.deposits import DepositIntent
from tests.domain.services.money_world import ALICE, BTC, IN_MEMORY, USDT, MoneyWorld
from tests.fakes.wallet_views import Meanwhile

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
