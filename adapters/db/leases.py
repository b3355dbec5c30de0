"""Leases in Postgres, as ``domain.ports.leases``; its triggers hold the rules, its clock tells the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.leases import Scope
from domain.ports.leases import Lease

# Free scopes are found by a plain look first: ON CONFLICT would lock the rows of others, and stop their work.
_TAKE = """
    INSERT INTO leases AS l (scope, epoch, holder, state, ttl, expires_at, renewed_at, build, schema_version)
    SELECT wanted.scope, 1, $2::text, 'held', $3::interval, lease_clock() + $3::interval, lease_clock(),
           $4::text, $5::int
    FROM unnest($1::text[]) AS wanted (scope) LEFT JOIN leases known ON known.scope = wanted.scope
    WHERE known.scope IS NULL OR known.state = 'released' OR known.holder = $2::text
       OR (known.state = 'held' AND known.expires_at <= lease_clock())
    ORDER BY wanted.scope
    ON CONFLICT (scope) DO UPDATE SET epoch = l.epoch + 1, holder = excluded.holder, state = 'held',
        ttl = excluded.ttl, expires_at = lease_clock() + excluded.ttl, build = excluded.build,
        schema_version = excluded.schema_version
    WHERE l.state = 'released' OR l.holder = excluded.holder
       OR (l.state = 'held' AND l.expires_at <= lease_clock())
    RETURNING scope, epoch
"""
_OURS = (
    "(scope, epoch) IN (SELECT * FROM unnest($1::text[], $2::bigint[])) AND holder = $3 AND state = 'held'"
)
_RENEW = f"""
    UPDATE leases SET expires_at = greatest(expires_at, least(lease_clock() + ttl, expires_at + ttl))
    WHERE {_OURS} AND expires_at > lease_clock() RETURNING scope
"""  # noqa: S608 - put together from constants
_RELEASE = f"UPDATE leases SET state = 'released' WHERE {_OURS} RETURNING scope"  # noqa: S608 - put together from constants
_ALL = """
    SELECT scope, epoch, holder, state = 'held' AND expires_at > lease_clock() AS live
    FROM leases ORDER BY scope
"""
_GUARD = "SELECT FROM leases WHERE scope = $1 AND epoch = $2 AND state = 'held' FOR KEY SHARE"


@dataclass(frozen=True, slots=True)
class Claimant:
    """A process that wants leases: a name of its own, and the release it runs."""

    holder: str
    build: str
    schema_version: int


class PostgresLeases:
    """The leases of one holder."""

    def __init__(self, store: PostgresStore, claimant: Claimant) -> None:
        """Act in the name of one process."""
        self._store = store
        self._us = claimant

    async def take(self, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
        """Take those scopes that are free, or ours already, each in its next epoch; return the epochs."""
        us = self._us
        rows = await self._store.fetch(
            _TAKE, list(scopes), us.holder, timedelta(seconds=ttl_s), us.build, us.schema_version
        )
        return {Scope(row["scope"]): row["epoch"] for row in rows}

    async def renew(self, held: Mapping[Scope, int]) -> set[Scope]:
        """Have leases last their ttl from now on; return those that are still ours."""
        return await self._ours(_RENEW, held)

    async def release(self, held: Mapping[Scope, int]) -> set[Scope]:
        """Give leases back, so that others may take them at once; return those that were ours."""
        return await self._ours(_RELEASE, held)

    async def all(self) -> Sequence[Lease]:
        """Return every lease, by scope."""
        return [Lease(**row) for row in await self._store.fetch(_ALL)]

    async def _ours(self, sql: str, held: Mapping[Scope, int]) -> set[Scope]:
        rows = await self._store.fetch(sql, list(held), list(held.values()), self._us.holder)
        return {Scope(row["scope"]) for row in rows}


class PostgresFence:
    """The check of an epoch in the ambient transaction."""

    def __init__(self, store: PostgresStore) -> None:
        """Check in this store's transactions."""
        self._store = store

    async def guard(self, scope: Scope, epoch: int) -> None:
        """Keep the scope's epoch from changing until the ambient transaction ends."""
        if not await self._store.fetch(_GUARD, scope, epoch):
            raise Refused("epoch_lost", scope=scope, epoch=epoch)
