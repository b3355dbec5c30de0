"""Freezes in Postgres."""

from collections.abc import Collection, Sequence
from datetime import datetime

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.ports.freezes import INSTANCE, WALLET, Freeze


class PostgresFreezes:
    """The freezes table, as ``domain.ports.freezes.FreezeStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        """Stop a scope (an asset id, ``wallet``, a person, a coin); return whether it was free before."""
        rows = await self._store.fetch(
            """
            INSERT INTO freezes (scope, reason, created_at) VALUES ($1, $2, $3)
            ON CONFLICT (scope) WHERE lifted_at IS NULL DO NOTHING RETURNING scope
            """,
            scope,
            reason,
            at,
        )
        return bool(rows)

    async def looked_at(self, scope: str, reason: str) -> bool:
        """Tell whether a person has lifted a freeze of this scope for this very reason before."""
        rows = await self._store.fetch(
            "SELECT FROM freezes WHERE scope = $1 AND reason = $2 AND lifted_at IS NOT NULL LIMIT 1",
            scope,
            reason,
        )
        return bool(rows)

    async def frozen(self, *scopes: str) -> str:
        """Return why payouts of any of these scopes (asset ids above all) are stopped, or an empty text."""
        rows = await self._store.fetch(
            """
            SELECT reason FROM freezes WHERE scope = ANY ($1::text[]) AND lifted_at IS NULL
            ORDER BY created_at LIMIT 1
            """,
            [INSTANCE, WALLET, *scopes],
        )
        return str(rows[0]["reason"]) if rows else ""

    async def among(self, scopes: Sequence[str]) -> Collection[str]:
        """Return those of these very scopes that are stopped."""
        rows = await self._store.fetch(
            "SELECT scope FROM freezes WHERE scope = ANY ($1::text[]) AND lifted_at IS NULL", list(scopes)
        )
        return {row["scope"] for row in rows}

    async def new_begins(self) -> bool:
        """Tell whether anything new may begin; in a transaction it stays so until that ends."""
        rows = await self._store.fetch("SELECT new_begins() AS so", writes=True)
        return bool(rows[0]["so"])

    async def frozen_instance(self) -> str:
        """Return why everything is stopped, or an empty text."""
        rows = await self._store.fetch(
            "SELECT reason FROM freezes WHERE scope = 'instance' AND lifted_at IS NULL"
        )
        return str(rows[0]["reason"]) if rows else ""

    async def open(self) -> list[Freeze]:
        """Return all freezes that nobody has lifted, the oldest first."""
        rows = await self._store.fetch(
            "SELECT id, scope, reason, created_at FROM freezes WHERE lifted_at IS NULL ORDER BY id"
        )
        return [Freeze(**row) for row in rows]

    async def lift(self, freeze: Freeze, by: UserId, at: datetime) -> bool:
        """End a freeze; return whether it had not been ended before."""
        rows = await self._store.fetch(
            """
            UPDATE freezes SET lifted_at = $2, lifted_by = $3 WHERE id = $1 AND lifted_at IS NULL
            RETURNING id
            """,
            freeze.id,
            at,
            by,
        )
        return bool(rows)
