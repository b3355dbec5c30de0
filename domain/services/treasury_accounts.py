"""The venue accounts of the treasury, and how long things may take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.ids import AssetId, VenueAccountName
from domain.ports.venue_funds import VenueFunds
from domain.treasury.model import TreasuryTransfer
from domain.treasury.networks import network_of

STALE_AFTER = timedelta(minutes=10)
"""A plan that has not left by then is void: what it was made for has changed (TX1)."""


@dataclass(frozen=True, slots=True)
class TreasuryAccount:
    """A venue account: its way for money, what kind of venue it is at, and who withdraws from it.

    ``by_hand``: we hold no key that may; a person withdraws, and we are told or see it.
    """

    funds: VenueFunds
    venue: str
    by_hand: bool = False


def scope_of(account: VenueAccountName) -> AssetId:
    """Return the scope of the freeze that stops all treasury transfers of a venue account."""
    return AssetId(f"transfers:{account}")


def is_late(transfer: TreasuryTransfer, now: datetime) -> bool:
    """Tell whether a transfer takes longer than its network ever should (TX6)."""
    late_after = network_of(transfer.token.network).late_after
    return now - (transfer.sent_at or transfer.created_at) > late_after
