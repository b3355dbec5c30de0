"""Everything the listener says, in both languages, as Mixin takes it."""

import asyncio
from collections.abc import Sequence

import pytest

from adapters.clock import SystemClock
from adapters.ids import RandomIds
from adapters.texts.catalogues import entries_of, texts
from bot.outbox import Outgoing
from bot.replies import Buttons, Text, Undeliverable
from domain.errors import Unavailable
from domain.ids import UserId
from domain.services.stop_word import Said
from listener.voice import Voice, rendered
from tests.fakes.clock import FakeClock

FACTS = {
    "code": "123456",
    "seconds": "120",
    "at": "2026-03-01T09:30:00+00:00",
    "runs": "3",
    "conversions": "1",
}
KINDS = sorted(key for key in entries_of("en") if key.startswith("listener_"))
WHO = UserId("somebody")


@pytest.mark.parametrize("language", ["en", "zh", ""])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_said(kind: str, language: str) -> None:
    first = rendered(Said(WHO, kind, FACTS, language), texts())[0]
    assert isinstance(first, Text)
    assert "{" not in first.text


def test_a_confirmation_has_its_word_on_a_button_in_the_language_of_whoever_said_it() -> None:
    for language, word in (("en", "STOP 123456"), ("zh", "停 123456")):
        buttons = rendered(Said(WHO, "listener_confirm", FACTS, language), texts())[1]
        assert isinstance(buttons, Buttons)
        assert [button.action for button in buttons.buttons] == [f"input:{word}"]


class Mouth:
    """A Mixin that fails so often before it takes anything."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.sent = list(errors), [Outgoing("", "", Text("x"))][:0]

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent += messages


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((), 1),
        ((Unavailable("mixin_silent"), Unavailable("mixin_busy")), 1),
        ((Undeliverable("blocked"),), 0),
        ((Unavailable("mixin_silent"),) * 50, 0),
    ],
)
async def test_what_is_said_is_tried_for_five_minutes_and_the_next_is_said(
    errors: tuple[Exception, ...], said: int
) -> None:
    mouth, clock = Mouth(*errors), FakeClock()
    voice = Voice(mouth, texts(), clock, RandomIds())
    voice.say(Said(WHO, "listener_how"))
    talking = asyncio.create_task(voice.run())
    for _ in range(200):
        await asyncio.sleep(0)
    mouth.errors.clear()
    voice.say(Said(WHO, "listener_written"))
    for _ in range(200):
        await asyncio.sleep(0)
    talking.cancel()
    await asyncio.wait([talking])
    assert len(mouth.sent) == said + 1


class Picky(Mouth):
    """A Mixin that gives no clear answer about some people."""

    def __init__(self, *silent: str) -> None:
        super().__init__()
        self.silent = silent

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if any(message.user_id in self.silent for message in messages):
            raise Unavailable("mixin_silent")
        await super().send(messages)


async def test_who_cannot_be_reached_keeps_no_code_from_anybody_else() -> None:
    strangers = [f"stranger {n}" for n in range(20)]
    mouth, clock = Picky(*strangers), SystemClock()
    voice = Voice(mouth, texts(), clock, RandomIds())
    for stranger in strangers:
        voice.say(Said(UserId(stranger), "listener_not_yours"))
    voice.say(Said(WHO, "listener_confirm", FACTS, "en"))
    voice.say(Said(WHO, "listener_written", {}, "en"))
    talking = asyncio.create_task(voice.run())
    async with asyncio.timeout(0.9):  # before anything is tried again
        while len(mouth.sent) < 3:
            await asyncio.sleep(0.01)
    talking.cancel()
    await asyncio.wait([talking])
    assert [message.user_id for message in mouth.sent] == [WHO] * 3
    assert "written down" in str(mouth.sent[2].reply), "in the order of their saying"
