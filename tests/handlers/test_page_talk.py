"""Links to pages by chat: to whom they are given, what is kept of them, and how they are taken back."""

from datetime import timedelta

import pytest

from domain.services.confirmations import hash_of
from tests.handlers.world import Person, World

OPENS = "https://pages.example/open/run/"


@pytest.fixture
async def world() -> World:
    world = World()
    world.trade(BTC_USDT="60000")
    for said in ("/new", "BTC/USDT", "calm", "0.1", "1000", "yes"):
        await world.person("alice", USDT="1000", BTC="0.1").says(said)
    return world


def token(person: Person) -> str:
    """Return the token in the address of the button that was shown."""
    assert person.buttons["Live page"].startswith(OPENS)
    return person.buttons["Live page"].removeprefix(OPENS)


async def test_run_and_live_each_give_a_link_of_their_own(world: World) -> None:
    alice = world.person("alice")
    tokens = set()
    for said in ("/run 1", "/live 1", "/实时 1"):
        await alice.says(said)
        tokens.add(token(alice))
    assert len(tokens) == 3
    assert {row.link.token_hash for row in world.links.rows.values()} == set(map(hash_of, tokens))
    assert {row.link.target for row in world.links.rows.values()} == {"/runs/1"}
    assert all(len(each) == 43 for each in tokens), "256 bits"


async def test_database_keeps_nothing_that_opens_a_link(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/live 1")
    kept = repr(world.outbox.rows) + repr(world.links.rows)
    assert token(alice) not in kept


@pytest.mark.parametrize("said", ["/live 1", "/run 1", "/live 2", "/live", "/live x"])
async def test_runs_of_others_have_no_link(world: World, said: str) -> None:
    bob = world.person("bob")
    await bob.says(said)
    assert "Live page" not in bob.buttons
    assert world.links.rows == {}


async def test_a_number_that_is_missing_is_asked_for_with_the_command_that_was_said(world: World) -> None:
    alice = world.person("alice")
    assert "for example /live 1" in await alice.says("/live")
    assert "for example /run 1" in await alice.says("/run")


async def test_where_chats_would_not_open_pages_none_is_offered(world: World) -> None:
    world.pages_offered = False
    world.restart()
    alice = world.person("alice")
    assert "Run 1" in await alice.says("/run 1") or "BTC/USDT" in await alice.says("/run 1")
    assert "not encrypted" in await alice.says("/live 1")
    assert "not encrypted" in await alice.says("/history page")
    assert "Live page" not in alice.buttons


async def test_open_pages_are_listed_and_closed(world: World) -> None:
    alice, bob = world.person("alice"), world.person("bob")
    assert "None of your pages" in await alice.says("/sessions")
    await alice.says("/live 1")
    await world.links.open(hash_of(token(alice)), "run", "v1")
    assert "None of your pages" in await bob.says("/sessions")
    assert "0 open pages were closed" in await bob.says("/sessions end")
    assert "since 1 Mar 2026" in await alice.says("/sessions")
    await alice.says("/live 1")
    assert "1 open pages were closed" in await alice.taps("Close all of them")
    assert await world.links.visitor("v1") is None
    assert await world.links.open(hash_of(token(alice)), "run", "v2") is None, (
        "nor does an unopened link open"
    )


async def test_old_links_are_forgotten(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/live 1")
    world.clock.advance(seconds=timedelta(days=1, minutes=6).total_seconds())
    await alice.says("/live 1")
    assert len(world.links.rows) == 1
