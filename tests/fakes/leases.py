"""Leases in memory, by a clock that a test moves; and the same clock for Postgres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.db.grants import Role
from adapters.db.roles import Names
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.leases import WALLET, Grip, Scope
from domain.ports.clock import Clock
from domain.ports.leases import Lease, Leases

RELEASE = "the-deployed-one"


@dataclass
class FakeLeaseTable:
    """What all holders share; ``clock`` is the store's."""

    clock: Clock
    deployed: str = RELEASE
    deployed_s: float = 0.0
    rows: dict[Scope, Lease] = field(default_factory=dict)
    ends_s: dict[Scope, float] = field(default_factory=dict)
    ttl_s: dict[Scope, float] = field(default_factory=dict)
    renewed_s: dict[Scope, float] = field(default_factory=dict)
    angels: set[Scope] = field(default_factory=set)  # taken over, and not safe yet

    def deploy(self, release: str) -> None:
        """Stamp another release."""
        self.deployed, self.deployed_s = release, self.clock.monotonic()

    def live(self, scope: Scope) -> bool:
        return scope in self.angels or (self.rows[scope].live and self.clock.monotonic() < self.ends_s[scope])

    def epochs(self) -> dict[Scope, int]:
        return {scope: lease.epoch for scope, lease in self.rows.items()}


class FakeLeases:
    """The leases of one holder."""

    def __init__(self, table: FakeLeaseTable, holder: str, release: str = RELEASE) -> None:
        self._table, self._holder, self._release = table, holder, release

    async def take(self, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
        table = self._table
        free = [
            scope
            for scope in sorted(scopes)
            if scope not in table.rows or not table.live(scope) or table.rows[scope].holder == self._holder
        ]
        if free and self._release != table.deployed:
            raise Refused("lease_version")
        for scope in free:
            epoch = table.epochs().get(scope, 0) + 1
            table.rows[scope] = Lease(scope, epoch, self._holder, True)
            table.ttl_s[scope] = ttl_s
            table.renewed_s[scope] = table.clock.monotonic()
            table.ends_s[scope] = table.clock.monotonic() + ttl_s
        return {scope: table.rows[scope].epoch for scope in free}

    async def renew(self, held: Mapping[Scope, int]) -> set[Scope]:
        table = self._table
        ours = {scope for scope, epoch in held.items() if self._is_ours(scope, epoch) and table.live(scope)}
        if ours and self._release != table.deployed and table.clock.monotonic() >= table.deployed_s + 120:
            raise Refused("lease_version")
        for scope in ours:
            table.renewed_s[scope] = table.clock.monotonic()
            table.ends_s[scope] = table.clock.monotonic() + table.ttl_s[scope]
        return ours

    async def release(self, held: Mapping[Scope, int]) -> set[Scope]:
        ours = {s for s, epoch in held.items() if self._is_ours(s, epoch) and self._table.rows[s].live}
        for scope in ours:
            self._table.rows[scope] = replace(self._table.rows[scope], live=False)
        return ours

    async def all(self) -> Sequence[Lease]:
        table = self._table
        rows = [(table.rows[scope], table.live(scope)) for scope in sorted(table.rows)]
        return [row if row.live == live else replace(row, live=live) for row, live in rows]

    def _is_ours(self, scope: Scope, epoch: int) -> bool:
        lease = self._table.rows.get(scope)
        return lease is not None and (lease.epoch, lease.holder) == (epoch, self._holder)


async def move_lease_clock(admin: Any, seconds: float) -> None:
    """Put the clock of the leases of a test's own database this far ahead of Postgres's, or behind."""
    await admin.execute(
        "CREATE OR REPLACE FUNCTION lease_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
        f"$$ SELECT clock_timestamp() + interval '{seconds} seconds' $$"
    )


async def stamp(admin: Any, release: str) -> None:
    """Deploy a release, as the migrate command does."""
    owner = Names().of(Role.MIGRATE)
    async with admin.transaction():
        await admin.execute(f"SET LOCAL ROLE {owner}; SET LOCAL mrmarket.migrating = 'on'")
        await admin.execute("UPDATE deployment SET build = $1, stamped_at = lease_clock()", release)


def firm(scope: Scope = WALLET) -> Grip:
    """Return a grip that never ends."""
    return Grip(scope, lambda: 0.0, epoch=1, deadline_s=1.0, ends_s=1.0)


def unasked() -> None:
    """A gate that is always open: nobody asks for a lease."""


class FencedOff:
    """Leases of a store that cannot be reached."""

    def __init__(self, real: Leases) -> None:
        self.real = real

    async def take(self, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
        raise Unavailable("store_unavailable")

    async def renew(self, held: Mapping[Scope, int]) -> set[Scope]:
        raise OutcomeUnknown("store_outcome_unknown")

    async def release(self, held: Mapping[Scope, int]) -> set[Scope]:
        raise OutcomeUnknown("store_outcome_unknown")

    async def all(self) -> Sequence[Lease]:
        raise Unavailable("store_unavailable")
