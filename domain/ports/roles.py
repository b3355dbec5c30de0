"""Who is owner, who is admin, and how the first owner comes to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId
from domain.roles import Role


@dataclass(frozen=True, slots=True)
class RoleChange:
    """One change of one person's role, by whom the audit's row with this number names."""

    user_id: UserId
    before: Role
    after: Role
    audit: int


class RoleStore(Protocol):
    """The history of roles, and from it who is what now; calls join the ambient transaction.

    The store itself refuses a change that does not begin at the present role, one of one's own role, and
    one by anybody but an owner; as long as there is no owner, it takes the first one and nothing else.
    """

    async def keep(self, *, alone: bool = False) -> None:
        """Keep all roles as they are until the ambient transaction ends.

        ``alone`` waits for everybody else who keeps them, and is for those who go on to change one.

        Raises:
            InvariantBroken: ``outside_transaction``: what is read next could be untrue at once.
        """
        ...

    async def role_of(self, user_id: UserId) -> Role:
        """Return a person's role as it stands."""
        ...

    async def owner(self) -> UserId | None:
        """Return the owner, ``None`` while there is none."""
        ...

    async def privileged(self) -> Mapping[UserId, Role]:
        """Return everybody who is more than a user, in the order in which they became it."""
        ...

    async def change(self, change: RoleChange) -> None:
        """Change a role.

        Raises:
            Refused: ``not_allowed`` or ``owner_exists``, by the rules above.
            InvariantBroken: ``change_refused``: somebody is something else; ``store_refused``: no such edge.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnerCode:
    """A code that makes its sender the first owner; only its hash is known here."""

    code_hash: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a code was tried: by one person, and by all together."""

    own: int
    all: int


class OwnerCodes(Protocol):
    """Codes and the tries at them, both written once; of the codes only the newest counts."""

    async def add(self, code: OwnerCode) -> None:
        """Store a fresh code, which ends all before it."""
        ...

    async def newest(self) -> OwnerCode | None:
        """Return the code that counts, however old; ``None`` when there never was one."""
        ...

    async def add_try(self, user_id: UserId, at: datetime) -> None:
        """Count a wrong code."""
        ...

    async def tries(self, user_id: UserId, since: datetime) -> Tries:
        """Return how many wrong codes there were since then."""
        ...
