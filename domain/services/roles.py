"""Admins: an owner makes and unmakes them, in two steps, and never themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import Refused
from domain.ids import UserId
from domain.ports.notices import Notices
from domain.ports.roles import RoleChange, RoleStore
from domain.ports.store import Store
from domain.ports.users import UserStore
from domain.roles import Permission, Role
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService

ACTION = "change_role"
"""What a confirmation must have been issued for, with ``RoleOrder.params``."""


@dataclass(frozen=True, slots=True)
class RoleOrder:
    """A person is to be this from now on: admin, or a user again."""

    user_id: UserId
    after: Role

    @property
    def params(self) -> Mapping[str, str]:
        """Return what a confirmation of this binds."""
        return {"user_id": self.user_id, "role": self.after.value}


class RoleService:
    """Who is what, and the changes of it."""

    def __init__(
        self,
        store: Store,
        roles: RoleStore,
        users: UserStore,
        notices: Notices,
        auth: AuthService,
        confirmations: ConfirmationService,
    ) -> None:
        self._store = store
        self._roles = roles
        self._users = users
        self._notices = notices
        self._auth = auth
        self._confirmations = confirmations

    async def list(self, by: UserId) -> Mapping[UserId, Role]:
        """Return everybody who is more than a user.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(by, Permission.ROLES_READ)
            return await self._roles.privileged()

    async def prepare(self, by: UserId, order: RoleOrder) -> str:
        """Return the token with which exactly this change can be confirmed.

        Raises:
            Refused: ``not_allowed``; ``person_unknown``: has never written to us; ``role_own``;
                ``role_unchanged``; ``owner_stays``.
        """
        async with self._store.transaction():
            await self._auth.require(by, Permission.ROLES_CHANGE)
            await self._check(by, order)
            return await self._confirmations.issue(by, ACTION, order.params)

    async def change(self, by: UserId, order: RoleOrder, confirmation: str, cause: str) -> None:
        """Change a role in one commit with its confirmation, its audit and the word to whom it concerns.

        Raises:
            Refused: as ``prepare``; ``confirmation_unknown``, ``_used`` or ``_expired``.
        """
        async with self._store.transaction():
            await self._roles.keep(alone=True)
            number = await self._auth.act(by, Permission.ROLES_CHANGE, order.params, cause)
            await self._confirmations.consume(by, confirmation, ACTION, order.params)
            before = await self._check(by, order)
            await self._roles.change(RoleChange(order.user_id, before, order.after, number))
            await self._notices.tell(order.user_id, f"you_are_{order.after.value}", cause, {})

    async def _check(self, by: UserId, order: RoleOrder) -> Role:
        """Return the present role of whom an order is about, when it can be carried out."""
        if order.user_id == by:
            raise Refused("role_own")
        if await self._users.find(order.user_id) is None:
            raise Refused("person_unknown")
        before = await self._roles.role_of(order.user_id)
        if before is Role.OWNER:
            raise Refused("owner_stays")
        if before is order.after:
            raise Refused("role_unchanged", role=order.after.value)
        return before
