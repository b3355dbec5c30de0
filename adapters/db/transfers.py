"""Treasury transfers and the address book in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, TransferId, UserId, VenueAccountName
from domain.money import Coin, Token
from domain.payouts.onward import ChainAddress
from domain.ports.clock import LONGEST_WAIT
from domain.ports.transfers import Arrival
from domain.treasury.addresses import AddressEntry, AddressState
from domain.treasury.model import ENDED, Decision, Direction, TransferState, TreasuryTransfer

_COLUMNS = """id, direction, account, asset_id, coin, network, amount, fee, fee_asset_id, fee_inside,
    to_network, to_address, to_tag, canary, by_hand, client_id, state, created_at, due_at, sent_at, attempts,
    reason, sent_as, chain_hash, arrives, arrived, gap, decision"""


def _transfer(row: dict[str, Any]) -> TreasuryTransfer:
    return TreasuryTransfer(
        id=TransferId(row["id"]),
        direction=Direction(row["direction"]),
        account=VenueAccountName(row["account"]),
        token=Token(AssetId(row["asset_id"]), Coin(row["coin"]), row["network"]),
        amount=row["amount"],
        fee=row["fee"],
        fee_asset=AssetId(row["fee_asset_id"]),
        fee_inside=row["fee_inside"],
        to=ChainAddress(row["to_network"], row["to_address"], row["to_tag"]),
        canary=row["canary"],
        by_hand=row["by_hand"],
        client_id=row["client_id"],
        state=TransferState(row["state"]),
        created_at=row["created_at"],
        due_at=row["due_at"],
        sent_at=row["sent_at"],
        attempts=row["attempts"],
        reason=row["reason"],
        sent_as=row["sent_as"],
        chain_hash=row["chain_hash"],
        arrives=row["arrives"],
        arrived=row["arrived"],
        gap=row["gap"],
        decision=row["decision"],
    )


class PostgresTransfers:
    """The transfers table, as ``domain.ports.transfers.TransferStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, transfer: TreasuryTransfer) -> None:
        """Store a fresh transfer."""
        rows = await self._store.fetch(
            """
            INSERT INTO treasury_transfers
                (id, direction, account, asset_id, coin, network, amount, fee, fee_asset_id, fee_inside,
                 to_network, to_address, to_tag, canary, by_hand, client_id, state, created_at, due_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
            ON CONFLICT (account, coin) WHERE ended_at IS NULL DO NOTHING RETURNING id
            """,
            transfer.id,
            transfer.direction,
            transfer.account,
            transfer.token.asset_id,
            transfer.token.coin,
            transfer.token.network,
            transfer.amount,
            transfer.fee,
            transfer.fee_asset,
            transfer.fee_inside,
            transfer.to.network,
            transfer.to.address,
            transfer.to.tag,
            transfer.canary,
            transfer.by_hand,
            transfer.client_id,
            transfer.state,
            transfer.created_at,
            transfer.due_at,
        )
        if not rows:
            raise Refused("transfer_unresolved", account=transfer.account, coin=transfer.token.coin)

    async def get(self, transfer_id: TransferId) -> TreasuryTransfer:
        """Return a transfer."""
        rows = await self._fetch("WHERE id = $1", transfer_id)
        if not rows:
            raise Refused("transfer_unknown", id=transfer_id)
        return rows[0]

    async def save(self, transfer: TreasuryTransfer, was: TransferState) -> bool:
        """Store what changed if the row is still in the state ``was``; return whether it was."""
        rows = await self._store.fetch(
            """
            UPDATE treasury_transfers
            SET state = $3, due_at = $4, sent_at = $5, attempts = $6, reason = $7, sent_as = $8, chain_hash =
            $9,
                arrives = $10, arrived = $11, gap = $12, fee = $13,
                decision = CASE WHEN state = $3 AND reason = $7 THEN decision ELSE '' END,
                ended_at = CASE WHEN $14 THEN clock_timestamp() END
            WHERE id = $1 AND state = $2 RETURNING id
            """,
            transfer.id,
            was,
            transfer.state,
            transfer.due_at,
            transfer.sent_at,
            transfer.attempts,
            transfer.reason,
            transfer.sent_as,
            transfer.chain_hash,
            transfer.arrives,
            transfer.arrived,
            transfer.gap,
            transfer.fee,
            transfer.state in ENDED,
        )
        return bool(rows)

    async def decide(self, transfer: TreasuryTransfer, decision: Decision, at: datetime) -> bool:
        """Note a person's word about a transfer as it was read, and have it looked at now."""
        rows = await self._store.fetch(
            """
            UPDATE treasury_transfers SET decision = $4, due_at = $5
            WHERE id = $1 AND state = $2 AND reason = $3 RETURNING id
            """,
            transfer.id,
            transfer.state,
            transfer.reason,
            decision,
            at,
        )
        return bool(rows)

    async def due(self, at: datetime, limit: int) -> Sequence[TransferId]:
        """Return transfers that have not ended and are due, the oldest first."""
        rows = await self._store.fetch(
            """
            SELECT id FROM treasury_transfers WHERE ended_at IS NULL AND (due_at <= $1 OR due_at > $3)
            ORDER BY due_at, id LIMIT $2
            """,
            at,
            limit,
            at + LONGEST_WAIT,
        )
        return [TransferId(row["id"]) for row in rows]

    async def latest(self, limit: int) -> Sequence[TreasuryTransfer]:
        """Return what has not ended by age, then what ended last."""
        return await self._fetch(
            "ORDER BY ended_at IS NOT NULL, ended_at DESC, created_at, id LIMIT $1", limit
        )

    async def unresolved(self, account: VenueAccountName, coin: Coin) -> TreasuryTransfer | None:
        """Return the one transfer of an account and a coin that has not ended."""
        rows = await self._fetch("WHERE account = $1 AND coin = $2 AND ended_at IS NULL", account, coin)
        return rows[0] if rows else None

    async def amounts_since(
        self, account: VenueAccountName, coin: Coin, since: datetime
    ) -> Sequence[Decimal]:
        """Return what was asked of a venue since an instant."""
        rows = await self._store.fetch(
            """
            SELECT amount FROM treasury_transfers
            WHERE account = $1 AND coin = $2 AND direction = 'to_mixin' AND created_at >= $3
            """,
            account,
            coin,
            since,
        )
        return [row["amount"] for row in rows]

    async def failed_since(self, account: VenueAccountName, coin: Coin, since: datetime) -> bool:
        """Tell whether a transfer of an account and a coin was void or given back since an instant."""
        rows = await self._store.fetch(
            """
            SELECT FROM treasury_transfers WHERE account = $1 AND coin = $2 AND state IN ('void', 'returned')
                AND ended_at IS NOT NULL AND due_at >= $3 LIMIT 1
            """,
            account,
            coin,
            since,
        )
        return bool(rows)

    async def credited_since(self, since: datetime) -> Sequence[TreasuryTransfer]:
        """Return transfers to venues that were created since an instant and have been credited."""
        return await self._fetch(
            "WHERE state = 'credited' AND direction = 'to_venue' AND created_at >= $1 ORDER BY id", since
        )

    async def arrivals(self, asset_id: AssetId, hashes: Sequence[str]) -> Sequence[Arrival]:
        """Return what came from a chain by a transaction and lies in suspense, locked, in order."""
        rows = await self._store.fetch(
            """
            SELECT k.output_id, k.asset_id, k.amount, o.deposit_hash AS chain_hash
            FROM outputs o JOIN kept_outputs k USING (output_id)
            WHERE o.deposit_hash = ANY ($2::text[]) AND k.asset_id = $1 AND k.reason = 'from_chain'
              AND k.state = 'kept' AND k.booked
            ORDER BY o.sequence FOR UPDATE OF k
            """,
            asset_id,
            list(hashes),
        )
        return [Arrival(**row) for row in rows]

    async def take_arrival(self, output_id: str, transfer_id: TransferId) -> None:
        """Note that an arrival is a transfer's."""
        rows = await self._store.fetch(
            """
            UPDATE kept_outputs SET state = 'credited', settled_by = $2
            WHERE output_id = $1 AND state = 'kept' AND reason = 'from_chain' RETURNING output_id
            """,
            output_id,
            transfer_id,
        )
        if not rows:
            raise InvariantBroken("arrival_taken_twice", output=output_id, transfer=transfer_id)

    async def _fetch(self, rest: str, *args: object) -> list[TreasuryTransfer]:
        rows = await self._store.fetch(f"SELECT {_COLUMNS} FROM treasury_transfers {rest}", *args)  # noqa: S608 - fixed
        return [_transfer(row) for row in rows]


