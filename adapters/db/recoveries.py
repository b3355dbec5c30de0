"""Attempts to bring runs back that were taken over, in Postgres, as ``domain.ports.recoveries``."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken
from domain.ids import RunId, VenueAccountName
from domain.ports.recoveries import Attempt, Outcome

_BEGIN = """
    INSERT INTO recoveries (run_id, account, epoch, began_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
"""
_OPEN = """
    SELECT run_id, account, epoch, began_at FROM recoveries
    WHERE account = $1 AND ended_at IS NULL ORDER BY id
"""
_END = """
    UPDATE recoveries SET ended_at = $2, outcome = $3, reason = $4 WHERE run_id = $1 AND ended_at IS NULL
"""
_RESUMED = """
    SELECT run_id, count(*) AS times FROM recoveries
    WHERE run_id = ANY ($1::text[]) AND outcome = 'resumed' AND counts AND ended_at > $2 GROUP BY run_id
"""
_TALLY = (
    "SELECT outcome, count(*) AS runs FROM recoveries WHERE account = $1 AND began_at = $2 GROUP BY outcome"
)


class PostgresRecoveries:
    """The recoveries table."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def begin(self, attempts: Sequence[Attempt]) -> None:
        """Store attempts."""
        rows = [(a.run_id, a.account, a.epoch, a.began_at) for a in attempts]
        if rows:
            await self._store.execute(_BEGIN, *map(list, zip(*rows, strict=True)))

    async def open(self, account: VenueAccountName) -> Sequence[Attempt]:
        """Return the attempts of an account that have not ended, oldest first."""
        return [
            Attempt(RunId(row["run_id"]), VenueAccountName(row["account"]), row["epoch"], row["began_at"])
            for row in await self._store.fetch(_OPEN, account)
        ]

    async def end(self, run_id: RunId, outcome: Outcome, reason: str, at: datetime) -> None:
        """End a run's open attempt."""
        if await self._store.execute(_END, run_id, at, outcome, reason) != 1:
            raise InvariantBroken("recovery_ended", run=run_id)

    async def resumed(self, run_ids: Sequence[RunId], since: datetime) -> Mapping[RunId, int]:
        """Return how often runs were brought back since an instant; what the owner forgave is not counted."""
        rows = await self._store.fetch(_RESUMED, list(run_ids), since)
        return {RunId(row["run_id"]): row["times"] for row in rows}

    async def tally(self, account: VenueAccountName, began_at: datetime) -> Mapping[Outcome | None, int]:
        """Return how many attempts that began together ended in which way; ``None``: not yet."""
        rows = await self._store.fetch(_TALLY, account, began_at)
        return {Outcome(row["outcome"]) if row["outcome"] else None: row["runs"] for row in rows}

    async def forgive(self, run_ids: Sequence[RunId]) -> None:
        """Count no earlier attempt of these runs any more."""
        await self._store.execute(
            "UPDATE recoveries SET counts = false WHERE run_id = ANY ($1::text[])", list(run_ids)
        )
