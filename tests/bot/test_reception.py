"""The inbox at work: once, in order, whatever breaks (MS1, MS2, MS4, MS5)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.events import Message
from bot.replies import Say
from bot.router import Router
from tests.bot.world import SmallChat, StoreAway, until
from tests.fakes.chat import FakeTransactions


class SideBySide(FakeTransactions):
    """Transactions that do not wait for one another."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


def echo() -> Router:
    router = Router("echo")

    @router.message(permission="talk")
    async def repeat(message: Message) -> Say:
        return Say("heard", {"text": message.text})

    return router


async def test_message_is_answered_once_however_often_it_comes() -> None:
    chat = SmallChat(echo())
    for _ in range(3):
        await chat.says("hi", message_id="m1")
    assert chat.told() == ["en heard text=hi"]


async def test_same_message_id_of_another_person_is_another_message() -> None:
    chat = SmallChat(echo())
    await chat.says("mine", sender="eve", message_id="m1")
    await chat.says("mine too", sender="alice", message_id="m1")
    assert chat.told("alice") == ["en heard text=mine too"]


async def test_messages_of_one_person_are_answered_in_the_order_of_arrival() -> None:
    chat = SmallChat(echo())
    await chat.reception.receive_all([chat.message(str(n)) for n in range(5)])
    await chat.reception.drain()
    await chat.delivery.drain()
    assert chat.told() == [f"en heard text={n}" for n in range(5)]


async def test_failing_message_is_given_up_with_an_apology_and_others_go_on() -> None:
    router = Router("poison")
    attempts = []

    @router.message(permission="talk")
    async def handle(message: Message) -> Say:
        if message.text == "poison":
            attempts.append(message)
            raise ZeroDivisionError("poisoned")
        return Say("heard", {"text": message.text})

    chat = SmallChat(router)
    await chat.reception.receive_all(
        [chat.message("poison"), chat.message("after"), chat.message("bob", sender="bob")]
    )
    await chat.reception.drain()
    await chat.delivery.drain()
    assert chat.told() == ["en heard text=bob"]
    for _ in range(3):
        chat.clock.advance(seconds=5)
        await chat.reception.drain()
    await chat.delivery.drain()
    assert len(attempts) == 3
    assert chat.inbox.states() == ["dead", "done", "done"]
    assert chat.told("alice") == ["en apology", "en heard text=after"]


async def test_what_a_failing_handler_did_is_undone() -> None:
    router = Router("half")
    chat = SmallChat(router)

    @router.message(permission="talk")
    async def handle() -> Say:
        await chat.outbox.tell("alice", "effect", "1", {})
        raise ZeroDivisionError

    chat.renew()
    await chat.says("go")
    assert chat.outbox.states() == []
    assert chat.inbox.states() == ["pending"]


async def test_crash_before_the_commit_leaves_the_message_for_the_next_process() -> None:
    router = Router("crash")
    crashes = [True]

    @router.message(permission="talk")
    async def handle(message: Message) -> Say:
        if crashes.pop():
            raise asyncio.CancelledError
        return Say("heard", {"text": message.text})

    chat = SmallChat(router)
    await chat.reception.receive(chat.message("hi"))
    [row] = await chat.inbox.heads(1, chat.clock.now(), ())
    task = asyncio.ensure_future(chat.reception.serve(row))
    await asyncio.wait([task])
    assert task.cancelled()
    assert chat.inbox.states() == ["pending"]
    crashes.append(False)
    chat.renew()
    await chat.reception.drain()
    await chat.delivery.drain()
    assert chat.told() == ["en heard text=hi"]


async def test_store_that_is_away_is_waited_for_and_not_held_against_the_message() -> None:
    router = Router("away")
    outages = [StoreAway()] * 5

    @router.message(permission="talk")
    async def handle() -> Say:
        if outages:
            raise outages.pop()
        return Say("heard")

    chat = SmallChat(router)
    assert await chat.says("hi") == ["en heard"]


async def test_handler_that_hangs_is_given_up() -> None:
    router = Router("hang")

    @router.message(permission="talk")
    async def handle() -> None:
        await asyncio.Event().wait()

    chat = SmallChat(router)
    chat.renew(patience_s=0.01)
    for _ in range(3):
        await chat.says("hi")
        chat.clock.advance(seconds=10)
    await chat.reception.drain()
    await chat.delivery.drain()
    assert chat.told()[0] == "en apology"


async def test_failure_that_cannot_be_counted_is_tried_again() -> None:
    router = Router("down")

    @router.message(permission="talk")
    async def handle() -> None:
        raise ZeroDivisionError

    chat = SmallChat(router)

    class NoInbox(type(chat.inbox)):  # type: ignore[misc]  # the fake with one broken call
        async def fail(self, *_: object) -> int:
            raise StoreAway

    chat.inbox = NoInbox()
    chat.renew()
    await chat.reception.receive(chat.message("hi"))
    [row] = await chat.inbox.heads(1, chat.clock.now(), ())
    assert await chat.reception.serve(row) == "waiting: the store does not answer"
    assert chat.inbox.states() == ["pending"]


async def test_row_answered_meanwhile_is_left_alone() -> None:
    chat = SmallChat(echo())
    await chat.reception.receive(chat.message("hi"))
    [row] = await chat.inbox.heads(1, chat.clock.now(), ())
    assert await chat.reception.serve(row) == "answered"
    assert await chat.reception.serve(row) == "answered before"
    assert len(chat.outbox.states()) == 1


async def test_slow_answer_keeps_nobody_else_waiting() -> None:
    router = Router("slow")
    gate, heard = asyncio.Event(), asyncio.Event()
    chat = SmallChat(router)
    chat.transactions = SideBySide()

    @router.message(permission="talk")
    async def handle(message: Message) -> Say:
        if message.text == "slow":
            await gate.wait()
        elif message.sender_id == "bob":
            heard.set()
        return Say("heard", {"text": message.text})

    chat.renew()
    await chat.reception.receive_all([chat.message("slow"), chat.message("second")])
    running = asyncio.create_task(chat.reception.run(poll_s=0.01))
    await chat.reception.receive(chat.message("quick", sender="bob"))
    await asyncio.wait_for(heard.wait(), 5)
    assert chat.inbox.states()[:2] == ["pending", "pending"]
    gate.set()
    await until(lambda: "pending" not in chat.inbox.states())
    running.cancel()
    await asyncio.wait([running])
    await chat.delivery.drain()
    assert chat.told("alice") == ["en heard text=slow", "en heard text=second"]


async def test_unreadable_inbox_does_not_end_the_loop() -> None:
    chat = SmallChat(echo())
    faults = [StoreAway()]
    heads = chat.inbox.heads

    async def sometimes(*arguments: object) -> object:
        if faults:
            raise faults.pop()
        return await heads(*arguments)  # type: ignore[arg-type]  # passed through as given

    chat.inbox.heads = sometimes  # type: ignore[assignment,method-assign]  # the fake with a broken call
    await chat.reception.receive(chat.message("hi"))
    running = asyncio.create_task(chat.reception.run(poll_s=0.01))
    await until(lambda: "pending" not in chat.inbox.states())
    running.cancel()
    await asyncio.wait([running])
    assert chat.inbox.states() == ["done"]
