"""Conversations are begun, continued, interrupted, left, and survive restarts and updates."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.conversation import Conversation, Place
from bot.desk import Desk
from bot.events import Message
from bot.filters import command, in_state
from bot.middleware import Whereabouts
from bot.replies import Answer, Say
from bot.router import Router
from tests.bot.world import SmallChat

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Draft:
    name: str = ""


class Greeting(Conversation[Draft]):
    """Asks for a name, then for a yes."""

    flow = "greeting"
    first = "name"
    last = frozenset({"done"})
    states = frozenset({"name", "sure", "done"})
    draft_type = Draft

    async def hear(self, text: str) -> bool:
        if self.state == "name" and text.isalpha():
            self.state, self.draft.name = "sure", text
            return True
        if self.state == "sure" and text == "yes":
            self.state = "done"
            self.says.append(Say("greeted", {"name": self.draft.name}))
            return True
        self.says.append(Say("not_understood"))
        return False

    async def question(self) -> list[Say]:
        return [Say(f"ask_{self.state}")]


class NothingToAsk(Greeting):
    """Over before it began."""

    flow = "nothing"

    async def begin(self) -> None:
        self.state = "done"
        self.says.append(Say("nothing_to_do"))


def chat() -> SmallChat:
    router = Router("root")
    small = SmallChat(router)
    flows: dict[str, Any] = {
        "greeting": lambda user_id: Greeting(user_id, "name", Draft()),
        "nothing": lambda user_id: NothingToAsk(user_id, "name", Draft()),
    }
    desk = Desk(small.conversations, flows)

    @router.message(command("/begin"), permission="talk")
    async def begin(message: Message, arguments: list[str], now: datetime) -> Answer:
        return await desk.begin(arguments[0], message.sender_id, now)

    @router.message(command("/cancel"), permission="talk")
    async def cancel(message: Message) -> Answer:
        return await desk.leave(message.sender_id) or Say("nothing_to_cancel")

    @router.message(command("/balance"), permission="talk")
    async def balance() -> Answer:
        return Say("balance")

    @router.message(in_state(), permission="talk")
    async def answer(message: Message, place: Place, now: datetime) -> Answer:
        return await desk.answer(place, message.sender_id, message.text, now)

    @router.message(permission="talk")
    async def other() -> Answer:
        return Say("help")

    small.middleware = [Whereabouts(small.conversations, desk)]
    small.renew()
    return small


async def test_conversation_goes_step_by_step_and_ends() -> None:
    small = chat()
    assert await small.says("/begin greeting") == ["en ask_name"]
    assert await small.says("Ann") == ["en ask_sure"]
    assert await small.says("yes") == ["en greeted name=Ann"]
    assert await small.says("yes") == ["en help"]


async def test_nonsense_keeps_the_place_and_changes_nothing() -> None:
    small = chat()
    await small.says("/begin greeting")
    before = small.conversations.rows["alice"]
    assert await small.says("123") == ["en not_understood", "en ask_name"]
    assert small.conversations.rows["alice"] == before


async def test_conversation_survives_a_restart() -> None:
    small = chat()
    await small.says("/begin greeting")
    await small.says("Ann")
    small.renew()
    assert await small.says("yes") == ["en greeted name=Ann"]


async def test_other_question_is_answered_and_the_conversation_goes_on() -> None:
    small = chat()
    await small.says("/begin greeting")
    assert await small.says("/balance") == [
        "en balance",
        "en conversation_goes_on flow=greeting",
        "en ask_name",
    ]
    assert await small.says("Ann") == ["en ask_sure"]


async def test_conversation_is_left_with_a_word() -> None:
    small = chat()
    await small.says("/begin greeting")
    assert await small.says("/cancel") == ["en conversation_left flow=greeting"]
    assert await small.says("/cancel") == ["en nothing_to_cancel"]


async def test_new_conversation_takes_the_place_of_the_open_one() -> None:
    small = chat()
    await small.says("/begin greeting")
    await small.says("Ann")
    assert await small.says("/begin greeting") == ["en conversation_left flow=greeting", "en ask_name"]
    assert await small.says("/begin nothing") == ["en conversation_left flow=greeting", "en nothing_to_do"]
    assert small.conversations.rows == {}


async def test_silence_of_a_day_ends_the_conversation_with_a_word() -> None:
    small = chat()
    await small.says("/begin greeting")
    small.clock.advance(hours=23)
    assert await small.says("Ann") == ["en ask_sure"]
    small.clock.advance(hours=25)
    assert await small.says("yes") == ["en conversation_expired flow=greeting", "en help"]


async def test_place_that_an_update_took_away_is_forgotten_with_a_word() -> None:
    for place in (
        Place("gone", "name", {}, LONG_AGO),
        Place("greeting", "gone", {}, LONG_AGO),
        Place("greeting", "name", {"gone": 1}, LONG_AGO),
    ):
        for text, before in (("Ann", []), ("/balance", ["en balance"])):
            small = chat()
            at = small.clock.now()
            await small.conversations.keep("alice", Place(place.flow, place.state, place.draft, at))
            assert await small.says(text) == [*before, f"en conversation_lost flow={place.flow}"]
            assert small.conversations.rows == {}
