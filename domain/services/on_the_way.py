"""What treasury transfers may have moved at a venue before our books say so (TX6, EX2)."""

from decimal import Decimal

from domain.leases import Scope, venue_scope
from domain.money import ZERO
from domain.ports.transfers import TransferStore
from domain.reconciliation.model import InFlight
from domain.treasury.model import ENDED, Direction, TransferState, TreasuryTransfer

MOST_OPEN = 200
"""One of an account and a coin is open at a time: there are never so many."""

_NOT_SENT = frozenset({TransferState.PLANNED, TransferState.HELD})
"""States to a venue in which nothing has left; from the next on it may have arrived before we hear of it."""


class TransfersOnTheWay:
    """Open treasury transfers, as ``domain.ports.reconciliation.OnTheWay``.

    What leaves the wallet for a chain is a payout, and is looked at as one.
    """

    def __init__(self, transfers: TransferStore) -> None:
        self._transfers = transfers

    async def at(self, scope: Scope) -> tuple[InFlight, ...]:
        """Return what is open between this place and another, and by how much it may differ here for it."""
        listed = await self._transfers.latest(MOST_OPEN)
        here = [t for t in listed if t.state not in ENDED and venue_scope(t.account) == scope]
        return tuple(InFlight(f"transfer {t.id}", t.token.coin, *span) for t in here if any(span := _span(t)))


def _span(transfer: TreasuryTransfer) -> tuple[Decimal, Decimal]:
    """Return by how much a venue may hold less, and more, than our books: what is booked moves nothing."""
    if transfer.direction is Direction.TO_VENUE:
        arriving = transfer.state not in _NOT_SENT and transfer.arrived is None
        return ZERO, transfer.amount if arriving else ZERO
    if transfer.state is TransferState.PLANNED:
        return ZERO, ZERO
    if transfer.arrives is None:
        return -transfer.leaves, ZERO
    given_back = transfer.arrived is None and not transfer.chain_hash
    return ZERO, transfer.leaves if given_back else ZERO
