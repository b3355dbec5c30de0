"""Roles of people, the audit and the first owner's codes in Postgres."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.db.ambient import ambient_of
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken
from domain.ids import UserId
from domain.ports.audit import Audited
from domain.ports.roles import OwnerCode, RoleChange, Tries
from domain.roles import Role

_KEEP = "SELECT pg_advisory_xact_lock_shared(hashtextextended('roles', 0))"
_KEEP_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('roles', 0))"
_LATEST = "SELECT who, action, params, params_hash, cause, at FROM audit ORDER BY number DESC LIMIT $1"
_ADD_ACT = """
    INSERT INTO audit (who, action, params, params_hash, cause, at) VALUES ($1, $2, $3::jsonb, $4, $5, $6)
    RETURNING number
"""
_TRIES = """
    SELECT count(*) AS all, count(*) FILTER (WHERE user_id = $1) AS own FROM owner_tries WHERE at >= $2
"""


class PostgresRoles:
    """The history of roles, as ``domain.ports.roles.RoleStore``; a trigger holds the rules."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def keep(self, *, alone: bool = False) -> None:
        """Keep all roles as they are until the ambient transaction ends."""
        if ambient_of(self._store) is None:
            raise InvariantBroken("outside_transaction")
        await self._store.fetch(_KEEP_ALONE if alone else _KEEP)

    async def role_of(self, user_id: UserId) -> Role:
        """Return a person's role as it stands."""
        rows = await self._store.fetch("SELECT role FROM roles WHERE holder = $1", user_id)
        return Role(rows[0]["role"]) if rows else Role.USER

    async def owner(self) -> UserId | None:
        """Return the owner, ``None`` while there is none."""
        rows = await self._store.fetch("SELECT holder FROM roles WHERE role = 'owner'")
        return UserId(rows[0]["holder"]) if rows else None

    async def privileged(self) -> Mapping[UserId, Role]:
        """Return everybody who is more than a user, in the order in which they became it."""
        rows = await self._store.fetch("SELECT holder, role FROM roles ORDER BY number")
        return {UserId(row["holder"]): Role(row["role"]) for row in rows}

    async def change(self, change: RoleChange) -> None:
        """Change a role."""
        await self._store.execute(
            "INSERT INTO role_changes (user_id, from_role, to_role, audit) VALUES ($1, $2, $3, $4)",
            change.user_id,
            change.before,
            change.after,
            change.audit,
        )


class PostgresAudit:
    """The audit, as ``domain.ports.audit.AuditStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, act: Audited) -> int:
        """Write an act down and return its number."""
        params = json.dumps(dict(act.params))
        rows = await self._store.fetch(
            _ADD_ACT, act.who, act.action, params, act.params_hash, act.cause, act.at
        )
        return int(rows[0]["number"])

    async def latest(self, limit: int) -> Sequence[Audited]:
        """Return the newest acts, newest first."""
        return [_audited(row) for row in await self._store.fetch(_LATEST, limit)]


class PostgresOwnerCodes:
    """The first owner's codes, as ``domain.ports.roles.OwnerCodes``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, code: OwnerCode) -> None:
        """Store a fresh code, which ends all before it."""
        await self._store.execute(
            "INSERT INTO owner_codes (code_hash, issued_at, expires_at) VALUES ($1, $2, $3)",
            code.code_hash,
            code.issued_at,
            code.expires_at,
        )

    async def newest(self) -> OwnerCode | None:
        """Return the code that counts, however old; ``None`` when there never was one."""
        rows = await self._store.fetch(
            "SELECT code_hash, issued_at, expires_at FROM owner_codes ORDER BY number DESC LIMIT 1"
        )
        return OwnerCode(**rows[0]) if rows else None

    async def add_try(self, user_id: UserId, at: datetime) -> None:
        """Count a wrong code."""
        await self._store.execute("INSERT INTO owner_tries (user_id, at) VALUES ($1, $2)", user_id, at)

    async def tries(self, user_id: UserId, since: datetime) -> Tries:
        """Return how many wrong codes there were since then."""
        [row] = await self._store.fetch(_TRIES, user_id, since)
        return Tries(row["own"], row["all"])


def _audited(row: Mapping[str, Any]) -> Audited:
    return Audited(**{**row, "who": UserId(row["who"]), "params": json.loads(row["params"])})
