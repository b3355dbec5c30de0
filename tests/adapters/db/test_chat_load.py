"""Many messages and one that breaks the handler (MS5); one token and many who use it at once (MS8)."""

import asyncio
from datetime import timedelta

import pytest

from adapters.db.chat import PostgresInbox, PostgresOutbox
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from bot.dispatcher import Dispatcher
from bot.events import Message
from bot.reception import MOST_ATTEMPTS, Reception
from bot.replies import Say
from bot.router import Router
from domain.errors import Refused
from domain.ids import UserId
from domain.services.confirmations import ConfirmationService
from tests.bot.world import OpenDoor
from tests.fakes.clock import FakeClock

MANY, PEOPLE, POISON = 1_000, 40, 477


async def test_one_poisonous_message_in_a_thousand_costs_nobody_an_answer(store: PostgresStore) -> None:
    router, clock = Router("root"), FakeClock()

    @router.message(permission="talk")
    async def echo(message: Message) -> Say:
        return Say("echo", {"text": str(int(message.text))})

    inbox = PostgresInbox(store)
    reception = Reception(
        inbox, PostgresOutbox(store), store, Dispatcher(router, {}, OpenDoor()), clock, at_once=6
    )
    await reception.receive_all(
        [
            Message(
                text=str(number) if number != POISON else "poison",
                sender_id=f"person-{number % PEOPLE}",
                conversation_id="room",
                message_id=f"m{number}",
                sent_at=clock.now(),
            )
            for number in range(MANY)
        ]
    )
    for _ in range(MOST_ATTEMPTS):
        await reception.drain()
        clock.advance(timedelta(minutes=5).total_seconds())
    states = await store.fetch(
        "SELECT state, count(*) AS many, max(attempts) AS attempts FROM inbox GROUP BY state"
    )
    assert {row["state"]: (row["many"], row["attempts"]) for row in states} == {
        "done": (MANY - 1, 0),
        "dead": (1, MOST_ATTEMPTS),
    }
    told = await store.fetch("SELECT user_id, kind, params FROM outbox ORDER BY seq")
    assert [row["user_id"] for row in told if row["kind"] == "apology"] == [f"person-{POISON % PEOPLE}"]
    for person in (0, POISON % PEOPLE):
        said = [row for row in told if row["user_id"] == f"person-{person}" and row["kind"] == "echo"]
        numbers = [number for number in range(person, MANY, PEOPLE) if number != POISON]
        assert [row["params"] for row in said] == [f'{{"text": "{number}"}}' for number in numbers]


async def test_of_a_hundred_taps_at_once_one_counts_and_none_of_another_person(store: PostgresStore) -> None:
    clock = FakeClock()
    confirmations = ConfirmationService(store, PostgresConfirmations(store), clock, RandomIds())
    alice, eve = UserId("alice"), UserId("eve")
    token = await confirmations.issue(alice, "withdraw", {"amount": "10"})

    async def tap(who: UserId, amount: str = "10") -> str:
        try:
            await confirmations.consume(who, token, "withdraw", {"amount": amount})
        except Refused as refused:
            return refused.code
        return "done"

    forwarded = await asyncio.gather(*(tap(eve) for _ in range(20)), *(tap(alice, "1000") for _ in range(20)))
    assert set(forwarded) == {"confirmation_unknown"}
    answers = await asyncio.gather(*(tap(alice) for _ in range(100)))
    assert sorted(answers) == [*99 * ["confirmation_used"], "done"]
    assert await tap(eve) == "confirmation_unknown"


@pytest.mark.parametrize("text", ["x" * 200_000, "\ud800" * 3_000, "😀" * 100_000, "\x00" * 10])
async def test_body_of_any_size_is_stored_small(store: PostgresStore, text: str) -> None:
    inbox, clock = PostgresInbox(store), FakeClock()
    event = Message(text=text, sender_id="a", conversation_id="room", message_id="m", sent_at=clock.now())
    assert await inbox.add([event], clock.now()) == 1
    [head] = await inbox.heads(1, clock.now(), ())
    assert head.event.body == event.body
    assert len(event.body) <= 2_000
