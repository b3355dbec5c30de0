"""Links to pages and visits of them, in Postgres; the pages themselves see a person's rows and no other's."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

from adapters.db.config import connection_of
from adapters.db.history import PostgresHistory
from adapters.db.store import PostgresStore
from domain.errors import Unavailable
from domain.ids import UserId
from domain.market.history import Row, Wanted
from domain.ports.pages import PageLink, Visit, Visitor

_ADD = """
    INSERT INTO page_links (token_hash, user_id, purpose, target, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_VISITS = """
    SELECT began_at, seen_at FROM page_links WHERE user_id = $1 AND visit_lasts(page_links)
    ORDER BY began_at DESC
"""
_END = "UPDATE page_links SET ended_at = clock_timestamp() WHERE user_id = $1 AND ended_at IS NULL"
_CONNECTIONS = 6
_WITHIN_S = 5.0
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PostgresPageLinks:
    """Links, as ``domain.ports.pages.PageLinkStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, link: PageLink, forget_before: datetime) -> None:
        """Store a link; forget those of the same person that expired before an instant."""
        await self._store.execute(
            "DELETE FROM page_links WHERE user_id = $1 AND expires_at < $2", link.user_id, forget_before
        )
        await self._store.execute(
            *(_ADD, link.token_hash, link.user_id, link.purpose, link.target, link.created_at),
            link.expires_at,
        )

    async def visits(self, user_id: UserId) -> Sequence[Visit]:
        """Return a person's visits that last, the newest first."""
        return [Visit(**row) for row in await self._store.fetch(_VISITS, user_id)]

    async def end_visits(self, user_id: UserId) -> int:
        """End a person's visits and make unopened links useless; return how many visits ended."""
        ended = len(await self.visits(user_id))
        await self._store.execute(_END, user_id)
        return ended


class WebDatabase:
    """The pages' connections, made when they are needed and made again when they were lost.

    Their role reads only, and only the rows of the person that a transaction names.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Any = None  # asyncpg has no types
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Give a connection in a transaction.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            pool = await self._opened()
            async with pool.acquire(timeout=_WITHIN_S) as connection, connection.transaction():
                yield connection
        except _LOST as error:
            raise Unavailable("store_unavailable", said=type(error).__name__) from error

    @asynccontextmanager
    async def as_person(self, user_id: UserId) -> AsyncIterator["PersonReads"]:
        """Give what sees the rows of one person as they are at one instant.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await connection.execute("SELECT set_config('mrmarket.user_id', $1, true)", user_id)
            yield PersonReads(connection)

    async def _opened(self) -> Any:
        async with self._making:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    **connection_of(self._dsn),
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=_WITHIN_S,
                    command_timeout=_WITHIN_S,
                    server_settings={"application_name": "mrmarket pages", "timezone": "UTC", "jit": "off"},
                )
        return self._pool


class PersonReads:
    """A connection that sees one person's rows, as ``adapters.db.history.Reads``."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        return [dict(row) for row in await self._connection.fetch(sql, *args)]


class PostgresVisits:
    """Visits, as ``domain.ports.pages.VisitStore``: functions of the database do what the pages may not."""

    def __init__(self, database: WebDatabase) -> None:
        self._database = database

    async def open(self, token_hash: str, purpose: str, visit_hash: str) -> str | None:
        """Begin a visit and return the link's target, or nothing."""
        rows = await self._call("SELECT open_link($1, $2, $3) AS target", token_hash, purpose, visit_hash)
        target: str | None = rows[0]["target"]
        return target

    async def visitor(self, visit_hash: str) -> Visitor | None:
        """Return who visits, and note that the visit goes on; nothing when it does not."""
        rows = await self._call("SELECT user_id, language FROM go_on_visiting($1)", visit_hash)
        return Visitor(UserId(rows[0]["user_id"]), rows[0]["language"]) if rows else None

    async def end(self, visit_hash: str) -> None:
        """End a visit, however often."""
        await self._call("SELECT end_visit($1)", visit_hash)

    async def _call(self, sql: str, *args: str) -> Sequence[Any]:
        async with self._database.transaction() as connection:
            await connection.execute("SET TRANSACTION READ WRITE")
            rows: Sequence[Any] = await connection.fetch(sql, *args)
            return rows


class OwnHistory:
    """Histories as the pages see them, as ``domain.ports.history.HistoryStore``."""

    def __init__(self, database: WebDatabase) -> None:
        self._database = database

    async def page(self, user_id: UserId, wanted: Wanted, most: int) -> Sequence[Row]:
        """Return so many of a person's own rows, the newest first."""
        async with self._database.as_person(user_id) as reads:
            return await PostgresHistory(reads).page(user_id, wanted, most)