_ENTRY = "id, place, coin, network, said_network, address, tag, state, seen_at, approved_by"
_USED_FIRST = "array_position(ARRAY['proven', 'approved', 'frozen', 'proposed'], state), seen_at, id"


def _entry(row: dict[str, Any]) -> AddressEntry:
    return AddressEntry(
        id=row["id"],
        place=row["place"],
        coin=Coin(row["coin"]),
        network=row["network"],
        said=ChainAddress(row["said_network"], row["address"], row["tag"]),
        state=AddressState(row["state"]),
        seen_at=row["seen_at"],
        approved_by=UserId(row["approved_by"]) if row["approved_by"] else None,
    )


class PostgresAddressBook:
    """The addresses table, as ``domain.ports.transfers.AddressBook``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, entry: AddressEntry) -> None:
        """Store a fresh proposal."""
        await self._store.execute(
            """
            INSERT INTO treasury_addresses
                (id, place, coin, network, said_network, address, tag, state, seen_at, changed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            """,
            entry.id,
            entry.place,
            entry.coin,
            entry.network,
            entry.said.network,
            entry.said.address,
            entry.said.tag,
            entry.state,
            entry.seen_at,
        )

    async def get(self, entry_id: str) -> AddressEntry:
        """Return an entry."""
        rows = await self._fetch("WHERE id = $1", entry_id)
        if not rows:
            raise Refused("address_unknown", id=entry_id)
        return rows[0]

    async def all(self) -> Sequence[AddressEntry]:
        """Return what is not dropped, by place, coin and network, what is used first."""
        return await self._fetch(f"WHERE state <> 'dropped' ORDER BY place, coin, network, {_USED_FIRST}")

    async def of(self, place: str, coin: Coin, network: str) -> Sequence[AddressEntry]:
        """Return what is not dropped of one place, coin and network, what is used first."""
        return await self._fetch(
            f"WHERE place = $1 AND coin = $2 AND network = $3 AND state <> 'dropped' ORDER BY {_USED_FIRST}",
            place,
            coin,
            network,
        )

    async def save(self, entry: AddressEntry, was: AddressState, by: UserId | None, at: datetime) -> bool:
        """Move an entry if it still is in the state ``was``; return whether it was."""
        rows = await self._store.fetch(
            """
            UPDATE treasury_addresses
            SET state = $3, approved_by = coalesce($4, approved_by), changed_at = $5
            WHERE id = $1 AND state = $2 RETURNING id
            """,
            entry.id,
            was,
            entry.state,
            by,
            at,
        )
        return bool(rows)

    async def _fetch(self, rest: str, *args: object) -> list[AddressEntry]:
        rows = await self._store.fetch(f"SELECT {_ENTRY} FROM treasury_addresses {rest}", *args)  # noqa: S608 - fixed
        return [_entry(row) for row in rows]
