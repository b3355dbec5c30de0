"""Links to pages of a person's own, and the visits that begin with them; only hashes are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.ids import UserId


class Purpose(StrEnum):
    """What a link was made for; it opens nothing else."""

    RUN = "run"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link that one person may open once; ``target`` is the page to show then, a path with its query."""

    token_hash: str
    user_id: UserId
    purpose: Purpose
    target: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that lasts: since when, and when it was last heard of."""

    began_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page, and the language they chose in the chat (empty: none)."""

    user_id: UserId
    language: str


class PageLinkStore(Protocol):
    """What the chat may do with links; calls join the ambient transaction."""

    async def add(self, link: PageLink, forget_before: datetime) -> None:
        """Store a link; forget links of the same person that expired before an instant, with their visits."""
        ...

    async def visits(self, user_id: UserId) -> Sequence[Visit]:
        """Return a person's visits that last, the newest first."""
        ...

    async def end_visits(self, user_id: UserId) -> int:
        """End a person's visits and make unopened links useless; return how many visits ended."""
        ...


class VisitStore(Protocol):
    """What the pages may do: open a link, ask who visits, end a visit; the store knows the time.

    A visit lasts 8 hours at most, and 15 minutes after it was last heard of; it ends when its person is
    frozen.
    """

    async def open(self, token_hash: str, purpose: str, visit_hash: str) -> str | None:
        """Begin a visit and return the link's target; nothing when the link is unknown, for something else,
        expired, or was opened before.
        """
        ...

    async def visitor(self, visit_hash: str) -> Visitor | None:
        """Return who visits, and note that the visit goes on; nothing when it does not."""
        ...

    async def end(self, visit_hash: str) -> None:
        """End a visit, however often."""
        ...
