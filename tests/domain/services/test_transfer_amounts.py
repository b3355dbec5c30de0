"""How much of a transfer arrives: fees, what is missing, what is beyond (TX1, TX5, TX7, EX5, EX6)."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ledger.model import AccountKind, own
from domain.payouts.onward import NetworkFee
from domain.treasury.model import Decision, Direction, TransferState
from tests.domain.services.money_world import ALICE, BTC, USDT
from tests.domain.services.treasury_world import (
    AT_VENUE,
    CODE,
    TreasuryWorld,
    nothing_left,
    only,
    treasury_world,
)

TO_VENUE, TO_MIXIN = Direction.TO_VENUE, Direction.TO_MIXIN


@pytest.fixture
async def world() -> AsyncIterator[TreasuryWorld]:
    """Give a world whose addresses are proven."""
    async with treasury_world() as made:
        yield made


async def test_a_fee_that_has_risen_since_the_plan_voids_it(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("0.0012"))
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "fee_changed"
    assert "transfer_void" in await world.told()


async def test_a_venues_fee_that_has_risen_since_the_plan_voids_it(world: TreasuryWorld) -> None:
    await world.plan(TO_MIXIN)
    world.far.offer(USDT.coin, CODE, AT_VENUE, fee=Decimal("0.6"))
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "fee_changed"


async def test_the_fee_that_a_venue_really_takes_is_booked(world: TreasuryWorld) -> None:
    await world.plan(TO_MIXIN)
    await world.process().transfers.advance((await only(world)).id)
    world.far.offer(USDT.coin, CODE, AT_VENUE, fee=Decimal("0.75"))
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert (await only(world)).fee == Decimal("0.75")
    assert await world.own(AccountKind.INVENTORY) == Decimal("1999.25")
    await world.check()


async def test_the_owners_float_bears_fees_and_peoples_money_does_not(world: TreasuryWorld) -> None:
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("1.5"))
    world.wallet.pay_in(ALICE, BTC.asset_id, "5")
    await world.plan(TO_VENUE)
    await world.settle()
    assert (await only(world)).reason == "insufficient_funds"
    await nothing_left(world)


async def test_an_address_that_mixin_refuses_voids_it_and_holds_nothing(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.wallet.refusals["build_onward"] = ["address_invalid"]
    await world.settle()
    assert await world.state() is TransferState.VOID
    await nothing_left(world)


async def test_a_plan_that_waits_for_money_is_void_after_ten_minutes(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE, "1000")
    await world.money.give(ALICE, "5")
    await world.money.request(ALICE, "5")
    output = world.wallet.outputs[0]
    await world.books.strike(output.output_id)
    said = await world.settle(40)
    assert await world.state() is TransferState.VOID, said
    assert (await only(world)).reason == "stale"
    assert world.addresses_paid() == set()
    assert (await world.money.balance(own(AccountKind.INVENTORY, BTC.coin))).held == 0


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_is_missing_stays_in_transit_until_a_person_writes_it_off(
    world: TreasuryWorld, direction: Direction
) -> None:
    world.loses = Decimal("0.25")
    await world.plan(direction)
    await world.settle()
    transfer = await only(world)
    assert (transfer.state, transfer.short) == (TransferState.STUCK, Decimal("0.25"))
    at_mixin, under_way, at_venue = await world.booked()
    assert under_way == Decimal("0.25")
    assert at_mixin == world.wallet.unspent(USDT.asset_id)
    assert at_venue == world.far.trading[USDT.coin]
    assert "transfer_short" in await world.told()
    with pytest.raises(Refused, match="transfer_unresolved"):
        await world.plan(direction)
    inventory = await world.own(AccountKind.INVENTORY)
    await world.decide(Decision.WRITE_OFF)
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.INVENTORY) == inventory - Decimal("0.25")
    await world.check()


async def test_a_deposit_fee_explains_what_is_missing(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.carries = False
    await world.settle(6)
    world.wallet.carry((await only(world)).sent_as, "0xc0ffee")
    world.far.receive(USDT.coin, CODE, "99", "0xC0FFEE", fee="1")
    world.far.credit("0xC0FFEE")
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.INVENTORY) == Decimal(1999)
    await world.check()


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_is_beyond_goes_to_suspense(world: TreasuryWorld, direction: Direction) -> None:
    world.loses = Decimal("-0.25")
    await world.plan(direction)
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.25")
    assert "transfer_over" in await world.told()
    await world.check()
