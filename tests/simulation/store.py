"""Postgres behind the gate: the production store, its statements and commits one at a time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.db.ambient import ambient_of
from adapters.db.config import CONNECTION
from adapters.db.store import PostgresStore
from domain.errors import OutcomeUnknown
from tests.simulation.machine import Sessions
from tests.simulation.swarm import Weather
from tests.simulation.turns import Turns

_BEATS = frozenset({"UPDATE leases SET expires_at", "INSERT INTO reconciliations (scope,"})
"""Renewals and rounds of comparing come and go all the time; no crash point is worth less."""
_TIMED = ("leases", "payouts", "fee_schedules")
"""Tables whose rules look at a clock of the database."""
_MONEY = ("post_transfers(", "make_holds(", "use_hold(", "release_hold(", "write_orders(")
"""Only these may write to the ledger (``adapters/db/grants.py``)."""


class TurningStore(PostgresStore):
    """``PostgresStore`` with a boundary before every statement, and after each that writes, begin and commit.

    Answers to mere questions are a boundary of their own when the weather says so: a crash there leaves what
    one before the next statement leaves, but others may have gone on in between.
    """

    def __init__(
        self,
        dsn: str,
        turns: Turns,
        sessions: Sessions,
        weather: Weather,
        told: "Told",
    ) -> None:
        super().__init__(dsn, connections=12)
        self._config["connections"][CONNECTION]["credentials"] |= {
            "connect": sessions.take,
            "statement_cache_size": 1000,
            "max_cached_statement_lifetime": 0,
        }
        self._turns, self._weather, self._told = turns, weather, told
        self._asked = 0  # statements without an answer
        self._writing: defaultdict[object, list[str]] = defaultdict(
            list
        )  # what open transactions wrote, by task
        self._moving: set[object] = set()  # and those that touched the ledger

    async def connect(self) -> None:
        """Open the pool, as one call."""
        number = self._turns.call()
        await self._turns.boundary(number, "before connect")
        await self.on_its_way(super().connect())
        await self._turns.boundary(number, "after connect")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin and commit as two calls of their own; a savepoint is none."""
        number, outermost = self._turns.call(), ambient_of(self) is None
        inner = super().transaction()
        if outermost:
            await self._turns.boundary(number, "before begin")
        await self.on_its_way(inner.__aenter__())
        try:
            yield
            if outermost:
                await self._turns.boundary(number, "before commit")
        except BaseException as error:
            if not await self.on_its_way(inner.__aexit__(type(error), error, error.__traceback__)):
                raise
            return
        await self.on_its_way(inner.__aexit__(None, None, None))
        if outermost:
            await self._told_of_commit(number)

    async def _told_of_commit(self, number: int) -> None:
        self._note_effect()
        await self._turns.boundary(number, "after commit")
        self._lose_answer()

    def _lose_answer(self) -> None:
        if self._weather.strikes(self._weather.lost_commit):
            raise OutcomeUnknown("store_outcome_unknown", said="simulated")

    @asynccontextmanager
    async def models(self) -> AsyncIterator[None]:
        """Let tortoise's models speak, as one call."""
        number = self._turns.call()
        await self._turns.boundary(number, "before models")
        if ambient_of(self) is not None:
            self._writing[asyncio.current_task()].append("models")
        self._turns.depart()
        try:
            async with super().models():
                yield
        finally:
            self._turns.arrive()
        await self._read(number, "models")

    async def _statement(self, method: str, sql: str, args: tuple[object, ...], writes: bool) -> Any:
        number, words = self._turns.call(), " ".join(sql.split()[:4])
        await self._turns.boundary(number, f"before {words}")
        if any(table in sql for table in _TIMED):
            self._told.time()
        answer = await self.on_its_way(super()._statement(method, sql, args, writes))
        if not writes:
            await self._read(number, words)
            return answer
        if words not in _BEATS:
            self._writing[asyncio.current_task()].append(words)
        if any(function in sql for function in _MONEY):
            self._moving.add(asyncio.current_task())
        if ambient_of(self) is None:
            self._note_effect()
        await self._turns.boundary(number, f"after {words}")
        if "write_orders(" in sql and ambient_of(self) is None:
            self._lose_answer()
        return answer

    async def _read(self, number: int, what: str) -> None:
        if self._weather.strikes(self._weather.late_reads):
            await self._turns.boundary(number, f"after {what}")

    async def on_its_way(self, asked: Awaitable[Any]) -> Any:
        """Wait for an answer of Postgres, with everybody else."""
        self._turns.depart()
        self._asked += 1
        try:
            return await asked
        finally:
            self._asked -= 1
            self._turns.arrive()

    def _note_effect(self) -> None:
        """Count a commit that wrote something, and tell of one that moved money.

        One that only read leaves nothing behind.
        """
        task = asyncio.current_task()
        if wrote := self._writing.pop(task, None):
            self._turns.leaves_an_effect(", ".join(wrote))
        if task in self._moving:
            self._moving.discard(task)
            self._told.money_moved()

    def cut(self) -> "Cut":
        """Take every connection away from those who use it, as the end of a process does.

        Whoever waits for a lock is asked about no more: Postgres undoes what was open as soon as it notices
        that a client is gone, which takes it a moment.
        """
        cut = Cut()
        if not (self._client and self._client._pool):
            return cut
        pool: Any = self._client._pool  # asyncpg has no types
        for holder in pool._holders:
            if holder._con is None:
                continue
            if self._asked:
                cut.servers.append(holder._con.get_server_pid())
            else:
                cut.sessions.append(_detached(holder))
        pool.terminate()
        return cut


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what a store does."""

    time: Callable[[], None]  # the database is about to look at one of its clocks
    money_moved: Callable[[], None]  # a commit has touched the ledger


@dataclass
class Cut:
    """What a killed process leaves at Postgres: sessions, and servers that have yet to notice its end."""

    sessions: list[Any] = field(default_factory=list)
    servers: list[int] = field(default_factory=list)


def _detached(holder: Any) -> Any:
    """Take a session from a pool; what was made of it, such as a transaction, cannot be used any more."""
    session, holder._con = holder._con, None
    holder._maybe_cancel_inactive_callback()
    if holder._proxy:
        holder._proxy._detach()
    session._on_release()
    session._pool_holder = None
    return session
