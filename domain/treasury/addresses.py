"""The address book: what was approved once, and whether what is said now is the very same (TX2)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import UserId
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.treasury.networks import Network

MIXIN = "mixin"
"""The place of our own deposit addresses; every other place is a venue account."""


class AddressState(StrEnum):
    """The life of an entry; nothing is ever sent to one that is not approved or proven."""

    PROPOSED = "proposed"  # a place has said it; nobody has looked
    APPROVED = "approved"  # a person has; the next transfer is a canary
    PROVEN = "proven"  # a canary has arrived
    FROZEN = "frozen"  # the place has said something else since
    DROPPED = "dropped"  # another took its place, or nobody wanted it


ADDRESS_EDGES: dict[AddressState, frozenset[AddressState]] = {
    AddressState.PROPOSED: frozenset({AddressState.APPROVED, AddressState.DROPPED}),
    AddressState.APPROVED: frozenset({AddressState.PROVEN, AddressState.FROZEN, AddressState.DROPPED}),
    AddressState.PROVEN: frozenset({AddressState.FROZEN, AddressState.DROPPED}),
    AddressState.FROZEN: frozenset({AddressState.DROPPED}),
    AddressState.DROPPED: frozenset(),
}

USABLE = frozenset({AddressState.APPROVED, AddressState.PROVEN})


@dataclass(frozen=True, slots=True)
class AddressEntry:
    """Where a coin goes at a place, exactly as the place said it: ``said.network`` is in its words."""

    id: str
    place: str
    coin: Coin
    network: str
    said: ChainAddress
    state: AddressState
    seen_at: datetime
    approved_by: UserId | None = None

    @property
    def params(self) -> dict[str, str]:
        """Return what a confirmation of it is bound to: every part, so that no part can be swapped."""
        return {
            "id": self.id,
            "place": self.place,
            "coin": self.coin,
            "network": self.network,
            "said_network": self.said.network,
            "address": self.said.address,
            "tag": self.said.tag,
        }


def fault_in(said: ChainAddress, expected_network: str, network: Network) -> str:
    """Return why an address can be no address of a network, an empty text when it may be one."""
    if said.network != expected_network:
        return "network_changed"
    if not said.address or said.address != said.address.strip():
        return "address_missing"
    if network.tagged and not said.tag:
        return "tag_missing"
    if not network.tagged and said.tag:
        return "tag_unexpected"
    return ""


def difference(approved: ChainAddress, said: ChainAddress) -> str:
    """Return which part differs from what was approved, byte for byte; an empty text when none does."""
    if said.network != approved.network:
        return "network_changed"
    if said.tag != approved.tag:
        return "tag_dropped" if not said.tag else "tag_changed"
    return "" if said.address == approved.address else "address_changed"
