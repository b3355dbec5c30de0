"""Events keep what was typed, and make words comparable only where that is safe."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import LONGEST_TEXT, Event, Ignored, Message, Payment, Unsupported, kept, restore, words_of
from tests.corpus import NASTY_AMOUNTS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHO = {"sender_id": "alice", "conversation_id": "room", "message_id": "m1"}


@pytest.mark.parametrize(
    "event",
    [
        Message(text="hi", sent_at=NOW, **WHO),
        Payment(snapshot_id="s1", sent_at=NOW, **WHO),
        Unsupported(category="PLAIN_STICKER", sent_at=NOW, **WHO),
        Ignored(category="MESSAGE_RECALL", sent_at=NOW, representative_id="eve", **WHO),
    ],
)
def test_event_is_restored_from_its_kind_and_body(event: Event) -> None:
    again = restore(event.kind, event.body, sent_at=NOW, representative_id=event.representative_id, **WHO)
    assert again == event


def test_event_without_a_kind_has_no_body() -> None:
    with pytest.raises(NotImplementedError):
        _ = Event(sent_at=NOW, **WHO).body


@pytest.mark.parametrize("text", NASTY_AMOUNTS)
def test_text_is_never_mended_into_an_amount(text: str) -> None:
    assert kept(text) == text[:LONGEST_TEXT].replace("\x00", "\ufffd")


@given(st.text())
def test_kept_text_can_be_stored(text: str) -> None:
    assert "\x00" not in kept(text)
    kept(text).encode()


@pytest.mark.parametrize(
    "text", ["/Balance", "／ｂａｌａｎｃｅ", "\u200b/bal\u200dance\u202e", "  /BALANCE  "]
)
def test_words_are_comparable(text: str) -> None:
    assert words_of(text) == ["/balance"]


@given(st.text(st.characters()))
def test_words_of_anything_are_words(text: str) -> None:
    assert all(word == word.strip() and word for word in words_of(text))
