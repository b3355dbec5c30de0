"""Single-use confirmations, stored as hashes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one token stands for; neither the token nor the parameters can be read from it."""

    token_hash: str
    user_id: UserId
    action: str
    params_hash: str
    expires_at: datetime
    used_at: datetime | None = None


class ConfirmationStore(Protocol):
    """The confirmations table; calls join the ambient transaction."""

    async def add(self, confirmation: Confirmation) -> None:
        """Store a fresh confirmation."""
        ...

    async def find(self, token_hash: str) -> Confirmation | None:
        """Return a token's row as it stands, unlocked; ``None`` when unknown."""
        ...

    async def use(self, token_hash: str, used_at: datetime) -> Confirmation | None:
        """Mark a token used unless it was, and return it as it stood before; ``None`` when unknown.

        The row stays locked until the ambient transaction ends, so of two users of one token the second
        sees what the first did.
        """
        ...
