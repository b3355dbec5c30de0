"""Replies refuse at their making what Mixin would refuse at their sending."""

from collections.abc import Callable

import pytest

from bot.replies import Button, Buttons, Card, Image, Post, Say, Text, says_of, sends

GOOD = sends("Deposit", "/deposit")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Text(""),
        lambda: Text(" \n"),
        lambda: Text("x" * 4_001),
        lambda: Post(""),
        lambda: Post("提" * 20_001),
        lambda: Button("", "input:x"),
        lambda: Button("x" * 25, "input:x"),
        lambda: Button("x", "javascript:alert(1)"),
        lambda: Button("x", "http://example.com"),
        lambda: Button("x", "input:"),
        lambda: Button("x", "input: x"),
        lambda: Button("x", "input:x", "red"),
        lambda: Button("x", "input:x", "#5979f0"),
        lambda: Buttons(()),
        lambda: Buttons((GOOD,) * 7),
        lambda: Card("", "d"),
        lambda: Card("x" * 37, "d"),
        lambda: Card("t", ""),
        lambda: Card("t", "d" * 1_025),
        lambda: Card("t", "d", (GOOD,) * 7),
        lambda: Card("t", "d", cover_url="http://example.com/a.png"),
        lambda: Image(b"", "image/png", 1, 1, b"t"),
        lambda: Image(b"i", "image/png", 0, 1, b"t"),
        lambda: Image(b"i", "image/png", 1, 1, b"t" * 5_000),
    ],
)
def test_reply_beyond_the_limits_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"has|is|reads|sends"):
        make()


def test_reply_within_the_limits_is_made() -> None:
    Text("x" * 4_000)
    Post("# Title")
    Buttons((GOOD,) * 6)
    Button("Pay", "https://mixin.one/pay/x?asset=y")
    Card("x" * 36, "d" * 1_024, (GOOD,) * 6, cover_url="https://example.com/a.png")
    Image(b"i", "image/png", 640, 480, b"t")


def test_answers_of_all_shapes_are_lists() -> None:
    say = Say("help")
    assert [says_of(None), says_of(say), says_of([say, say])] == [[], [say], [say, say]]
