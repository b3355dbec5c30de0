"""The messenger against the sandbox's Mixin."""

import base64
import json
from typing import Any

import pytest
from mixinsdk.utils import get_conversation_id_of_two_users

from adapters.mixin.codec.ids import conversation_id, unique_id
from adapters.mixin.messenger import MixinMessenger, batches
from bot.outbox import Outgoing
from bot.replies import Buttons, Card, Image, Post, Reply, Text, Undeliverable, sends
from domain.errors import Unavailable
from tests.adapters.mixin.conftest import Mixin
from tests.vectors import group

STRANGER = "0c2f0000-0000-4000-8000-00000000dead"


async def id_of(mixin: Mixin, who: str) -> str:
    people = (await mixin.get("people"))["people"]
    return str(next(person["user_id"] for person in people if person["name"] == who))


def outgoing(user_id: str, *replies: Reply) -> list[Outgoing]:
    return [Outgoing(user_id, unique_id(user_id, str(n)), reply) for n, reply in enumerate(replies)]


async def alice_sees(mixin: Mixin) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await mixin.get("people/Alice/messages?after=0"))["messages"]
    return messages


async def test_texts_posts_buttons_and_cards_are_shown_once_each(mixin: Mixin) -> None:
    await mixin.post("people/Alice/say", text="hi")
    said = outgoing(
        await id_of(mixin, "Alice"),
        Text("Welcome 欢迎"),
        Post("# Runs\n\n- one"),
        Buttons((sends("Deposit 充值", "/deposit"),)),
        Card("BTC/USDT", "Spread 0.4 %", (sends("Stop", "/stop 1"),)),
    )
    messenger = MixinMessenger(mixin.http)
    await messenger.send(said)
    await messenger.send(said)
    categories = [message["category"] for message in await alice_sees(mixin)]
    assert categories == ["PLAIN_TEXT", "PLAIN_TEXT", "PLAIN_POST", "APP_BUTTON_GROUP", "APP_CARD"]


def test_batches_keep_the_order_and_stay_below_what_mixin_takes() -> None:
    small = [{"message_id": str(n)} for n in range(250)]
    assert [len(batch) for batch in batches(small)] == [100, 100, 50]
    large = [{"message_id": str(n), "data_base64": "x" * 50_000} for n in range(5)]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]
    assert [m for batch in batches(large) for m in batch] == large


async def test_picture_is_uploaded_and_shown(mixin: Mixin) -> None:
    await mixin.post("people/Alice/say", text="hi")
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    picture = Image(pixel, "image/png", 1, 1, pixel)
    await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), picture))
    shown = (await alice_sees(mixin))[-1]
    assert shown["category"] == "PLAIN_IMAGE"


async def test_first_word_to_somebody_opens_the_conversation(mixin: Mixin) -> None:
    await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), Text("your deposit arrived")))
    assert len(await alice_sees(mixin)) == 1


async def test_first_word_is_not_given_up_because_opening_had_no_answer(mixin: Mixin) -> None:
    """A conversation that could not be opened is no person who cannot be reached."""
    said = outgoing(await id_of(mixin, "Alice"), Text("your deposit arrived"))
    messenger = MixinMessenger(mixin.http)
    await mixin.post("faults", kind="502", match="POST /conversations", times=20)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await messenger.send(said)
    await mixin.clear_faults()
    await messenger.send(said)
    assert len(await alice_sees(mixin)) == 1


async def test_somebody_who_cannot_be_reached_is_told_apart(mixin: Mixin) -> None:
    with pytest.raises(Undeliverable):
        await MixinMessenger(mixin.http).send(outgoing(STRANGER, Text("hello?")))


@pytest.mark.parametrize("kind", ["502", "drop_reply", "429"])
async def test_message_is_shown_once_although_its_answer_got_lost(mixin: Mixin, kind: str) -> None:
    await mixin.post("people/Alice/say", text="hi")
    await mixin.post("faults", kind=kind, match="POST /messages", times=2)
    await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), Text("once")))
    assert [m["category"] for m in await alice_sees(mixin)] == ["PLAIN_TEXT", "PLAIN_TEXT"]


async def test_lasting_trouble_is_unavailable_so_the_outbox_keeps_the_message(mixin: Mixin) -> None:
    await mixin.post("faults", kind="502", match="POST /messages", times=20)
    with pytest.raises(Unavailable):
        await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), Text("later")))


async def test_largest_replies_go_through(mixin: Mixin) -> None:
    await mixin.post("people/Alice/say", text="hi")
    large = [Post("市" * 20_000) for _ in range(4)]
    await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), *large))
    assert len(await alice_sees(mixin)) == 5


async def test_group_that_mixin_finds_too_large_is_split(
    mixin: Mixin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mixin.post("people/Alice/say", text="hi")
    monkeypatch.setattr("adapters.mixin.messenger.MOST_BYTES", 10**9)
    large = [Post("x" * 50_000) for _ in range(4)]
    await MixinMessenger(mixin.http).send(outgoing(await id_of(mixin, "Alice"), *large))
    assert len(await alice_sees(mixin)) == 5


def test_conversation_ids_of_mixinsdk_are_those_of_our_codec() -> None:
    for v in group("conversation_ids"):
        ours = conversation_id(v["user_a"], v["user_b"])
        assert get_conversation_id_of_two_users(v["user_a"], v["user_b"]) == ours == v["conversation_id"]


async def test_message_is_the_one_of_the_official_client(mixin: Mixin) -> None:
    seen = [v for v in group("captured_http") if v["path"] == "/messages"]
    for v in (json.loads(v["body"])[0] for v in seen if "PLAIN_TEXT" in v["body"]):
        text = base64.urlsafe_b64decode(v["data_base64"] + "==").decode()
        packed = await MixinMessenger(mixin.http)._packed(
            Outgoing(v["recipient_id"], v["message_id"], Text(text))
        )
        assert packed | {"conversation_id": v["conversation_id"]} == v
