"""Conversions in Postgres, as ``domain.ports.conversions``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.conversions.model import Conversion, ConversionState
from domain.ids import RunId, UserId, VenueAccountName
from domain.market.model import Pair, Side
from domain.money import Coin

_SELECT = """
    SELECT c.*, coalesce(s.trading_bps, 0) AS fee_bps
    FROM conversions c LEFT JOIN fee_schedules s ON s.version = c.fee_version
"""
_ADD = """
    INSERT INTO conversions (id, user_id, number, leaves, account, base, quote, side, resting, worst, amount,
                             quantity, patience_s, fee_version, state, created_at, began_at)
    SELECT $1, $2::varchar, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
           $15, $16
    FROM conversions WHERE user_id = $2::varchar
    RETURNING number
"""
_END = """
    UPDATE conversions SET state = 'done', reason = CASE reason WHEN '' THEN $2 ELSE reason END,
        spent = $3, received = $4, ended_at = $5
    WHERE id = $1 AND state = 'finishing'
"""


class PostgresConversions:
    """The conversions table."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, conversion: Conversion) -> Conversion:
        """Store a new conversion; return it with the person's next number."""
        async with self._store.transaction():
            # one new conversion of a person at a time: numbers have no gaps
            await self._store.fetch(
                "SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE", conversion.user_id, writes=True
            )
            rows = await self._store.fetch(
                _ADD,
                conversion.id,
                conversion.user_id,
                conversion.leaves,
                conversion.account,
                conversion.pair.base,
                conversion.pair.quote,
                conversion.side,
                conversion.resting,
                conversion.worst,
                conversion.amount,
                conversion.quantity,
                int(conversion.patience.total_seconds()),
                conversion.fee_version,
                conversion.state,
                conversion.created_at,
                conversion.began_at,
                writes=True,
            )
        return replace(conversion, number=rows[0]["number"])

    async def find(self, user_id: UserId, number: int) -> Conversion | None:
        """Return a person's conversion by its number."""
        if not 0 < number < 2**31:
            return None
        found = await self._conversions("WHERE c.user_id = $1 AND c.number = $2", user_id, number)
        return found[0] if found else None

    async def list(self, user_id: UserId, limit: int) -> Sequence[Conversion]:
        """Return a person's conversions, those that are not done first, then the newest first."""
        order = "ORDER BY c.state = 'done', c.number DESC LIMIT $2"
        return await self._conversions(f"WHERE c.user_id = $1 {order}", user_id, limit)

    async def going(self) -> Sequence[Conversion]:
        """Return the conversions of all people that are WAITING or CONVERTING, by id."""
        return await self._conversions("WHERE c.state IN ('waiting', 'converting') ORDER BY c.id")

    async def of(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Conversion]:
        """Return the conversions that these runs carry, by id."""
        found = await self._conversions("WHERE c.id = ANY ($1::text[])", list(run_ids))
        return {conversion.id: conversion for conversion in found}

    async def leaving(self, run_id: RunId) -> Conversion | None:
        """Return the conversion that WAITS for a run's coins, locked."""
        found = await self._conversions(
            "WHERE c.leaves = $1 AND c.state = 'waiting' FOR NO KEY UPDATE OF c", run_id
        )
        return found[0] if found else None

    async def begin(self, conversion_id: RunId, amount: Decimal, at: datetime) -> None:
        """Give a waiting conversion its coins."""
        begun = "UPDATE conversions SET state = 'converting', amount = $2, began_at = $3 WHERE id = $1"
        await self._store.execute(begun, conversion_id, amount, at)

    async def finish(self, conversion_id: RunId, reason: str) -> bool:
        """Let a CONVERTING one send nothing more; return whether it was."""
        finished = """
            UPDATE conversions SET state = 'finishing', reason = $2 WHERE id = $1 AND state = 'converting'
        """
        return await self._store.execute(finished, conversion_id, reason) == 1

    async def end(
        self, conversion_id: RunId, reason: str, spent: Decimal, received: Decimal, at: datetime
    ) -> bool:
        """Note what became of one that is FINISHING; return whether it was."""
        return await self._store.execute(_END, conversion_id, reason, spent, received, at) == 1

    async def call_off(self, conversion_id: RunId, reason: str, at: datetime) -> bool:
        """End one that WAITS; return whether it did."""
        ended = """
            UPDATE conversions SET state = 'done', reason = $2, ended_at = $3
            WHERE id = $1 AND state = 'waiting'
        """
        return await self._store.execute(ended, conversion_id, reason, at) == 1

    async def _conversions(self, where: str, *args: object) -> Sequence[Conversion]:
        return [_conversion(row) for row in await self._store.fetch(f"{_SELECT} {where}", *args)]


def _conversion(row: dict[str, Any]) -> Conversion:
    return Conversion(
        id=RunId(row["id"]),
        number=row["number"],
        user_id=UserId(row["user_id"]),
        leaves=RunId(row["leaves"]) if row["leaves"] else None,
        account=VenueAccountName(row["account"]),
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        side=Side(row["side"]),
        resting=row["resting"],
        worst=row["worst"],
        amount=row["amount"],
        quantity=row["quantity"],
        patience=timedelta(seconds=row["patience_s"]),
        fee_version=row["fee_version"],
        fee_bps=row["fee_bps"],
        created_at=row["created_at"],
        state=ConversionState(row["state"]),
        reason=row["reason"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        spent=row["spent"],
        received=row["received"],
    )
