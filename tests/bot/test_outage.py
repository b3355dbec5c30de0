"""While the store is away nothing is acknowledged, and people are told once that it is (PG2)."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from bot.events import Event, Message
from bot.replies import Say, Undeliverable
from bot.router import Router
from tests.bot.world import SmallChat, StoreAway
from tests.fakes.chat import FakeInbox

READ_ONLY = ["en read_only", "zh read_only"]


class AwayInbox(FakeInbox):
    """An inbox whose store can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True

    async def add(self, events: Sequence[Event], received_at: datetime) -> int:
        if self.away:
            raise StoreAway
        return await super().add(events, received_at)


@pytest.fixture
def inbox() -> AwayInbox:
    return AwayInbox()


@pytest.fixture
def chat(inbox: AwayInbox) -> SmallChat:
    router = Router("echo")

    @router.message(permission="talk")
    async def repeat(message: Message) -> Say:
        return Say("heard", {"text": message.text})

    return SmallChat(router, inbox=inbox)


async def refused(chat: SmallChat, *events: Event) -> None:
    """Have events come while the store is away: whoever brought them must bring them again."""
    with pytest.raises(StoreAway):
        await chat.reception.receive_all(events)


async def test_restart_of_the_store_passes_unnoticed(chat: SmallChat) -> None:
    await refused(chat, chat.message("hi"))
    chat.clock.advance(seconds=9)
    await refused(chat, chat.message("hi"))
    assert chat.told() == []


async def test_whoever_writes_meanwhile_is_told_once_and_answered_afterwards(
    chat: SmallChat, inbox: AwayInbox
) -> None:
    first, second, bobs = chat.message("1"), chat.message("2"), chat.message("3", sender="bob")
    await refused(chat, first)
    chat.clock.advance(seconds=10)
    for _ in range(3):
        await refused(chat, first, second, bobs)
    assert chat.told("alice") == chat.told("bob") == READ_ONLY
    before = len(chat.told())
    inbox.away = False
    await chat.reception.receive_all([first, second, bobs])
    await chat.reception.drain()
    await chat.delivery.drain()
    inbox.away = True
    assert sorted(chat.told()[before:]) == [f"en heard text={n}" for n in (1, 2, 3)]
    await refused(chat, chat.message("again"))
    assert len(chat.told()) == before + 3, "another outage begins, and is not noticed at once"


async def test_process_that_starts_anew_repeats_itself_in_nobodys_eyes(chat: SmallChat) -> None:
    event = chat.message("hi")
    for _ in range(2):
        chat.renew()
        await refused(chat, event)
        chat.clock.advance(seconds=10)
        await refused(chat, event)
    assert chat.told() == READ_ONLY


async def test_groups_and_speakers_for_others_are_told_nothing(chat: SmallChat) -> None:
    events = (
        chat.message("hi", conversation_id="group"),
        chat.message("hi", representative_id="a bot"),
    )
    await refused(chat, *events)
    chat.clock.advance(seconds=10)
    await refused(chat, *events)
    assert chat.messenger.calls == 0


async def test_somebody_unreachable_keeps_nobody_else_in_the_dark(chat: SmallChat) -> None:
    chat.messenger.unreachable["alice"] = Undeliverable("blocked")
    events = (chat.message("hi"), chat.message("hi", sender="bob"))
    await refused(chat, *events)
    chat.clock.advance(seconds=10)
    await refused(chat, *events)
    assert chat.told() == READ_ONLY
    del chat.messenger.unreachable["alice"]
    await refused(chat, *events)
    assert chat.told("alice") == READ_ONLY
