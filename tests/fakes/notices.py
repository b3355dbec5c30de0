"""An outbox reduced to its promise: once per person, kind and cause, in the transaction it is told in."""

from adapters.db.chat import PostgresOutbox
from adapters.db.store import PostgresStore
from domain.ids import UserId


class TableNotices(PostgresOutbox):
    """The outbox itself, which nobody empties, and a look into it."""

    def __init__(self, store: PostgresStore) -> None:
        super().__init__(store)
        self._told = store

    async def kinds(self, user_id: UserId) -> list[str]:
        """Return the kinds of all notices to a person, in the order they were written."""
        rows = await self._told.fetch("SELECT kind FROM outbox WHERE user_id = $1 ORDER BY seq", user_id)
        return [row["kind"] for row in rows]
