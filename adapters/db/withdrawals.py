"""Outgoing money in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, UserId, WithdrawalId
from domain.money import Coin, Token
from domain.payouts.inputs import Spendable
from domain.payouts.line import Waiting
from domain.payouts.model import CONSOLIDATING, Payout, PayoutState, Purpose
from domain.payouts.onward import ChainAddress, NetworkFee, Onward
from domain.ports.clock import LONGEST_WAIT

_COLUMNS = """id, purpose, receiver, asset_id, coin, network, amount, fee, state, created_at, due_at,
    attempts, reason, raw, transaction_hash, signed_raw, fee_version, request_id, to_network, to_address,
    to_tag, fee_asset_id, network_fee, fee_hash"""


def payout_of(row: dict[str, Any]) -> Payout:
    """Return the payout in a row."""
    return Payout(
        id=WithdrawalId(row["id"]),
        purpose=Purpose(row["purpose"]),
        receiver=UserId(row["receiver"]),
        token=Token(AssetId(row["asset_id"]), Coin(row["coin"]), row["network"]),
        amount=row["amount"],
        fee=row["fee"],
        state=PayoutState(row["state"]),
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        reason=row["reason"],
        raw=row["raw"],
        transaction_hash=row["transaction_hash"],
        signed_raw=row["signed_raw"],
        fee_version=row["fee_version"],
        request_id=row["request_id"],
        onward=_onward(row),
    )


def _onward(row: dict[str, Any]) -> Onward | None:
    if row["to_address"] is None:
        return None
    to = ChainAddress(row["to_network"], row["to_address"], row["to_tag"])
    return Onward(to, NetworkFee(AssetId(row["fee_asset_id"]), row["network_fee"]), row["fee_hash"])


def _onward_columns(payout: Payout) -> tuple[object, ...]:
    if (onward := payout.onward) is None:
        return (None,) * 5
    to, fee = onward.to, onward.fee
    return to.network, to.address, to.tag, fee.asset_id, fee.amount


class PostgresPayouts:
    """Payouts and reservations, as ``domain.ports.withdrawals.PayoutStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, payout: Payout) -> None:
        """Store a fresh payout."""
        await self._store.execute(
            """
            INSERT INTO payouts (id, purpose, receiver, asset_id, coin, network, amount, fee, state,
                                 request_id, created_at, due_at, fee_version, to_network, to_address,
                                 to_tag, fee_asset_id, network_fee)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
            """,
            payout.id,
            payout.purpose,
            payout.receiver,
            payout.token.asset_id,
            payout.token.coin,
            payout.token.network,
            payout.amount,
            payout.fee,
            payout.state,
            payout.request_id,
            payout.created_at,
            payout.due_at,
            payout.fee_version,
            *(_onward_columns(payout)),
        )

    async def get(self, payout_id: WithdrawalId) -> Payout:
        """Return a payout."""
        rows = await self._store.fetch(f"SELECT {_COLUMNS} FROM payouts WHERE id = $1", payout_id)  # noqa: S608 - fixed names
        if not rows:
            raise Refused("withdrawal_unknown", id=payout_id)
        return payout_of(rows[0])

    async def save(self, payout: Payout, was: PayoutState) -> bool:
        """Store what changed if the row is still in the state ``was``; return whether it was."""
        rows = await self._store.fetch(
            """
            UPDATE payouts SET state = $3, due_at = $4, attempts = $5, reason = $6, raw = $7,
                               transaction_hash = $8, signed_raw = $9, fee_hash = $10
            WHERE id = $1 AND state = $2 RETURNING id
            """,
            payout.id,
            was,
            payout.state,
            payout.due_at,
            payout.attempts,
            payout.reason,
            payout.raw,
            payout.transaction_hash,
            payout.signed_raw,
            payout.onward.fee_hash if payout.onward else "",
        )
        return bool(rows)

    async def due(self, at: datetime, limit: int) -> list[WithdrawalId]:
        """Return payouts that have not ended and are due: of everybody the oldest, then the next."""
        rows = await self._store.fetch(
            """
            SELECT id FROM payouts WHERE state NOT IN ('done', 'refused', 'cancelled')
                AND (due_at <= $1 OR due_at > $3 AND NOT (purpose = 'fees' AND state = 'requested'))
            ORDER BY row_number() OVER (PARTITION BY receiver ORDER BY due_at, id), due_at, id LIMIT $2
            """,
            at,
            limit,
            at + LONGEST_WAIT,
        )
        return [WithdrawalId(row["id"]) for row in rows]

    async def lock_wallet(self, asset_id: AssetId) -> None:
        """Be the only one who chooses outputs of an asset until the ambient transaction ends."""
        await self._store.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"wallet:{asset_id}")

    async def line(self, asset_id: AssetId) -> list[Waiting]:
        """Return what people wait for of an asset, those who asked first at the front; fees stand behind.

        Nobody waits for who is frozen.
        """
        rows = await self._store.fetch(
            """
            SELECT id, amount - fee AS pays, created_at AS since, reason = $2 AS funded FROM payouts p
            WHERE asset_id = $1 AND state = 'waiting' AND purpose NOT IN ('fees', 'transfer') AND NOT EXISTS
            (SELECT FROM freezes f WHERE f.scope = 'user:' || p.receiver AND f.lifted_at IS NULL)
            ORDER BY created_at, id
            """,
            asset_id,
            CONSOLIDATING,
        )
        return [Waiting(**row) for row in rows]

    async def of(self, receiver: UserId, limit: int) -> list[Payout]:
        """Return what a person is or was paid, fees left out: what has not ended, then the newest first."""
        rows = await self._store.fetch(
            f"""
            SELECT {_COLUMNS} FROM payouts WHERE receiver = $1 AND purpose NOT IN ('consolidation', 'fees',
            'transfer') ORDER BY state IN ('done', 'refused', 'cancelled'), created_at DESC, id LIMIT $2
            """,  # noqa: S608 - fixed names
            receiver,
            limit,
        )
        return [payout_of(row) for row in rows]

    async def takings(self, limit: int) -> list[Payout]:
        """Return payouts of fees, the newest first; those that have not ended before all."""
        rows = await self._store.fetch(
            f"""
            SELECT {_COLUMNS} FROM payouts WHERE purpose = 'fees'
            ORDER BY state IN ('done', 'refused', 'cancelled'), created_at DESC, id LIMIT $1
            """,  # noqa: S608 - fixed names
            limit,
        )
        return [payout_of(row) for row in rows]

    async def refused_since(self, since: datetime) -> list[Payout]:
        """Return payouts that were refused, of which signed bytes may have left, created since an instant."""
        rows = await self._store.fetch(
            f"""
            SELECT {_COLUMNS} FROM payouts WHERE state = 'refused' AND signed_raw <> '' AND created_at >= $1
            ORDER BY created_at, id
            """,  # noqa: S608 - fixed names
            since,
        )
        return [payout_of(row) for row in rows]

    async def spendable(self, asset_id: AssetId, most: int) -> list[Spendable]:
        """Return the largest outputs of an asset that no payout has reserved; never an inscription."""
        rows = await self._store.fetch(
            """
            SELECT output_id, amount FROM free_outputs f WHERE asset_id = $1
              AND NOT EXISTS (SELECT FROM pending_deposits p
                              WHERE p.output_id = f.output_id AND p.state = 'pending')
            ORDER BY amount DESC, output_id LIMIT $2
            """,
            asset_id,
            most,
        )
        return [Spendable(row["output_id"], row["amount"]) for row in rows]

    async def free_total(self, asset_id: AssetId) -> Decimal:
        """Return what all outputs of an asset hold that no payout has reserved."""
        rows = await self._store.fetch(
            """
            SELECT coalesce(sum(amount), 0) AS total FROM free_outputs f WHERE asset_id = $1
              AND NOT EXISTS (SELECT FROM pending_deposits p
                              WHERE p.output_id = f.output_id AND p.state = 'pending')
            """,
            asset_id,
        )
        return Decimal(rows[0]["total"])

    async def change_due(self, asset_id: AssetId) -> Decimal:
        """Return what will come back, but has not yet, from payouts that have reserved more than they pay."""
        rows = await self._store.fetch(
            """
            SELECT coalesce(sum(change), 0) AS due FROM payouts
            WHERE asset_id = $1 AND change > 0 AND change_output IS NULL AND state <> 'refused'
            """,
            asset_id,
        )
        return Decimal(rows[0]["due"])

    async def coming(self, asset_id: AssetId) -> Decimal:
        """Return what the treasury is bringing of an asset from venues."""
        rows = await self._store.fetch(
            """
            SELECT coalesce(sum(coalesce(arrives, amount)), 0) AS coming FROM treasury_transfers
            WHERE asset_id = $1 AND direction = 'to_mixin' AND ended_at IS NULL AND state <> 'planned'
            """,
            asset_id,
        )
        return Decimal(rows[0]["coming"])

    async def reserve(self, payout_id: WithdrawalId, output_ids: Sequence[str]) -> None:
        """Reserve outputs for a payout, in this order, and note what change will come back."""
        rows = await self._store.fetch(
            """
            INSERT INTO reservations (output_id, payout_id, position)
            SELECT o.output_id, p.id, wanted.position - 1
            FROM unnest($2::text[]) WITH ORDINALITY AS wanted (output_id, position)
            JOIN payouts p ON p.id = $1
            JOIN outputs o ON o.output_id = wanted.output_id
                          AND o.asset_id IN (p.asset_id, coalesce(p.fee_asset_id, p.asset_id))
                          AND NOT o.inscription AND NOT o.spent_before
            ON CONFLICT (output_id) DO NOTHING RETURNING output_id
            """,
            payout_id,
            list(output_ids),
        )
        if len(rows) != len(output_ids):
            raise InvariantBroken("output_reserved_twice", payout=payout_id)
        await self._store.execute(
            """
            UPDATE payouts p SET change = taken.total
                - CASE p.purpose WHEN 'consolidation' THEN 0 ELSE p.amount - p.fee END
                - CASE p.fee_asset_id WHEN p.asset_id THEN p.network_fee ELSE 0 END
            FROM (SELECT sum(o.amount) AS total FROM reservations r JOIN outputs o USING (output_id)
                  JOIN payouts p ON p.id = r.payout_id AND p.asset_id = o.asset_id
                  WHERE r.payout_id = $1) AS taken
            WHERE p.id = $1
            """,
            payout_id,
        )

    async def inputs(self, payout_id: WithdrawalId, asset_id: AssetId | None = None) -> tuple[str, ...]:
        """Return the outputs a payout has reserved, in order; of one asset, or of all it takes."""
        rows = await self._store.fetch(
            """
            SELECT r.output_id FROM reservations r JOIN outputs o USING (output_id)
            WHERE r.payout_id = $1 AND ($2::text IS NULL OR o.asset_id = $2) ORDER BY r.position
            """,
            payout_id,
            asset_id,
        )
        return tuple(row["output_id"] for row in rows)

    async def end_refund(self, payout_id: WithdrawalId, *, paid: bool) -> None:
        """Note that what a refund was promised is given back, or kept again."""
        await self._store.execute(
            """
            UPDATE kept_outputs SET state = CASE WHEN $2 THEN 'refunded' ELSE 'kept' END,
                                    settled_by = CASE WHEN $2 THEN settled_by ELSE '' END
            WHERE settled_by = $1 AND state = 'refunding'
            """,
            payout_id,
            paid,
        )

    async def crowded(self, most: int) -> Token | None:
        """Return an approved token with at least so many free outputs, of which nothing is being paid.

        Fees that wait hinder nothing; a token that is frozen is left alone.
        """
        rows = await self._store.fetch(
            """
            SELECT t.asset_id, t.coin, t.network FROM tokens t
            WHERE (SELECT count(*) FROM (
                       SELECT FROM free_outputs f WHERE f.asset_id = t.asset_id
                         AND NOT EXISTS (SELECT FROM pending_deposits d
                                         WHERE d.output_id = f.output_id AND d.state = 'pending')
                       LIMIT $1) f) >= $1
              AND NOT EXISTS (SELECT FROM payouts p WHERE p.asset_id = t.asset_id
                              AND p.state NOT IN ('done', 'refused', 'cancelled')
                              AND NOT (p.purpose IN ('fees', 'transfer') AND p.state IN ('requested',
                              'waiting')))
              AND NOT EXISTS (SELECT FROM freezes z WHERE z.scope IN ('instance', 'wallet', t.asset_id)
                              AND z.lifted_at IS NULL)
            ORDER BY t.asset_id LIMIT 1
            """,
            most,
        )
        return Token(**rows[0]) if rows else None

    async def smallest(self, asset_id: AssetId, most: int) -> list[Spendable]:
        """Return the smallest outputs of an asset that no payout has reserved."""
        rows = await self._store.fetch(
            """
            SELECT output_id, amount FROM free_outputs f WHERE asset_id = $1
              AND NOT EXISTS (SELECT FROM pending_deposits p
                              WHERE p.output_id = f.output_id AND p.state = 'pending')
            ORDER BY amount, output_id LIMIT $2
            """,
            asset_id,
            most,
        )
        return [Spendable(row["output_id"], row["amount"]) for row in rows]

    async def give_back(self, payout_id: WithdrawalId) -> None:
        """End the reservations of a refused payout."""
        await self._store.execute("DELETE FROM reservations WHERE payout_id = $1", payout_id)
