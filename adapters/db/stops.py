"""Stops in Postgres: as workers see them, and as the listener does."""

import json
from datetime import datetime

from adapters.db.asking import Asking
from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.ports.stops import Carried, Stop

_ADD = "INSERT INTO stops (id, said_by, said_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING id"
_NEXT = """
    SELECT id, said_by, said_at FROM stops WHERE carried_out_at IS NULL ORDER BY seq LIMIT 1
    FOR UPDATE SKIP LOCKED
"""
_CARRIED_OUT = "UPDATE stops SET carried_out_at = $2, runs = $3, conversions = $4 WHERE id = $1"
_SAY = "SELECT say_stop($1::text, $2::text, $3::timestamptz) AS answer"


class PostgresStops:
    """The stops table, as ``domain.ports.stops.StopStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, stop: Stop) -> bool:
        """Write a stop down, once; return whether it was new."""
        return bool(await self._store.fetch(_ADD, stop.id, stop.by, stop.at))

    async def next(self) -> Stop | None:
        """Return the oldest stop that was not carried out, locked."""
        rows = await self._store.fetch(_NEXT)
        return Stop(rows[0]["id"], UserId(rows[0]["said_by"]), rows[0]["said_at"]) if rows else None

    async def carried_out(self, stop: Stop, carried: Carried, at: datetime) -> None:
        """Note what was done."""
        await self._store.execute(_CARRIED_OUT, stop.id, at, carried.runs, carried.conversions)


class PostgresStopDoor:
    """The one function of the listener's login, as ``domain.ports.stops.StopDoor``."""

    def __init__(self, store: Asking) -> None:
        self._store = store

    async def say(self, stop: Stop) -> Carried | None:
        """Write a stop down, once; return what workers did upon it, ``None``: nothing yet."""
        rows = await self._store.fetch(_SAY, stop.id, stop.by, stop.at, writes=True)
        told = json.loads(rows[0]["answer"])
        return Carried(told["runs"], told["conversions"]) if told["carried_out"] else None
