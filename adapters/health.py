"""What the readiness page asks: does the database answer, does Redis, has a process been heard of lately."""

import asyncio
import os
import sys

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.addresses import with_password_from_file
from adapters.db.config import connection_of
from domain.secrets import Secret

OK = "ok"
_BEAT = "mrmarket:beat:"  # written by adapters.queue.beats, fades by itself
_HEAD = "SELECT concat(number, ':', hash) FROM chain_links ORDER BY number DESC LIMIT 1"


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
            connection = await asyncpg.connect(**connection_of(self._dsn), timeout=2)
            try:
                self.head = await connection.fetchval(_HEAD) or ""
            finally:
                await connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"does not answer ({type(error).__name__})"
        return OK


_LEASES = """
    SELECT scope FROM leases WHERE state = 'held' AND expires_at <= lease_clock() AND scope NOT LIKE 'seat:%'
    UNION ALL SELECT 'wallet' WHERE NOT EXISTS (SELECT FROM leases WHERE scope = 'wallet' AND state = 'held')
    ORDER BY scope
"""


class LeaseProbe:
    """Asks whether a worker acts for everything that had one: a lease that ran out leaves orders alone."""

    name = "leases"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def ask(self) -> str:
        """Return ``ok``, or for what nobody acts."""
        try:
            connection = await asyncpg.connect(**connection_of(self._dsn), timeout=2)
            try:
                rows = await connection.fetch(_LEASES)
            finally:
                await connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"cannot be read ({type(error).__name__})"
        return f"nobody acts for {', '.join(row['scope'] for row in rows)}" if rows else OK


_COMPARED = """
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
            connection = await asyncpg.connect(**connection_of(self._dsn), timeout=2)
            try:
                rows = await connection.fetch(_COMPARED)
            finally:
                await connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"cannot be read ({type(error).__name__})"
        self.ages_s = {row["scope"]: row["age_s"] for row in rows}
        late = [scope for scope, age_s in self.ages_s.items() if age_s is None or age_s > _STALE_S]
        return f"not seen to agree for long: {', '.join(late)}" if late else OK


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


class BeatProbe:
    """Asks whether a process said lately that it is alive."""

    def __init__(self, redis: Redis, process: str) -> None:
        self.name, self._redis = process, redis

    async def ask(self) -> str:
        """Return ``ok``, or why not."""
        try:
            heard = await self._redis.exists(f"{_BEAT}{self.name}")
        except (TimeoutError, RedisError, OSError):
            return "cannot be heard: redis does not answer"
        return OK if heard else "was not heard of in the last seconds"


async def is_alive(process: str, url: str) -> bool:
    """Tell whether a process was heard of lately."""
    redis = connect_redis(url)
    try:
        return await BeatProbe(redis, process).ask() == OK
    finally:
        await redis.aclose()


def connect_redis(url: str) -> Redis:
    """Return a client that answers or gives up within two seconds."""
    client: Redis = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    return client


def _redis_url() -> str:
    """Return the address of the environment, with its password."""
    return with_password_from_file(Secret(os.environ["MRMARKET_REDIS_URL"])).reveal()


if __name__ == "__main__":  # a container's healthcheck: python -m adapters.health bot
    alive = asyncio.run(is_alive(sys.argv[1], _redis_url()))
    sys.exit(0 if alive else 1)
