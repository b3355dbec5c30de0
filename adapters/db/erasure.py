"""Erasure in Postgres: one function, with its owner's rights, that looks once more whether it may."""

from datetime import datetime

from adapters.db.store import PostgresStore
from domain.ids import UserId


class PostgresErasure:
    """The personal columns of all tables, as ``domain.ports.erasure.ErasureStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def forget(self, user_id: UserId, at: datetime) -> None:
        """Erase what is personal, in the ambient transaction."""
        await self._store.fetch("SELECT forget_person($1, $2)", user_id, at, writes=True)
