"""Withdrawals on their way and stopped payouts, as people see them in chat."""

import pytest

from domain.payouts.model import PayoutState
from domain.roles import Role
from tests.handlers.world import OWNER, Person, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def test_a_person_sees_a_withdrawal_and_takes_it_back(world: World) -> None:
    alice = world.person("alice", USDT="100")
    assert "neither open nor paid" in await alice.says("/withdrawals")
    for said in ("/withdraw", "USDT", "40"):
        await alice.says(said)
    await alice.taps("Confirm")
    assert "40" in await alice.says("/withdrawals")
    assert "taken back" in await alice.taps("Take back 40 USDT")
    assert world.payouts.rows[0].state is PayoutState.CANCELLED
    assert "took it back" in await alice.says("/withdrawals")


async def test_nobody_takes_back_what_is_anothers(world: World) -> None:
    alice, bob = world.person("alice", USDT="100"), world.person("bob")
    for said in ("/withdraw", "USDT", "40"):
        await alice.says(said)
    await alice.taps("Confirm")
    assert "no such withdrawal" in await bob.says(f"/withdrawals cancel {world.payouts.rows[0].id}")
    assert "neither open nor paid" in await bob.says("/withdrawals")


async def test_the_owner_sees_why_payouts_stopped_and_lets_them_go_on(world: World, owner: Person) -> None:
    world.freezes.add("wallet", "spent_elsewhere:id-7", world.clock.now())
    assert "somebody else has spent" in await owner.says("/freezes")
    assert "id-7" in await owner.taps("Let wallet pay")
    assert "go on" in await owner.taps("Confirm")
    assert "Nothing is stopped" in await owner.says("/freezes")


@pytest.mark.parametrize("said", ["/freezes", "/unfreeze wallet", "/unfreeze wallet " + "x" * 32])
async def test_nobody_else_sees_or_lifts(world: World, said: str) -> None:
    world.freezes.add("wallet", "spent_elsewhere:id-7", world.clock.now())
    assert "You may not do that" in await world.person("alice").says(said)
    assert len(world.freezes.rows) == 1


@pytest.mark.parametrize("said", ["/unfreeze", "/unfreeze a b c", "/unfreeze ;drop"])
async def test_what_names_nothing_stopped_is_explained(owner: Person, said: str) -> None:
    assert "/freezes" in await owner.says(said)


ALICE = "0c2f7b6e-0000-4000-8000-0000000000a1"


@pytest.mark.parametrize(
    ("about", "refused"), [(ALICE, "account here is stopped"), ("usdt", "USDT is stopped")]
)
async def test_keepers_stop_a_person_or_a_coin_and_the_owner_lifts_it(
    world: World, owner: Person, about: str, refused: str
) -> None:
    world.trade(BTC_USDT="60000")
    alice = world.person(ALICE, USDT="5000", BTC="1")
    await alice.says("/start")
    assert "tap Confirm" in await owner.says(f"/freeze {about}")
    assert "is stopped at the word of" in await owner.taps("Confirm")
    for said in ("/withdraw USDT 10", "/convert 100 USDT to BTC", "/new BTC/USDT calm 0.1 1000"):
        words = said.split()
        answers = [await alice.says(said if words[0] == "/convert" else words[0])]
        answers += [await alice.says(word) for word in words[1:] if words[0] != "/convert"]
        assert refused in "".join(answers), said
        await alice.says("/cancel")
    assert (world.payouts.rows, world.runs.rows, world.exchanged.rows) == ([], [], {})
    [freeze] = world.freezes.rows
    assert "has said so" in await owner.says("/freezes")
    await owner.says(f"/unfreeze {freeze.scope}")
    await owner.taps("Confirm")
    await alice.says("/withdraw")
    await alice.says("USDT")
    assert "10" in await alice.says("10")


@pytest.mark.parametrize(
    "said", ["/new", "/deposit", "/convert 100 USDT to BTC", "/buy 0.01 BTC", "/sell", "/convert"]
)
async def test_while_nothing_new_begins_that_is_said_at_once_and_nothing_is_asked(
    world: World, owner: Person, said: str
) -> None:
    world.trade(BTC_USDT="60000")
    alice = world.person(ALICE, USDT="5000", BTC="1")
    world.freezes.add("new", "by_hand", world.clock.now())
    told = await alice.says(said)
    assert told.startswith("Nothing new begins here for now")
    assert "?" not in told
    assert ALICE not in world.conversations.rows
    await owner.says("/freezes")
    assert "Let new things begin" in owner.buttons


@pytest.mark.parametrize("said", ["/freeze", "/freeze a-b", "/freeze x y z", "/freeze ;drop"])
async def test_what_names_nothing_to_stop_is_explained(owner: Person, said: str) -> None:
    assert "/freeze USDT" in await owner.says(said)
