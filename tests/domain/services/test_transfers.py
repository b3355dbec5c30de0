"""Treasury transfers that go well, on both stores: every coin is somewhere, and ends where it should."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.db.runs import PostgresVenueAccounts
from domain.ledger.model import AccountKind
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import WithdrawalStage
from domain.services.addresses import Place
from domain.treasury.addresses import AddressState
from domain.treasury.model import Decision, Direction, TransferState
from domain.treasury.networks import NETWORKS
from tests.domain.services.money_world import ON_POSTGRES, OWNER, USDT
from tests.domain.services.treasury_world import ACCOUNT, AT_VENUE, CODE, TreasuryWorld, treasury_world
from tests.fakes.runs import FakeViews
from tests.fakes.wallet import Fault


@pytest.fixture
async def world(database: tuple[str, str]) -> AsyncIterator[TreasuryWorld]:
    """Give a world whose addresses are proven."""
    async with treasury_world(database) as made:
        yield made


async def test_coins_go_to_a_venue_and_the_owner_bears_the_networks_fee(world: TreasuryWorld) -> None:
    await world.plan(Direction.TO_VENUE, "100")
    said = await world.settle()
    assert await world.state() is TransferState.CREDITED, said
    assert await world.booked() == (Decimal(900), Decimal(0), Decimal(1100))
    await world.check()
    assert world.addresses_paid() == {AT_VENUE}


async def test_coins_come_from_a_venue_and_the_owner_bears_its_fee(world: TreasuryWorld) -> None:
    await world.plan(Direction.TO_MIXIN, "100")
    said = await world.settle()
    assert await world.state() is TransferState.CREDITED, said
    (transfer,) = await world.transfers()
    assert await world.booked() == (
        1000 + transfer.amount - Decimal("0.5"),
        Decimal(0),
        1000 - transfer.amount,
    )
    assert await world.own(AccountKind.INVENTORY) == Decimal("1999.5")
    assert await world.own(AccountKind.SUSPENSE) == 0
    await world.check()


async def test_what_nobody_answered_for_is_asked_for_again_by_a_person(world: TreasuryWorld) -> None:
    world.far.faults["withdraw"] = [Fault.DOWN]
    await world.plan(Direction.TO_MIXIN)
    await world.settle(40)
    (transfer,) = await world.transfers()
    assert transfer.open_to == {Decision.RESEND, Decision.GIVE_UP}
    await world.decide(Decision.RESEND)
    await world.settle()
    (transfer,) = await world.transfers()
    assert (transfer.state, transfer.attempts) == (TransferState.CREDITED, 1)
    assert len(world.far.withdrawals) == 1
    await world.check()


async def test_what_is_lost_on_the_way_is_written_off_by_a_person(world: TreasuryWorld) -> None:
    world.loses = Decimal("0.25")
    await world.plan(Direction.TO_MIXIN)
    await world.settle(8)
    assert (await world.booked())[1] == Decimal("0.25")
    await world.decide(Decision.WRITE_OFF)
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_what_a_venue_cancels_is_given_back_in_the_books(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(Direction.TO_MIXIN)
    await world.settle(5)
    world.far.restage(world.far.withdrawals[0].withdrawal_id, WithdrawalStage.CANCELLED)
    await world.settle(3)
    assert await world.state() is TransferState.RETURNED
    assert await world.booked() == (Decimal(1000), Decimal(0), Decimal(1000))
    await world.check()


async def test_an_address_that_differs_is_frozen_and_another_is_approved_in_its_place(
    world: TreasuryWorld,
) -> None:
    await world.plan(Direction.TO_VENUE)
    world.far.addresses[USDT.coin, CODE] = other = ChainAddress(CODE, "0xother")
    await world.settle()
    assert (await world.transfers())[0].reason == "address_changed"
    assert world.addresses_paid() == set()
    place = Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE)
    assert "new address" in await world.process().addresses.note(place, other)
    assert await world.process().addresses.note(place, other) == ""
    await world.approve_all()
    [entry] = await world.books.addresses.of(ACCOUNT, USDT.coin, "Ethereum")
    assert (entry.said, entry.state, entry.approved_by) == (other, AddressState.APPROVED, OWNER)


async def test_what_runs_lacked_is_remembered_until_it_is_sent(world: TreasuryWorld) -> None:
    now = world.clock.now()
    accounts = PostgresVenueAccounts(world.books.store) if world.money.admin_url else FakeViews()
    for amount in ("100", "300", "200"):
        await accounts.want(ACCOUNT, USDT.coin, Decimal(amount), now)
    assert await accounts.wants(now) == {(ACCOUNT, USDT.coin): Decimal(300)}
    assert await accounts.wants(now + timedelta(seconds=1)) == {}
    await accounts.sent_for(ACCOUNT, USDT.coin)
    assert await accounts.wants(now) == {}


@ON_POSTGRES
async def test_an_address_that_is_replaced_before_anything_is_reserved_gets_nothing(
    world: TreasuryWorld,
) -> None:
    await world.plan(Direction.TO_VENUE)
    await world.round()
    (transfer,) = await world.transfers()
    assert transfer.state is TransferState.PLANNED
    place = Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE)
    await world.process().addresses.note(place, ChainAddress(CODE, "0xother"))
    await world.approve_all()
    await world.settle(40)
    assert await world.state() is TransferState.VOID
    assert world.addresses_paid() == set()
    assert await world.books.freezes.open() == []
    await world.check()
