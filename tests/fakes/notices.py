"""An outbox reduced to its promise: once per person, kind and cause, in the transaction it is told in."""

import json
from collections.abc import Mapping

from adapters.db.store import PostgresStore
from domain.ids import UserId


class TableNotices:
    """Notices in a table of their own, as ``domain.ports.notices.Notices``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def create(self) -> None:
        """Make the table."""
        await self._store.execute(
            "CREATE TABLE told (number serial, user_id text, kind text, cause text, params text,"
            " PRIMARY KEY (user_id, kind, cause))"
        )

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        """Write one notice down."""
        await self._store.execute(
            "INSERT INTO told (user_id, kind, cause, params) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            user_id,
            kind,
            cause,
            json.dumps(dict(params)),
        )

    async def kinds(self, user_id: UserId) -> list[str]:
        """Return the kinds of all notices to a person, in the order they were written."""
        rows = await self._store.fetch("SELECT kind FROM told WHERE user_id = $1 ORDER BY number", user_id)
        return [row["kind"] for row in rows]
