"""People who have done nothing for long, in Postgres, as ``domain.ports.inactive.InactiveStore``."""

import json
from datetime import datetime
from decimal import Decimal

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.money import Coin
from domain.payouts.fees import SMALLEST
from domain.ports.inactive import Inactive

_INACTIVE = """
    SELECT who, coins, since FROM (
        SELECT a.owner AS who, jsonb_object_agg(a.coin, b.total::text) AS coins
        FROM accounts a JOIN balances b ON b.account_id = a.id
        WHERE a.kind = 'available' AND b.total >= $3 AND a.owner > $2
        GROUP BY a.owner
    ) holders
    CROSS JOIN LATERAL (
        SELECT greatest(
            (SELECT max(received_at) FROM inbox WHERE user_id = who),
            (SELECT max(recorded_at) FROM outputs WHERE sender = who),
            (SELECT max(created_at) FROM payouts WHERE receiver = who AND purpose = 'withdrawal'),
            (SELECT max(coalesce(stopped_at, started_at)) FROM runs WHERE user_id = who)
        ) AS since
    ) last
    WHERE since < $1 AND NOT EXISTS (SELECT FROM runs r WHERE r.user_id = who AND r.state <> 'stopped')
    ORDER BY who LIMIT $4
"""


class PostgresInactive:
    """Holders, and when each did anything last."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def inactive(self, before: datetime, after: str, limit: int) -> list[Inactive]:
        """Return people without a run who did nothing since ``before`` and have coins, by id."""
        return [
            Inactive(
                UserId(row["who"]),
                row["since"],
                {Coin(coin): Decimal(total) for coin, total in sorted(json.loads(row["coins"]).items())},
            )
            for row in await self._store.fetch(_INACTIVE, before, after, SMALLEST, limit)
        ]
