"""Conversations of several steps: where a person stands, kept between two messages."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from bot.ports import Json
from bot.replies import Say


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person stands: flow, state, and the draft as JSON; survives a restart."""

    flow: str
    state: str
    draft: Mapping[str, Json]
    at: datetime


class ConversationStore(Protocol):
    """At most one place per person; every call joins the ambient transaction."""

    async def find(self, user_id: str) -> Place | None:
        """Return where the person stands, or ``None`` when in no conversation."""
        ...

    async def keep(self, user_id: str, place: Place) -> None:
        """Store where the person stands now, in place of what was there."""
        ...

    async def forget(self, user_id: str) -> None:
        """Drop the person's place; harmless when there is none."""
        ...


Draft = TypeVar("Draft")


class Conversation(ABC, Generic[Draft]):
    """One person's walk through one flow.

    A subclass brings a state machine: ``hear`` takes what was said and either moves on or adds
    to ``says`` what was wrong with it; ``question`` words what the present state waits for. An answer
    that does not fit changes neither state nor draft. The draft is a dataclass of JSON values.
    """

    flow: ClassVar[str]
    first: ClassVar[str]
    last: ClassVar[frozenset[str]]  # states in which nothing more is asked
    states: ClassVar[frozenset[str]]
    draft_type: ClassVar[type[Any]]

    def __init__(self, user_id: str, state: str, draft: Draft) -> None:
        self.user_id = user_id
        self.state = state
        self.draft = draft
        self.says: list[Say] = []

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is asked."""
        return self.state in self.last

    def place(self, at: datetime) -> Place:
        """Return what to store."""
        return Place(self.flow, self.state, asdict(self.draft), at)  # type: ignore[call-overload]  # a dataclass

    async def begin(self) -> None:
        """Prepare the first question; may end the conversation at once, with a word why."""

    @abstractmethod
    async def hear(self, text: str) -> bool:
        """Take what the person said; return whether it moved the conversation on."""

    @abstractmethod
    async def question(self) -> list[Say]:
        """Return what the present state asks of the person.

        Where the world has changed it may step back to an earlier state, or end, with a word why.
        """
