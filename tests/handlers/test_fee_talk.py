"""Fees by chat: what people see before they pay, what the owner may change and take, and what nobody may."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.payouts.model import PayoutState
from domain.roles import Role
from tests.handlers.world import OWNER, USDT, Person, World

ADMIN = "0c2f7b6e-0000-4000-8000-000000000ada"

ASSET = USDT.asset_id


@pytest.fixture
def world() -> World:
    world = World(fee_bps=10)
    world.roles.plant(ADMIN, Role.ADMIN)
    return world


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def test_everybody_sees_what_is_charged_and_what_will_be(world: World, owner: Person) -> None:
    alice = world.person("alice", USDT="100")
    shown = await alice.says("/fees")
    assert "Deposit: 0%" in shown
    assert "Withdrawal: 0.1%" in shown
    assert "paid nothing so far" in shown
    await owner.says("/setfees deposit 25")
    assert "Announced: deposit 0.25%" in await owner.taps("Confirm")
    shown = await alice.says("/手续费")
    assert "Deposit: 0%" in shown
    assert "deposit 0.25%" in shown


async def test_a_link_and_a_withdrawal_show_the_fee_before_anything_is_confirmed(world: World) -> None:
    [standing] = world.fees.rows.schedules
    world.fees.rows.schedules[0] = replace(standing, deposit_bps=50)
    alice = world.person("alice", USDT="100")
    for said in ("/deposit", "USDT"):
        await alice.says(said)
    assert "Fee: 0.5 USDT; 99.5 USDT goes to your balance" in await alice.says("100")
    for said in ("/withdraw", "USDT"):
        await alice.says(said)
    summary = await alice.says("40")
    assert "0.04" in summary
    assert "39.96" in summary


@pytest.mark.parametrize(
    "said",
    ["/setfees", "/setfees profit 5", "/setfees deposit", "/setfees deposit 5 6", "/setfees x 5 x y z"],
)
async def test_what_names_no_rate_is_explained(world: World, owner: Person, said: str) -> None:
    answer = await owner.says(said)
    assert "for example: /setfees trading 20" in answer
    assert "At most: deposit 10%" in answer


@pytest.mark.parametrize(
    ("rate", "answer"),
    [
        ("1001", "at most 1000"),
        ("99999", "whole number"),
        ("-1", "whole number"),
        ("0.5", "whole number"),
        ("1e2", "whole number"),
        ("٣", "whole number"),
        ("0", "rate already"),
    ],
)
async def test_a_rate_that_cannot_be_is_refused(world: World, owner: Person, rate: str, answer: str) -> None:
    assert answer in await owner.says(f"/setfees deposit {rate}")
    assert len(world.fees.rows.schedules) == 1


async def test_a_change_is_announced_as_shown_once_and_in_time(world: World, owner: Person) -> None:
    await owner.says("/setfees trading 20")
    shown = owner.buttons["Confirm"].removeprefix("input:")
    _, kind, bps, at, token = shown.split()
    for forged in (
        f"/setfees {kind} 21 {at} {token}",
        f"/setfees deposit {bps} {at} {token}",
        f"/setfees {kind} {bps} soon {token}",
    ):
        assert "changed nothing" in await owner.says(forged)
    world.clock.advance(seconds=301)
    assert "more than five minutes" in await owner.says(shown)
    assert len(world.fees.rows.schedules) == 1
    await owner.says("/setfees trading 20")
    await owner.taps("Confirm")
    await owner.taps("Confirm")
    [_, announced] = world.fees.rows.schedules
    assert (announced.trading_bps, announced.withdrawal_bps) == (20, 10)
    assert announced.effective_at - world.clock.now() >= timedelta(hours=24)


async def test_the_owner_takes_what_was_earned_and_may_call_it_off(world: World, owner: Person) -> None:
    alice = world.person("alice", USDT="100")
    await world.ledger.earn(USDT, "3.5")
    assert "3.5, of which 3.5 can be taken now" in await owner.says("/takefees")
    summary = await owner.taps("Take 3.5 USDT")
    assert "a day from now" in summary
    assert world.payouts.rows == []
    assert "takes 3.5 USDT" in await owner.taps("Confirm")
    assert world.told_to(ADMIN), "who watches hears of it"
    assert "announced, paid from" in await owner.says("/takefees")
    assert "fees" not in (await alice.says("/withdrawals")).lower()
    await owner.says("/takefees")
    assert "called off" in await owner.taps("Call off 3.5 USDT")
    [payout] = world.payouts.rows
    assert payout.state is PayoutState.CANCELLED
    assert "3.5, of which 3.5" in await owner.says("/takefees")


async def test_a_part_is_taken_and_more_than_there_is_refused(world: World, owner: Person) -> None:
    world.person("alice", USDT="100")
    await world.ledger.earn(USDT, "3.5")
    assert "more than can be taken now: 3.5 USDT" in await owner.says(f"/takefees {ASSET} 3.50000001")
    assert "1.25 USDT" in await owner.says(f"/takefees {ASSET} 1.25")
    await owner.taps("Confirm")
    [payout] = world.payouts.rows
    assert payout.amount == Decimal("1.25")
    assert "2.25 can be taken" in await owner.says("/takefees")


@pytest.mark.parametrize("said", ["/takefees USDT", "/takefees cancel", "/takefees a b c d", "/takefees ; 1"])
async def test_what_names_no_coin_is_explained(world: World, owner: Person, said: str) -> None:
    assert "/takefees" in await owner.says(said)
    assert world.payouts.rows == []


async def test_a_taking_that_does_not_exist_is_said_so(world: World, owner: Person) -> None:
    assert "no such taking" in await owner.says("/takefees cancel 00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("who", ["alice", ADMIN])
@pytest.mark.parametrize(
    "said", ["/setfees deposit 5", "/takefees", f"/takefees {ASSET} 1", "/takefees cancel x"]
)
async def test_nobody_else_changes_or_takes(world: World, owner: Person, who: str, said: str) -> None:
    await world.ledger.earn(USDT, "3.5")
    assert "You may not do that" in await world.person(who).says(said)
    assert (len(world.fees.rows.schedules), world.payouts.rows, world.audit.rows) == (1, [], [])
