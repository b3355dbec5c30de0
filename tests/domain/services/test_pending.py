"""Deposits that are seen before they are final: the person's, and spendable only then (DP9)."""

from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ledger.model import pending
from tests.domain.services.money_world import ALICE, BOB, USDT, MoneyWorld
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.wallet import Fault


async def arriving(world: MoneyWorld) -> Decimal:
    return (await world.balance(pending(ALICE, USDT.coin))).total


async def test_a_deposit_is_spendable_only_when_it_is_final(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    await world.process().deposits.collect()
    assert (await world.free(ALICE), await arriving(world)) == (Decimal(0), Decimal(50))
    [shown] = await world.process().balances.of(ALICE)
    assert (shown.available, shown.arriving) == (Decimal(0), Decimal(50))
    with pytest.raises(Refused, match="insufficient_funds"):
        await world.request(ALICE, "10")
    assert await world.notices(ALICE) == []
    world.wallet.settle(output.request_id)
    assert await world.process().deposits.collect() == "no new output, 1 of 1 became final"
    assert (await world.free(ALICE), await arriving(world)) == (Decimal(50), Decimal(0))
    assert await world.notices(ALICE) == ["deposit_credited"]
    await world.process().deposits.collect()
    await world.check()


async def test_nothing_pays_with_what_is_not_final(world: MoneyWorld) -> None:
    await world.give(BOB, "20")
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "500", at=world.clock.now())
    await world.process().deposits.collect()
    await world.request(BOB, "10")
    await world.settle(3)
    assert output.output_id not in await world.books.reserved()
    assert await world.states() == ["done"]


async def test_who_waits_long_is_told_once(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    for _ in range(40):
        await world.process().deposits.collect()
        world.clock.advance(30)
    assert await world.free(ALICE) == 0
    assert await world.notices(ALICE) == ["deposit_arriving"]
    world.wallet.settle(output.request_id)
    await world.process().deposits.collect()
    assert await world.notices(ALICE) == ["deposit_arriving", "deposit_credited"]
    assert await world.free(ALICE) == 50


async def test_without_an_answer_it_is_not_final(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    world.wallet.settle(output.request_id)
    world.wallet.faults["find"] += [Fault.DOWN, Fault.DOWN]
    await world.process().deposits.collect()
    assert (await world.free(ALICE), await arriving(world)) == (Decimal(0), Decimal(50))
    await world.process().deposits.collect()
    assert await world.free(ALICE) == 50


async def test_another_transaction_by_the_same_name_makes_nothing_final(world: MoneyWorld) -> None:
    output = world.wallet.pay_in(ALICE, USDT.asset_id, "50", at=world.clock.now())
    world.wallet.unsettled[output.request_id] = "another hash"
    world.wallet.settle(output.request_id)
    await world.process().deposits.collect()
    assert await arriving(world) == 50


async def test_a_crash_at_any_boundary_credits_once_and_tells_once(world: MoneyWorld) -> None:
    fuse, boundary = Fuse(), 0
    while fuse.passed >= boundary:
        boundary += 1
        fuse = Fuse(boundary)
        output = world.wallet.pay_in(ALICE, USDT.asset_id, "2", at=world.clock.now())
        try:
            process = world.process(fuse)
            await process.deposits.collect()
            world.wallet.settle(output.request_id)
            await process.deposits.collect()
        except SimulatedCrash:
            assert await world.free(ALICE) + await arriving(world) in (2 * boundary, 2 * boundary - 2)
            if output.request_id in world.wallet.unsettled:
                world.wallet.settle(output.request_id)
        await world.process().deposits.collect()
        assert await world.free(ALICE) == 2 * boundary
        assert await arriving(world) == 0
    assert boundary > 15
    assert await world.notices(ALICE) == ["deposit_credited"] * boundary
    await world.check()
