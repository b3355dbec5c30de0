"""The chat's stores in memory, with transactions that really roll back."""

import asyncio
import copy
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.conversation import Place
from bot.events import Event, restore
from bot.inbox import InboxRow
from bot.loop import LONGEST_BACKOFF_S
from bot.outbox import Notice, OutboxRow, Outgoing


class FakeClock:
    """A clock that moves only when told; sleeping moves it."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **span: float) -> None:
        self._now += timedelta(**span)

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Table(Protocol):
    """Something whose state a transaction can put back."""

    rows: Any


class FakeTransactions:
    """One outermost transaction at a time, counted in ``begun``; inner ones are savepoints."""

    def __init__(self, *tables: Table) -> None:
        self.tables = list(tables)
        self.begun = 0
        self._lock = asyncio.Lock()
        self._inside: ContextVar[asyncio.Task[Any] | None] = ContextVar("inside", default=None)

    @property
    def is_open(self) -> bool:
        """Return whether this task is inside a transaction."""
        return self._inside.get() is not None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        if (owner := self._inside.get()) is not None:
            assert owner is asyncio.current_task(), "a task was started inside a transaction"
            async with self._savepoint():
                yield
            return
        async with self._lock:
            self.begun += 1
            token = self._inside.set(asyncio.current_task())
            try:
                async with self._savepoint():
                    yield
            finally:
                self._inside.reset(token)

    @asynccontextmanager
    async def _savepoint(self) -> AsyncIterator[None]:
        before = [copy.deepcopy(table.rows) for table in self.tables]
        try:
            yield
        except BaseException:
            for table, rows in zip(self.tables, before, strict=True):
                table.rows = rows
            raise


@dataclass
class _Row:
    """A stored row: what it is, and where it stands."""

    what: Any
    state: str = "pending"
    attempts: int = 0
    reason: str = ""
    retry_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def waits(self, now: datetime) -> bool:
        """Tell whether it must wait; what is further ahead than anybody waits was a wrong clock's."""
        return now < self.retry_at <= now + timedelta(seconds=LONGEST_BACKOFF_S)


class FakeInbox:
    """The inbox as a dictionary in order of arrival."""

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}

    async def add(self, events: Sequence[Event], received_at: datetime) -> int:
        new = [event for event in {e.key: e for e in reversed(events)}.values() if event.key not in self.rows]
        for event in reversed(new):
            self.rows[event.key] = _Row(_stored(event))
        return len(new)

    async def heads(self, limit: int, now: datetime, busy: Collection[str]) -> list[InboxRow]:
        heads: dict[str, tuple[int, _Row]] = {}
        for seq, row in enumerate(self.rows.values()):
            if row.state == "pending" and row.what.sender_id not in busy:
                heads.setdefault(row.what.sender_id, (seq, row))
        due = [InboxRow(seq, row.what, row.attempts) for seq, row in heads.values() if not row.waits(now)]
        return due[:limit]

    async def claim(self, row: InboxRow) -> bool:
        return self.rows[row.event.key].state == "pending"

    async def finish(self, row: InboxRow, at: datetime) -> None:
        if self.rows[row.event.key].state == "pending":
            self.rows[row.event.key].state = "done"

    async def fail(self, row: InboxRow, reason: str, retry_at: datetime) -> int:
        stored = self.rows[row.event.key]
        if stored.state != "pending":
            return 0
        stored.attempts += 1
        stored.reason, stored.retry_at = reason, retry_at
        return stored.attempts

    async def bury(self, row: InboxRow, reason: str, at: datetime) -> bool:
        stored = self.rows[row.event.key]
        if stored.state != "pending":
            return False
        stored.state, stored.reason = "dead", reason
        return True

    def states(self) -> list[str]:
        """Return the states of all rows in order of arrival."""
        return [row.state for row in self.rows.values()]


def _stored(event: Event) -> Event:
    return restore(
        event.kind,
        event.body,
        sender_id=event.sender_id,
        conversation_id=event.conversation_id,
        message_id=event.message_id,
        sent_at=event.sent_at,
        representative_id=event.representative_id,
    )


class FakeOutbox:
    """The outbox as a dictionary; also what the domain's ``Notices`` port asks for."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], _Row] = {}
        self.languages: dict[str, str] = {}

    async def add(self, notices: Sequence[Notice]) -> int:
        new = 0
        for notice in notices:
            key = (notice.user_id, notice.kind, notice.cause)
            if key not in self.rows:
                self.rows[key] = _Row(replace(notice, params=json.loads(json.dumps(dict(notice.params)))))
                new += 1
        return new

    async def tell(self, user_id: str, kind: str, cause: str, params: dict[str, str]) -> None:
        await self.add([Notice(user_id, kind, cause, params)])

    async def due(self, limit: int, now: datetime) -> list[OutboxRow]:
        due, waiting, taken = [], set(), Counter[str]()
        for seq, row in enumerate(self.rows.values()):
            user_id = row.what.user_id
            if row.state != "pending" or user_id in waiting:
                continue
            if row.waits(now):
                waiting.add(user_id)
            elif taken[user_id] < 5:
                taken[user_id] += 1
                due.append(OutboxRow(seq, row.what, self.languages.get(user_id, "en"), row.attempts))
        return due[:limit]

    async def sent(self, rows: Sequence[OutboxRow], at: datetime) -> None:
        for row in self._of(rows):
            row.state = "sent"

    async def postpone(self, rows: Sequence[OutboxRow], reason: str, retry_at: datetime) -> None:
        for row in self._of(rows):
            row.attempts += 1
            row.reason, row.retry_at = reason, retry_at

    async def bury(self, rows: Sequence[OutboxRow], reason: str, at: datetime) -> None:
        for row in self._of(rows):
            row.state, row.reason = "dead", reason

    def _of(self, rows: Sequence[OutboxRow]) -> list[_Row]:
        keys = [(row.notice.user_id, row.notice.kind, row.notice.cause) for row in rows]
        return [self.rows[key] for key in keys if self.rows[key].state == "pending"]

    def states(self) -> list[str]:
        """Return the states of all rows in order."""
        return [row.state for row in self.rows.values()]


class FakeConversations:
    """Places of people, kept as JSON text as the database keeps them."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, str, str, datetime]] = {}

    async def find(self, user_id: str) -> Place | None:
        if user_id not in self.rows:
            return None
        flow, state, draft, at = self.rows[user_id]
        return Place(flow, state, json.loads(draft), at)

    async def keep(self, user_id: str, place: Place) -> None:
        self.rows[user_id] = (place.flow, place.state, json.dumps(dict(place.draft)), place.at)

    async def forget(self, user_id: str) -> None:
        self.rows.pop(user_id, None)


@dataclass
class FakeMessenger:
    """Remembers what was sent, each message id once, and fails when told to."""

    shown: dict[str, Outgoing] = field(default_factory=dict)
    calls: int = 0
    fails_with: list[Exception] = field(default_factory=list)
    unreachable: dict[str, Exception] = field(default_factory=dict)

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.calls += 1
        if self.fails_with:
            raise self.fails_with.pop(0)
        for message in messages:
            if message.user_id in self.unreachable:
                raise self.unreachable[message.user_id]
        for message in messages:
            self.shown.setdefault(message.message_id, message)
