"""A small pool for who asks little and must outlive the database: it opens when it can."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg

from adapters.db.config import connection_of
from adapters.db.errors import DRIVER_ERRORS, Conflict, as_domain_error
from domain.errors import Unavailable

_CONNECTIONS = 4
_WITHIN_S = 2.0
_AGAIN = 2


class Asking:
    """Statements, each a transaction of its own; nothing is open before the first one."""

    def __init__(self, dsn: str, process: str = "angel") -> None:
        self._dsn, self._process = dsn, process
        self._pool: Any = None
        self._turn = asyncio.Lock()

    async def fetch(self, sql: str, *args: object, writes: bool = False) -> list[dict[str, Any]]:
        """Return the rows of a statement; one that stood in another's way did nothing, and is made again.

        Raises:
            Unavailable: nobody answers.
            OutcomeUnknown: one that ``writes`` may have happened.
        """
        for _ in range(_AGAIN):
            with suppress(Conflict):
                return await self._fetch(sql, args, writes)
        return await self._fetch(sql, args, writes)

    async def _fetch(self, sql: str, args: tuple[object, ...], writes: bool) -> list[dict[str, Any]]:
        pool = await self._open()
        try:
            connection = await pool.acquire(timeout=_WITHIN_S)
        except DRIVER_ERRORS as error:
            raise Unavailable("store_unavailable", said=str(error)) from error
        try:
            return [dict(row) for row in await connection.fetch(sql, *args, timeout=_WITHIN_S)]
        except DRIVER_ERRORS as error:
            meant = as_domain_error(error, lost=connection.is_closed(), may_have_happened=writes)
            if meant is None:
                raise
            raise meant from error
        finally:
            await pool.release(connection)

    async def close(self) -> None:
        """Close what is open; what does not close in time is cut."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _open(self) -> Any:
        async with self._turn:
            if self._pool is None:
                try:
                    self._pool = await asyncpg.create_pool(
                        **connection_of(self._dsn),
                        min_size=0,
                        max_size=_CONNECTIONS,
                        timeout=_WITHIN_S,
                        command_timeout=_WITHIN_S,
                        server_settings={
                            "application_name": f"mrmarket_{self._process}",
                            "timezone": "UTC",
                            "jit": "off",
                        },
                    )
                except DRIVER_ERRORS as error:
                    raise Unavailable("store_unavailable", said=str(error)) from error
            return self._pool
