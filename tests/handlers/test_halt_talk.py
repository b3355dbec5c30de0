"""Halted accounts, as the owner sees and lifts them, and as nobody else does."""

import pytest

from domain.roles import Role
from tests.handlers.world import OWNER, Person, World


@pytest.fixture
def world() -> World:
    world = World()
    world.accounts.add("binance-1", "fill_vanished", world.clock.now())
    return world


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def test_the_owner_sees_why_and_lets_it_trade_again(world: World, owner: Person) -> None:
    assert "binance-1" in await owner.says("/halts")
    assert "its balances do not agree" in await owner.taps("Let binance-1 trade")
    assert "binance-1 trades again" in await owner.taps("Confirm")
    assert world.accounts.rows == []
    assert "No exchange account is halted" in await owner.says("/halts")


async def test_a_confirmation_lifts_only_what_was_shown(world: World, owner: Person) -> None:
    await owner.says("/unhalt binance-1")
    world.accounts.add("binance-1", "fill_of_unknown_order", world.clock.now())
    assert "changed nothing" in await owner.taps("Confirm")
    assert len(world.accounts.rows) == 2


async def test_a_confirmation_serves_once(world: World, owner: Person) -> None:
    await owner.says("/unhalt binance-1")
    await owner.taps("Confirm")
    world.accounts.add("binance-1", "fill_vanished", world.clock.now())
    await owner.taps("Confirm")
    assert len(world.accounts.rows) == 1


@pytest.mark.parametrize("said", ["/halts", "/unhalt binance-1", "/unhalt binance-1 " + "x" * 32])
async def test_nobody_else_sees_or_lifts(world: World, said: str) -> None:
    alice = world.person("alice")
    assert "You may not do that" in await alice.says(said)
    assert len(world.accounts.rows) == 1


@pytest.mark.parametrize("said", ["/unhalt", "/unhalt a b c", "/unhalt ;drop", "/unhalt binance-2"])
async def test_what_names_no_halted_account_is_explained(world: World, owner: Person, said: str) -> None:
    assert "/unhalt" in await owner.says(said) or "/halts" in await owner.says(said)
    assert len(world.accounts.rows) == 1
