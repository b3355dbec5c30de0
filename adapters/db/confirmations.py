"""Confirmations in Postgres."""

from datetime import datetime
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.ports.confirmations import Confirmation

_SELECT = """
SELECT token_hash, user_id, action, params_hash, expires_at, used_at FROM confirmations WHERE token_hash = $1
"""


class PostgresConfirmations:
    """The confirmations table, as ``domain.ports.confirmations.ConfirmationStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, confirmation: Confirmation) -> None:
        """Store a fresh confirmation."""
        await self._store.execute(
            """
            INSERT INTO confirmations (token_hash, user_id, action, params_hash, expires_at)
            VALUES ($1, $2, $3, $4, $5)
            """,
            confirmation.token_hash,
            confirmation.user_id,
            confirmation.action,
            confirmation.params_hash,
            confirmation.expires_at,
        )

    async def find(self, token_hash: str) -> Confirmation | None:
        """Return a token's row as it stands, unlocked; ``None`` when unknown."""
        rows = await self._store.fetch(_SELECT, token_hash)
        return _confirmation(rows[0]) if rows else None

    async def use(self, token_hash: str, used_at: datetime) -> Confirmation | None:
        """Mark a token used unless it was, and return it as it stood before; ``None`` when unknown."""
        rows = await self._store.fetch(f"{_SELECT} FOR UPDATE", token_hash)
        if not rows:
            return None
        await self._store.execute(
            "UPDATE confirmations SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
            token_hash,
            used_at,
        )
        return _confirmation(rows[0])


def _confirmation(row: dict[str, Any]) -> Confirmation:
    return Confirmation(
        row["token_hash"],
        UserId(row["user_id"]),
        row["action"],
        row["params_hash"],
        row["expires_at"],
        row["used_at"],
    )
