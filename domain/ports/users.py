"""Who has talked to us, and in which language."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import UserId
from domain.money import Coin


@dataclass(frozen=True, slots=True)
class User:
    """A person; ``language`` is ``en`` or ``zh``."""

    user_id: UserId
    language: str


class UserStore(Protocol):
    """The users table; calls join the ambient transaction."""

    async def ensure(self, user: User, said_at: datetime | None = None) -> User | None:
        """Add the user unless known, and return the stored one.

        One who was forgotten is new again by a word of after it; ``None`` for a word from before (WI7).
        """
        ...

    async def find(self, user_id: UserId) -> User | None:
        """Return a person, ``None`` when they have never written to us, or were forgotten."""
        ...

    async def set_language(self, user_id: UserId, language: str) -> None:
        """Change a known user's language."""
        ...

    async def run_claims(self, user_id: UserId) -> dict[Coin, Decimal]:
        """Return what all runs of a person hold together, by coin, zeros left out."""
        ...
