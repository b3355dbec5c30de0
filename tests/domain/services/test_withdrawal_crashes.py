"""Withdrawals: die at every boundary there is, come back, and look at what became of the money."""

from decimal import Decimal

import pytest

from domain.payouts import inputs
from tests.domain.services.money_world import ALICE, ON_POSTGRES, USDT, MoneyWorld
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.wallet import Fault


async def withdraw_with(world: MoneyWorld, fuse: Fuse, amount: str) -> None:
    """Live one process: ask for a withdrawal and drive it to its end."""
    process = world.process(fuse)
    await world.request(ALICE, amount, process=process)
    await world.settle(3, process)


@ON_POSTGRES
async def test_a_crash_at_any_boundary_of_a_withdrawal_pays_once_or_never(world: MoneyWorld) -> None:
    await world.give(ALICE, "100000")
    boundaries, given = 0, Decimal(100_000)
    while True:
        boundaries += 1
        fuse = Fuse(boundaries)
        crashed = False
        try:
            await withdraw_with(world, fuse, "10")
        except SimulatedCrash:
            crashed = True
            await world.settle(4)
        await world.check()
        assert set(await world.states()) <= {"done"}, fuse.where
        if not crashed:
            break
    count = len(await world.states())
    assert boundaries > 60
    assert await world.held(ALICE) == 0
    assert await world.free(ALICE) == given - 10 * count
    assert world.wallet.paid[ALICE, USDT.asset_id] == count * Decimal("9.99")
    assert (await world.notices(ALICE)).count("withdrawal_sent") == count


@ON_POSTGRES
async def test_a_crash_at_any_boundary_of_a_refusal_gives_back_once(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    world.wallet.unregistered.add(ALICE)
    boundaries = 0
    while True:
        boundaries += 1
        fuse = Fuse(boundaries)
        try:
            await withdraw_with(world, fuse, "10")
        except SimulatedCrash:
            await world.settle(4)
        else:
            break
        assert set(await world.states()) <= {"refused"}, fuse.where
    assert boundaries > 30
    assert await world.funds(ALICE) == ("100", "0")
    assert not world.wallet.paid
    assert await world.books.reserved() == {}
    await world.check()


@ON_POSTGRES
@pytest.mark.parametrize(("call", "first"), [("sign", 1), ("submit", 2), ("find", 3)])
async def test_a_crash_at_any_boundary_after_a_lost_answer_pays_once(
    world: MoneyWorld, call: str, first: int
) -> None:
    """Every third boundary for each call: together all of them."""
    await world.give(ALICE, "100000")
    boundaries = first - 3
    while True:
        boundaries += 3
        world.wallet.faults[call].append(Fault.LOST)
        fuse = Fuse(boundaries)
        crashed = False
        try:
            await withdraw_with(world, fuse, "10")
        except SimulatedCrash:
            crashed = True
            await world.settle(4)
        world.wallet.faults[call].clear()
        await world.check()
        assert set(await world.states()) <= {"done"}, fuse.where
        if not crashed:
            break
    assert world.wallet.paid[ALICE, USDT.asset_id] == len(await world.states()) * Decimal("9.99")


@ON_POSTGRES
async def test_a_crash_at_any_boundary_of_merging_pays_once(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third boundary: those before and after the merging are those of any withdrawal."""
    monkeypatch.setattr(inputs, "MOST_INPUTS", 2)
    boundaries = 0
    while True:
        boundaries += 3
        for _ in range(3):
            world.wallet.pay_in(ALICE, USDT.asset_id, "10")
        await world.process().deposits.collect()
        fuse = Fuse(boundaries)
        crashed = False
        try:
            await withdraw_with(world, fuse, "30")
        except SimulatedCrash:
            crashed = True
            await world.settle(5)
        await world.check()
        assert set(await world.states()) <= {"done"}, fuse.where
        await world.request(ALICE, None) if await world.free(ALICE) else None
        await world.settle(5)
        if not crashed:
            break
    assert boundaries > 100
    assert await world.free(ALICE) == 0
