"""What readiness pages ask: do database and Redis answer, does each process work, do the books agree."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.db.config import connection_of
from adapters.db.progress import WORDS, word_of
from domain.health.progress import NEVER, OK, Patience, standing

PATIENCE = Patience()
"""How long a process may be silent or late before pages and the doctor call it dead."""

NO_ANSWER = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database raises that is away, refuses us, or has not its present form."""

_WITHIN_S = 3.0

_HEAD = "SELECT concat(number, ':', hash) FROM chain_links ORDER BY number DESC LIMIT 1"


async def rows_of(dsn: str, *statements: str) -> list[list[Any]]:
    """Return the rows of each statement, asked on a connection of its own.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: ``NO_ANSWER``.
    """
    connection = await asyncpg.connect(**connection_of(dsn), timeout=2)
    try:
        async with asyncio.timeout(_WITHIN_S):  # one that freezes keeps no page waiting for ever
            return [await connection.fetch(statement) for statement in statements]
    finally:
        with suppress(*NO_ANSWER):  # then it was cut
            await connection.close(timeout=1)


class DatabaseProbe:
    """Asks the database, on a connection of its own."""

    name = "database"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.head = ""
        """The head of the chain over all transfers when it was last asked, ``number:hash`` (I10)."""

    async def ask(self) -> str:
        """Return ``ok``, or why not; on the way note the head of the chain."""
        try:
            [found] = await rows_of(self._dsn, _HEAD)
        except NO_ANSWER as error:
            return f"does not answer ({type(error).__name__})"
        self.head = found[0][0] if found else ""
        return OK


LEASES = """
    SELECT scope FROM leases
    WHERE state = 'held' AND expires_at <= lease_clock() AND scope NOT LIKE 'seat:%'
    UNION ALL SELECT 'venue:' || account FROM unattended WHERE for_s > 120
    UNION ALL SELECT 'wallet' WHERE NOT EXISTS (SELECT FROM leases WHERE scope = 'wallet' AND state = 'held')
    ORDER BY scope
"""


class LeaseProbe:
    """Asks whether a worker acts for everything that had one: a lease that ran out leaves orders alone.

    One that was given back in order is left to the next worker for as long as a deploy may take.
    """

    name = "leases"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def ask(self) -> str:
        """Return ``ok``, or for what nobody acts."""
        try:
            [found] = await rows_of(self._dsn, LEASES)
        except NO_ANSWER as error:
            return f"cannot be read ({type(error).__name__})"
        return f"nobody acts for {', '.join(row['scope'] for row in found)}" if found else OK


COMPARED = """
    SELECT l.scope, floor(extract(epoch FROM clock_timestamp() - r.at))::int AS age_s
    FROM leases l LEFT JOIN LATERAL (
        SELECT at FROM reconciliations WHERE scope = l.scope AND outcome IN ('good', 'surplus')
        ORDER BY id DESC LIMIT 1
    ) r ON true
    WHERE l.state = 'held' AND EXISTS (SELECT FROM reconciliations x WHERE x.scope = l.scope)
    ORDER BY l.scope
"""
_STALE_S = 180
"""Three rounds: so long nobody need worry about a place that was not seen to agree."""


class ReconciliationProbe:
    """Asks when books and what lies there were last seen to agree, for every place that somebody acts for."""

    name = "reconciliation"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.ages_s: dict[str, int | None] = {}
        """By place, as it was when last asked; ``None``: never."""

    async def ask(self) -> str:
        """Return ``ok``, or which places were not seen to agree for long; note all ages on the way."""
        try:
            [found] = await rows_of(self._dsn, COMPARED)
        except NO_ANSWER as error:
            return f"cannot be read ({type(error).__name__})"
        self.ages_s = {row["scope"]: row["age_s"] for row in found}
        late = [scope for scope, age_s in self.ages_s.items() if age_s is None or age_s > _STALE_S]
        return f"not seen to agree for long: {', '.join(late)}" if late else OK


class ProcessProbe:
    """Asks whether processes of a kind work, by their own word: one that only answers does not.

    Of one that is not ``expected`` nobody is missed until it was heard of once.
    """

    def __init__(self, dsn: str, process: str, *, expected: bool = True) -> None:
        self.name, self._dsn, self._expected = process, dsn, expected

    async def ask(self) -> str:
        """Return ``ok``, or why not."""
        try:
            [found] = await rows_of(self._dsn, WORDS)
        except NO_ANSWER as error:
            return f"cannot be heard ({type(error).__name__})"
        words = [word_of(row) for row in found]
        if not self._expected and not any(word.process == self.name for word in words):
            return NEVER
        return standing(self.name, words, PATIENCE)


_WAITS = "SELECT what, oldest_s FROM waiting WHERE oldest_s > 300 ORDER BY what"
_UNCLEAR = (
    "SELECT account, orders FROM unknown_orders WHERE older_than_s = 300 AND orders > 0 ORDER BY account"
)


class WaitingProbe:
    """Asks whether anybody waits for long: for an answer, for news, or for what became of an order."""

    name = "waiting"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def ask(self) -> str:
        """Return ``ok``, or what has waited for more than five minutes."""
        try:
            queues, orders = await rows_of(self._dsn, _WAITS, _UNCLEAR)
        except NO_ANSWER as error:
            return f"cannot be read ({type(error).__name__})"
        late = [f"{row['what']} for {row['oldest_s']:.0f} s" for row in queues]
        late += [f"{row['orders']} orders at {row['account']} without a clear answer" for row in orders]
        return ", ".join(late) or OK


@dataclass(frozen=True, slots=True)
class OwnProbe:
    """Says what this very process knows of itself; asks nobody."""

    name: str
    stuck: Callable[[], str]

    async def ask(self) -> str:
        """Return ``ok``, or why this process does no work."""
        return self.stuck() or OK


class RedisProbe:
    """Asks Redis."""

    name = "redis"

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def ask(self) -> str:
        """Return ``ok``, or why not."""
        try:
            await self._redis.ping()
        except (TimeoutError, RedisError, OSError) as error:
            return f"does not answer ({type(error).__name__})"
        return OK


def connect_redis(url: str) -> Redis:
    """Return a client that answers or gives up within two seconds."""
    client: Redis = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    return client
