"""What inbox, outbox and conversation store promise, on the fake and on the real thing.

A further backend is one more name in ``BACKENDS`` and a fixture ``<name>_chat`` that gives ``ChatStores``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from adapters.db.chat import PostgresConversations, PostgresInbox, PostgresOutbox
from adapters.db.store import PostgresStore
from bot.conversation import ConversationStore, Place
from bot.events import Event, Message, Payment, Unsupported
from bot.inbox import InboxStore
from bot.outbox import Notice, OutboxStore
from bot.ports import Json, Transactions
from tests.fakes.chat import FakeConversations, FakeInbox, FakeOutbox, FakeTransactions

BACKENDS = ["fake", "postgres"]

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ALICE, BOB = "0c2f7b6e-0000-4000-8000-00000000a11c", "0c2f7b6e-0000-4000-8000-000000000b0b"
ROOM = "5b7a0000-0000-3000-8000-000000000001"


@dataclass
class ChatStores:
    """The stores of one backend, empty."""

    inbox: InboxStore
    outbox: OutboxStore
    conversations: ConversationStore
    transactions: Transactions


@pytest.fixture
def fake_chat() -> ChatStores:
    inbox, outbox, conversations = FakeInbox(), FakeOutbox(), FakeConversations()
    return ChatStores(inbox, outbox, conversations, FakeTransactions(inbox, outbox, conversations))


@pytest.fixture
def postgres_chat(store: PostgresStore) -> ChatStores:
    return ChatStores(PostgresInbox(store), PostgresOutbox(store), PostgresConversations(store), store)


@pytest.fixture(params=BACKENDS)
def chat(request: pytest.FixtureRequest) -> ChatStores:
    stores: ChatStores = request.getfixturevalue(f"{request.param}_chat")
    return stores


def message(number: int, text: str = "hi", sender: str = ALICE) -> Message:
    return Message(
        sender_id=sender,
        conversation_id=ROOM,
        message_id=f"77aa0000-0000-4000-8000-{number:012d}",
        sent_at=NOW,
        text=text,
    )


async def heads(chat: ChatStores, now: datetime = NOW, busy: tuple[str, ...] = ()) -> list[str]:
    return [row.event.body for row in await chat.inbox.heads(10, now, busy)]


async def test_inbox_keeps_a_repeated_event_once(chat: ChatStores) -> None:
    assert await chat.inbox.add([message(1), message(2), message(1)], NOW) == 2
    assert await chat.inbox.add([message(1, "another text")], NOW) == 0
    assert await heads(chat) == ["hi"]


async def test_inbox_keeps_the_same_message_id_of_two_senders_apart(chat: ChatStores) -> None:
    assert await chat.inbox.add([message(1, "mine"), message(1, "yours", sender=BOB)], NOW) == 2
    assert await heads(chat) == ["mine", "yours"]


async def test_inbox_gives_back_every_event_as_it_came(chat: ChatStores) -> None:
    facts = {"sender_id": ALICE, "conversation_id": ROOM, "representative_id": BOB}
    events: list[Event] = [
        Message(
            message_id="77aa0000-0000-4000-8000-000000000001", sent_at=NOW, text="提现 \u202e'; \\ ½", **facts
        ),
        Payment(message_id="77aa0000-0000-4000-8000-000000000002", sent_at=NOW, snapshot_id="s", **facts),
        Unsupported(
            message_id="77aa0000-0000-4000-8000-000000000003", sent_at=NOW, category="PLAIN_STICKER", **facts
        ),
    ]
    await chat.inbox.add(events, NOW)
    for event in events:
        [row] = await chat.inbox.heads(10, NOW, ())
        assert row.event == event
        await chat.inbox.finish(row, NOW)


async def test_inbox_takes_texts_that_no_database_likes(chat: ChatStores) -> None:
    await chat.inbox.add([message(1, "1\x00\ud800")], NOW)
    assert await heads(chat) == ["1\ufffd\ufffd"]


async def test_inbox_heads_are_one_per_person_oldest_first(chat: ChatStores) -> None:
    await chat.inbox.add([message(1, "a1"), message(2, "a2"), message(3, "b1", BOB)], NOW)
    assert await heads(chat) == ["a1", "b1"]
    assert await heads(chat, busy=(ALICE,)) == ["b1"]
    assert [row.event.body for row in await chat.inbox.heads(1, NOW, ())] == ["a1"]
    [first, _] = await chat.inbox.heads(10, NOW, ())
    await chat.inbox.finish(first, NOW)
    assert await heads(chat) == ["a2", "b1"]


async def test_inbox_message_that_must_wait_is_not_overtaken(chat: ChatStores) -> None:
    await chat.inbox.add([message(1, "a1"), message(2, "a2"), message(3, "b1", BOB)], NOW)
    [first, _] = await chat.inbox.heads(10, NOW, ())
    assert await chat.inbox.fail(first, "broke", NOW + timedelta(seconds=2)) == 1
    assert await heads(chat) == ["b1"]
    later = NOW + timedelta(seconds=2)
    assert await heads(chat, later) == ["a1", "b1"]
    [first, _] = await chat.inbox.heads(10, later, ())
    assert first.attempts == 1
    assert await chat.inbox.fail(first, "broke again", later) == 2


async def test_nobody_waits_for_a_time_that_a_wrong_clock_noted(chat: ChatStores) -> None:
    await chat.inbox.add([message(1, "a1")], NOW)
    await chat.outbox.add([Notice(ALICE, "welcome", "1", {})])
    an_hour_ahead = NOW + timedelta(hours=1)
    [row] = await chat.inbox.heads(10, NOW, ())
    await chat.inbox.fail(row, "broke", an_hour_ahead)
    await chat.outbox.postpone(await chat.outbox.due(10, NOW), "broke", an_hour_ahead)
    assert await heads(chat) == ["a1"]
    assert [each.notice.kind for each in await chat.outbox.due(10, NOW)] == ["welcome"]
    a_minute_before = an_hour_ahead - timedelta(minutes=1)
    assert await heads(chat, a_minute_before) == []
    assert await chat.outbox.due(10, a_minute_before) == []


async def test_inbox_row_ends_once(chat: ChatStores) -> None:
    await chat.inbox.add([message(1)], NOW)
    [row] = await chat.inbox.heads(10, NOW, ())
    async with chat.transactions.transaction():
        assert await chat.inbox.claim(row)
        await chat.inbox.finish(row, NOW)
    async with chat.transactions.transaction():
        assert not await chat.inbox.claim(row)
    assert await chat.inbox.fail(row, "too late", NOW) == 0
    assert not await chat.inbox.bury(row, "too late", NOW)
    assert await heads(chat) == []


async def test_inbox_buried_row_lets_the_next_one_through(chat: ChatStores) -> None:
    await chat.inbox.add([message(1, "poison"), message(2, "fine")], NOW)
    [row] = await chat.inbox.heads(10, NOW, ())
    assert await chat.inbox.bury(row, "poison", NOW)
    assert await heads(chat) == ["fine"]


async def test_rolled_back_transaction_leaves_nothing(chat: ChatStores) -> None:
    await chat.inbox.add([message(1)], NOW)
    [row] = await chat.inbox.heads(10, NOW, ())

    async def answer_and_break() -> None:
        async with chat.transactions.transaction():
            assert await chat.inbox.claim(row)
            await chat.outbox.add([Notice(ALICE, "welcome", "1", {})])
            await chat.conversations.keep(ALICE, Place("withdraw", "coin", {}, NOW))
            await chat.inbox.finish(row, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await answer_and_break()
    assert await heads(chat) == ["hi"]
    assert await chat.outbox.due(10, NOW) == []
    assert await chat.conversations.find(ALICE) is None


async def test_rolled_back_savepoint_leaves_the_rest(chat: ChatStores) -> None:
    async def help_and_break() -> None:
        async with chat.transactions.transaction():
            await chat.outbox.add([Notice(ALICE, "help", "1", {})])
            raise ZeroDivisionError

    async with chat.transactions.transaction():
        await chat.outbox.add([Notice(ALICE, "welcome", "1", {})])
        with pytest.raises(ZeroDivisionError):
            await help_and_break()
    assert [row.notice.kind for row in await chat.outbox.due(10, NOW)] == ["welcome"]


async def test_outbox_keeps_a_repeated_notice_once(chat: ChatStores) -> None:
    notice = Notice(ALICE, "deposit_credited", "output-1", {"coin": "USDT"})
    assert await chat.outbox.add([notice, notice]) == 1
    assert await chat.outbox.add([notice, Notice(BOB, "deposit_credited", "output-1", {})]) == 1
    assert [row.notice.user_id for row in await chat.outbox.due(10, NOW)] == [ALICE, BOB]


async def test_outbox_gives_back_parameters_and_language(chat: ChatStores) -> None:
    params: dict[str, Json] = {
        "coin": "USDT",
        "list": [{"amount": "0.50", "n": 1}],
        "yes": True,
        "none": None,
        "text": "提现 '\"\\",
    }
    await chat.outbox.add([Notice(ALICE, "balance", "1", params)])
    [row] = await chat.outbox.due(10, NOW)
    assert row.notice == Notice(ALICE, "balance", "1", params)
    assert row.language == "en"


async def test_outbox_rows_are_due_until_sent_in_order(chat: ChatStores) -> None:
    await chat.outbox.add([Notice(ALICE, "a", str(n), {}) for n in range(3)])
    rows = await chat.outbox.due(2, NOW)
    assert [row.notice.cause for row in rows] == ["0", "1"]
    await chat.outbox.sent(rows, NOW)
    assert [row.notice.cause for row in await chat.outbox.due(10, NOW)] == ["2"]


async def test_outbox_row_that_must_wait_holds_back_the_same_person_only(chat: ChatStores) -> None:
    await chat.outbox.add(
        [Notice(ALICE, "a", "1", {}), Notice(ALICE, "a", "2", {}), Notice(BOB, "a", "1", {})]
    )
    first, _, _ = await chat.outbox.due(10, NOW)
    await chat.outbox.postpone([first], "no answer", NOW + timedelta(seconds=5))
    assert [row.notice.user_id for row in await chat.outbox.due(10, NOW)] == [BOB]
    again = await chat.outbox.due(10, NOW + timedelta(seconds=5))
    assert [(row.notice.user_id, row.attempts) for row in again] == [(ALICE, 1), (ALICE, 0), (BOB, 0)]


async def test_outbox_flood_for_one_person_delays_nobody_else(chat: ChatStores) -> None:
    await chat.outbox.add([Notice(ALICE, "a", str(n), {}) for n in range(100)])
    await chat.outbox.add([Notice(BOB, "a", "1", {})])
    rows = await chat.outbox.due(10, NOW)
    assert [row.notice.user_id for row in rows] == [ALICE] * 5 + [BOB]


async def test_outbox_buried_row_is_never_due(chat: ChatStores) -> None:
    await chat.outbox.add([Notice(ALICE, "a", "1", {}), Notice(ALICE, "a", "2", {})])
    first, _ = await chat.outbox.due(10, NOW)
    await chat.outbox.bury([first], "blocked", NOW)
    assert [row.notice.cause for row in await chat.outbox.due(10, NOW)] == ["2"]


async def test_conversation_store_keeps_one_place_per_person(chat: ChatStores) -> None:
    place = Place("withdraw", "coin", {"coin": None, "amounts": ["1"]}, NOW)
    await chat.conversations.keep(ALICE, place)
    assert await chat.conversations.find(ALICE) == place
    assert await chat.conversations.find(BOB) is None
    moved = Place("withdraw", "amount", {"coin": "USDT"}, NOW + timedelta(seconds=1))
    await chat.conversations.keep(ALICE, moved)
    assert await chat.conversations.find(ALICE) == moved
    await chat.conversations.forget(ALICE)
    await chat.conversations.forget(ALICE)
    assert await chat.conversations.find(ALICE) is None
