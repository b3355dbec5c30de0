"""Postgres behind the gate: the production store, its statements and commits one at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from adapters.db.ambient import ambient_of
from adapters.db.store import PostgresStore
from domain.errors import OutcomeUnknown
from tests.simulation.turns import Turns

_BEATS = frozenset({"UPDATE leases SET expires_at"})
"""Renewals come and go all the time; no crash point is worth less."""


class TurningStore(PostgresStore):
    """``PostgresStore`` with a boundary before and after every statement, begin and commit.

    ``loses_commit`` says, commit by commit, whether the answer to one that happened is lost.
    """

    def __init__(
        self,
        dsn: str,
        turns: Turns,
        loses_commit: Callable[[], bool] = lambda: False,
        after_commit: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(dsn, connections=12)
        self._turns = turns
        self._loses_commit = loses_commit
        self._after_commit = after_commit
        self._writing: set[object] = set()  # tasks whose open transaction has written

    async def connect(self) -> None:
        """Open the pool, as one call."""
        number = self._turns.call()
        await self._turns.boundary(number, "before connect")
        await self._on_its_way(super().connect())
        await self._turns.boundary(number, "after connect")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin and commit as two calls of their own; a savepoint is none."""
        number, outermost = self._turns.call(), ambient_of(self) is None
        inner = super().transaction()
        if outermost:
            await self._turns.boundary(number, "before begin")
        await self._on_its_way(inner.__aenter__())
        try:
            yield
            if outermost:
                await self._turns.boundary(number, "before commit")
        except BaseException as error:
            if not await self._on_its_way(inner.__aexit__(type(error), error, error.__traceback__)):
                raise
            return
        await self._on_its_way(inner.__aexit__(None, None, None))
        if outermost:
            await self._told_of_commit(number)

    async def _told_of_commit(self, number: int) -> None:
        self._note_effect()
        if self._after_commit is not None:
            await self._on_its_way(self._after_commit())
        await self._turns.boundary(number, "after commit")
        if self._loses_commit():
            raise OutcomeUnknown("store_outcome_unknown", said="simulated")

    @asynccontextmanager
    async def models(self) -> AsyncIterator[None]:
        """Let tortoise's models speak, as one call."""
        number = self._turns.call()
        await self._turns.boundary(number, "before models")
        if ambient_of(self) is not None:
            self._writing.add(asyncio.current_task())
        self._turns.depart()
        try:
            async with super().models():
                yield
        finally:
            self._turns.arrive()
        await self._turns.boundary(number, "after models")

    async def _statement(self, method: str, sql: str, args: tuple[object, ...], writes: bool) -> Any:
        number, words = self._turns.call(), " ".join(sql.split()[:4])
        await self._turns.boundary(number, f"before {words}")
        answer = await self._on_its_way(super()._statement(method, sql, args, writes))
        if writes and words not in _BEATS:
            self._writing.add(asyncio.current_task())
        if writes and ambient_of(self) is None:
            self._note_effect()
            if self._after_commit is not None:
                await self._on_its_way(self._after_commit())
        await self._turns.boundary(number, f"after {words}")
        return answer

    async def _on_its_way(self, asked: Awaitable[Any]) -> Any:
        self._turns.depart()
        try:
            return await asked
        finally:
            self._turns.arrive()

    def _note_effect(self) -> None:
        """Count a commit that wrote something; one that only read leaves nothing behind."""
        if asyncio.current_task() in self._writing:
            self._writing.discard(asyncio.current_task())
            self._turns.leaves_an_effect()

    def cut(self) -> list[int]:
        """Drop every connection without a word, as a killed process does; return the servers' process ids.

        Postgres undoes what was open as soon as it notices, which takes it a moment.
        """
        if not (self._client and self._client._pool):
            return []
        pool: Any = self._client._pool  # asyncpg has no types
        cut = [holder._con.get_server_pid() for holder in pool._holders if holder._con is not None]
        pool.terminate()
        return cut
