"""Withdrawals that wait: their line, taking one back, and stopped payouts (WD9, WD4)."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import InvariantBroken, Refused
from domain.ids import WithdrawalId
from domain.services.withdrawals import Outlook
from tests.domain.services.money_world import ALICE, BOB, OWNER, USDT, MoneyWorld, Process, money_world
from tests.fakes.crash import Fuse, SimulatedCrash

HOUR = 3600.0


@pytest.fixture
async def world(database: tuple[str, str]) -> AsyncIterator[MoneyWorld]:
    """Give a world in which Alice has 1000, Bob 100, and the wallet only 130."""
    async with money_world(*database) as made:
        await made.give(ALICE, "1000")
        await made.give(BOB, "100")
        await made.lend("970")
        yield made


async def outlooks(world: MoneyWorld, who: Any = ALICE) -> list[tuple[int, Outlook]]:
    return [(s.place, s.outlook) for s in await world.process().withdrawals.status(who)]


async def drive_on(process: Process, payout_id: WithdrawalId) -> None:
    for _ in range(9):
        await process.payouts.drive(payout_id)


async def test_a_small_one_passes_a_large_one_that_waits(world: MoneyWorld) -> None:
    await world.request(ALICE, "1000")
    await world.round()
    await world.request(BOB, "50")
    await world.settle(3)
    assert await world.states() == ["waiting", "done"]
    assert await outlooks(world) == [(1, Outlook.FUNDS)]


async def test_small_ones_never_starve_a_large_one(world: MoneyWorld) -> None:
    """Whatever comes in, and however many small ones come after it, it is paid in the end."""
    await world.request(ALICE, "600")
    await world.round()
    for hour in range(1, 9):
        world.clock.advance(HOUR)
        await world.give(BOB, "100")
        await world.request(BOB, "90")
        await world.round()
        if hour >= 6:
            break
    gathered = world.wallet.unspent(USDT.asset_id)
    world.wallet.pay_in(OWNER, USDT.asset_id, str(600 - gathered), memo="float")
    await world.round()
    await world.settle(6)
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("599.4")


async def test_after_six_hours_nobody_takes_what_gathers_for_the_first(world: MoneyWorld) -> None:
    await world.request(ALICE, "1000")
    await world.round()
    world.clock.advance(6 * HOUR)
    await world.request(BOB, "50")
    await world.settle(3)
    assert await world.states() == ["waiting", "waiting"]
    assert await outlooks(world, BOB) == [(2, Outlook.FUNDS)]
    world.wallet.pay_in(OWNER, USDT.asset_id, "970", memo="float")
    await world.settle()
    assert await world.states() == ["done", "done"]
    await world.check()


async def test_the_owner_is_told_once_an_hour_what_is_missing(world: MoneyWorld) -> None:
    await world.request(ALICE, "1000")
    for _ in range(5):
        await world.round()
        world.clock.advance(31)
    assert (await world.notices(OWNER)).count("float_short") == 1
    [short] = [notice for notice in await world.told(OWNER) if notice.kind == "float_short"]
    assert short.params["missing"] == "869"
    world.clock.advance(HOUR)
    await world.round()
    assert (await world.notices(OWNER)).count("float_short") == 2


async def test_what_waits_can_be_taken_back_once_by_its_owner(world: MoneyWorld) -> None:
    waiting = await world.request(ALICE, "1000")
    await world.round()
    at = world.process().withdrawals
    for who, which in ((BOB, waiting), (ALICE, WithdrawalId("no such one"))):
        with pytest.raises(Refused, match="withdrawal_unknown"):
            await at.cancel(who, which)
    await at.cancel(ALICE, waiting)
    assert await world.funds(ALICE) == ("1000", "0")
    with pytest.raises(Refused, match="withdrawal_under_way"):
        await at.cancel(ALICE, waiting)
    assert await outlooks(world) == [(0, Outlook.ENDED)]
    await world.settle(3)
    assert await world.states() == ["cancelled"]
    await world.check()


async def test_what_is_on_its_way_cannot_be_taken_back(world: MoneyWorld) -> None:
    going = await world.request(BOB, "50")
    process = world.process()
    await process.payouts.advance(going)
    assert await outlooks(world, BOB) == [(0, Outlook.NOW)]
    with pytest.raises(Refused, match="withdrawal_under_way"):
        await process.withdrawals.cancel(BOB, going)
    await world.settle()
    assert await world.states() == ["done"]


async def test_a_person_and_the_worker_race_for_a_withdrawal_and_one_of_them_wins(world: MoneyWorld) -> None:
    """Twenty times at the same moment: paid and gone, or back and never paid."""
    await world.give(BOB, "20")
    taken_back = 0
    for _ in range(20):
        going = await world.request(BOB, "1")
        process = world.process()
        results = await asyncio.gather(
            process.withdrawals.cancel(BOB, going), process.payouts.advance(going), return_exceptions=True
        )
        taken_back += not isinstance(results[0], BaseException)
        assert isinstance(results[0], Refused) != (await process.payouts.advance(going)).endswith(
            "nothing to do"
        )
    await world.settle(6)
    assert (await world.states()).count("cancelled") == taken_back
    assert world.wallet.paid[BOB, USDT.asset_id] == (20 - taken_back) * Decimal("0.999")
    await world.check()


async def test_a_crash_at_any_boundary_of_taking_back_gives_back_once(world: MoneyWorld) -> None:
    for boundary in range(1, 50):
        waiting = await world.request(ALICE, "900")
        await world.round()
        fuse = Fuse(boundary)
        try:
            await world.process(fuse).withdrawals.cancel(ALICE, waiting)
        except SimulatedCrash:
            held = await world.held(ALICE)
            assert held in (0, 900)
            if held:
                await world.process().withdrawals.cancel(ALICE, waiting)
        assert await world.funds(ALICE) == ("1000", "0")
        if fuse.passed < boundary:
            break
    assert fuse.passed >= 5


async def test_stopped_payouts_are_told_once_and_go_on_when_the_owner_has_looked(world: MoneyWorld) -> None:
    going = await world.request(BOB, "50")
    process = world.process()
    await process.payouts.advance(going)
    [taken] = await world.books.reserved()
    world.wallet.steal(taken)
    with pytest.raises(InvariantBroken, match="spent_elsewhere"):
        await drive_on(process, going)
    assert (await world.notices(OWNER)).count("payouts_frozen") == 1
    await world.request(ALICE, "10")
    for _ in range(3):
        await world.round()
        world.clock.advance(31)
    assert await outlooks(world) == [(0, Outlook.FROZEN)]
    assert (await world.notices(ALICE)).count("withdrawal_frozen") == 1
    for command in (process.freezes.list(ALICE), process.freezes.ask(ALICE, "wallet")):
        with pytest.raises(Refused, match="not_allowed"):
            await command
    freeze, token = await process.freezes.ask(OWNER, "wallet")
    assert freeze.reason == f"spent_elsewhere:{going}"
    with pytest.raises(Refused, match="confirmation_unknown"):
        await process.freezes.lift(OWNER, "wallet", "x" * 32, "said")
    await process.freezes.lift(OWNER, "wallet", token, "said")
    with pytest.raises(Refused, match="not_frozen"):
        await process.freezes.lift(OWNER, "wallet", token, "said")
    assert await process.freezes.list(OWNER) == []
    assert await world.books.lifted_by() == [OWNER]


async def test_a_confirmation_lifts_only_the_freeze_that_was_seen(world: MoneyWorld) -> None:
    process, now = world.process(), world.clock.now()
    await process.freezes._freezes.freeze("wallet", "one", now)
    _, first = await process.freezes.ask(OWNER, "wallet")
    _, again = await process.freezes.ask(OWNER, "wallet")
    await process.freezes.lift(OWNER, "wallet", first, "said")
    await process.freezes._freezes.freeze("wallet", "another", now)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await process.freezes.lift(OWNER, "wallet", again, "said")
    assert [freeze.reason for freeze in await process.freezes.list(OWNER)] == ["another"]
