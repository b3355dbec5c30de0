"""The outbox at work: nothing is lost, nothing is shown twice, nobody dams the others."""

import asyncio
from collections.abc import Sequence

from bot.outbox import Notice, Outgoing
from bot.replies import Undeliverable
from bot.router import Router
from tests.bot.world import SmallChat, until


async def chat_with(*notices: tuple[str, str]) -> SmallChat:
    chat = SmallChat(Router("silent"))
    await chat.outbox.add([Notice(user_id, kind, str(n), {}) for n, (user_id, kind) in enumerate(notices)])
    return chat


async def test_notice_is_sent_in_the_language_of_the_person() -> None:
    chat = await chat_with(("alice", "welcome"), ("bob", "welcome"))
    chat.outbox.languages["bob"] = "zh"
    await chat.delivery.drain()
    assert chat.told() == ["en welcome", "zh welcome"]
    assert chat.outbox.states() == ["sent", "sent"]


async def test_crash_between_sending_and_marking_shows_nothing_twice() -> None:
    chat = await chat_with(("alice", "welcome"))
    rows = await chat.outbox.due(1, chat.clock.now())
    await chat.delivery.round()
    chat.outbox.rows[("alice", "welcome", "0")].state = "pending"
    await chat.delivery.round()
    assert chat.messenger.calls == 2
    assert list(chat.messenger.shown) == [rows[0].notice.message_id(0)]


async def test_unanswered_sending_is_repeated_later_with_the_same_ids() -> None:
    chat = await chat_with(("alice", "welcome"))
    chat.messenger.fails_with = [ConnectionError("reset"), TimeoutError()]
    assert "postponed: ConnectionError: reset" in await chat.delivery.round()
    assert await chat.delivery.round() == "nothing due"
    chat.clock.advance(seconds=1)
    assert "postponed" in await chat.delivery.round()
    chat.clock.advance(seconds=1)
    assert await chat.delivery.round() == "nothing due"
    chat.clock.advance(seconds=1)
    assert await chat.delivery.round() == "sent 1"
    assert chat.told() == ["en welcome"]


async def test_unreachable_person_keeps_nobody_else_waiting() -> None:
    chat = await chat_with(("eve", "welcome"), ("alice", "welcome"), ("eve", "help"))
    chat.messenger.unreachable["eve"] = Undeliverable("403")
    assert await chat.delivery.round() == "1 undeliverable, 1 undeliverable; sent 1"
    assert chat.outbox.states() == ["dead", "sent", "dead"]


async def test_notice_that_mixin_never_takes_costs_its_person_no_other() -> None:
    chat = await chat_with(("eve", "help"), ("eve", "welcome"))
    send = chat.messenger.send

    async def picky(messages: Sequence[Outgoing]) -> None:
        if any("help" in str(message.reply) for message in messages):
            raise Undeliverable("400")
        await send(messages)

    chat.messenger.send = picky  # type: ignore[method-assign]  # the fake with a taste
    await chat.delivery.drain()
    assert chat.outbox.states() == ["dead", "sent"]


async def test_message_that_always_fails_keeps_nobody_else_waiting_for_long() -> None:
    chat = await chat_with(("eve", "welcome"), ("alice", "welcome"))
    chat.messenger.unreachable["eve"] = ConnectionError("refused in a way nobody has seen")
    for _ in range(4):
        await chat.delivery.round()
        chat.clock.advance(minutes=2)
    assert chat.outbox.states() == ["pending", "sent"]


async def test_notice_that_cannot_be_worded_is_given_up_and_the_others_are_sent() -> None:
    chat = await chat_with(("alice", "unwordable"), ("bob", "welcome"))
    assert await chat.delivery.round() == "sent 1"
    chat.clock.advance(minutes=1)
    assert await chat.delivery.round() == "nothing could be worded"
    chat.clock.advance(minutes=1)
    await chat.delivery.round()
    assert chat.outbox.states() == ["dead", "sent"]


async def test_message_ids_differ_by_person_kind_cause_and_part() -> None:
    notices = [Notice("alice", "a", "1", {}), Notice("bob", "a", "1", {}), Notice("alice", "b", "1", {})]
    ids = {one.message_id(index) for one in [*notices, Notice("alice", "a", "2", {})] for index in range(3)}
    assert len(ids) == 12
    assert all(one[14] == "3" for one in ids)


async def test_loop_survives_faults_and_hears_the_bell() -> None:
    chat = await chat_with()
    due, faults = chat.outbox.due, [ConnectionError("away")]

    async def sometimes(limit: int, now: object) -> object:
        if faults:
            raise faults.pop()
        return await due(limit, now)  # type: ignore[arg-type]  # passed through as given

    chat.outbox.due = sometimes  # type: ignore[assignment,method-assign]  # the fake with a broken call
    running = asyncio.create_task(chat.delivery.run(poll_s=30))
    await asyncio.sleep(0.05)
    await chat.outbox.tell("alice", "welcome", "1", {})
    chat.delivery.ring()
    await until(lambda: bool(chat.told()))
    running.cancel()
    await asyncio.wait([running])
    assert chat.told() == ["en welcome"]
