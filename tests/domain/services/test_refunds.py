"""What is kept aside: small payments that add up, and refunds, once and to the sender alone (DP6, DP7)."""

from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ids import AssetId, UserId
from domain.ledger.model import AccountKind
from domain.services.refunds import MOST_PER_DAY
from tests.domain.services.money_world import ALICE, BOB, ON_POSTGRES, OWNER, USDT, MoneyWorld, Process
from tests.fakes.crash import Fuse, SimulatedCrash

SHINY = AssetId("5417e000-0000-4000-8000-000000000001")


async def ask_back(world: MoneyWorld, who: UserId, asset: AssetId, process: Process | None = None) -> None:
    refunds = (process or world.process()).refunds
    _, token = await refunds.ask(who, asset)
    await refunds.request(who, asset, token)


async def test_small_payments_are_credited_when_they_add_up(world: MoneyWorld) -> None:
    for amount in ("0.4", "0.5"):
        await world.give(ALICE, amount)
    await world.give(BOB, "0.9")
    assert await world.free(ALICE) == 0
    assert await world.own(AccountKind.SUSPENSE) == Decimal("1.8")
    assert await world.notices(ALICE) == ["payment_small"]
    await world.give(ALICE, "0.1")
    assert await world.free(ALICE) == 1
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.9")
    assert await world.notices(ALICE) == ["payment_small", "deposit_added_up"]
    await world.give(ALICE, "0.3")
    assert await world.free(ALICE) == 1
    await world.check()


async def test_a_crash_at_any_boundary_of_adding_up_credits_once(world: MoneyWorld) -> None:
    fuse, boundary = Fuse(), 0
    while fuse.passed >= boundary:
        boundary += 1
        fuse = Fuse(boundary)
        for _ in range(2):
            world.wallet.pay_in(ALICE, USDT.asset_id, "0.5")
        try:
            await world.process(fuse).deposits.collect()
        except SimulatedCrash:
            await world.process().deposits.collect()
        assert await world.free(ALICE) == boundary
        assert await world.own(AccountKind.SUSPENSE) == 0
    assert boundary > 10
    await world.check()


@pytest.mark.parametrize(("asset", "booked"), [(SHINY, False), (USDT.asset_id, True)])
async def test_what_is_kept_goes_back_to_its_sender_once(
    world: MoneyWorld, asset: AssetId, booked: bool
) -> None:
    for sender, amount in ((ALICE, "0.25"), (ALICE, "0.5"), (BOB, "0.125")):
        world.wallet.pay_in(sender, asset, amount)
    await world.process().deposits.collect()
    at = world.process().refunds
    [group] = await at.list(ALICE)
    assert (group.amount, group.count, group.booked) == (Decimal("0.75"), 2, booked)
    _, token = await at.ask(ALICE, asset)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.request(BOB, asset, token)
    await at.request(ALICE, asset, token)
    with pytest.raises(Refused, match="nothing_kept"):
        await at.request(ALICE, asset, token)
    await world.settle()
    assert world.wallet.paid[ALICE, asset] == Decimal("0.75")
    assert world.wallet.paid[BOB, asset] == 0
    assert await at.list(ALICE) == []
    assert await world.own(AccountKind.SUSPENSE) == (Decimal("0.125") if booked else 0)
    assert (await world.notices(ALICE))[-1] == "refund_sent"
    await world.check()


async def test_what_came_after_the_question_needs_another_one(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, SHINY, "1")
    await world.process().deposits.collect()
    _, token = await world.process().refunds.ask(ALICE, SHINY)
    world.wallet.pay_in(ALICE, SHINY, "1")
    await world.process().deposits.collect()
    with pytest.raises(Refused, match="confirmation_unknown"):
        await world.process().refunds.request(ALICE, SHINY, token)


async def test_what_has_no_single_sender_or_would_be_destroyed_is_not_offered(world: MoneyWorld) -> None:
    world.wallet.pay_in(None, SHINY, "1")
    world.wallet.pay_in(ALICE, USDT.asset_id, "1", inscription=True)
    world.wallet.pay_in(BOB, SHINY, "1", inscription=True)
    await world.process().deposits.collect()
    at = world.process().refunds
    assert [*await at.list(ALICE), *await at.list(BOB)] == []
    assert {(g.sender, g.reason) for g in await at.suspense(OWNER)} == {
        (None, "asset_unknown"),
        (ALICE, "inscription"),
        (BOB, "inscription"),
    }
    with pytest.raises(Refused, match="not_allowed"):
        await at.suspense(ALICE)


async def test_nobodys_token_of_any_size_is_in_the_way_of_a_refund(world: MoneyWorld) -> None:
    """An output of 1e25 is the largest there is; its change would be more than any column holds."""
    world.wallet.pay_in(BOB, SHINY, "5")
    world.wallet.pay_in(ALICE, SHINY, "1" + "0" * 25)
    await world.process().deposits.collect()
    await ask_back(world, BOB, SHINY)
    await world.settle()
    assert world.wallet.paid[BOB, SHINY] == 5
    assert not await world.books.freezes.frozen(SHINY)
    assert await world.process().refunds.list(ALICE) == []
    assert [told.params["reason"] for told in await world.told(ALICE)] == ["amount_unbookable"]


