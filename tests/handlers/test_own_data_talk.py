"""A person asks what is kept of them, and to be forgotten, by chat."""

from datetime import timedelta
from decimal import Decimal

from domain.ids import UserId
from domain.money import Coin
from domain.ports.inactive import Inactive
from domain.roles import Role
from tests.handlers.world import World


async def test_a_person_asks_for_their_data_and_the_owner_hears_of_it() -> None:
    world = World()
    alice = world.person("alice")
    assert "Nobody owns this bot yet" in await alice.says("/mydata")
    world.roles.plant("olga", Role.OWNER)
    await world.person("olga").says("hi")
    assert "they can send it to you as a file" in await alice.says("/mydata")
    assert "mrmarket export alice" in str(world.told_to("olga")[-1])


async def test_a_person_is_forgotten_in_the_middle_of_something_and_begins_anew() -> None:
    world = World()
    alice = world.person("alice")
    await alice.says("你好")
    await alice.says("/deposit")
    assert "alice" in world.conversations.rows
    await alice.says("/忘记我")
    said = await alice.taps("确认")
    assert "Forgotten." in said, "in both languages, since which one was theirs is forgotten too"
    assert "已删除" in said
    assert "alice" not in world.conversations.rows
    assert "alice" not in world.users.rows
    world.clock.advance(seconds=1)
    await alice.says("hello")
    assert world.users.rows["alice"].language == "en"


async def test_who_has_something_here_is_told_what_to_do_first() -> None:
    world = World()
    alice = world.person("alice", USDT="5")
    assert "You still have 5 USDT here" in await alice.says("/forget")
    assert "Send /forget alone" in await alice.says("/forget one two")


async def test_keepers_see_who_has_been_away() -> None:
    world = World()
    world.roles.plant("olga", Role.OWNER)
    olga = world.person("olga")
    assert "Nobody who has coins here has been away for 365 days" in await olga.says("/inactive")
    long_ago = world.clock.now() - timedelta(days=400)
    world.away.rows.append(Inactive(UserId("alice"), long_ago, {Coin("USDT"): Decimal(7)}))
    assert "alice: 7 USDT" in await olga.says("/inactive")
    assert "You may not" in await world.person("bob").says("/inactive")
