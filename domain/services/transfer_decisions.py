"""What only people decide about treasury transfers: each in two steps, and with its audit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from domain.errors import Refused
from domain.ids import TransferId, UserId
from domain.money import plain
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.transfers import TransferStore
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.treasury.bookings import written_off
from domain.treasury.model import Decision, TransferState, TreasuryTransfer

MOST_LISTED = 20

NEEDS: Mapping[Decision, Permission] = MappingProxyType(
    {
        Decision.RESEND: Permission.TRANSFERS_DECIDE,
        Decision.GIVE_UP: Permission.TRANSFERS_DECIDE,
        Decision.WRITE_OFF: Permission.TRANSFERS_DECIDE,
        Decision.DONE_BY_HAND: Permission.TRANSFERS_CONFIRM,
    }
)
"""Who may say what; a confirmation is issued for the decision itself, with ``decision_params``."""


def decision_params(transfer: TreasuryTransfer) -> dict[str, str]:
    """Return what a confirmation binds: the transfer, its state and try as they were seen, and its amount."""
    return {
        "transfer": transfer.id,
        "state": transfer.state,
        "attempts": str(transfer.attempts),
        "account": transfer.account,
        "coin": transfer.token.coin,
        "amount": plain(transfer.amount),
        "missing": plain(transfer.short),
    }


class TransferDecisions:
    """Transfers, for those who look after the instance; workers do what was decided."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        transfers: TransferStore,
        confirmations: ConfirmationService,
        auth: AuthService,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._transfers = transfers
        self._confirmations = confirmations
        self._auth = auth

    async def list(self, actor: UserId) -> Sequence[TreasuryTransfer]:
        """Return the transfers that have not ended by age, then those that ended last.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.TRANSFERS_READ)
            return await self._transfers.latest(MOST_LISTED)

    async def ask(
        self, actor: UserId, transfer_id: TransferId, decision: Decision
    ) -> tuple[TreasuryTransfer, str]:
        """Return a transfer, and the single-use token with which this person may decide so about it.

        Raises:
            Refused: ``not_allowed``; ``transfer_unknown``; ``transfer_not_open_to``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, NEEDS[decision])
            transfer = await self._open(transfer_id, decision)
            return transfer, await self._confirmations.issue(actor, decision, decision_params(transfer))

    async def decide(
        self, actor: UserId, transfer_id: TransferId, decision: Decision, confirmation: str, cause: str
    ) -> TreasuryTransfer:
        """Note what a person has decided, in one commit with its audit.

        A write-off is booked at once. Anything else a worker does within seconds, after it has looked at the
        venue once more.

        Raises:
            Refused: ``not_allowed``; ``transfer_unknown``; ``transfer_not_open_to``; ``insufficient_funds``:
                the owner's own money does not cover a write-off; ``confirmation_unknown`` (also when it has
                moved on since), ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, NEEDS[decision])
            transfer = await self._open(transfer_id, decision)
            params = decision_params(transfer)
            told = {**params, "decision": decision}
            await self._auth.act(actor, NEEDS[decision], told, cause)
            await self._confirmations.consume(actor, confirmation, decision, params)
            if decision is Decision.WRITE_OFF:
                await self._ledger.post(written_off(transfer))
                settled = replace(transfer, state=TransferState.CREDITED, reason=decision)
                stood = await self._transfers.save(settled, transfer.state)
            else:
                stood = await self._transfers.decide(transfer, decision, self._clock.now())
            if not stood:
                raise Refused("transfer_not_open_to", id=transfer_id, decision=decision)
        return transfer

    async def _open(self, transfer_id: TransferId, decision: Decision) -> TreasuryTransfer:
        transfer = await self._transfers.get(transfer_id)
        if decision not in transfer.open_to:
            raise Refused("transfer_not_open_to", id=transfer_id, decision=decision)
        return transfer
