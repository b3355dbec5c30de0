"""What is stopped: payouts, a person, a coin; the word that stops, and the word that lets go on."""

from collections.abc import Sequence

from domain.errors import Refused
from domain.ids import UserId
from domain.money import Coin
from domain.ports.clock import Clock
from domain.ports.freezes import BY_HAND, CLOSING, NEW, Freeze, FreezeStore, coin_scope, user_scope
from domain.ports.notices import Notices
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.users import UserStore
from domain.roles import Permission, Role
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.reconciling import refuse_while_it_stands
from domain.services.tokens import Tokens

ACTION = "lift_freeze"
"""What a confirmation must have been issued for, with ``lift_params``."""

FREEZE = "freeze"
"""What a confirmation of a stop must have been issued for, with its scope."""

_PERSON = user_scope(UserId(""))


def lift_params(freeze: Freeze) -> dict[str, str]:
    """Return what a confirmation binds: the one freeze that was seen, not a later one of its scope."""
    return {"scope": freeze.scope, "freeze": str(freeze.id), "reason": freeze.reason}


class FreezeService:
    """Freezes, for those who look after the instance."""

    def __init__(
        self,
        store: Store,
        freezes: FreezeStore,
        notices: Notices,
        confirmations: ConfirmationService,
        clock: Clock,
        auth: AuthService,
        rounds: ReconciliationStore,
        users: UserStore,
        roles: RoleStore,
        tokens: Tokens,
    ) -> None:
        self._store = store
        self._freezes = freezes
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock
        self._auth = auth
        self._rounds = rounds
        self._users = users
        self._roles = roles
        self._tokens = tokens

    async def list(self, actor: UserId) -> Sequence[Freeze]:
        """Return every freeze that nobody has lifted, the oldest first.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.FREEZES_READ)
            return await self._freezes.open()

    async def ask(self, actor: UserId, scope: str, *, anyway: bool = False) -> tuple[Freeze, str]:
        """Return the freeze of a scope, and the single-use token with which this person may lift it.

        What a shortfall froze is lifted after a look that was fine, or ``anyway`` by who says so.

        Raises:
            Refused: ``not_allowed``; ``not_frozen``; ``difference_stands``; ``closing_stands``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.FREEZES_LIFT)
            freeze = await self._of(scope)
            if not anyway:
                await refuse_while_it_stands(
                    self._rounds, freeze.reason, freeze.created_at, "/unfreeze", scope
                )
            return freeze, await self._confirmations.issue(actor, ACTION, lift_params(freeze))

    async def lift(self, actor: UserId, scope: str, confirmation: str, cause: str) -> None:
        """Let payouts of a scope go on; those that stood still are looked at within half a minute.

        In one commit with the audit of it.

        Raises:
            Refused: ``not_allowed``; ``not_frozen``; ``confirmation_unknown`` (also when it was lifted and
                frozen again since), ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.FREEZES_LIFT)
            freeze = await self._of(scope)
            await self._auth.act(actor, Permission.FREEZES_LIFT, lift_params(freeze), cause)
            await self._confirmations.consume(actor, confirmation, ACTION, lift_params(freeze))
            if not await self._freezes.lift(freeze, actor, self._clock.now()):
                raise Refused("not_frozen", scope=scope)
            told = "new_begins_again" if scope == NEW else "payouts_unfrozen"
            await self._notices.tell(actor, told, f"unfrozen:{freeze.id}", {"scope": scope})
            if scope.startswith(_PERSON):
                person = UserId(scope.removeprefix(_PERSON))
                await self._notices.tell(person, "you_go_on", f"unfrozen:{freeze.id}", {})

    async def ask_to_freeze(self, actor: UserId, about: UserId | Coin, *, person: bool) -> tuple[str, str]:
        """Return the scope of a person, a coin or (``NEW``) all that is new, and the token that may stop it.

        Raises:
            Refused: ``not_allowed``; ``person_unknown``; ``freeze_not_owner``: nobody stops the owner;
                ``coin_unknown``; ``already_frozen``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.FREEZES_SET)
            scope = await self._scope(about, person=person)
            return scope, await self._confirmations.issue(actor, FREEZE, {"scope": scope})

    async def freeze(
        self, actor: UserId, about: UserId | Coin, confirmation: str, cause: str, *, person: bool
    ) -> None:
        """Let a person begin nothing more, or nobody anything with a coin; what they have stays.

        In one commit with the audit of it and the word to whom it concerns.

        Raises:
            Refused: as ``ask_to_freeze``; ``confirmation_unknown``, ``_used`` or ``_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.FREEZES_SET)
            scope = await self._scope(about, person=person)
            await self._auth.act(actor, Permission.FREEZES_SET, {"scope": scope}, cause)
            await self._confirmations.consume(actor, confirmation, FREEZE, {"scope": scope})
            if not await self._freezes.freeze(scope, f"{BY_HAND}:{actor}", self._clock.now()):
                raise Refused("already_frozen", scope=scope)
            for keeper in {actor, *await self._roles.privileged()}:
                told = "nothing_new_by_hand" if scope == NEW else "frozen_by_hand"
                await self._notices.tell(keeper, told, cause, {"scope": scope, "who": actor})
            if person:
                await self._notices.tell(UserId(about), "you_stand_still", cause, {})

    async def _scope(self, about: UserId | Coin, *, person: bool) -> str:
        """Return what a freeze of a person or a coin goes by, when it may come to be."""
        if person:
            if await self._users.find(UserId(about)) is None:
                raise Refused("person_unknown")
            if await self._roles.role_of(UserId(about)) is Role.OWNER:
                raise Refused("freeze_not_owner")
        elif about == NEW:
            return await self._free(NEW)
        elif about not in {token.coin for token in self._tokens.list()}:
            raise Refused("coin_unknown", coin=about)
        return await self._free(user_scope(UserId(about)) if person else coin_scope(Coin(about)))

    async def _free(self, scope: str) -> str:
        if await self._freezes.among([scope]):
            raise Refused("already_frozen", scope=scope)
        return scope

    async def _of(self, scope: str) -> Freeze:
        for freeze in await self._freezes.open():
            if freeze.scope == scope:
                if freeze.reason.startswith(f"{CLOSING}:"):
                    raise Refused("closing_stands")
                return freeze
        raise Refused("not_frozen", scope=scope)
