"""What is known about an event while it is being answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.conversation import Place
from bot.events import Event


class Person(Protocol):
    """Somebody we know."""

    @property
    def user_id(self) -> str:
        """Return the Mixin user id."""
        ...

    @property
    def language(self) -> str:
        """Return ``en`` or ``zh``."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One event, when it is answered, and what middleware found out about its sender."""

    event: Event
    now: datetime
    person: Person | None = None
    place: Place | None = None

    @property
    def age(self) -> timedelta:
        """Return how long ago it was sent."""
        return self.now - self.event.sent_at
