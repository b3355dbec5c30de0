"""Roles, audit and codes in memory, with the rules of the database; and an owner for a real one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from adapters.db.auth import PostgresAudit, PostgresRoles
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.ids import UserId
from domain.ports.audit import BY_SETTINGS, Audited
from domain.ports.roles import OwnerCode, RoleChange, Tries
from domain.roles import Role
from tests.fakes.chat import FakeTransactions

EDGES = {(Role.USER, Role.ADMIN), (Role.ADMIN, Role.USER), (Role.USER, Role.OWNER)}


class Transactions(Protocol):
    """Whatever knows whether a transaction is open."""

    @property
    def is_open(self) -> bool: ...


class FakeAudit:
    """Acts in order."""

    def __init__(self) -> None:
        self.rows: list[Audited] = []

    async def add(self, act: Audited) -> int:
        self.rows.append(act)
        return len(self.rows)

    async def latest(self, limit: int) -> Sequence[Audited]:
        return self.rows[::-1][:limit]


class FakeRoles:
    """The history of roles as a list."""

    def __init__(self, transactions: Transactions, audit: FakeAudit) -> None:
        self.rows: list[RoleChange] = []
        self._transactions = transactions
        self._audit = audit

    async def keep(self, *, alone: bool = False) -> None:
        if not self._transactions.is_open:
            raise InvariantBroken("outside_transaction")

    async def role_of(self, user_id: UserId) -> Role:
        return (await self.privileged()).get(user_id, Role.USER)

    async def owner(self) -> UserId | None:
        return next((who for who, role in (await self.privileged()).items() if role is Role.OWNER), None)

    async def privileged(self) -> Mapping[UserId, Role]:
        newest = {change.user_id: change for change in self.rows}
        return {
            change.user_id: change.after
            for change in self.rows
            if change is newest[change.user_id] and change.after is not Role.USER
        }

    async def change(self, change: RoleChange) -> None:
        actor, owner = self._audit.rows[change.audit - 1].who, await self.owner()
        if change.before is not await self.role_of(change.user_id):
            raise InvariantBroken("change_refused")
        if (change.before, change.after) not in EDGES:
            raise InvariantBroken("store_refused")
        if change.after is Role.OWNER:
            if owner is not None:
                raise Refused("owner_exists")
        elif actor == change.user_id or actor != owner:
            raise Refused("not_allowed")
        self.rows.append(change)

    def plant(self, user_id: str, role: Role) -> None:
        """Let somebody have a role, whoever gave it."""
        self.rows.append(RoleChange(UserId(user_id), Role.USER, role, 0))


class FakeOwnerCodes:
    """Codes and tries in order."""

    def __init__(self) -> None:
        self.rows: list[OwnerCode | tuple[UserId, datetime]] = []

    async def add(self, code: OwnerCode) -> None:
        self.rows.append(code)

    async def newest(self) -> OwnerCode | None:
        return next((row for row in reversed(self.rows) if isinstance(row, OwnerCode)), None)

    async def add_try(self, user_id: UserId, at: datetime) -> None:
        self.rows.append((user_id, at))

    async def tries(self, user_id: UserId, since: datetime) -> Tries:
        tried = [row[0] for row in self.rows if isinstance(row, tuple) and row[1] >= since]
        return Tries(tried.count(user_id), len(tried))


def owned_by(user_id: UserId) -> FakeRoles:
    """Return roles of an instance that has an owner."""
    roles = FakeRoles(FakeTransactions(), FakeAudit())
    roles.plant(user_id, Role.OWNER)
    return roles


async def make_owner(store: PostgresStore, user_id: UserId) -> None:
    """Let a real database have an owner, as settings would."""
    act = Audited(BY_SETTINGS, "owner.claim", {}, "0" * 64, "settings", datetime(2026, 3, 1, tzinfo=UTC))
    async with store.transaction():
        number = await PostgresAudit(store).add(act)
        await PostgresRoles(store).change(RoleChange(user_id, Role.USER, Role.OWNER, number))
