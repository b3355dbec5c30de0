"""Leases as stored: one row per scope, its times by the store's own clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.leases import Scope


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a scope, as of now; ``live`` until it is given back or has expired."""

    scope: Scope
    epoch: int
    holder: str
    live: bool


class Leases(Protocol):
    """The leases of one holder: a name that no other process has or had."""

    async def take(self, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
        """Take those scopes that are free, or ours already, each in its next epoch; return the epochs.

        Free is what was never held, was given back, or has expired. A repeat after a lost answer takes
        again, in one epoch more.

        Raises:
            Refused: ``lease_version``: this release is not the one that was deployed; nothing is taken.
        """
        ...

    async def renew(self, held: Mapping[Scope, int]) -> set[Scope]:
        """Have leases last their ttl from now on; return those that are still ours.

        Raises:
            Refused: ``lease_version``: another release was deployed, and not just now.
        """
        ...

    async def release(self, held: Mapping[Scope, int]) -> set[Scope]:
        """Give leases back, so that others may take them at once; return those that were ours."""
        ...

    async def all(self) -> Sequence[Lease]:
        """Return every lease, by scope."""
        ...


class Fence(Protocol):
    """The check that belongs into every transaction with effects."""

    async def guard(self, scope: Scope, epoch: int) -> None:
        """Keep the scope's epoch from changing until the ambient transaction ends.

        Raises:
            Refused: ``epoch_lost``: somebody else acts for the scope now, or nobody.
        """
        ...