async def test_a_refund_never_pays_with_somebody_elses_coins_for_what_it_would_destroy(
    world: MoneyWorld,
) -> None:
    world.wallet.pay_in(BOB, SHINY, "5")
    world.wallet.pay_in(ALICE, SHINY, "5", inscription=True)
    await world.process().deposits.collect()
    with pytest.raises(Refused, match="nothing_kept"):
        await ask_back(world, ALICE, SHINY)
    await ask_back(world, BOB, SHINY)
    await world.settle()
    assert world.wallet.paid == {(BOB, SHINY): 5}


async def test_the_owner_is_not_asked_for_coins_that_nobody_approved(world: MoneyWorld) -> None:
    seen = world.wallet.pay_in(BOB, SHINY, "5")
    await world.process().deposits.collect()
    await world.books.strike(seen.output_id)
    await ask_back(world, BOB, SHINY)
    await world.settle(3)
    assert await world.states() == ["waiting"]
    assert await world.notices(OWNER) == []


async def test_a_refund_that_cannot_be_made_is_kept_again(world: MoneyWorld) -> None:
    await world.give(ALICE, "0.5")
    world.wallet.unregistered.add(ALICE)
    await ask_back(world, ALICE, USDT.asset_id)
    await world.settle()
    assert (await world.notices(ALICE))[-1] == "refund_refused"
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.5")
    world.wallet.unregistered.clear()
    await ask_back(world, ALICE, USDT.asset_id)
    await world.settle()
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("0.5")
    await world.check()


async def test_small_payments_that_are_going_back_do_not_add_up(world: MoneyWorld) -> None:
    await world.give(ALICE, "0.6")
    await ask_back(world, ALICE, USDT.asset_id)
    await world.give(ALICE, "0.6")
    assert await world.free(ALICE) == 0
    await world.settle()
    await world.give(ALICE, "0.6")
    assert await world.free(ALICE) == Decimal("1.2")
    await world.check()


async def test_two_bots_that_send_everything_back_come_to_rest(world: MoneyWorld) -> None:
    """The other one returns at once whatever it gets, and asks for it back as soon as it hears from us."""
    world.wallet.pay_in(BOB, SHINY, "1")
    for _ in range(4 * MOST_PER_DAY):
        await world.process().deposits.collect()
        returned = world.wallet.paid[BOB, SHINY]
        try:
            await ask_back(world, BOB, SHINY)
        except Refused:
            break
        await world.settle()
        if world.wallet.paid[BOB, SHINY] > returned:
            world.wallet.pay_in(BOB, SHINY, "1")
    with pytest.raises(Refused, match="refunds_too_many"):
        await ask_back(world, BOB, SHINY)
    assert world.wallet.paid[BOB, SHINY] == MOST_PER_DAY
    world.clock.advance(24 * 3600)
    await ask_back(world, BOB, SHINY)
    await world.settle()
    assert world.wallet.paid[BOB, SHINY] == MOST_PER_DAY + 1


@ON_POSTGRES
@pytest.mark.parametrize("asset", [SHINY, USDT.asset_id])
async def test_a_crash_at_any_boundary_of_a_refund_pays_back_once(world: MoneyWorld, asset: AssetId) -> None:
    fuse, boundary = Fuse(), 0
    while fuse.passed >= boundary:
        boundary += 1
        world.wallet.pay_in(ALICE, asset, "0.5")
        await world.process().deposits.collect()
        fuse = Fuse(boundary)
        try:
            process = world.process(fuse)
            await ask_back(world, ALICE, asset, process)
            await world.settle(3, process)
        except SimulatedCrash:
            await world.settle()
            if await world.process().refunds.list(ALICE):
                await ask_back(world, ALICE, asset)
        await world.settle()
        assert world.wallet.paid[ALICE, asset] == boundary * Decimal("0.5")
        world.clock.advance(24 * 3600)
    assert boundary > 30
    await world.check()


@ON_POSTGRES
async def test_an_idle_worker_merges_small_outputs_and_leaves_the_large_ones(world: MoneyWorld) -> None:
    world.wallet.pay_in(ALICE, USDT.asset_id, "500")
    for _ in range(600):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    process = world.process()
    await process.deposits.collect()
    assert "merges" in await process.payouts.tidy()
    assert await process.payouts.tidy() == "nothing to merge"  # one at a time
    await world.settle()
    for _ in range(9):
        await world.process().payouts.tidy()
        await world.settle()
    left = await world.books.payouts.spendable(USDT.asset_id, 300)
    assert len(left) < 256
    assert left[0].amount == 500
    assert await process.payouts.tidy() == "nothing to merge"
    await world.check()


@ON_POSTGRES
async def test_nothing_is_merged_while_payouts_are_stopped(world: MoneyWorld) -> None:
    for _ in range(256):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    process = world.process()
    await process.deposits.collect()
    await process.freezes._freezes.freeze("wallet", "why", world.clock.now())
    assert await process.payouts.tidy() == "nothing to merge"
