"""What was kept aside, back at the owner's word: each part to who sent it, once (DP6)."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ids import AssetId, UserId
from domain.ledger.model import AccountKind
from domain.services.refunds import MOST_PER_DAY, MOST_RETURNED
from tests.domain.services.money_world import ALICE, BOB, ON_POSTGRES, OWNER, USDT, MoneyWorld, Process
from tests.fakes.crash import Fuse, SimulatedCrash

SHINY = AssetId("5417e000-0000-4000-8000-000000000001")
CAROL = UserId("0c2f7b6e-0000-4000-8000-00000000ca01")
EACH = {ALICE: "0.25", BOB: "0.5", CAROL: "0.125"}


async def pay_in(world: MoneyWorld, asset: AssetId, each: Mapping[UserId, str] = EACH) -> None:
    for sender, amount in each.items():
        world.wallet.pay_in(sender, asset, amount)
    await world.process().deposits.collect()


async def send_back(world: MoneyWorld, asset: AssetId, process: Process | None = None) -> None:
    refunds = (process or world.process()).refunds
    _, token = await refunds.ask_for_all(OWNER, asset)
    await refunds.return_all(OWNER, asset, token, f"said {token}")


async def acts(world: MoneyWorld) -> list[tuple[UserId, str]]:
    """Return who was allowed to send back, and by which message."""
    return [(a.who, a.cause) for a in await world.books.audit.latest(500) if a.action == "suspense.return"]


def paid(world: MoneyWorld, asset: AssetId) -> dict[UserId, str]:
    return {who: str(world.wallet.paid[who, asset]) for who in EACH}


@pytest.mark.parametrize("asset", [SHINY, USDT.asset_id])
async def test_each_gets_back_their_own_and_nobody_what_is_nobodys(world: MoneyWorld, asset: AssetId) -> None:
    await pay_in(world, asset)
    await pay_in(world, asset, {BOB: "0.25"})
    world.wallet.pay_in(None, asset, "7")
    world.wallet.pay_in(ALICE, USDT.asset_id, "3", inscription=True)
    await world.process().deposits.collect()
    at = world.process().refunds
    groups, token = await at.ask_for_all(OWNER, asset)
    assert [(g.sender, g.amount, g.count) for g in groups] == [
        (BOB, Decimal("0.75"), 2),
        (ALICE, Decimal("0.25"), 1),
        (CAROL, Decimal("0.125"), 1),
    ]
    assert await at.return_all(OWNER, asset, token, "said") == groups
    with pytest.raises(Refused, match="nothing_to_send_back"):
        await at.return_all(OWNER, asset, token, "said again")
    await world.settle()
    assert paid(world, asset) == {ALICE: "0.25", BOB: "0.75", CAROL: "0.125"}
    assert await world.own(AccountKind.SUSPENSE) == (10 if asset == USDT.asset_id else 3)
    left = {(group.sender, group.reason) for group in await at.suspense(OWNER)}
    assert (ALICE, "inscription") in left
    assert {sender for sender, _ in left} == {None, ALICE}
    for who in EACH:
        assert (await world.notices(who))[-1] == "refund_sent"
    assert await acts(world) == [(OWNER, "said")]
    await world.check()


async def test_what_came_or_went_since_the_question_needs_another_one(world: MoneyWorld) -> None:
    await pay_in(world, SHINY)
    at = world.process().refunds
    _, token = await at.ask_for_all(OWNER, SHINY)
    await pay_in(world, SHINY, {CAROL: "1"})
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.return_all(OWNER, SHINY, token, "said")
    _, token = await at.ask_for_all(OWNER, SHINY)
    _, hers = await at.ask(ALICE, SHINY)
    await at.request(ALICE, SHINY, hers)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.return_all(OWNER, SHINY, token, "said")
    assert await acts(world) == []


async def test_only_the_owner_sends_back(world: MoneyWorld) -> None:
    await pay_in(world, SHINY)
    at = world.process().refunds
    _, token = await at.ask_for_all(OWNER, SHINY)
    for refused in (at.ask_for_all(ALICE, SHINY), at.return_all(ALICE, SHINY, token, "said")):
        with pytest.raises(Refused, match="not_allowed"):
            await refused


async def test_who_cannot_be_paid_keeps_it_here_and_the_others_are_paid(world: MoneyWorld) -> None:
    await pay_in(world, USDT.asset_id)
    world.wallet.unregistered.add(BOB)
    await send_back(world, USDT.asset_id)
    await world.settle()
    assert paid(world, USDT.asset_id) == {ALICE: "0.25", BOB: "0", CAROL: "0.125"}
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.5")
    world.wallet.unregistered.clear()
    await send_back(world, USDT.asset_id)
    await world.settle()
    assert paid(world, USDT.asset_id) == EACH
    await world.check()


async def test_an_owner_may_send_back_as_often_as_they_decide_to(world: MoneyWorld) -> None:
    for _ in range(MOST_PER_DAY + 2):
        await pay_in(world, SHINY, {ALICE: "1"})
        await send_back(world, SHINY)
        await world.settle()
    assert world.wallet.paid[ALICE, SHINY] == MOST_PER_DAY + 2


async def test_many_senders_are_paid_back_in_parts_that_can_be_read(world: MoneyWorld) -> None:
    crowd = {UserId(f"0c2f7b6e-0000-4000-8000-{n:012d}"): "0.5" for n in range(MOST_RETURNED + 5)}
    await pay_in(world, SHINY, crowd)
    for left in (MOST_RETURNED + 5, 5):
        groups, _ = await world.process().refunds.ask_for_all(OWNER, SHINY)
        assert len(groups) == min(left, MOST_RETURNED)
        await send_back(world, SHINY)
    await world.settle(40)
    assert {who: str(world.wallet.paid[who, SHINY]) for who in crowd} == crowd
    await world.check()


@ON_POSTGRES
async def test_the_owner_and_the_senders_ask_at_once_and_each_is_paid_once(world: MoneyWorld) -> None:
    for _ in range(5):
        before = {who: world.wallet.paid[who, SHINY] for who in EACH}
        await pay_in(world, SHINY)
        refunds = world.process().refunds
        _, token = await refunds.ask_for_all(OWNER, SHINY)
        own = [(who, (await refunds.ask(who, SHINY))[1]) for who in EACH]
        answers = await asyncio.gather(
            world.process().refunds.return_all(OWNER, SHINY, token, f"said {token}"),
            *(world.process().refunds.request(who, SHINY, mine) for who, mine in own),
            return_exceptions=True,
        )
        assert all(isinstance(answer, Refused) for answer in answers if isinstance(answer, BaseException))
        await world.settle()
        if any([await refunds.list(who) for who in EACH]):
            await send_back(world, SHINY)
            await world.settle()
        assert {who: world.wallet.paid[who, SHINY] - before[who] for who in EACH} == {
            who: Decimal(amount) for who, amount in EACH.items()
        }
        world.clock.advance(24 * 3600)
    await world.check()


@pytest.mark.parametrize("asset", [SHINY, USDT.asset_id])
async def test_a_crash_at_any_boundary_of_sending_back_pays_each_once(
    world: MoneyWorld, asset: AssetId
) -> None:
    """Every other boundary; once promised they are refunds like any other, else they are asked for again."""
    fuse, boundary, rounds = Fuse(), -1, 0
    while fuse.passed >= boundary:
        boundary += 2
        rounds += 1
        await pay_in(world, asset)
        fuse = Fuse(boundary)
        try:
            await send_back(world, asset, world.process(fuse))
        except SimulatedCrash:
            waiting = [bool(await world.process().refunds.list(who)) for who in EACH]
            assert len(set(waiting)) == 1, "all are promised theirs, or none"
            if any(waiting):
                await send_back(world, asset)
        await world.settle()
        assert paid(world, asset) == {who: str(rounds * Decimal(amount)) for who, amount in EACH.items()}
    assert boundary > 30
    assert len(await acts(world)) == rounds
    assert await world.own(AccountKind.SUSPENSE) == 0
    await world.check()
