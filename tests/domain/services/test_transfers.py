"""Treasury transfers that go well, on both stores: every coin is somewhere, and ends where it should."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from domain.ledger.model import AccountKind
from domain.treasury.model import Direction, TransferState
from tests.domain.services.treasury_world import AT_VENUE, TreasuryWorld, treasury_world


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
