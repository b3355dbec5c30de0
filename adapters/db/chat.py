"""The chat's stores in Postgres: inbox, outbox and conversations."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.db.models.chat import ConversationRow
from adapters.db.store import PostgresStore
from bot.conversation import Place
from bot.events import Event, restore
from bot.inbox import InboxRow
from bot.loop import LONGEST_BACKOFF_S
from bot.outbox import Notice, OutboxRow
from domain.ids import UserId

_LONGEST = timedelta(seconds=LONGEST_BACKOFF_S)

_ADD_EVENTS = """
    INSERT INTO inbox
        (user_id, conversation_id, message_id, representative_id, kind, body, sent_at, received_at)
    SELECT sender, conversation, message, representative, kind, body, sent_at, $8
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
         WITH ORDINALITY AS e (sender, conversation, message, representative, kind, body, sent_at, position)
    ORDER BY position
    ON CONFLICT ON CONSTRAINT inbox_event DO NOTHING
"""
_HEADS = """
    SELECT * FROM (
        SELECT DISTINCT ON (user_id)
               seq, user_id, conversation_id, message_id, representative_id, kind, body, sent_at,
               attempts, retry_at
        FROM inbox WHERE state = 'pending' AND user_id <> ALL ($3::text[])
        ORDER BY user_id, seq
    ) heads
    WHERE retry_at <= $2 OR retry_at > $4 ORDER BY seq LIMIT $1
"""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_CLAIM = "SELECT seq FROM inbox WHERE seq = $1 AND state = 'pending' FOR UPDATE"
_FINISH = "UPDATE inbox SET state = 'done', ended_at = $2 WHERE seq = $1 AND state = 'pending'"
_FAIL = """
    UPDATE inbox SET attempts = attempts + 1, reason = $2, retry_at = $3
    WHERE seq = $1 AND state = 'pending' RETURNING attempts
"""
_BURY = "UPDATE inbox SET state = 'dead', reason = $2, ended_at = $3 WHERE seq = $1 AND state = 'pending'"

_TELL = """
    INSERT INTO outbox (user_id, kind, cause, params)
    SELECT user_id, kind, cause, params
    FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY
         AS n (user_id, kind, cause, params, position)
    ORDER BY position
    ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
"""
MOST_OF_ONE = 5
"""Notices of one person in one round: whoever is told much keeps nobody else waiting."""

_DUE = """
    SELECT o.seq, o.user_id, o.kind, o.cause, o.params, o.attempts, coalesce(u.language, 'en') AS language
    FROM (SELECT DISTINCT user_id FROM outbox WHERE state = 'pending') people
    CROSS JOIN LATERAL (
        SELECT first.*, bool_or(first.retry_at > $2 AND first.retry_at <= $4)
               OVER (ORDER BY first.seq) AS waits
        FROM (
            SELECT * FROM outbox p WHERE p.state = 'pending' AND p.user_id = people.user_id
            ORDER BY p.seq LIMIT $3
        ) first
    ) o
    LEFT JOIN users u ON u.user_id = o.user_id
    WHERE NOT o.waits
    ORDER BY o.seq LIMIT $1
"""
_SENT = "UPDATE outbox SET state = 'sent', ended_at = $2 WHERE seq = ANY ($1::bigint[]) AND state = 'pending'"
_POSTPONE = """
    UPDATE outbox SET attempts = attempts + 1, reason = $2, retry_at = $3
    WHERE seq = ANY ($1::bigint[]) AND state = 'pending'
"""
_BURY_NOTICES = """
    UPDATE outbox SET state = 'dead', reason = $2, ended_at = $3
    WHERE seq = ANY ($1::bigint[]) AND state = 'pending'
