"""Treasury transfers and the address book in memory: the promises of the tables, and their refusals."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, TransferId, UserId, VenueAccountName
from domain.money import ZERO, Coin
from domain.ports.clock import LONGEST_WAIT
from domain.ports.kept import KeptState
from domain.ports.transfers import Arrival
from domain.services.incoming import FROM_CHAIN
from domain.treasury.addresses import ADDRESS_EDGES, MIXIN, USABLE, AddressEntry, AddressState
from domain.treasury.model import (
    ENDED,
    TRANSFER_EDGES,
    Decision,
    Direction,
    TransferState,
    TreasuryTransfer,
)
from tests.fakes.chat import FakeTransactions
from tests.fakes.treasury import Treasury, settle_kept

ONCE = ("sent_as", "chain_hash", "arrives")
FIXED = ("direction", "account", "token", "amount", "fee_asset", "fee_inside", "to", "canary", "by_hand")


@dataclass
class Rows:
    """What the two tables know."""

    transfers: dict[TransferId, TreasuryTransfer] = field(default_factory=dict)
    entries: dict[str, AddressEntry] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> "Rows":
        """Return rows that go their own way; what they hold never changes."""
        return Rows(dict(self.transfers), dict(self.entries))


class FakeTransfers:
    """The transfers table, as ``domain.ports.transfers.TransferStore``."""

    def __init__(self, transactions: FakeTransactions, treasury: Treasury) -> None:
        self.rows = Rows()
        self._treasury = treasury
        treasury.coming = self._coming
        transactions.tables.append(self)

    def _coming(self, asset_id: AssetId) -> Decimal:
        under_way = [
            t
            for t in self.rows.transfers.values()
            if t.token.asset_id == asset_id
            and t.direction is Direction.TO_MIXIN
            and t.state not in ENDED | {TransferState.PLANNED}
        ]
        return sum((t.arrives or t.amount for t in under_way), ZERO)

    async def add(self, transfer: TreasuryTransfer) -> None:
        if await self.unresolved(transfer.account, transfer.token.coin):
            raise Refused("transfer_unresolved", account=transfer.account, coin=transfer.token.coin)
        assert transfer.state is TransferState.PLANNED
        self.rows.transfers[transfer.id] = transfer

    async def get(self, transfer_id: TransferId) -> TreasuryTransfer:
        if (transfer := self.rows.transfers.get(transfer_id)) is None:
            raise Refused("transfer_unknown", id=transfer_id)
        return transfer

    async def save(self, transfer: TreasuryTransfer, was: TransferState) -> bool:
        stored = await self.get(transfer.id)
        if stored.state is not was:
            return False
        if transfer.state is not was and transfer.state not in TRANSFER_EDGES[was]:
            raise InvariantBroken("illegal_transition", was=was, to=transfer.state)
        changed = [name for name in FIXED if getattr(stored, name) != getattr(transfer, name)]
        changed += [
            name
            for name in ONCE
            if getattr(stored, name) and getattr(stored, name) != getattr(transfer, name)
        ]
        if changed or stored.state in ENDED:
            raise InvariantBroken("change_refused", changed=changed)
        if was is TransferState.HELD and transfer.state is TransferState.SENDING:
            self._require_address(transfer)
        same = (transfer.state, transfer.reason) == (was, stored.reason)
        decision = stored.decision if same else ""
        self.rows.transfers[transfer.id] = replace(transfer, decision=decision)
        return True

    def _require_address(self, transfer: TreasuryTransfer) -> None:
        if transfer.direction is Direction.TO_VENUE:
            return
        for entry in self.rows.entries.values():
            where = (entry.place, entry.coin, entry.network)
            if where == (MIXIN, transfer.token.coin, transfer.token.network) and entry.state in USABLE:
                assert (entry.said.address, entry.said.tag) == (transfer.to.address, transfer.to.tag)
                assert transfer.canary or entry.state is AddressState.PROVEN
                return
        raise InvariantBroken("address_not_approved")

    async def decide(self, transfer: TreasuryTransfer, decision: Decision, at: datetime) -> bool:
        stored = await self.get(transfer.id)
        if (stored.state, stored.reason) != (transfer.state, transfer.reason):
            return False
        self.rows.transfers[transfer.id] = replace(stored, decision=decision, due_at=at)
        return True

    async def due(self, at: datetime, limit: int) -> Sequence[TransferId]:
        going = [t for t in self.rows.transfers.values() if t.state not in ENDED]
        due = [t for t in going if not at < t.due_at <= at + LONGEST_WAIT]
        return [t.id for t in sorted(due, key=lambda t: (t.due_at, t.id))[:limit]]

    async def latest(self, limit: int) -> Sequence[TreasuryTransfer]:
        return sorted(self.rows.transfers.values(), key=lambda t: (t.state in ENDED, t.created_at, t.id))[
            :limit
        ]

    async def unresolved(self, account: VenueAccountName, coin: Coin) -> TreasuryTransfer | None:
        for transfer in self.rows.transfers.values():
            same = (transfer.account, transfer.token.coin) == (account, coin)
            if same and transfer.state not in ENDED:
                return transfer
        return None

    async def amounts_since(
        self, account: VenueAccountName, coin: Coin, since: datetime
    ) -> Sequence[Decimal]:
        return [
            t.amount
            for t in self.rows.transfers.values()
            if (t.account, t.token.coin, t.direction) == (account, coin, Direction.TO_MIXIN)
            and t.created_at >= since
        ]

    async def credited_since(self, since: datetime) -> Sequence[TreasuryTransfer]:
        return [
            t
            for t in self.rows.transfers.values()
            if (t.state, t.direction) == (TransferState.CREDITED, Direction.TO_VENUE)
            and t.created_at >= since
        ]

    async def failed_since(self, account: VenueAccountName, coin: Coin, since: datetime) -> bool:
        failed = {TransferState.VOID, TransferState.RETURNED}
        mine = [t for t in self.rows.transfers.values() if (t.account, t.token.coin) == (account, coin)]
        return any(t.state in failed and t.due_at >= since for t in mine)

    async def arrivals(self, asset_id: AssetId, hashes: Sequence[str]) -> Sequence[Arrival]:
        found = []
        for kept in self._treasury.rows.kept.values():
            output = kept.seen.output
            named = output.asset_id == asset_id and output.deposit_hash in hashes
            if named and kept.seen.reason == FROM_CHAIN and kept.state is KeptState.KEPT:
                found.append(Arrival(output.output_id, asset_id, output.amount, output.deposit_hash))
        return found

    async def take_arrival(self, output_id: str, transfer_id: TransferId) -> None:
        kept = self._treasury.rows.kept[output_id]
        if kept.state is not KeptState.KEPT:
            raise InvariantBroken("arrival_taken_twice", output=output_id)
        settle_kept(self._treasury.rows, output_id, kept, KeptState.CREDITED, transfer_id)


class FakeAddressBook:
    """The addresses table, as ``domain.ports.transfers.AddressBook``."""

    def __init__(self, transfers: FakeTransfers) -> None:
        self._transfers = transfers  # whose rows are put back with these

    @property
    def _entries(self) -> dict[str, AddressEntry]:
        return self._transfers.rows.entries

    async def add(self, entry: AddressEntry) -> None:
        same = [
            e
            for e in self._entries.values()
            if (e.place, e.coin, e.network, e.said, e.state)
            == (entry.place, entry.coin, entry.network, entry.said, AddressState.PROPOSED)
        ]
        if same:
            raise InvariantBroken("store_refused")
        self._entries[entry.id] = entry

    async def get(self, entry_id: str) -> AddressEntry:
        if (entry := self._entries.get(entry_id)) is None:
            raise Refused("address_unknown", id=entry_id)
        return entry

    async def all(self) -> Sequence[AddressEntry]:
        order = ["proven", "approved", "frozen", "proposed"]
        known = [e for e in self._entries.values() if e.state is not AddressState.DROPPED]
        return sorted(known, key=lambda e: (e.place, e.coin, e.network, order.index(e.state), e.id))

    async def of(self, place: str, coin: Coin, network: str) -> Sequence[AddressEntry]:
        return [e for e in await self.all() if (e.place, e.coin, e.network) == (place, coin, network)]

    async def save(self, entry: AddressEntry, was: AddressState, by: UserId | None, at: datetime) -> bool:
        stored = await self.get(entry.id)
        if stored.state is not was:
            return False
        if entry.state not in ADDRESS_EDGES[was]:
            raise InvariantBroken("illegal_transition")
        used = [e for e in await self.of(entry.place, entry.coin, entry.network) if e.state in USABLE]
        if entry.state in USABLE and any(e.id != entry.id for e in used):
            raise InvariantBroken("store_refused")
        self._entries[entry.id] = replace(stored, state=entry.state, approved_by=by or stored.approved_by)
        return True
