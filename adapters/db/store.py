"""The one store: a pool of connections, and transactions that every call of a task joins."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.context import TortoiseContext

from adapters.db.ambient import AMBIENT, Ambient, ambient_of, assert_outside_transaction
from adapters.db.config import CONNECTION, tortoise_config
from adapters.db.errors import DRIVER_ERRORS, Conflict, as_domain_error
from domain.errors import Unavailable

__all__ = ["PostgresStore", "assert_outside_transaction"]

_ATTEMPTS = 5
_LONGEST_WAIT_S = 10.0
_LEFT_IN_POOL = 2  # for tortoise's models outside transactions, which take theirs from the pool

T = TypeVar("T")


class PostgresStore:
    """Transactions and statements, as ``domain.ports.store.Store`` and for the adapters beside it.

    Tortoise models used inside ``transaction()`` join it too. Errors of the driver come out as the
    domain's (``adapters.db.errors``).
    """

    def __init__(self, dsn: str, connections: int = 8) -> None:
        try:
            self._config = tortoise_config(dsn, connections)
        except OSError as error:
            raise Unavailable("store_unavailable", said=str(error)) from error
        self._context: TortoiseContext | None = None
        self._client: AsyncpgDBClient | None = None
        self._at_hand: list[Any] = []  # taken from the pool and idle: taking them again costs nothing
        self._most_at_hand = max(1, connections - _LEFT_IN_POOL)
        self._waiting = 0

    async def connect(self) -> None:
        """Open the pool.

        Raises:
            Unavailable: nobody answers.
        """
        self._context = await Tortoise.init(config=self._config)
        client = self._context.connections.get(CONNECTION)
        assert isinstance(client, AsyncpgDBClient)
        try:
            await client.create_connection(with_db=True)
        except DRIVER_ERRORS as error:
            raise Unavailable("store_unavailable", said=str(error)) from error
        self._client = client

    async def close(self) -> None:
        """Close all connections."""
        for connection in self._at_hand:
            await self._release(connection)
        self._at_hand.clear()
        self._client = None
        if self._context:
            await self._context.close_connections()

    async def __aenter__(self) -> Self:
        """Open the pool."""
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Make all store calls of this task succeed or fail together; inside another one, as a savepoint.

        Raises:
            InvariantBroken: ``transaction_failed``: a statement failed and somebody went on as if it had not.
        """
        if ambient := ambient_of(self):
            with _undone(ambient):
                async with _translated(ambient.connection), ambient.connection.transaction():
                    yield
            return
        async with self._connection() as connection:
            begun = connection.transaction()
            async with _translated(connection):
                await begun.start()
            with _Joined(self, self._require_client(), connection) as joined:
                try:
                    async with _translated(connection):
                        yield
                    joined.assert_whole()
                except BaseException:
                    await _roll_back(connection, begun)
                    raise
            async with _translated(connection, may_have_happened=True):
                await begun.commit()

    async def run(self, block: Callable[[], Awaitable[T]]) -> T:
        """Run a whole block in a transaction, again when it stood in another one's way.

        Inside an open transaction the block simply joins: only the outermost one can be repeated. The
        block must read what it decides on, and may change nothing outside the store.
        """
        if ambient_of(self):
            async with self.transaction():
                return await block()

        async def once() -> T:
            async with self.transaction():
                return await block()

        return await _again_on_conflict(once)

    @asynccontextmanager
    async def models(self) -> AsyncIterator[None]:
        """Let tortoise's models speak: inside a transaction they join it, and errors are the domain's."""
        ambient = ambient_of(self)
        connection = ambient.connection if ambient else None
        with _noted(ambient):
            async with _translated(connection, may_have_happened=ambient is None):
                yield

    async def fetch(self, sql: str, *args: object, writes: bool = False) -> list[dict[str, Any]]:
        """Return the rows of a statement; JSON columns come as text.

        Outside a transaction the statement is one of its own and is repeated on a conflict. Say
        ``writes`` when a SELECT calls a function that writes.
        """
        writes = writes or not sql.lstrip()[:6].upper().startswith("SELECT")
        return [dict(row) for row in await self._statement("fetch", sql, args, writes)]

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it touched."""
        status: str = await self._statement("execute", sql, args, True)
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdecimal() else 0

    async def _statement(self, method: str, sql: str, args: tuple[object, ...], writes: bool) -> Any:
        if ambient := ambient_of(self):
            with _noted(ambient):
                async with _translated(ambient.connection):
                    return await getattr(ambient.connection, method)(sql, *args)

        async def once() -> Any:
            async with self._connection() as free, _translated(free, may_have_happened=writes):
                return await getattr(free, method)(sql, *args)

        return await _again_on_conflict(once)

    def _require_client(self) -> AsyncpgDBClient:
        if self._client is None:
            raise Unavailable("store_unavailable", said="not connected")
        return self._client

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """Give a connection of one's own; after an error the pool looks at it before it serves again."""
        connection = await self._acquire()
        try:
            yield connection
        except BaseException:
            await self._release(connection)
            raise
        if self._waiting or len(self._at_hand) >= self._most_at_hand or connection.is_in_transaction():
            await self._release(connection)
        else:
            self._at_hand.append(connection)

    async def _acquire(self) -> Any:
        while self._at_hand:
            connection = self._at_hand.pop()
            if not _lost(connection):
                return connection
            await self._release(connection)
        pool: Any = self._require_client()._pool  # asyncpg has no types
        self._waiting += 1
        try:
            return await pool.acquire(timeout=_LONGEST_WAIT_S)
        except DRIVER_ERRORS as error:
            raise Unavailable("store_unavailable", said=str(error)) from error
        finally:
            self._waiting -= 1

    async def _release(self, connection: Any) -> None:
        if self._client and self._client._pool:
            await self._client._pool.release(connection)


