"""Coins on their way between Mixin and a venue alarm nobody at any step of theirs; what is lost does."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from domain.leases import venue_scope
from domain.ledger.model import AccountKind
from domain.money import Coin
from domain.reconciliation.compare import by_name, compare
from domain.reconciliation.model import Line
from domain.services.on_the_way import TransfersOnTheWay
from domain.treasury.model import Direction, TransferState
from tests.domain.services.money_world import ON_POSTGRES, USDT
from tests.domain.services.treasury_world import ACCOUNT, Process, TreasuryWorld, treasury_world

SCOPE = venue_scope(ACCOUNT)


@pytest.fixture
async def world(database: tuple[str, str]) -> AsyncIterator[TreasuryWorld]:
    async with treasury_world(database) as made:
        yield made


async def lines(world: TreasuryWorld) -> list[Line]:
    """Return what a look at the venue account finds."""
    held = await world.books.ledger.balances(AccountKind.VENUE, ACCOUNT)
    coins: set[Coin] = {USDT.coin}
    there = {coin: world.far.trading[coin] + world.far.funding[coin] for coin in coins}
    booked = {coin: balance.total for coin, balance in held.items()}
    way = await TransfersOnTheWay(world.books.transfers).at(SCOPE)
    return list(compare(by_name(booked), by_name(there), {}, way))


async def check(world: TreasuryWorld) -> None:
    """Look at wallet and venue: nothing may be unexplained."""
    world.wallet.at = world.clock.now()
    assert "wallet is good" in await world.money.process().comparing.round()
    assert [line for line in await lines(world) if line.unexplained] == []


async def step(world: TreasuryWorld, at: Process) -> None:
    """Let every part take one step, with a look after each."""
    await at.deposits.collect()
    await check(world)
    for each in await at.due_payouts(world.clock.now(), 100):
        await at.payouts.advance(each)
        await check(world)
    for transfer in await at.transfers.due():
        await at.transfers.advance(transfer)
        await check(world)
    world.carry()
    await check(world)


@ON_POSTGRES
@pytest.mark.parametrize("direction", list(Direction))
async def test_no_step_of_a_transfer_alarms_anybody(world: TreasuryWorld, direction: Direction) -> None:
    await world.plan(direction, "100")
    at, seen = world.process(), set()
    for _ in range(30):
        await step(world, at)
        seen.add(await world.state())
        if TransferState.CREDITED in seen:
            break
        world.clock.advance(31)
    assert TransferState.CREDITED in seen
    assert len(seen) > 2
    await step(world, at)
    assert [line.difference for line in await lines(world)] == [0]
    assert await world.books.freezes.open() == []


@ON_POSTGRES
async def test_what_a_venue_took_beside_a_transfer_is_found(world: TreasuryWorld) -> None:
    await world.plan(Direction.TO_MIXIN, "100")
    await world.settle()
    world.far.trading[USDT.coin] -= Decimal("0.00000001")
    [short] = await lines(world)
    assert short.unexplained == Decimal("-0.00000001")
