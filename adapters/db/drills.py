"""Drills in Postgres: what they took, and what the database shows of one that goes on."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adapters.db.pages import WebDatabase
from adapters.db.store import PostgresStore
from domain.health.drill import Drill

_ADD = """
    INSERT INTO drills (id, kind, began_at, orders, allowed_s, flat_s, safe_s, back_s)
    VALUES ($1, 'angel', $2, $3, $4::float8, $5::float8, $6::float8, $7::float8)
"""
_NEWEST = """
    SELECT id, began_at, orders, allowed_s::float8, flat_s::float8, safe_s::float8, back_s::float8
    FROM drills WHERE kind = 'angel' ORDER BY began_at DESC LIMIT 1
"""


class _Reads(Protocol):
    async def fetch(self, sql: str, *args: object) -> Sequence[Mapping[str, Any]]: ...


async def _newest(reads: _Reads) -> Drill | None:
    rows = await reads.fetch(_NEWEST)
    return Drill(**rows[0]) if rows else None


class PostgresDrills:
    """The drills table, as ``domain.ports.drills.DrillStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, drill: Drill) -> None:
        """Keep a result."""
        took = (drill.allowed_s, drill.flat_s, drill.safe_s, drill.back_s)
        await self._store.execute(_ADD, drill.id, drill.began_at, drill.orders, *took)

    async def newest(self) -> Drill | None:
        """Return the drill that was begun last, ``None`` when there was none."""
        return await _newest(self._store)


class LastDrill:
    """The newest drill as the pages' login reads it."""

    def __init__(self, database: WebDatabase) -> None:
        self._database = database

    async def seen(self) -> Drill | None:
        """Return the newest drill, ``None`` when there was none.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.transaction() as connection:
            return await _newest(connection)
