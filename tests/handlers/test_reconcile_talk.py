"""Reconciliation as owner and admins see it by chat, and what a shortfall stopped being lifted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.leases import WALLET, Scope
from domain.money import Coin
from domain.reconciliation.model import InFlight, Line, Round, Stray, StrayOrder
from domain.roles import Role
from tests.handlers.world import OWNER, Person, World

USDT, ASSET = Coin("USDT"), "4d8c508b-91c5-375b-92b0-ee702ed2dac5"
MAIN = Scope("venue:main")
SHORT = Line(USDT, Decimal(10), Decimal("9.5"), ASSET)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def add(world: World, found: Round) -> None:
    await world.rounds.add(replace(found, at=world.clock.now()))


async def test_the_owner_sees_every_place_and_asks_for_a_look(world: World, owner: Person) -> None:
    assert "Nothing was compared yet" in await owner.says("/reconcile")
    way = InFlight("payout 7", USDT, Decimal(-1), Decimal(-1), ASSET)
    now = world.clock.now()
    await add(world, Round(WALLET, now, (SHORT,)))
    await add(world, Round(MAIN, now, (Line(USDT, Decimal(3), Decimal(3)),)))
    world.clock.advance(seconds=120)
    odd = replace(SHORT, outside=Decimal(9), explained=(way,))
    await add(world, Round(MAIN, now, (odd,), (StrayOrder(Stray.ORDER, "mmk1"),)))
    world.clock.advance(seconds=3)
    said = await owner.says("/reconcile")
    assert "wallet: LESS is there than the books say, 2 min ago; nobody has seen it agree yet." in said
    assert "USDT: there 9.5, books 10, unexplained -0.5" in said
    assert "venue:main: agrees, 3 s ago; last seen without a shortfall 3 s ago." in said
    assert "USDT: there 9, books 10, explained by payout 7" in said
    assert "order mmk1: an order rests there" in said
    assert "The workers look at every place now" in await owner.taps("Look now")
    assert await world.rounds.asked() == 1


async def test_an_admin_sees_it_and_others_do_not(world: World, owner: Person) -> None:
    world.roles.plant("ada", Role.ADMIN)
    assert "Nothing was compared yet" in await world.person("ada").says("/reconcile")
    for said in ("/reconcile", "/reconcile now"):
        assert "You may not do that" in await world.person("alice").says(said)
    assert await world.rounds.asked() == 0


async def test_what_a_shortfall_stopped_goes_on_after_a_good_look(world: World, owner: Person) -> None:
    world.freezes.add(ASSET, "balance_short:wallet USDT 0.5", world.clock.now())
    world.accounts.add("main", "balance_short:venue:main USDT 0.5", world.clock.now())
    assert "less is there than our books say (venue:main USDT 0.5)" in await owner.says("/halts")
    await add(world, Round(WALLET, world.clock.now(), (SHORT,)))
    for word in (f"/unfreeze {ASSET}", "/unhalt main"):
        assert f"{word} anyway" in await owner.says(word)
    world.clock.advance(seconds=60)
    await add(world, Round(WALLET, world.clock.now(), ()))
    await add(world, Round(MAIN, world.clock.now(), ()))
    await owner.says(f"/unfreeze {ASSET}")
    await owner.taps("Confirm")
    await owner.says("/unhalt main")
    await owner.taps("Confirm")
    assert (world.freezes.rows, world.accounts.rows) == ([], [])


async def test_it_goes_on_anyway_at_an_explicit_word_in_two_steps(world: World, owner: Person) -> None:
    world.freezes.add(ASSET, "balance_short:wallet USDT 0.5", world.clock.now())
    world.accounts.add("main", "balance_short:venue:main USDT 0.5", world.clock.now())
    await owner.says(f"/unfreeze {ASSET} anyway")
    assert len(world.freezes.rows) == 1, "asked once more"
    await owner.taps("Confirm")
    await owner.says("/unhalt main anyway")
    await owner.taps("Confirm")
    assert (world.freezes.rows, world.accounts.rows) == ([], [])
    assert {act.action for act in world.audit.rows} >= {"freezes.lift", "halts.lift"}
    assert "balance_short:wallet USDT 0.5" in str(world.audit.rows)


async def test_a_good_look_before_the_stop_is_none_after_it(world: World, owner: Person) -> None:
    await add(world, Round(WALLET, world.clock.now(), ()))
    world.freezes.add(ASSET, "balance_short:wallet USDT 0.5", world.clock.now() + timedelta(seconds=1))
    assert "has not gone away" in await owner.says(f"/unfreeze {ASSET}")
