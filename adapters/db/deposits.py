"""Incoming money in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.db.kept import lock_kept
from adapters.db.store import PostgresStore
from domain.ids import AssetId, UserId
from domain.money import Coin, Token
from domain.ports.deposits import Classified, DepositIntent, SmallChange, WaitingDeposit
from domain.ports.wallet import WalletOutput


def storable(text: str) -> str:
    """Return a sender's text without what Postgres cannot keep: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _intent(row: dict[str, Any]) -> DepositIntent:
    return DepositIntent(
        id=row["id"],
        user_id=UserId(row["user_id"]),
        token=Token(AssetId(row["asset_id"]), Coin(row["coin"]), row["network"]),
        amount=row["amount"],
        trace=row["trace"],
        pay_link=row["pay_link"],
        created_at=row["created_at"],
        fee_version=row["fee_version"],
    )


class PostgresDeposits:
    """Intents and outputs, as ``domain.ports.deposits.DepositStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add_intent(self, intent: DepositIntent) -> None:
        """Store a fresh intent."""
        await self._store.execute(
            """
            INSERT INTO deposit_intents
                (id, user_id, asset_id, coin, network, amount, trace, pay_link, created_at, fee_version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            intent.id,
            intent.user_id,
            intent.token.asset_id,
            intent.token.coin,
            intent.token.network,
            intent.amount,
            intent.trace,
            intent.pay_link,
            intent.created_at,
            intent.fee_version,
        )

    async def pay_intent(self, trace: str, output_id: str) -> DepositIntent | None:
        """Note which output paid the intent with this trace, and return it; ``None`` when none is unpaid."""
        rows = await self._store.fetch(
            "UPDATE deposit_intents SET paid_by = $2 WHERE trace = $1 AND paid_by IS NULL RETURNING *",
            trace,
            output_id,
        )
        return _intent(rows[0]) if rows else None

    async def cursor(self, overlap: int) -> int:
        """Return the sequence number to read on from, so many outputs before the last stored one.

        It is derived from the rows, so it cannot disagree with them; since outputs are stored in order, every
        one that Mixin had listed up to the highest is there.
        """
        rows = await self._store.fetch(
            """
            SELECT CASE WHEN count(*) < $1 THEN 0 ELSE min(sequence) END AS sequence
            FROM (SELECT sequence FROM outputs ORDER BY sequence DESC LIMIT $1) AS latest
            """,
            overlap,
        )
        return int(rows[0]["sequence"])

    async def hashes(self, output_ids: Sequence[str]) -> dict[str, str]:
        """Return the immutable hashes of those outputs that are stored."""
        rows = await self._store.fetch(
            "SELECT output_id, immutable_hash FROM outputs WHERE output_id = ANY($1::text[])",
            list(output_ids),
        )
        return {row["output_id"]: row["immutable_hash"] for row in rows}

    async def add_output(self, classified: Classified, at: datetime) -> bool:
        """Store an output, which moves the cursor; return ``False`` when it is stored already.

        Change is noted at the payout it came back from.
        """
        output = classified.output
        rows = await self._store.fetch(
            """
            INSERT INTO outputs
                (output_id, sequence, transaction_hash, output_index, asset_id, amount, sender, memo,
                 request_id, inscription, spent_before, created_at, immutable_hash, kind, reason,
                 recorded_at, deposit_hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            ON CONFLICT (output_id) DO NOTHING RETURNING output_id
            """,
            output.output_id,
            output.sequence,
            output.transaction_hash,
            output.output_index,
            output.asset_id,
            output.amount,
            output.sender,
            storable(output.memo),
            storable(output.request_id),
            output.inscription,
            output.spent,
            output.created_at,
            output.immutable_hash,
            classified.kind,
            classified.reason,
            at,
            storable(output.deposit_hash),
        )
        if rows and classified.kind == "change":
            await self._store.execute(
                "UPDATE payouts SET change_output = $2 WHERE transaction_hash = $1 AND change_output IS NULL",
                output.transaction_hash,
                output.output_id,
            )
        if rows and classified.kept:
            await self._store.execute(
                """
                INSERT INTO kept_outputs (output_id, sender, asset_id, amount, reason, booked, state)
                VALUES ($1, $2, $3, $4, $5, $6, 'kept')
                """,
                output.output_id,
                output.sender,
                output.asset_id,
                output.amount,
                classified.reason,
                classified.kind == "suspense",
            )
        return bool(rows)

    async def await_final(self, output: WalletOutput, at: datetime) -> None:
        """Note that a deposit that was seen is not final yet: nothing pays with it until it is."""
        await self._store.execute(
            """
            INSERT INTO pending_deposits (output_id, user_id, state, seen_at)
            VALUES ($1, $2, 'pending', $3)
            """,
            output.output_id,
            output.sender,
            at,
        )

    async def not_final(self, limit: int) -> list[WaitingDeposit]:
        """Return deposits that wait to be final, those seen first at the front."""
        rows = await self._store.fetch(
            """
            SELECT o.output_id, o.transaction_hash, o.output_index, o.asset_id, o.amount, o.sender, o.memo,
                   o.request_id, o.sequence, o.spent_before AS spent, o.inscription, o.created_at,
                   o.immutable_hash, p.seen_at
            FROM pending_deposits p JOIN outputs o USING (output_id)
            WHERE p.state = 'pending' ORDER BY p.seen_at, o.sequence LIMIT $1
            """,
            limit,
        )
        return [WaitingDeposit(seen_at=row.pop("seen_at"), output=WalletOutput(**row)) for row in rows]

    async def is_final(self, output_id: str) -> bool:
        """Note that a deposit is final; return ``False`` when somebody else just did."""
        rows = await self._store.fetch(
            "UPDATE pending_deposits SET state = 'final' WHERE output_id = $1 AND state = 'pending' "
            "RETURNING output_id",
            output_id,
        )
        return bool(rows)

    async def small_change(self, sender: UserId, asset_id: AssetId) -> SmallChange:
        """Return what is kept of payments below the minimum, as the only one who decides about it."""
        await lock_kept(self._store, sender)
        rows = await self._store.fetch(
            """
            SELECT coalesce(sum(k.amount), 0) AS amount, min(o.created_at) AS since
            FROM kept_outputs k JOIN outputs o USING (output_id)
            WHERE k.sender = $1 AND k.asset_id = $2 AND k.state = 'kept' AND k.reason = 'below_minimum'
            """,
            sender,
            asset_id,
        )
        return SmallChange(**rows[0])

    async def add_up(self, sender: UserId, asset_id: AssetId, output_id: str) -> None:
        """Note that all of them are credited, with the output that was enough."""
        await self._store.execute(
            """
            UPDATE kept_outputs SET state = 'credited', settled_by = $3
            WHERE sender = $1 AND asset_id = $2 AND state = 'kept' AND reason = 'below_minimum'
            """,
            sender,
            asset_id,
            output_id,
        )
