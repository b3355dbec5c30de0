"""Who may do what: asked in the transaction of what is done, and what was done is written down there too."""

from collections.abc import Mapping

from domain.errors import Refused
from domain.ids import UserId
from domain.ports.audit import Audited, AuditStore
from domain.ports.clock import Clock
from domain.ports.roles import RoleStore
from domain.roles import Permission, Role, may
from domain.services.confirmations import hash_of_params

LONGEST_SHOWN = 200
"""Characters of a parameter that the audit shows; its hash is of all."""

LATEST = 20


class AuthService:
    """The one place that says yes or no, and the only writer of the audit."""

    def __init__(self, roles: RoleStore, audit: AuditStore, clock: Clock) -> None:
        self._roles = roles
        self._audit = audit
        self._clock = clock

    async def role_of(self, user_id: UserId) -> Role:
        """Return what a person is here, to tell it; to decide by it, ask ``require``."""
        return await self._roles.role_of(user_id)

    async def require(self, user_id: UserId, permission: Permission) -> None:
        """Go on only when a person may do this, and may until the ambient transaction ends.

        Raises:
            Refused: ``not_allowed``.
            InvariantBroken: ``outside_transaction``.
        """
        await self._roles.keep()
        await self._decide(user_id, permission)

    async def act(
        self, user_id: UserId, permission: Permission, params: Mapping[str, str], cause: str
    ) -> int:
        """Let a person change something, and write it down; call it in the transaction of the effect.

        ``cause`` is what the person sent (``Event.key``). Returns the number of the audit's row.

        Raises:
            Refused: ``not_allowed``; nothing is written down.
            InvariantBroken: ``outside_transaction``.
        """
        await self.require(user_id, permission)
        return await self.record(user_id, permission, params, cause)

    async def record(self, who: UserId, permission: Permission, params: Mapping[str, str], cause: str) -> int:
        """Write down what was allowed by other means than a role (``act`` does both); return its number.

        A ``Secret`` is no text, so none can come in here.
        """
        shown = {name: value[:LONGEST_SHOWN] for name, value in params.items()}
        act = Audited(who, permission, shown, hash_of_params(params), cause, self._clock.now())
        return await self._audit.add(act)

    async def latest(self, user_id: UserId) -> list[Audited]:
        """Return the latest privileged acts, newest first; call it in a transaction.

        Raises:
            Refused: ``not_allowed``.
        """
        await self.require(user_id, Permission.AUDIT_READ)
        return list(await self._audit.latest(LATEST))

    async def _decide(self, user_id: UserId, permission: str) -> None:
        if not may(await self._roles.role_of(user_id), permission):
            raise Refused("not_allowed")

    # What the chat asks before it calls anybody: a command whose use case forgot to ask stays shut.

    def knows(self, permission: str) -> bool:
        """Tell whether there is such a permission."""
        return permission in frozenset(Permission)

    async def admit(self, user_id: UserId, permission: str) -> None:
        """Let a person through to a command; what everybody may costs nothing.

        Raises:
            Refused: ``not_allowed``.
        """
        if not may(Role.USER, permission):
            await self._decide(user_id, permission)
