"""What stops a transfer on its way: freezes, halts, and what hostile eyes found."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.payouts.onward import ChainAddress, NetworkFee
from domain.ports.freezes import coin_scope
from domain.ports.venue_funds import WithdrawalStage
from domain.services.addresses import Place
from domain.services.treasury_accounts import scope_of
from domain.treasury.addresses import AddressState
from domain.treasury.model import Direction, TransferState
from domain.treasury.networks import NETWORKS
from tests.domain.services.money_world import BTC, OWNER, USDT
from tests.domain.services.treasury_world import (
    ACCOUNT,
    CODE,
    TreasuryWorld,
    only,
    treasury_world,
)

TO_VENUE, TO_MIXIN = Direction.TO_VENUE, Direction.TO_MIXIN


@pytest.fixture
async def world() -> AsyncIterator[TreasuryWorld]:
    """Give a world whose addresses are proven."""
    async with treasury_world() as made:
        yield made


async def test_a_payout_that_was_handed_over_stands_still_when_its_account_is_stopped(
    world: TreasuryWorld,
) -> None:
    await world.plan(TO_VENUE)
    await world.process().transfers.advance((await only(world)).id)
    await world.books.freezes.freeze(scope_of(ACCOUNT), "why", world.clock.now())
    await world.settle(6)
    assert world.addresses_paid() == set()
    [freeze] = await world.books.freezes.open()
    await world.books.freezes.lift(freeze, OWNER, world.clock.now())
    await world.settle()
    assert await world.state() is TransferState.CREDITED


@pytest.mark.parametrize("direction", Direction)
async def test_nothing_more_is_sent_of_a_coin_that_is_frozen(
    world: TreasuryWorld, direction: Direction
) -> None:
    await world.plan(direction)
    await world.process().transfers.advance((await only(world)).id)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    await world.settle(3)
    assert world.addresses_paid() == set()
    with pytest.raises(Refused, match="transfers_frozen"):
        await world.plan(direction)
    [freeze] = await world.books.freezes.open()
    await world.books.freezes.lift(freeze, OWNER, world.clock.now())
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_what_a_chain_carries_of_a_frozen_coin_is_followed_to_its_end(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(3)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    world.carries = True
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_nobody_is_asked_to_withdraw_a_frozen_coin_by_hand(world: TreasuryWorld) -> None:
    world.by_hand = True
    await world.plan(TO_MIXIN)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    await world.settle(3)
    assert "transfer_by_hand" not in await world.told()


async def test_a_canary_proves_the_address_it_went_to_and_no_other() -> None:
    async with treasury_world(proven=False) as world:
        world.carries = False
        await world.plan(TO_VENUE)
        await world.settle(6)
        other = ChainAddress(CODE, "0xother")
        await world.process().addresses.note(Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE), other)
        await world.approve_all()
        world.carries = True
        await world.settle()
        assert await world.state() is TransferState.CREDITED
        [entry] = await world.books.addresses.of(ACCOUNT, USDT.coin, "Ethereum")
        assert (entry.said, entry.state) == (other, AddressState.APPROVED)


async def test_a_hash_is_the_same_however_it_is_written(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(4)
    made = world.far.withdrawals[0]
    world.far.restage(made.withdrawal_id, WithdrawalStage.DONE, "AB" * 32)
    world.wallet.arrive(USDT.asset_id, str(made.arrives), "0x" + "ab" * 32)
    await world.settle(4)
    assert await world.state() is TransferState.CREDITED


async def test_what_stands_in_the_way_is_told_once_and_tried_again_later(world: TreasuryWorld) -> None:
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("1.5"))
    world.keep = Decimal(2002)
    for _ in range(20):
        await world.process().planning.round()
        await world.round()
        world.clock.advance(31)
    assert len(await world.transfers()) == 1
    world.clock.advance(600)
    await world.process().planning.round()
    await world.round()
    assert len(await world.transfers()) == 2
    assert (await world.told()).count("transfer_void") == 1


async def test_a_transfer_of_an_account_that_is_gone_stands_still_and_disturbs_nobody(
    world: TreasuryWorld,
) -> None:
    await world.plan(TO_MIXIN)
    service = world.process().transfers
    service._accounts = {}
    assert "nobody speaks for its account" in await service.advance((await only(world)).id)
    await world.settle()
    assert await world.state() is TransferState.CREDITED