"""


class PostgresInbox:
    """The inbox, as ``bot.inbox.InboxStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, events: Sequence[Event], received_at: datetime) -> int:
        """Insert events as pending, in this order, skipping known ones; return how many were new."""
        return await self._store.execute(
            _ADD_EVENTS,
            [event.sender_id for event in events],
            [event.conversation_id for event in events],
            [event.message_id for event in events],
            [event.representative_id for event in events],
            [event.kind for event in events],
            [event.body for event in events],
            [event.sent_at for event in events],
            received_at,
        )

    async def heads(self, limit: int, now: datetime, busy: Collection[str]) -> list[InboxRow]:
        """Return the oldest pending row of each person who is not busy and need not wait, oldest first."""
        rows = await self._store.fetch(_HEADS, limit, now, list(busy), now + _LONGEST)
        return [_inbox_row(row) for row in rows]

    async def claim(self, row: InboxRow) -> bool:
        """Lock row and person until the transaction ends; ``False`` when it is not pending any more."""
        await self._store.fetch(_ONE_AT_A_TIME, f"inbox:{row.user_id}")
        return bool(await self._store.fetch(_CLAIM, row.seq))

    async def finish(self, row: InboxRow, at: datetime) -> None:
        """Mark a pending row done."""
        await self._store.execute(_FINISH, row.seq, at)

    async def fail(self, row: InboxRow, reason: str, retry_at: datetime) -> int:
        """Count a failed attempt, wait until ``retry_at``; return attempts so far, 0 when not pending."""
        rows = await self._store.fetch(_FAIL, row.seq, reason, retry_at)
        return int(rows[0]["attempts"]) if rows else 0

    async def bury(self, row: InboxRow, reason: str, at: datetime) -> bool:
        """Mark a pending row dead; return whether it was pending."""
        return await self._store.execute(_BURY, row.seq, reason, at) == 1


class PostgresOutbox:
    """The outbox, as ``bot.outbox.OutboxStore`` and as ``domain.ports.notices.Notices``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        """Queue one notice, once per (user, kind, cause)."""
        await self.add([Notice(user_id, kind, cause, params)])

    async def add(self, notices: Sequence[Notice]) -> int:
        """Insert notices as pending, in this order, skipping known ones; return how many were new."""
        return await self._store.execute(
            _TELL,
            [notice.user_id for notice in notices],
            [notice.kind for notice in notices],
            [notice.cause for notice in notices],
            [json.dumps(dict(notice.params)) for notice in notices],
        )

    async def due(self, limit: int, now: datetime) -> list[OutboxRow]:
        """Return pending rows, oldest first, few of each person; none behind one's own that must wait."""
        rows = await self._store.fetch(_DUE, limit, now, MOST_OF_ONE, now + _LONGEST)
        return [_outbox_row(row) for row in rows]

    async def sent(self, rows: Sequence[OutboxRow], at: datetime) -> None:
        """Mark rows sent."""
        await self._store.execute(_SENT, [row.seq for row in rows], at)

    async def postpone(self, rows: Sequence[OutboxRow], reason: str, retry_at: datetime) -> None:
        """Count a failed attempt and wait until ``retry_at``."""
        await self._store.execute(_POSTPONE, [row.seq for row in rows], reason, retry_at)

    async def bury(self, rows: Sequence[OutboxRow], reason: str, at: datetime) -> None:
        """Mark rows dead: they are never sent."""
        await self._store.execute(_BURY_NOTICES, [row.seq for row in rows], reason, at)


class PostgresConversations:
    """Places of people, as ``bot.conversation.ConversationStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def find(self, user_id: str) -> Place | None:
        """Return where the person stands, or ``None`` when in no conversation."""
        async with self._store.models():
            row = await ConversationRow.get_or_none(user_id=user_id)
        return Place(row.flow, row.state, row.draft, row.at) if row else None

    async def keep(self, user_id: str, place: Place) -> None:
        """Store where the person stands now, in place of what was there."""
        row = ConversationRow(
            user_id=user_id, flow=place.flow, state=place.state, draft=dict(place.draft), at=place.at
        )
        async with self._store.models():
            await ConversationRow.bulk_create(
                [row], update_fields=["flow", "state", "draft", "at"], on_conflict=["user_id"]
            )

    async def forget(self, user_id: str) -> None:
        """Drop the person's place; harmless when there is none."""
        async with self._store.models():
            await ConversationRow.filter(user_id=user_id).delete()


def _inbox_row(row: Mapping[str, Any]) -> InboxRow:
    event = restore(
        row["kind"],
        row["body"],
        sender_id=row["user_id"],
        conversation_id=row["conversation_id"],
        message_id=row["message_id"],
        sent_at=row["sent_at"],
        representative_id=row["representative_id"],
    )
    return InboxRow(row["seq"], event, row["attempts"])


def _outbox_row(row: Mapping[str, Any]) -> OutboxRow:
    notice = Notice(row["user_id"], row["kind"], row["cause"], json.loads(row["params"]))
    return OutboxRow(row["seq"], notice, row["language"], row["attempts"])