class _Joined:
    """While entered, this task's statements and tortoise's go through one connection."""

    def __init__(self, store: PostgresStore, client: AsyncpgDBClient, connection: Any) -> None:
        self._ambient = Ambient(store, connection, asyncio.current_task())
        self._models = TransactionWrapper(client)
        self._models._connection = connection
        self._handler = store._context.connections if store._context else None

    def __enter__(self) -> Ambient:
        self._token = AMBIENT.set(self._ambient)
        self._models_token = self._handler.set(CONNECTION, self._models) if self._handler else None
        return self._ambient

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler:
            self._handler.reset(self._models_token)
        AMBIENT.reset(self._token)


@contextmanager
def _noted(ambient: Ambient | None) -> Iterator[None]:
    """Note at a transaction that a statement of it failed: Postgres takes no other until it is undone."""
    try:
        yield
    except BaseException:
        if ambient:
            ambient.failed = True
        raise


@contextmanager
def _undone(ambient: Ambient) -> Iterator[None]:
    """Forget the failures inside a savepoint that is undone."""
    failed = ambient.failed
    try:
        yield
    except BaseException:
        ambient.failed = failed
        raise


@asynccontextmanager
async def _translated(connection: Any, may_have_happened: bool = False) -> AsyncIterator[None]:
    """Raise what the driver raises inside as the domain's errors."""
    try:
        yield
    except DRIVER_ERRORS as error:
        if meant := as_domain_error(error, lost=_lost(connection), may_have_happened=may_have_happened):
            raise meant from error
        raise


def _lost(connection: Any) -> bool:
    """Return whether a connection is gone; the pool's proxy of one refuses to be asked even that."""
    try:
        return connection is None or bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


async def _roll_back(connection: Any, begun: Any) -> None:
    """Undo what was begun; a connection that cannot is thrown away, which undoes it too."""
    if _lost(connection):
        return
    try:
        await begun.rollback()
    except DRIVER_ERRORS:
        connection.terminate()


async def _again_on_conflict(once: Callable[[], Awaitable[T]]) -> T:
    for attempt in range(_ATTEMPTS - 1):
        try:
            return await once()
        except Conflict:
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter
    return await once()
