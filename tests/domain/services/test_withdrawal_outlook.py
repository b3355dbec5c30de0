"""What a person is told of a withdrawal on its way: its place, and when to expect it (WD9)."""

import pytest

from domain.ids import WithdrawalId
from domain.payouts import inputs
from domain.services.withdrawals import MOST_LISTED, Outlook, WithdrawalStatus
from tests.domain.services.money_world import ALICE, BOB, IN_MEMORY, OWNER, USDT, MoneyWorld
from tests.fakes.wallet import BOT

pytestmark = IN_MEMORY


async def look(world: MoneyWorld, payout_id: WithdrawalId) -> tuple[int, Outlook]:
    """Return place and outlook of a withdrawal as its person is shown it."""
    payout = next(p for p in await world.books.made() if p.id == payout_id)
    listed = await world.process().withdrawals.status(payout.receiver)
    [status] = [status for status in listed if status.payout == payout]
    assert status == WithdrawalStatus(payout, status.place, status.outlook)
    return status.place, status.outlook


async def test_it_is_shown_at_every_stage_as_what_it_is(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    going = await world.request(ALICE, "40")
    assert await look(world, going) == (0, Outlook.NOW)
    await world.process().payouts.advance(going)
    assert await look(world, going) == (0, Outlook.NOW)
    await world.books.freezes.freeze("wallet", "why", world.clock.now())
    await world.process().payouts.advance(going)
    assert await look(world, going) == (0, Outlook.FROZEN)
    [freeze] = await world.books.freezes.open()
    await world.books.freezes.lift(freeze, OWNER, world.clock.now())
    await world.settle()
    assert await look(world, going) == (0, Outlook.ENDED)


@pytest.mark.parametrize(("more", "expected"), [("59.81", Outlook.CHANGE), ("59.80999999", Outlook.FUNDS)])
async def test_change_is_promised_only_when_it_will_be_enough(
    world: MoneyWorld, more: str, expected: Outlook
) -> None:
    """Bob's 49.95 are taken from 100, so 50.05 come back; with the 30 beside it Alice's 139.86 lack 59.81."""
    await world.give(ALICE, "1000")
    await world.give(BOB, "100")
    await world.lend("970")
    waits = await world.request(ALICE, "140")
    await world.process().payouts.advance(waits)
    assert await look(world, waits) == (1, Outlook.FUNDS)
    passes = await world.request(BOB, "50")
    await world.process().payouts.advance(passes)
    world.wallet.pay_in(OWNER, USDT.asset_id, more, memo="float")
    await world.process().deposits.collect()
    assert await look(world, waits) == (1, expected)


async def test_each_in_the_line_needs_what_all_ahead_of_it_need_too(world: MoneyWorld) -> None:
    """Three of 299.7 each, in a wallet of 10 and then of 599.4."""
    await world.give(ALICE, "5000")
    await world.lend("4990")
    ids = [await world.request(ALICE, "300") for _ in range(3)]
    for each in ids:
        await world.process().payouts.advance(each)
    assert [await look(world, each) for each in ids] == [(place, Outlook.FUNDS) for place in (1, 2, 3)]
    world.wallet.pay_in(OWNER, USDT.asset_id, "589.4", memo="float")
    await world.process().deposits.collect()
    assert [await look(world, each) for each in ids] == [
        (1, Outlook.CHANGE),
        (2, Outlook.CHANGE),
        (3, Outlook.FUNDS),
    ]


async def test_it_is_merging_while_small_outputs_become_one(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_INPUTS", 2)
    for _ in range(3):
        await world.give(ALICE, "10")
    waits = await world.request(ALICE, "30")
    await world.process().payouts.advance(waits)
    assert await look(world, waits) == (1, Outlook.MERGING)
    await world.settle()
    assert await look(world, waits) == (0, Outlook.ENDED)
    assert await world.told(BOT) == []


async def test_the_ten_latest_are_listed_and_those_on_their_way_first(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    first = await world.request(ALICE, "1")
    for _ in range(MOST_LISTED):
        world.clock.advance(1)
        await world.process().withdrawals.cancel(ALICE, await world.request(ALICE, "1"))
    listed = [status.payout.id for status in await world.process().withdrawals.status(ALICE)]
    ended = [payout.id for payout in await world.books.made()][:1:-1]
    assert listed == [first, *ended]
    assert len(listed) == MOST_LISTED
