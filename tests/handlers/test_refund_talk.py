"""What is kept aside, as its sender and the owner see it in chat."""

from decimal import Decimal

import pytest

from domain.ids import AssetId, UserId
from domain.money import plain
from domain.ports.kept import KeptGroup
from domain.roles import Role
from tests.handlers.world import OWNER, World

SHINY = AssetId("5417e000-0000-4000-8000-000000000001")


@pytest.fixture
def world() -> World:
    world = World()
    world.kept.rows.append(KeptGroup(UserId("alice"), SHINY, "asset_unknown", False, Decimal(7), 2))
    return world


async def test_a_person_has_back_what_was_kept(world: World) -> None:
    alice = world.person("alice")
    assert "not on my list" in await alice.says("/refund")
    assert "without a fee" in await alice.taps("Send back 7 5417e000-000")  # a label is short
    assert "on their way back" in await alice.taps("Confirm")
    [payout] = world.payouts.rows
    assert (str(payout.receiver), plain(payout.amount)) == ("alice", "7")
    assert "Nothing of yours" in await alice.says("/refund")


@pytest.mark.parametrize("said", [f"/refund {SHINY}", f"/refund {SHINY} {'x' * 32}"])
async def test_nobody_has_what_is_anothers(world: World, said: str) -> None:
    assert "Nothing of yours" in await world.person("bob").says(said)
    assert world.payouts.rows == []


@pytest.mark.parametrize("said", ["/refund everything", f"/refund {SHINY} a b", "/refund ;drop x"])
async def test_nonsense_is_explained(world: World, said: str) -> None:
    assert "Send /refund alone" in await world.person("alice").says(said)


async def test_who_looks_after_the_instance_sees_all(world: World) -> None:
    world.roles.plant(OWNER, Role.OWNER)
    assert "from alice" in await world.person(OWNER).says("/suspense")
    assert "You may not do that" in await world.person("alice").says("/suspense")


async def test_the_owner_sends_all_of_a_coin_back_to_each_who_sent_it(world: World) -> None:
    world.kept.rows.append(KeptGroup(UserId("bob"), SHINY, "asset_unknown", False, Decimal("0.5"), 1))
    world.kept.rows.append(KeptGroup(None, SHINY, "asset_unknown", False, Decimal(9), 1))
    world.roles.plant(OWNER, Role.OWNER)
    owner = world.person(OWNER)
    await owner.says("/suspense")
    asked = await owner.taps("Send back 5417e000-0000-")  # a label is short
    assert "7.5" in asked
    assert "7 to alice (2 payments)" in asked
    assert "0.5 to bob" in asked
    assert "in 2 payments, each to who sent it" in await owner.taps("Confirm")
    assert {(str(p.receiver), plain(p.amount)) for p in world.payouts.rows} == {
        ("alice", "7"),
        ("bob", "0.5"),
    }
    assert "Nothing of that can be sent back" in await owner.says(f"/sendback {SHINY}")
    assert "nobody in particular" in await owner.says("/suspense")


@pytest.mark.parametrize("said", ["/sendback", "/sendback everything", f"/sendback {SHINY} a b"])
async def test_what_names_nothing_to_send_back_is_explained(world: World, said: str) -> None:
    world.roles.plant(OWNER, Role.OWNER)
    assert "Send /suspense" in await world.person(OWNER).says(said)


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
async def test_nobody_else_sends_anything_back(world: World, role: Role) -> None:
    world.roles.plant(UserId("mallory"), role)
    assert "You may not do that" in await world.person("mallory").says(f"/sendback {SHINY}")
    assert world.payouts.rows == []
