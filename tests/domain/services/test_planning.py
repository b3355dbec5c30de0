"""What the treasury does about coins that lie elsewhere: people are paid, runs supplied, and it rests."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from domain.ledger.model import venue
from domain.services.withdrawals import Outlook
from domain.treasury.model import Direction, TransferState
from tests.domain.services.money_world import ALICE, USDT
from tests.domain.services.treasury_world import ACCOUNT, TreasuryWorld, treasury_world


@pytest.fixture
async def world() -> AsyncIterator[TreasuryWorld]:
    """Give a world whose addresses are proven."""
    async with treasury_world() as made:
        yield made


async def plan(world: TreasuryWorld) -> str:
    return await world.process().planning.round()


async def test_nothing_is_moved_that_nobody_needs(world: TreasuryWorld) -> None:
    assert await plan(world) == "every coin lies where it is needed"
    assert await world.transfers() == []


async def test_who_waits_for_a_withdrawal_is_paid_from_a_venue(world: TreasuryWorld) -> None:
    """Alice has 1500 and the wallet 2500, of which 1300 were lent to the venue."""
    await world.money.give(ALICE, "1500")
    await world.plan(Direction.TO_VENUE, "1300")
    await world.settle()
    payout_id = await world.money.request(ALICE, "1400")
    await world.round()
    withdrawals = world.money.process().withdrawals
    [status] = await withdrawals.status(ALICE)
    assert status.outlook is Outlook.FUNDS
    assert "planned" in await plan(world)
    await world.round()
    [status] = await withdrawals.status(ALICE)
    assert status.outlook is Outlook.COMING
    assert await plan(world) == "every coin lies where it is needed"
    await world.settle(8)  # one is enough: the venue's fee and the tag are asked for on top
    payout = next(p for p in await world.books.made() if p.id == payout_id)
    assert payout.state == "done"
    assert len(await world.transfers()) == 2
    await world.check()


async def test_what_a_run_lacked_is_brought_to_its_venue(world: TreasuryWorld) -> None:
    await world.accounts.want(ACCOUNT, USDT.coin, Decimal(1300), world.clock.now())
    assert "to_venue" in await plan(world)
    await world.settle()
    (transfer,) = await world.transfers()
    assert (transfer.state, transfer.amount) == (TransferState.CREDITED, Decimal(300))
    assert await world.books.ledger.unclaimed(venue(ACCOUNT, USDT.coin)) == Decimal(1300)
    assert await plan(world) == "every coin lies where it is needed"


async def test_a_target_is_kept_and_not_overshot(world: TreasuryWorld) -> None:
    world.keep = Decimal(2000)
    assert await plan(world) == "every coin lies where it is needed"
    world.keep = Decimal(2002)
    assert "planned" in await plan(world)
    await world.settle()
    (transfer,) = await world.transfers()
    assert transfer.amount == Decimal(1000)
    assert await plan(world) == "every coin lies where it is needed"


@pytest.mark.parametrize("scope", [f"transfers:{ACCOUNT}", "coin:USDT"])
async def test_nothing_is_planned_of_an_account_or_a_coin_that_is_stopped(
    world: TreasuryWorld, scope: str
) -> None:
    await world.books.freezes.freeze(scope, "why", world.clock.now())
    await world.accounts.want(ACCOUNT, USDT.coin, Decimal(1300), world.clock.now())
    assert await plan(world) == "every coin lies where it is needed"
    assert await world.transfers() == []


async def test_a_plan_that_cannot_be_made_says_why_and_proposes_the_address() -> None:
    async with treasury_world(approved=False) as world:
        await world.accounts.want(ACCOUNT, USDT.coin, Decimal(1300), world.clock.now())
        assert "address_not_approved" in await plan(world)
        assert "address_proposed" in await world.told()
        assert await world.transfers() == []
        await world.approve_all()
        assert "planned" in await plan(world)
        await world.settle()
        (canary,) = await world.transfers()
        assert (canary.canary, canary.amount) == (True, Decimal(1))
        assert "planned" in await plan(world)
        await world.settle()
        assert await world.books.ledger.unclaimed(venue(ACCOUNT, USDT.coin)) == Decimal(1300)
