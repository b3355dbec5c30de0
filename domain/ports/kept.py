"""What came in and belongs to nobody we may credit: kept aside until it is given back or adds up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import AssetId, UserId, WithdrawalId


class KeptState(StrEnum):
    """What became of an output that was kept aside."""

    KEPT = "kept"
    CREDITED = "credited"  # small payments that added up to a deposit
    REFUNDING = "refunding"  # promised to its sender
    REFUNDED = "refunded"


KEPT_EDGES: dict[KeptState, frozenset[KeptState]] = {
    KeptState.KEPT: frozenset({KeptState.CREDITED, KeptState.REFUNDING}),
    KeptState.REFUNDING: frozenset({KeptState.REFUNDED, KeptState.KEPT}),
    KeptState.CREDITED: frozenset(),
    KeptState.REFUNDED: frozenset(),
}
"""A refund that is definitely refused is kept again; nothing is ever given back twice."""


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """Everything kept of one sender and one asset, for one reason.

    ``booked``: the ledger has it in suspense. Of a token that nobody approved it knows nothing.
    """

    sender: UserId | None
    asset_id: AssetId
    reason: str
    booked: bool
    amount: Decimal
    count: int


class KeptStore(Protocol):
    """What is kept aside; calls join the ambient transaction."""

    async def lock(self, sender: UserId) -> None:
        """Be the only one who decides about what is kept of a sender until the transaction ends."""
        ...

    async def of(self, sender: UserId, reasons: Iterable[str]) -> list[KeptGroup]:
        """Return what is kept of a sender for these reasons, by asset."""
        ...

    async def all(self, limit: int) -> list[KeptGroup]:
        """Return what is kept of anybody, the largest number of payments first."""
        ...

    async def of_asset(self, asset_id: AssetId, reasons: Iterable[str], limit: int) -> list[KeptGroup]:
        """Return what single senders sent of an asset and is kept for these reasons, the largest first."""
        ...

    async def take(self, group: KeptGroup, payout_id: WithdrawalId) -> Decimal:
        """Promise a group to a refund and return how much it was."""
        ...

    async def refunds_since(self, receiver: UserId, since: datetime) -> int:
        """Return how many refunds a person has asked for since then."""
        ...
