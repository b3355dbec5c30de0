"""Moving transfers along: each commit only if the row still stands where it stood."""

from dataclasses import replace
from datetime import timedelta

from domain.ports.clock import Clock
from domain.ports.store import Store
from domain.ports.transfers import TransferStore
from domain.treasury.model import TransferState, TreasuryTransfer

SOON = timedelta(seconds=5)
LATER = timedelta(seconds=30)


class OvertakenError(Exception):
    """Somebody else has taken the step: what we found out is not needed any more."""


class TransferRows:
    """Writes steps of transfers."""

    def __init__(self, store: Store, transfers: TransferStore, clock: Clock) -> None:
        self._store = store
        self._transfers = transfers
        self._clock = clock

    async def move(self, transfer: TreasuryTransfer, state: TransferState, was: TransferState) -> str:
        """Store a transfer in its next state; call it in the transaction of what goes with it.

        Raises:
            OvertakenError: it is no longer in the state ``was``; nothing is stored.
        """
        moved = replace(transfer, state=state, due_at=self._clock.now())
        async with self._store.transaction():
            if not await self._transfers.save(moved, was):
                raise OvertakenError
        return f"is {state}"

    async def stay(self, transfer: TreasuryTransfer, why: str, wait: timedelta = LATER) -> str:
        """Leave the state as it is, store what was learnt, and look again after a while."""
        async with self._store.transaction():
            await self._transfers.save(replace(transfer, due_at=self._clock.now() + wait), transfer.state)
        return f"stays {transfer.state}: {why}"
