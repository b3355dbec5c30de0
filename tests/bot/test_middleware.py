"""Who may speak, how fast, and what a refusal undoes (MS6, MS7)."""

from dataclasses import dataclass
from datetime import datetime

from bot.context import Context, Person
from bot.events import Event, Message, Unsupported
from bot.middleware import KnownPerson, PrivateOnly, RateLimit, Refusals, log_context, own_words_only
from bot.replies import Say
from bot.router import Router
from tests.bot.world import SmallChat


class No(Exception):
    """A refusal."""


@dataclass
class Known:
    user_id: str
    language: str


class OnlyPeople:
    def __init__(self) -> None:
        self.first_texts: dict[str, str] = {}

    async def ensure(self, user_id: str, first_text: str, said_at: datetime) -> Person:
        self.first_texts.setdefault(user_id, first_text)
        return Known(user_id, "en")


def router() -> Router:
    router = Router("root")

    @router.message(permission="talk")
    async def hear(message: Message) -> Say:
        return Say("heard", {"text": message.text})

    return router


async def test_representative_is_refused() -> None:
    chat = SmallChat(router(), middleware=[own_words_only])
    assert await chat.says("/withdraw", representative_id="eve") == ["en representative_refused"]
    assert await chat.says("hi") == ["en heard text=hi"]


async def test_group_is_not_answered() -> None:
    def is_private(event: Event) -> bool:
        return event.conversation_id == f"room-{event.sender_id}"

    chat = SmallChat(router(), middleware=[PrivateOnly(is_private)])
    assert await chat.says("/balance", conversation_id="a group") == []
    assert await chat.says("hi") == ["en heard text=hi"]


async def test_flood_gets_one_notice_a_minute() -> None:
    chat = SmallChat(router(), middleware=[RateLimit()])
    told = [await chat.says(str(n)) for n in range(40)]
    assert told[19] == ["en heard text=19"]
    assert told[20] == ["en slow_down"]
    assert told[21:] == [[]] * 19
    assert await chat.says("hi", sender="bob") == ["en heard text=hi"]
    chat.clock.advance(seconds=1)
    assert [await chat.says("again") for _ in range(3)] == [
        ["en heard text=again"],
        ["en heard text=again"],
        [],
    ]
    chat.clock.advance(minutes=1)
    assert (await chat.says("later")) == ["en heard text=later"]


async def test_flood_is_measured_by_the_time_of_sending() -> None:
    chat = SmallChat(router(), middleware=[RateLimit()])
    backlog = []
    for n in range(60):
        backlog.append(chat.message(str(n)))
        chat.clock.advance(seconds=1)
    await chat.reception.receive_all(backlog)
    await chat.reception.drain()
    await chat.delivery.drain()
    assert "en slow_down" not in chat.told()
    assert len(chat.told()) == 60


async def test_message_that_comes_again_counts_once() -> None:
    limit, chat = RateLimit(), SmallChat(router())
    message = chat.message("/stop 1")

    async def inner(context: Context) -> list[Say]:
        return [Say("heard")]

    said = [await limit(Context(message, chat.clock.now()), inner) for _ in range(60)]
    assert said == 60 * [[Say("heard")]]
    assert [await limit(Context(chat.message(str(n)), chat.clock.now()), inner) for n in range(20)][-1] == [
        Say("slow_down")
    ]


async def test_another_bot_cannot_use_up_the_allowance_of_a_person() -> None:
    chat = SmallChat(router(), middleware=[RateLimit(), own_words_only])
    for n in range(40):
        await chat.says(str(n), representative_id="a bot")
    assert await chat.says("hi") == ["en heard text=hi"]


async def test_flood_of_strangers_does_not_fill_the_memory() -> None:
    limit = RateLimit(remembered=5)
    chat = SmallChat(router(), middleware=[limit])
    for n in range(20):
        await chat.says("hi", sender=f"stranger-{n}")
    assert len(limit._buckets) == 5


async def test_person_is_known_by_the_first_text() -> None:
    people = OnlyPeople()
    chat = SmallChat(router(), middleware=[log_context, KnownPerson(people)])
    await chat.says("你好")
    await chat.says("hello")
    assert people.first_texts == {"alice": "你好"}
    await chat.reception.receive(
        Unsupported(
            sender_id="bob",
            conversation_id="room",
            message_id="m",
            sent_at=chat.clock.now(),
            category="PLAIN_STICKER",
        )
    )
    await chat.reception.drain()
    assert people.first_texts["bob"] == ""


async def test_refusal_undoes_what_was_done_and_is_worded() -> None:
    refusing = Router("refusing")
    chat = SmallChat(refusing)

    @refusing.message(permission="talk")
    async def refuse() -> None:
        await chat.outbox.tell("alice", "effect", "1", {})
        raise No("not enough")

    chat.middleware = [Refusals(chat.transactions, (No,), lambda e: Say("refused", {"why": str(e)}))]
    chat.renew()
    assert await chat.says("go") == ["en refused why=not enough"]
    assert chat.inbox.states() == ["done"]
