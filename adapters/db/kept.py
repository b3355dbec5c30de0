"""What is kept aside, in Postgres."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from adapters.db.store import PostgresStore
from domain.ids import AssetId, UserId, WithdrawalId
from domain.ports.kept import KeptGroup

_GROUPS = """
    SELECT sender, asset_id, reason, booked, sum(amount) AS amount, count(*) AS count
    FROM kept_outputs WHERE state = 'kept'
"""


async def lock_kept(store: PostgresStore, sender: UserId) -> None:
    """Be the only one who decides about what is kept of a sender until the ambient transaction ends."""
    await store.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"kept:{sender}")


class PostgresKept:
    """The table of kept outputs, as ``domain.ports.kept.KeptStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def lock(self, sender: UserId) -> None:
        """Be the only one who decides about what is kept of a sender until the transaction ends."""
        await lock_kept(self._store, sender)

    async def of(self, sender: UserId, reasons: Iterable[str]) -> list[KeptGroup]:
        """Return what is kept of a sender for these reasons, by asset."""
        rows = await self._store.fetch(
            f"""{_GROUPS} AND sender = $1 AND reason = ANY ($2::text[])
            GROUP BY sender, asset_id, reason, booked ORDER BY asset_id, reason, booked""",
            sender,
            list(reasons),
        )
        return [KeptGroup(**row) for row in rows]

    async def all(self, limit: int) -> list[KeptGroup]:
        """Return what is kept of anybody, the largest number of payments first."""
        rows = await self._store.fetch(
            f"""{_GROUPS} GROUP BY sender, asset_id, reason, booked
            ORDER BY count(*) DESC, asset_id, sender LIMIT $1""",
            limit,
        )
        return [KeptGroup(**row) for row in rows]

    async def of_asset(self, asset_id: AssetId, reasons: Iterable[str], limit: int) -> list[KeptGroup]:
        """Return what single senders sent of an asset and is kept for these reasons, the largest first."""
        rows = await self._store.fetch(
            f"""{_GROUPS} AND asset_id = $1 AND reason = ANY ($2::text[]) AND sender IS NOT NULL
            GROUP BY sender, asset_id, reason, booked
            ORDER BY sum(amount) DESC, sender, reason, booked LIMIT $3""",
            asset_id,
            list(reasons),
            limit,
        )
        return [KeptGroup(**row) for row in rows]

    async def take(self, group: KeptGroup, payout_id: WithdrawalId) -> Decimal:
        """Promise a group to a refund and return how much it was."""
        rows = await self._store.fetch(
            """
            WITH taken AS (
                UPDATE kept_outputs SET state = 'refunding', settled_by = $5
                WHERE sender = $1 AND asset_id = $2 AND reason = $3 AND booked = $4 AND state = 'kept'
                RETURNING amount
            )
            SELECT coalesce(sum(amount), 0) AS amount FROM taken
            """,
            group.sender,
            group.asset_id,
            group.reason,
            group.booked,
            payout_id,
        )
        return Decimal(rows[0]["amount"])

    async def refunds_since(self, receiver: UserId, since: datetime) -> int:
        """Return how many refunds a person has asked for since then."""
        rows = await self._store.fetch(
            """
            SELECT count(*) AS n FROM payouts
            WHERE receiver = $1 AND purpose = 'refund' AND created_at > $2
            """,
            receiver,
            since,
        )
        return int(rows[0]["n"])
