"""The end of an instance, announced, watched and called off by chat."""

from datetime import timedelta

from domain.roles import Role
from tests.handlers.world import World


async def test_the_owner_announces_the_end_sees_it_and_calls_it_off() -> None:
    world = World()
    world.roles.plant("olga", Role.OWNER)
    olga, alice = world.person("olga"), world.person("alice", USDT="50")
    await alice.says("hi")
    assert "You may not" in await alice.says("/close")
    assert "not being closed" in await olga.says("/closing")
    asked = await olga.says("/close")
    assert "50 USDT of 1 people" in asked
    assert "After 24 hours, and not before" in asked
    assert "This bot closes: everybody who has anything here has been told" in await olga.taps("Confirm")
    assert "all that you have here goes to your Mixin wallet by itself" in str(world.told_to("alice")[-2])
    assert "Announced" in await olga.says("/closing")
    assert "The closing is called off" in await olga.taps("Call it off")
    assert "does not close after all" in str(world.told_to("alice")[-1])


async def test_a_token_of_another_day_closes_nothing() -> None:
    world = World()
    world.roles.plant("olga", Role.OWNER)
    olga = world.person("olga")
    await olga.says("/close")
    world.clock.advance(seconds=timedelta(minutes=6).total_seconds())
    await olga.taps("Confirm")
    assert await world.closings.current() is None
    assert "nothing to call off" in await olga.says("/关闭 取消")
