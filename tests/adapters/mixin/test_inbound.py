"""From Blaze's messages to the bot's events: anything may come, nothing may break."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mixin.inbound import as_event
from adapters.mixin.times import as_time
from bot.events import Event, Ignored, Message, Payment, Unsupported
from tests.vectors import vectors

NOW = datetime(2026, 3, 1, 9, 31, tzinfo=UTC)
ALICE = "0c2f0000-0000-4000-8000-000000000001"


def message(category: str = "PLAIN_TEXT", content: bytes = b"hi", **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "user_id": ALICE,
        "conversation_id": "5b7a0000-0000-3000-8000-000000000002",
        "message_id": "77aa0000-0000-4000-8000-000000000003",
        "category": category,
        "data": base64.b64encode(content).decode(),
        "created_at": "2026-03-01T09:30:00.123456789Z",
        **more,
    }


def event(category: str = "PLAIN_TEXT", content: bytes = b"hi", **more: Any) -> Event:
    found = as_event(message(category, content, **more), NOW)
    assert found is not None
    return found


def test_text_keeps_who_where_when_and_what() -> None:
    assert event(content="余额 💰".encode(), representative_id=ALICE) == Message(
        sender_id=ALICE,
        conversation_id="5b7a0000-0000-3000-8000-000000000002",
        message_id="77aa0000-0000-4000-8000-000000000003",
        sent_at=datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC),
        representative_id=ALICE,
        text="余额 💰",
    )


@pytest.mark.parametrize("encoded", ["_-7_", "/+7/", "_-7_====", "/+7/\n"])
def test_both_alphabets_padded_or_not_are_read(encoded: str) -> None:
    found = event(data="", data_base64=encoded)
    assert isinstance(found, Message)
    assert found.text == b"\xff\xee\xff".decode(errors="replace")


@pytest.mark.parametrize("bad", ["%%%", "a", "x" * 200_000])
def test_text_that_cannot_be_read_is_answered_as_unsupported(bad: str) -> None:
    assert isinstance(event(data=bad), Unsupported)


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("ENCRYPTED_TEXT", Unsupported),
        ("PLAIN_STICKER", Unsupported),
        ("SOMETHING_NEW", Unsupported),
        ("MESSAGE_RECALL", Ignored),
        ("MESSAGE_PIN", Ignored),
        ("SYSTEM_CONVERSATION", Ignored),
        ("SYSTEM_ACCOUNT_SNAPSHOT", Ignored),
        ("SYSTEM_SOMETHING_NEW", Ignored),
        ("", Ignored),
    ],
)
def test_every_category_is_an_event(category: str, kind: type[Event]) -> None:
    assert type(event(category)) is kind


def snapshot(**facts: str) -> Event:
    return event("SYSTEM_SAFE_SNAPSHOT", json.dumps(facts).encode())


def test_payment_to_us_is_a_hint_and_one_of_ours_is_nothing() -> None:
    paid = snapshot(snapshot_id="s1", amount="25")
    assert isinstance(paid, Payment)
    assert paid.snapshot_id == "s1"
    assert isinstance(snapshot(snapshot_id="s2", amount="-25"), Ignored)
    assert isinstance(event("SYSTEM_SAFE_SNAPSHOT", b"no json"), Payment)
    assert isinstance(event("SYSTEM_SAFE_SNAPSHOT", b"[]"), Payment)


@pytest.mark.parametrize("name", ["user_id", "conversation_id", "message_id"])
@pytest.mark.parametrize("value", [None, "", "x", 7, "\x00" * 36, {"a": 1}])
def test_message_without_its_ids_is_no_event(name: str, value: object) -> None:
    assert as_event(message() | {name: value}, NOW) is None


def test_time_that_cannot_be_read_is_that_of_arrival() -> None:
    assert event(created_at="yesterday").sent_at == NOW
    assert event(created_at=None).sent_at == NOW
    assert as_time("2026-03-01T09:30:00Z") == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert as_time("2026-03-01T10:30:00+01:00") == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert as_time("2026-03-01T09:30:00") is None
    assert as_time("0001-01-01T00:00:00+23:00") is None


def test_message_as_the_official_client_saw_it_is_read() -> None:
    frames = vectors().get("blaze", {}).get("frames", [])
    for frame in (f["json"] for f in frames if f["direction"] == "server_to_client"):
        assert as_event(frame["data"], NOW) is not None


some_text = st.text(alphabet="aA0-_=/\x00\ud800é市", max_size=40)
anything = st.none() | st.booleans() | st.integers() | some_text | st.lists(some_text, max_size=3)
names = ("user_id", "conversation_id", "category", "data", "data_base64", "created_at", "representative_id")


@given(st.dictionaries(st.sampled_from(names), anything))
def test_no_message_breaks_the_reader(facts: dict[str, Any]) -> None:
    found = as_event({**message(), **facts}, NOW)
    if found is not None:
        assert "\x00" not in found.body + found.representative_id
