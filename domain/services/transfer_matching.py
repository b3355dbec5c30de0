"""Which of what venues and Mixin list is a transfer's: by what nobody else can have, never by time."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from domain.payouts.onward import ChainAddress
from domain.ports.transfers import Arrival
from domain.ports.venue_funds import VenueDeposit, VenueWithdrawal
from domain.treasury.model import TreasuryTransfer

LOOKS_BACK = timedelta(minutes=5)
"""So long before it was asked for a withdrawal may be dated: clocks differ (EX2)."""


def withdrawals_of(transfer: TreasuryTransfer, listed: Sequence[VenueWithdrawal]) -> list[VenueWithdrawal]:
    """Return the withdrawals that are a transfer's: by the venue's id, by our id, or by the tagged amount.

    More than one is more than was meant: whoever sees that stops (EX3).
    """
    found = {one.withdrawal_id: one for one in listed if _is_of(transfer, one)}
    return list(found.values())


def _is_of(transfer: TreasuryTransfer, one: VenueWithdrawal) -> bool:
    if transfer.sent_as and one.withdrawal_id == transfer.sent_as:
        return True
    if one.client_id and one.client_id == transfer.client_id:
        return True
    return one.asked == transfer.amount and _same(one.to, transfer.to)


def _same(listed: ChainAddress, meant: ChainAddress) -> bool:
    return (listed.network, listed.address.lower(), listed.tag) == (
        meant.network,
        meant.address.lower(),
        meant.tag,
    )


def deposits_of(transfer: TreasuryTransfer, listed: Sequence[VenueDeposit]) -> list[VenueDeposit]:
    """Return the deposits with a transfer's chain hash, each once however often it is listed (TX8).

    A transaction of Mixin's may pay others at the venue too; of several the one of the right amount is ours.
    """
    with_hash = [one for one in listed if _same_hash(one.chain_hash, transfer.chain_hash)]
    found = {one.index: one for one in with_hash}
    exact = [one for one in found.values() if one.amount + one.fee == transfer.amount]
    return exact[:1] or list(found.values())


def arrivals_of(carried: Decimal, listed: Sequence[Arrival]) -> list[Arrival]:
    """Return which output is a transfer's of those that came by its chain hash.

    A venue may pay several of ours by one transaction: the one of the right amount comes first.
    """
    exact = [one for one in listed if one.amount == carried]
    return exact[:1] or list(listed)


def spellings(chain_hash: str) -> list[str]:
    """Return the ways to write a chain's hash: venues and Mixin differ in case and prefix."""
    bare = _bare(chain_hash)
    return list(dict.fromkeys((chain_hash, bare, f"0x{bare}", bare.upper(), f"0x{bare.upper()}")))


def _same_hash(one: str, other: str) -> bool:
    """Compare hashes as chains write them: in hexadecimal, case and prefix mean nothing."""
    return bool(other) and _bare(one) == _bare(other)


def _bare(chain_hash: str) -> str:
    bare = chain_hash.removeprefix("0x").removeprefix("0X")
    return bare.lower() if all(c in "0123456789abcdefABCDEF" for c in bare) else bare
