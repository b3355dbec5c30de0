"""Treasury transfers and the address book, as stored; calls join the ambient transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import AssetId, TransferId, UserId, VenueAccountName
from domain.money import Coin
from domain.treasury.addresses import AddressEntry, AddressState
from domain.treasury.model import Decision, TransferState, TreasuryTransfer


@dataclass(frozen=True, slots=True)
class Arrival:
    """An output that came from a chain, lies in suspense, and that no transfer has been found for."""

    output_id: str
    asset_id: AssetId
    amount: Decimal
    chain_hash: str


class TransferStore(Protocol):
    """The transfers table."""

    async def add(self, transfer: TreasuryTransfer) -> None:
        """Store a fresh transfer.

        Raises:
            Refused: ``transfer_unresolved``: one of this account and coin has not ended.
        """
        ...

    async def get(self, transfer_id: TransferId) -> TreasuryTransfer:
        """Return a transfer.

        Raises:
            Refused: ``transfer_unknown``.
        """
        ...

    async def save(self, transfer: TreasuryTransfer, was: TransferState) -> bool:
        """Store what changed if the row is still in the state ``was``; return whether it was.

        What is asked for can never change, and what names it outside can be set once. A decision is not
        written by this, and ends with the state and the reason it was made in.
        """
        ...

    async def decide(self, transfer: TreasuryTransfer, decision: Decision, at: datetime) -> bool:
        """Note a person's word about a transfer as it was read, and have it looked at now.

        Return whether it still stood like that.
        """
        ...

    async def due(self, at: datetime, limit: int) -> Sequence[TransferId]:
        """Return transfers that have not ended and are due, the oldest first.

        None waits longer than ``LONGEST_WAIT``: a time further ahead was noted while a clock was wrong (CK1).
        """
        ...

    async def latest(self, limit: int) -> Sequence[TreasuryTransfer]:
        """Return what has not ended by age, then what ended last."""
        ...

    async def unresolved(self, account: VenueAccountName, coin: Coin) -> TreasuryTransfer | None:
        """Return the one transfer of an account and a coin that has not ended."""
        ...

    async def amounts_since(
        self, account: VenueAccountName, coin: Coin, since: datetime
    ) -> Sequence[Decimal]:
        """Return what was asked of a venue since an instant, to be told apart from."""
        ...

    async def failed_since(self, account: VenueAccountName, coin: Coin, since: datetime) -> bool:
        """Tell whether a transfer of an account and a coin was void or given back since an instant."""
        ...

    async def credited_since(self, since: datetime) -> Sequence[TreasuryTransfer]:
        """Return transfers to venues that were created since an instant and have been credited."""
        ...

    async def arrivals(self, asset_id: AssetId, hashes: Sequence[str]) -> Sequence[Arrival]:
        """Return what came from a chain by a transaction and lies in suspense, locked, in order.

        ``hashes`` are the ways to write the one hash.
        """
        ...

    async def take_arrival(self, output_id: str, transfer_id: TransferId) -> None:
        """Note that an arrival is a transfer's.

        Raises:
            InvariantBroken: it is somebody's already.
        """
        ...


class AddressBook(Protocol):
    """The addresses table."""

    async def add(self, entry: AddressEntry) -> None:
        """Store a fresh proposal.

        Raises:
            InvariantBroken: ``store_refused``: the same is proposed already.
        """
        ...

    async def get(self, entry_id: str) -> AddressEntry:
        """Return an entry.

        Raises:
            Refused: ``address_unknown``.
        """
        ...

    async def all(self) -> Sequence[AddressEntry]:
        """Return what is not dropped, by place, coin and network, what is used first."""
        ...

    async def of(self, place: str, coin: Coin, network: str) -> Sequence[AddressEntry]:
        """Return what is not dropped of one place, coin and network, what is used first."""
        ...

    async def save(self, entry: AddressEntry, was: AddressState, by: UserId | None, at: datetime) -> bool:
        """Move an entry if it still is in the state ``was``; return whether it was.

        Of a place, coin and network at most one is in use.
        """
        ...
