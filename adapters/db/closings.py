"""The end of an instance, in Postgres, as ``domain.ports.closings.ClosingStore``."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.money import Coin
from domain.payouts.fees import SMALLEST
from domain.ports.closings import Claim, Closing, ClosingState, CoinLeft, Left

_CURRENT = """
    SELECT id, state, announced_by, announced_at, begins_at FROM closings WHERE over_at IS NULL
"""
_ADD = """
    INSERT INTO closings (state, announced_by, announced_at, begins_at) VALUES ('announced', $1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING id, state, announced_by, announced_at, begins_at
"""
_MOVE = """
    UPDATE closings SET state = $3::varchar,
        began_at = CASE WHEN $3 = 'paying' THEN $4 ELSE began_at END,
        closed_at = CASE WHEN $3 = 'closed' THEN $4 ELSE closed_at END,
        over_at = CASE WHEN $3 IN ('called_off', 'reopened') THEN $4 ELSE over_at END
    WHERE id = $1 AND state = $2
"""
_TELL_HOLDERS = """
    INSERT INTO outbox (user_id, kind, cause, params)
    SELECT who, $1::text, $2::text, $3::jsonb FROM (
        SELECT a.owner AS who FROM accounts a JOIN balances b ON b.account_id = a.id
        WHERE a.kind IN ('available', 'pending') AND b.total > 0
        UNION SELECT user_id FROM runs WHERE state <> 'stopped'
    ) holders
    WHERE NOT EXISTS (SELECT FROM outbox o WHERE (o.user_id, o.kind, o.cause) = (who, $1::text, $2::text))
    ORDER BY who
    ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
"""
_TELL_TOLD = """
    INSERT INTO outbox (user_id, kind, cause, params)
    SELECT user_id, $2::text, $3::text, $4::jsonb FROM outbox
    WHERE kind = $1 AND cause = $3::text ORDER BY user_id
    ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
"""
_STUCK = """
    NOT a.coin = ANY ($1::text[])
    OR EXISTS (SELECT FROM freezes f WHERE f.lifted_at IS NULL
               AND f.scope IN ('user:' || a.owner, 'coin:' || a.coin))
    OR EXISTS (SELECT FROM payouts p WHERE p.receiver = a.owner AND p.coin = a.coin
               AND p.purpose = 'withdrawal' AND p.state = 'refused' AND p.created_at >= $2)
"""
_CLAIMS = "FROM accounts a JOIN balances b ON b.account_id = a.id WHERE a.kind = 'available'"
_PAYABLE = f"""
    SELECT a.owner AS user_id, a.coin, b.total - b.held AS free {_CLAIMS}
    AND b.total - b.held >= $3 AND NOT ({_STUCK}) ORDER BY a.owner, a.coin LIMIT $4
"""
_LEFT = """
    SELECT a.coin, count(DISTINCT a.owner) AS people, sum(b.total) AS owed,
           coalesce(sum(b.total) FILTER (WHERE a.kind = 'available' AND b.total < $1), 0) AS dust
    FROM accounts a JOIN balances b ON b.account_id = a.id
    WHERE a.kind IN ('available', 'pending') AND b.total > 0 GROUP BY a.coin ORDER BY a.coin
"""
_COUNTS = f"""
    SELECT (SELECT count(*) FROM runs WHERE state <> 'stopped') AS runs,
           (SELECT count(*) FROM payouts WHERE purpose IN ('withdrawal', 'refund')
            AND state NOT IN ('done', 'refused', 'cancelled')) AS payouts,
           (SELECT count(*) {_CLAIMS} AND b.total - b.held >= $3 AND ({_STUCK})) AS stuck,
           (SELECT count(*) FROM kept_outputs WHERE state = 'kept') AS kept
"""  # noqa: S608 - put together from constants


class PostgresClosings:
    """The closings table, and what people have in all."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def current(self) -> Closing | None:
        """Return the closing that is not over, if there is one."""
        rows = await self._store.fetch(_CURRENT)
        return _closing(rows[0]) if rows else None

    async def add(self, by: UserId, at: datetime, begins_at: datetime) -> Closing | None:
        """Announce; ``None`` when there is one already."""
        rows = await self._store.fetch(_ADD, by, at, begins_at)
        return _closing(rows[0]) if rows else None

    async def move(self, closing: Closing, to: ClosingState, at: datetime) -> bool:
        """Change the state if it is still as given; return whether it was."""
        return await self._store.execute(_MOVE, closing.id, closing.state, to, at) == 1

    async def tell_holders(self, kind: str, cause: str, params: Mapping[str, str]) -> int:
        """Tell all who have a balance or a run and have not been told; return how many those were."""
        return await self._store.execute(_TELL_HOLDERS, kind, cause, json.dumps(dict(params)))

    async def tell_told(self, told: str, kind: str, cause: str, params: Mapping[str, str]) -> int:
        """Tell all who were told ``told`` for this cause; return how many that were."""
        return await self._store.execute(_TELL_TOLD, told, kind, cause, json.dumps(dict(params)))

    async def payable(self, coins: Sequence[Coin], refused_since: datetime, limit: int) -> list[Claim]:
        """Return what can be promised to people now, in these coins, by person and coin."""
        rows = await self._store.fetch(_PAYABLE, list(coins), refused_since, SMALLEST, limit)
        return [Claim(**row) for row in rows]

    async def left(self, coins: Sequence[Coin], refused_since: datetime) -> Left:
        """Return what is left to do."""
        owed = await self._store.fetch(_LEFT, SMALLEST)
        [counts] = await self._store.fetch(_COUNTS, list(coins), refused_since, SMALLEST)
        return Left(tuple(CoinLeft(**row) for row in owed), **counts)


def _closing(row: Mapping[str, Any]) -> Closing:
    return Closing(**{**row, "state": ClosingState(row["state"])})
