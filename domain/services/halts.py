"""Halted exchange accounts: why nobody may trade from them, and the word that lets them trade again."""

from collections.abc import Sequence

from domain.errors import Refused
from domain.ids import UserId, VenueAccountName
from domain.ports.clock import Clock
from domain.ports.notices import Notices
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.runs import Halt, VenueAccountStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.reconciling import refuse_while_it_stands

ACTION = "lift_halt"
"""What a confirmation must have been issued for, with ``lift_params``."""


def lift_params(halts: Sequence[Halt]) -> dict[str, str]:
    """Return everything a confirmation binds: the account and each halt that was seen."""
    return {"account": halts[0].account, "halts": " ".join(str(halt.id) for halt in halts)}


class HaltService:
    """Halts, for those who look after the instance."""

    def __init__(
        self,
        store: Store,
        accounts: VenueAccountStore,
        notices: Notices,
        confirmations: ConfirmationService,
        clock: Clock,
        auth: AuthService,
        rounds: ReconciliationStore,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock
        self._auth = auth
        self._rounds = rounds

    async def list(self, actor: UserId) -> Sequence[Halt]:
        """Return every halt that nobody has lifted, by account, the oldest first.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.HALTS_READ)
            return await self._accounts.halts()

    async def ask(
        self, actor: UserId, account: VenueAccountName, *, anyway: bool = False
    ) -> tuple[Sequence[Halt], str]:
        """Return an account's halts, and the single-use token with which this person may lift exactly them.

        What a shortfall halted is lifted after a look that was fine, or ``anyway`` by who says so.

        Raises:
            Refused: ``not_allowed``; ``not_halted``; ``difference_stands``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.HALTS_LIFT)
            halts = await self._of(account)
            for halt in [] if anyway else halts:
                await refuse_while_it_stands(self._rounds, halt.reason, halt.halted_at, "/unhalt", account)
            return halts, await self._confirmations.issue(actor, ACTION, lift_params(halts))

    async def lift(self, actor: UserId, account: VenueAccountName, confirmation: str, cause: str) -> None:
        """Let a halted account trade again; what a person has not seen is not lifted.

        In one commit with the audit of it.

        Raises:
            Refused: ``not_allowed``; ``not_halted``; ``halts_changed``: another reason has come since;
                ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.HALTS_LIFT)
            halts = await self._of(account)
            await self._auth.act(actor, Permission.HALTS_LIFT, lift_params(halts), cause)
            await self._confirmations.consume(actor, confirmation, ACTION, lift_params(halts))
            if not await self._accounts.lift(halts, actor, self._clock.now()):
                raise Refused("halts_changed", account=account)
            lifted = f"lifted:{account}:{lift_params(halts)['halts']}"
            await self._notices.tell(actor, "account_unhalted", lifted, {"account": account})

    async def _of(self, account: VenueAccountName) -> Sequence[Halt]:
        if halts := [halt for halt in await self._accounts.halts() if halt.account == account]:
            return halts
        raise Refused("not_halted", account=account)
