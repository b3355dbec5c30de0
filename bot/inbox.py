"""The inbox: every event is a row before it is acknowledged, and is answered once.

One transaction marks the row done and carries everything the answer did: use cases, the
person's place in a conversation, the replies in the outbox. A crash between any two lines
leaves the row pending and nothing else behind (MS1, MS4, MS5).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.events import Event


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One stored event; ``seq`` is the order of arrival."""

    seq: int
    event: Event
    attempts: int

    @property
    def user_id(self) -> str:
        """Return the person."""
        return self.event.sender_id


class InboxStore(Protocol):
    """Rows of events: pending, then done or dead. Calls join the ambient transaction if there is one."""

    async def add(self, events: Sequence[Event], received_at: datetime) -> int:
        """Insert events as pending, in this order, skipping known ones; return how many were new.

        An event is known by (sender_id, conversation_id, message_id) together (MS1): a repeat
        with another text is still a repeat. Stored are ``kind``, ``body`` and the facts of
        ``Event``; ``bot.events.restore`` makes the event again.
        """
        ...

    async def heads(self, limit: int, now: datetime, busy: Collection[str]) -> list[InboxRow]:
        """Return the oldest pending row of each person who is not busy, oldest first.

        A person whose oldest pending row must wait (``fail``) is left out: later messages
        of the same person never overtake it. Nobody waits longer than ``LONGEST_BACKOFF_S``: a time
        further ahead was noted while a clock was wrong, and is over (CK1).
        """
        ...

    async def claim(self, row: InboxRow) -> bool:
        """Lock the row until the transaction ends; ``False`` when it is not pending any more.

        Two transactions that claim rows of the same person follow one another.
        """
        ...

    async def finish(self, row: InboxRow, at: datetime) -> None:
        """Mark a pending row done."""
        ...

    async def fail(self, row: InboxRow, reason: str, retry_at: datetime) -> int:
        """Count a failed attempt, wait until ``retry_at``; return attempts so far.

        A row that is not pending any more is left alone, and 0 is returned.
        """
        ...

    async def bury(self, row: InboxRow, reason: str, at: datetime) -> bool:
        """Mark a pending row dead; return whether it was pending."""
        ...
