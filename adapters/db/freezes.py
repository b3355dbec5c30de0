"""Freezes in Postgres."""

from datetime import datetime

from adapters.db.store import PostgresStore
from domain.ids import AssetId


class PostgresFreezes:
    """The freezes table, as ``domain.ports.freezes.FreezeStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        """Stop payouts of a scope (an asset id, or ``wallet``); return whether it was free before."""
        rows = await self._store.fetch(
            """
            INSERT INTO freezes (scope, reason, created_at) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING scope
            """,
            scope,
            reason,
            at,
        )
        return bool(rows)

    async def frozen(self, asset_id: AssetId) -> str:
        """Return why payouts of an asset are stopped, or an empty text."""
        rows = await self._store.fetch(
            "SELECT reason FROM freezes WHERE scope IN ('wallet', $1) ORDER BY created_at LIMIT 1", asset_id
        )
        return str(rows[0]["reason"]) if rows else ""
