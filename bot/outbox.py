"""The outbox: what is to be said is a row first, is sent after its commit, and is marked after that.

Message ids are derived from the row, so a row that is sent twice (a crash before the mark, an
answer that got lost) is one message at Mixin.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.ports import Json
from bot.replies import Reply


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person, once per (user_id, kind, cause)."""

    user_id: str
    kind: str
    cause: str
    params: Mapping[str, Json]

    def message_id(self, index: int) -> str:
        """Return the message id of the ``index``-th reply this notice is rendered to."""
        key = "\n".join((self.user_id, self.kind, self.cause, str(index)))
        digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
        return str(uuid.UUID(bytes=digest, version=3))


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One stored notice; ``seq`` is the order of telling, ``language`` the person's (``en`` when unknown)."""

    seq: int
    notice: Notice
    language: str
    attempts: int


class OutboxStore(Protocol):
    """Rows of notices: pending, then sent or dead. Calls join the ambient transaction if there is one."""

    async def add(self, notices: Sequence[Notice]) -> int:
        """Insert notices as pending, in this order, skipping known ones; return how many were new.

        A notice is known by (user_id, kind, cause) together.
        """
        ...

    async def due(self, limit: int, now: datetime) -> list[OutboxRow]:
        """Return pending rows, oldest first; none of a person whose oldest pending row must wait.

        At most five rows of one person, so that a flood for one delays nobody else. None waits longer
        than ``LONGEST_BACKOFF_S``: a time further ahead was noted while a clock was wrong, and is over (CK1).
        """
        ...

    async def sent(self, rows: Sequence[OutboxRow], at: datetime) -> None:
        """Mark rows sent."""
        ...

    async def postpone(self, rows: Sequence[OutboxRow], reason: str, retry_at: datetime) -> None:
        """Count a failed attempt and wait until ``retry_at``."""
        ...

    async def bury(self, rows: Sequence[OutboxRow], reason: str, at: datetime) -> None:
        """Mark rows dead: they are never sent."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one person, in their private conversation with the bot."""

    user_id: str
    message_id: str
    reply: Reply


class Messenger(Protocol):
    """Mixin's side for sending."""

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send messages in this order; a repeated ``message_id`` is shown once.

        At most 100 messages are given at a time; the messenger splits further where a request
        would grow too large.

        Raises:
            Undeliverable: at least one person can never be reached (403); nothing is known of the others.
        """
        ...


class Renderer(Protocol):
    """Turns kinds and parameters into words."""

    def render(self, kind: str, params: Mapping[str, Json], language: str) -> Sequence[Reply]:
        """Return the replies that say this in a language."""
        ...
