"""Stopped payouts: why nothing of an asset is paid out, and the word that lets it go on."""

from collections.abc import Sequence

from domain.errors import Refused
from domain.ids import UserId
from domain.ports.clock import Clock
from domain.ports.freezes import Freeze, FreezeStore
from domain.ports.notices import Notices
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.reconciling import refuse_while_it_stands

ACTION = "lift_freeze"
"""What a confirmation must have been issued for, with ``lift_params``."""


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
    ) -> None:
        self._store = store
        self._freezes = freezes
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock
        self._auth = auth
        self._rounds = rounds

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
            Refused: ``not_allowed``; ``not_frozen``; ``difference_stands``.
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
            await self._notices.tell(actor, "payouts_unfrozen", f"unfrozen:{freeze.id}", {"scope": scope})

    async def _of(self, scope: str) -> Freeze:
        for freeze in await self._freezes.open():
            if freeze.scope == scope:
                return freeze
        raise Refused("not_frozen", scope=scope)
