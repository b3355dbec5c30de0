"""Roles by chat: the code, admins in two steps, the audit, and who hears that it is not for them."""

import pytest

from domain.ids import UserId
from domain.roles import Role
from tests.handlers.world import Person, World

OLGA, ADA, BOB = (f"0c2f7b6e-0000-4000-8000-00000000000{n}" for n in "123")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def olga(world: World) -> Person:
    world.roles.plant(OLGA, Role.OWNER)
    return world.person(OLGA)


@pytest.fixture
async def ada(world: World) -> Person:
    ada = world.person(ADA)
    await ada.says("hi")
    return ada


async def code_of(world: World) -> str:
    code = await world.services().ownership.issue()
    assert code
    return code


async def test_code_makes_its_sender_the_owner(world: World) -> None:
    bob = world.person(BOB)
    code = await code_of(world)
    assert "You have 4 tries left" in await bob.says("/claim AAAA-AAAA-AAAA-AAAA")
    assert "Send /claim CODE" in await bob.says("/claim")
    assert "You are a user" in await bob.says("/whoami")
    assert "You are the owner of this instance now" in await bob.says(f"/claim {code}")
    assert "You are the owner" in await bob.says("/whoami")
    assert "has an owner" in await bob.says(f"/claim {code}")


async def test_wrong_codes_are_counted_although_nothing_else_happened(world: World) -> None:
    bob = world.person(BOB)
    code = await code_of(world)
    for _ in range(5):
        await bob.says("/claim nonsense")
    assert "too many wrong codes" in await bob.says(f"/claim {code}")
    assert await world.roles.owner() is None


async def test_code_that_comes_late_or_by_a_bot_does_nothing(world: World) -> None:
    bob = world.person(BOB)
    code = await code_of(world)
    late = world.message(BOB, f"/claim {code}")
    world.clock.advance(minutes=11)
    assert "I did nothing with it" in "\n".join(await bob.hears(late))
    assert "people themselves" in await bob.says(f"/claim {code}", representative_id="another bot")
    assert await bob.says(f"/claim {code}", conversation_id="a group") == ""
    assert await world.roles.owner() is None


async def test_owner_makes_and_unmakes_an_admin_by_button(world: World, olga: Person, ada: Person) -> None:
    assert ADA in await ada.says("/whoami")
    assert f"Make {ADA} an admin?" in await olga.says(f"/role grant @{ADA.upper()} admin")
    assert await world.roles.role_of(UserId(ADA)) is Role.USER
    assert "is an admin now" in await olga.taps("Confirm")
    assert "made you an admin" in "\n".join(map(str, world.told_to(ADA)))
    assert "done only once" in await olga.taps("Confirm")
    assert f"an admin: {ADA}" in await ada.says("/roles")
    assert "roles.change" in await ada.says("/audit")
    await olga.says(f"/role revoke {ADA} admin")
    assert "is a user now" in await olga.taps("Confirm")
    assert "You may not do that" in await ada.says("/roles")
    assert [act.action for act in world.audit.rows] == ["roles.change", "roles.change"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/role", "Send /role grant ID admin"),
        ("/role grant", "Send /role grant ID admin"),
        ("/role grant ada admin", "Send /role grant ID admin"),
        (f"/role grant {ADA} owner", "Send /role grant ID admin"),
        (f"/role make {ADA} admin", "Send /role grant ID admin"),
        (f"/role grant {ADA} admin a b", "Send /role grant ID admin"),
        (f"/role grant {ADA[:-1]}٣ admin", "Send /role grant ID admin"),
        (f"/role grant {OLGA} admin", "Nobody changes their own role"),
        (f"/role revoke {ADA} admin", "what they are already"),
        (f"/role grant {BOB} admin", "I do not know this person"),
        (f"/role grant {ADA} admin forged-token", "does not belong"),
    ],
)
async def test_what_the_owner_says_else_changes_nothing(
    world: World, olga: Person, ada: Person, said: str, answer: str
) -> None:
    assert answer in await olga.says(said)
    assert await world.roles.role_of(UserId(ADA)) is Role.USER
    assert world.audit.rows == []


async def test_button_of_the_owner_is_of_no_use_to_others(world: World, olga: Person, ada: Person) -> None:
    await olga.says(f"/role grant {ADA} admin")
    forwarded = olga.buttons["Confirm"].removeprefix("input:")
    assert "You may not do that" in await ada.says(forwarded)
    world.roles.plant(BOB, Role.ADMIN)
    assert "You may not do that" in await world.person(BOB).says(forwarded)
    assert await world.roles.role_of(UserId(ADA)) is Role.USER
    assert world.audit.rows == []


async def test_owner_reads_what_an_admin_may_do_before_making_one(
    world: World, olga: Person, ada: Person
) -> None:
    told = await olga.says(f"/role grant {ADA} admin")
    assert "stop a person, a coin or all that is new with /freeze" in told


async def test_help_names_what_the_sender_may_do_and_no_more(world: World, olga: Person, ada: Person) -> None:
    eve = world.person("eve")
    told = await eve.says("/help")
    assert "/deposit" in told
    for keepers in ("/accounts", "/stopall", "/takefees", "owner"):
        assert keepers not in told
    assert {"/accounts", "/stopall"} <= set((await olga.says("/help")).split())
    assert "/accounts" not in await ada.says("/help")
    await olga.says(f"/role grant {ADA} admin")
    await olga.taps("Confirm")
    told = await ada.says("/help")
    assert "/accounts" in told
    assert "/stopall" not in told


async def test_audit_shows_the_latest_twenty(world: World, olga: Person, ada: Person) -> None:
    assert "Nothing was done" in await olga.says("/audit")
    for _ in range(11):
        for order in ("grant", "revoke"):
            await olga.says(f"/role {order} {ADA} admin")
            await olga.taps("Confirm")
            world.clock.advance(seconds=10)
    assert (await olga.says("/audit")).count(f"{OLGA}: roles.change (") == 20
