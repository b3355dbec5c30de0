"""Payouts, and which outputs they have reserved."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import AssetId, UserId, WithdrawalId
from domain.money import Token
from domain.payouts.inputs import Spendable
from domain.payouts.line import Waiting
from domain.payouts.model import Payout, PayoutState


class PayoutStore(Protocol):
    """The tables of outgoing money; calls join the ambient transaction."""

    async def add(self, payout: Payout) -> None:
        """Store a fresh payout."""
        ...

    async def get(self, payout_id: WithdrawalId) -> Payout:
        """Return a payout.

        Raises:
            Refused: ``withdrawal_unknown``.
        """
        ...

    async def save(self, payout: Payout, was: PayoutState) -> bool:
        """Store what changed if the row is still in the state ``was``; return whether it was.

        Bytes and hash can be set once and never changed: the database refuses (WD3).
        """
        ...

    async def due(self, at: datetime, limit: int) -> list[WithdrawalId]:
        """Return payouts that have not ended and are due: of everybody the oldest, then the next.

        But for fees that were announced nothing waits longer than ``LONGEST_WAIT``: a time further ahead was
        noted while a clock was wrong, and is over (CK1).
        """
        ...

    async def lock_wallet(self, asset_id: AssetId) -> None:
        """Be the only one who chooses outputs of an asset until the ambient transaction ends."""
        ...

    async def line(self, asset_id: AssetId) -> list[Waiting]:
        """Return what people wait for of an asset, those who asked first at the front.

        Fees and the treasury stand behind them, and are not named.
        """
        ...

    async def of(self, receiver: UserId, limit: int) -> list[Payout]:
        """Return what a person is or was paid, fees left out: what has not ended, then the newest first."""
        ...

    async def takings(self, limit: int) -> list[Payout]:
        """Return payouts of fees, the newest first; those that have not ended before all."""
        ...

    async def refused_since(self, since: datetime) -> list[Payout]:
        """Return payouts that were refused, of which signed bytes may have left, created since an instant."""
        ...

    async def spendable(self, asset_id: AssetId, most: int) -> list[Spendable]:
        """Return the largest outputs of an asset that no payout has reserved; never an inscription."""
        ...

    async def free_total(self, asset_id: AssetId) -> Decimal:
        """Return what all outputs of an asset hold that no payout has reserved."""
        ...

    async def change_due(self, asset_id: AssetId) -> Decimal:
        """Return what will come back, but has not yet, from payouts that have reserved more than they pay."""
        ...

    async def coming(self, asset_id: AssetId) -> Decimal:
        """Return what the treasury is bringing of an asset from venues."""
        ...

    async def reserve(self, payout_id: WithdrawalId, output_ids: Sequence[str]) -> None:
        """Reserve outputs for a payout, in this order, and note what change of its asset will come back.

        Outputs of another asset pay the network's fee, where that is paid apart.

        Raises:
            InvariantBroken: one of them is reserved already.
        """
        ...

    async def inputs(self, payout_id: WithdrawalId, asset_id: AssetId | None = None) -> tuple[str, ...]:
        """Return the outputs a payout has reserved, in order; of one asset, or of all it takes."""
        ...

    async def end_refund(self, payout_id: WithdrawalId, *, paid: bool) -> None:
        """Note that what a refund was promised is given back, or kept again."""
        ...

    async def crowded(self, most: int) -> Token | None:
        """Return an approved token with at least so many free outputs, of which nothing is being paid."""
        ...

    async def smallest(self, asset_id: AssetId, most: int) -> list[Spendable]:
        """Return the smallest outputs of an asset that no payout has reserved."""
        ...

    async def give_back(self, payout_id: WithdrawalId) -> None:
        """End the reservations of a refused payout."""
        ...
