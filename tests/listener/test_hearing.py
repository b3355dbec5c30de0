"""A listener that hears nobody for long says so, and one whose rounds stand still does too."""

from listener.hearing import DEAF_AFTER_S, Hearing
from tests.fakes.clock import FakeClock


def test_a_moment_without_mixin_is_told_and_a_long_one_is_no_life() -> None:
    clock, there = FakeClock(), [True]
    hearing = Hearing(lambda: there[0], clock.monotonic)
    hearing.look()
    assert (hearing.deaf(), hearing.stuck()) == ("", "")
    there[0] = False
    clock.advance(DEAF_AFTER_S)
    hearing.look()
    assert (hearing.deaf(), hearing.stuck()) == ("not connected to Mixin", "")
    clock.advance(1)
    assert hearing.stuck() == "has heard nobody for 121 s"
    there[0] = True
    assert hearing.stuck() == "has heard nobody for 121 s", "connected, and no round looks any more"
    hearing.look()
    assert hearing.stuck() == ""
