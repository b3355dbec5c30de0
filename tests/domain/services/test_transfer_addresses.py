"""Where coins of the treasury go: to approved and proven addresses only (TX2)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.payouts.onward import ChainAddress
from domain.services.addresses import Place
from domain.treasury.addresses import AddressState
from domain.treasury.model import Direction, TransferState
from domain.treasury.networks import NETWORKS
from tests.domain.services.money_world import ALICE, USDT
from tests.domain.services.treasury_world import (
    ACCOUNT,
    AT_VENUE,
    CHAIN,
    CODE,
    TreasuryWorld,
    frozen,
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


CHANGED = {
    "address_changed": ChainAddress(CODE, "0xthief"),
    "tag_changed": ChainAddress(CODE, AT_VENUE, "7"),
    "network_changed": ChainAddress("BSC", AT_VENUE),
}


@pytest.mark.parametrize("wrong", CHANGED)
async def test_a_venue_that_says_another_address_gets_nothing(world: TreasuryWorld, wrong: str) -> None:
    await world.plan(TO_VENUE)
    world.far.addresses[USDT.coin, CODE] = CHANGED[wrong]
    await world.settle()
    await nothing_left(world)
    transfer = await only(world)
    assert (transfer.state, transfer.reason) == (TransferState.VOID, wrong)
    assert (await frozen(world)).startswith(wrong)
    assert "address_changed" in await world.told()
    with pytest.raises(Refused, match="transfers_frozen"):
        await world.plan(TO_VENUE)


@pytest.mark.parametrize("held", [False, True])
async def test_mixin_that_says_another_address_gets_nothing(world: TreasuryWorld, held: bool) -> None:
    await world.plan(TO_MIXIN)
    if held:
        await world.process().transfers.advance((await only(world)).id)
        assert await world.state() is TransferState.HELD
    world.wallet.addresses[CHAIN] = ChainAddress(CHAIN, "0xthief")
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "address_changed"
    assert "address_changed" in await world.told()


async def test_a_dropped_tag_is_noticed_to_the_byte(world: TreasuryWorld) -> None:
    place, addresses = Place("gate-1", USDT.coin, NETWORKS["XRP"], "XRP"), world.process().addresses
    tagged = ChainAddress("XRP", "rVenue", "1007")
    assert "cannot be one: tag_missing" in await addresses.note(place, replace(tagged, tag=""))
    assert await world.books.addresses.of("gate-1", USDT.coin, "XRP") == []
    await addresses.note(place, tagged)
    await world.approve_all()
    assert (await addresses.check(place, tagged, ACCOUNT)).said == tagged
    for said, wrong in (
        (replace(tagged, tag=""), "tag_dropped"),
        (replace(tagged, tag="1007 "), "tag_changed"),
        (replace(tagged, address="rVenuE"), "address_changed"),
    ):
        with pytest.raises(Refused, match=wrong):
            await addresses.check(place, said, ACCOUNT)
        assert "address_changed" in await world.told()
        await addresses.note(place, tagged)
        await world.approve_all()


async def test_nothing_goes_to_an_address_that_nobody_approved() -> None:
    async with treasury_world(approved=False) as world:
        for direction in Direction:
            with pytest.raises(Refused, match="address_not_approved"):
                await world.plan(direction)
        assert await world.transfers() == []
        assert (await world.told()).count("address_proposed") == 2
        with pytest.raises(Refused, match="not_allowed"):
            await world.process().addresses.list(ALICE)


async def test_a_canary_is_no_mere_dust_where_the_venue_would_credit_even_that() -> None:
    async with treasury_world(proven=False) as world:
        world.far.offer(USDT.coin, CODE, AT_VENUE, least_deposit=Decimal("0.00000001"))
        await world.plan(TO_VENUE, "400")
        await world.settle()
        (canary,) = await world.transfers()
        assert (canary.canary, canary.amount, canary.state) == (True, Decimal(1), TransferState.CREDITED)


async def test_a_canary_of_the_least_amount_goes_first() -> None:
    async with treasury_world(proven=False) as world:
        for direction, least in ((TO_VENUE, Decimal(1)), (TO_MIXIN, Decimal(2))):
            await world.plan(direction, "400")
            await world.settle()
            canary = (await world.transfers())[-1]
            assert (canary.canary, canary.state) == (True, TransferState.CREDITED)
            assert least <= canary.amount <= least + Decimal("0.01")
            await world.plan(direction, "400")
            await world.settle()
            whole = (await world.transfers())[-1]
            assert (whole.canary, whole.state) == (False, TransferState.CREDITED)
            assert Decimal("399.99") <= whole.amount <= Decimal(400)
        await world.check()


async def test_an_address_that_was_approved_anew_is_used_and_the_old_one_is_not(world: TreasuryWorld) -> None:
    world.far.addresses[USDT.coin, CODE] = CHANGED["address_changed"]
    await world.plan(TO_VENUE)
    await world.settle()
    await world.process().addresses.note(
        Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE), CHANGED["address_changed"]
    )
    await world.approve_all()
    world.books.freezes.rows.clear()
    await world.plan(TO_VENUE)
    await world.settle()
    assert world.addresses_paid() == {"0xthief"}
    states = {entry.state for entry in await world.books.addresses.of(ACCOUNT, USDT.coin, "Ethereum")}
    assert states == {AddressState.PROVEN}
