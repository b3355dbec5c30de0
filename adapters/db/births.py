"""Which database this is, in Postgres, as ``domain.ports.births.BirthStore``."""

from collections.abc import Collection, Sequence

from adapters.db.store import PostgresStore
from domain.leases import Scope
from domain.reconciliation.signs import Birth


class PostgresBirths:
    """The one row that was made with the books."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def birth(self) -> Birth:
        """Return which database this is, and when its books began."""
        [row] = await self._store.fetch("SELECT id::text AS database, born_at FROM births")
        return Birth(**row)

    async def epoch(self, scope: Scope) -> int:
        """Return how often a scope was taken, zero when it never was."""
        rows = await self._store.fetch("SELECT epoch FROM leases WHERE scope = $1", scope)
        return int(rows[0]["epoch"]) if rows else 0

    async def payments(self, transaction_hashes: Sequence[str]) -> Collection[str]:
        """Return those of these transactions that are payments of ours."""
        rows = await self._store.fetch(
            """
            SELECT transaction_hash FROM payouts WHERE transaction_hash = ANY ($1::text[])
            UNION ALL SELECT fee_hash FROM payouts WHERE fee_hash <> '' AND fee_hash = ANY ($1::text[])
            """,
            list(transaction_hashes),
        )
        return {row["transaction_hash"] for row in rows}
