"""The schedule of fees, and every fee charged, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.fees import FeeKind, Schedule, ServiceFee
from domain.ids import RunId, UserId, VenueAccountName
from domain.money import Coin


@dataclass(frozen=True, slots=True)
class Paid:
    """What a person has paid of one kind of fee in one coin."""

    kind: FeeKind
    coin: Coin
    amount: Decimal


class FeeStore(Protocol):
    """Versions of the schedule are added and never changed; so are fees."""

    async def schedules(self) -> Sequence[Schedule]:
        """Return every version, in order."""
        ...

    async def add(self, schedule: Schedule) -> None:
        """Store the next version.

        Raises:
            Refused: ``fees_changed_meanwhile``: another version has this number; ``fees_too_soon``: it would
                take effect within 24 hours, or before another version.
        """
        ...

    async def begin(self, first: Schedule) -> None:
        """Store the first version, unless there is one."""
        ...

    async def note(self, *fees: ServiceFee | None) -> None:
        """Note fees in the transaction whose transfers collect them; ``None`` was free.

        The database compares the two.

        Raises:
            InvariantBroken: ``fee_wrong``: not what the version asks for, or not the run's version; at the
                commit ``fee_unbooked``: no posting collects it, or one of something else.
        """
        ...

    async def paid_by(self, user_id: UserId) -> Sequence[Paid]:
        """Return all that a person has paid, by kind and coin."""
        ...

    async def paid_by_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Mapping[Coin, Decimal]]:
        """Return what runs have paid us for their fills, by coin; what is nothing is left out."""
        ...

    async def collected_at(self, account: VenueAccountName, coin: Coin, since: datetime) -> Decimal:
        """Return what runs of a venue account have paid us in a coin since an instant, never below zero."""
        ...

    async def announce(self, schedule: Schedule, most: int, params: Mapping[str, str]) -> int:
        """Tell so many people of a version who have not been told; return how many were."""
        ...
