"""Fills, orphans and cursors in Postgres, as ``domain.ports.orders.FillStore``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent
from domain.market.runs import FillTotals
from domain.money import Coin
from domain.ports.orders import Booked, Charge, Cursor, Orphan, Version

_FILL_TYPES = (
    "$2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::numeric[], "
    "$9::numeric[], $10::numeric[], $11::text[], $12::bool[], $13::timestamptz[], $14::bool[]"
)
_FILL_COLUMNS = (
    "base, quote, trade_id, order_id, side, price, quantity, quote_quantity, fee, fee_coin, maker, at, "
    "fee_known"
)
_ADD = f"""
    INSERT INTO fills (account, {_FILL_COLUMNS}, intent_id, run_id)
    SELECT $1, {_FILL_COLUMNS}, intent_id, run_id
    FROM unnest({_FILL_TYPES}, $15::text[], $16::text[]) AS g ({_FILL_COLUMNS}, intent_id, run_id)
    ON CONFLICT (account, base, quote, trade_id) DO NOTHING
    RETURNING trade_id
"""  # noqa: S608 - put together from constants
_ADD_ORPHANS = f"""
    INSERT INTO orphan_trades (account, {_FILL_COLUMNS}, client_order_id, seen_at)
    SELECT $1, {_FILL_COLUMNS}, client_order_id, $16
    FROM unnest({_FILL_TYPES}, $15::text[]) AS g ({_FILL_COLUMNS}, client_order_id)
    ON CONFLICT (account, base, quote, trade_id) DO NOTHING
"""  # noqa: S608 - put together from constants
_KNOWN = """
    SELECT trade_id FROM fills WHERE account = $1 AND base = $2 AND quote = $3 AND trade_id = ANY ($4::text[])
    UNION ALL
    SELECT trade_id FROM orphan_trades
    WHERE account = $1 AND base = $2 AND quote = $3 AND trade_id = ANY ($4::text[])
"""
_TOTALS = """
    SELECT run_id, count(*) AS fills, sum(quote_quantity) AS volume,
           coalesce(sum(quantity) FILTER (WHERE side = 'buy'), 0) AS bought,
           coalesce(sum(quantity) FILTER (WHERE side = 'sell'), 0) AS sold
    FROM fills_now WHERE run_id = ANY ($1::text[]) AND NOT busted GROUP BY run_id
"""
_BOOKED_SINCE = """
    SELECT *, '' AS client_order_id FROM fills_now
    WHERE account = $1 AND base = $2 AND quote = $3 AND at >= $4 ORDER BY at, seq
"""
_UNKNOWN_FEE = """
    SELECT min(f.at) AS at FROM fills f
    WHERE f.account = $1 AND f.base = $2 AND f.quote = $3 AND f.at >= $4 AND NOT f.fee_known
        AND NOT EXISTS (
            SELECT FROM fill_versions v
            WHERE (v.account, v.base, v.quote, v.trade_id) = (f.account, f.base, f.quote, f.trade_id)
                AND (v.fee_known OR v.kind = 'bust')
        )
"""
_UNKNOWN_FEES = """
    SELECT count(*) AS fills FROM fills_now WHERE run_id = $1 AND NOT fee_known AND NOT busted
"""
_ADD_VERSION = """
    INSERT INTO fill_versions (account, base, quote, trade_id, version, kind, price, quantity, quote_quantity,
                               fee, fee_coin, fee_known, borne)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_ADD_CHARGE = """
    INSERT INTO fee_charges (account, base, quote, trade_id, version, run_id, coin, fee, price, charged,
                             state)
    SELECT $1, *, CASE WHEN price IS NULL THEN 'waiting' ELSE 'charged' END
    FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::numeric[],
                $9::numeric[], $10::numeric[])
        AS g (base, quote, trade_id, version, run_id, coin, fee, price, charged)
"""
_CHARGES = "SELECT * FROM fee_charges WHERE account = $1 AND"
_SETTLE_CHARGE = """
    UPDATE fee_charges SET state = 'charged', price = $6, charged = $7
    WHERE account = $1 AND base = $2 AND quote = $3 AND trade_id = $4 AND version = $5 AND state = 'waiting'
"""
_FORGO_CHARGES = """
    UPDATE fee_charges SET state = 'forgone'
    WHERE run_id = $1 AND base = $2 AND quote = $3 AND state = 'waiting' AND $4 IN ('', trade_id)
"""
_OPEN_ORDERS = """
    SELECT run_id, count(*) AS orders FROM order_intents
    WHERE run_id = ANY ($1::text[]) AND NOT settled
        AND state IN ('prepared', 'sending', 'unknown', 'open', 'partial')
    GROUP BY run_id
"""
_SAVE_CURSOR = """
    INSERT INTO trade_cursors (account, base, quote, trade_id, since) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account, base, quote) DO UPDATE SET (trade_id, since) = (excluded.trade_id, excluded.since)
"""


class PostgresFills:
    """Fills, orphans and cursors of venue accounts."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add_all(
        self, account: VenueAccountName, fills: Sequence[tuple[Fill, Intent | None]]
    ) -> Sequence[str]:
        """Store fills that are not stored yet; return their trade ids."""
        if not fills:
            return []
        rows = [
            (*_row(fill), intent.id if intent else None, intent.run_id if intent else None)
            for fill, intent in fills
        ]
        added = await self._store.fetch(_ADD, account, *map(list, zip(*rows, strict=True)))
        return [row["trade_id"] for row in added]

    async def known(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> set[str]:
        """Return which of these trades are stored, as fills or as orphans."""
        rows = await self._store.fetch(_KNOWN, account, pair.base, pair.quote, list(trade_ids))
        return {row["trade_id"] for row in rows}

    async def booked_since(self, account: VenueAccountName, pair: Pair, since: datetime) -> Sequence[Booked]:
        """Return the fills of a pair from an instant on, as last described, oldest first."""
        rows = await self._store.fetch(_BOOKED_SINCE, account, pair.base, pair.quote, since)
        return [Booked(_fill(row), row["version"], row["run_id"], row["busted"]) for row in rows]

    async def unknown_fee_since(
        self, account: VenueAccountName, pair: Pair, since: datetime
    ) -> datetime | None:
        """Return when the oldest fill after an instant traded whose fee the venue has not said yet."""
        rows = await self._store.fetch(_UNKNOWN_FEE, account, pair.base, pair.quote, since)
        at: datetime | None = rows[0]["at"]
        return at

    async def unknown_fees(self, run_id: RunId) -> int:
        """Return of how many fills of a run the venue has not said the fee yet."""
        return int((await self._store.fetch(_UNKNOWN_FEES, run_id))[0]["fills"])

    async def add_version(self, account: VenueAccountName, version: Version) -> None:
        """Store what the venue says of a trade now."""
        fill = version.fill
        await self._store.execute(
            _ADD_VERSION,
            *(account, fill.pair.base, fill.pair.quote, fill.trade_id, version.version, version.kind),
            *(fill.price, fill.quantity, fill.quote_quantity, fill.fee, fill.fee_coin, fill.fee_known),
            version.borne,
        )

    async def add_charges(self, account: VenueAccountName, charges: Sequence[Charge]) -> None:
        """Store what fees in a third coin cost; one without a price waits for it."""
        if charges:
            columns = zip(*map(_charge_row, charges), strict=True)
            await self._store.execute(_ADD_CHARGE, account, *map(list, columns))

    async def charges(self, account: VenueAccountName, pair: Pair, trade_id: str) -> Sequence[Charge]:
        """Return what the fees of a fill cost its run, by version; those given up are left out."""
        of_fill = (
            f"{_CHARGES} base = $2 AND quote = $3 AND trade_id = $4 AND state <> 'forgone' ORDER BY version"
        )
        return [
            _charge(row) for row in await self._store.fetch(of_fill, account, pair.base, pair.quote, trade_id)
        ]

    async def waiting_charges(self, account: VenueAccountName) -> Sequence[Charge]:
        """Return the charges that wait for a price, oldest first."""
        waiting = f"{_CHARGES} state = 'waiting' ORDER BY noted_at, trade_id, version"
        return [_charge(row) for row in await self._store.fetch(waiting, account)]

    async def settle_charge(self, account: VenueAccountName, charge: Charge) -> bool:
        """Note price and charge of one that waited; return whether it still did."""
        key = (account, charge.pair.base, charge.pair.quote, charge.trade_id, charge.version)
        return await self._store.execute(_SETTLE_CHARGE, *key, charge.price, charge.charged) == 1

    async def forgo_charges(self, run_id: RunId, pair: Pair, trade_id: str = "") -> int:
        """Give up what waits for a price, of one fill or of the whole run; return how many did."""
        return await self._store.execute(_FORGO_CHARGES, run_id, pair.base, pair.quote, trade_id)

    async def add_orphans(self, account: VenueAccountName, fills: Sequence[Fill], seen_at: datetime) -> None:
        """Store fills whose order is not known yet."""
        if not fills:
            return
        rows = [(*_row(fill), fill.client_order_id) for fill in fills]
        await self._store.execute(_ADD_ORPHANS, account, *map(list, zip(*rows, strict=True)), seen_at)

    async def orphans(self, account: VenueAccountName) -> Sequence[Orphan]:
        """Return the fills still without an order, oldest first."""
        rows = await self._store.fetch(
            "SELECT * FROM orphan_trades WHERE account = $1 ORDER BY at, trade_id", account
        )
        return [Orphan(_fill(row), row["seen_at"]) for row in rows]

    async def remove_orphans(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> None:
        """Forget orphans that found their place."""
        gone = """
            DELETE FROM orphan_trades
            WHERE account = $1 AND base = $2 AND quote = $3 AND trade_id = ANY ($4::text[])
        """
        await self._store.execute(gone, account, pair.base, pair.quote, list(trade_ids))

    async def cursors(self, account: VenueAccountName) -> Mapping[Pair, Cursor]:
        """Return how far each pair's fills have been read."""
        rows = await self._store.fetch(
            "SELECT * FROM trade_cursors WHERE account = $1 ORDER BY base, quote", account
        )
        return {
            Pair(Coin(row["base"]), Coin(row["quote"])): Cursor(row["trade_id"], row["since"]) for row in rows
        }

    async def save_cursor(self, account: VenueAccountName, pair: Pair, cursor: Cursor) -> None:
        """Store how far a pair's fills have been read."""
        await self._store.execute(_SAVE_CURSOR, account, pair.base, pair.quote, cursor.trade_id, cursor.since)

    async def totals(self, run_ids: Sequence[RunId]) -> Mapping[RunId, FillTotals]:
        """Return what runs have traded; a run without fills is left out."""
        rows = await self._store.fetch(_TOTALS, list(run_ids))
        return {
            RunId(row["run_id"]): FillTotals(row["fills"], row["volume"], row["bought"], row["sold"])
            for row in rows
        }

    async def open_orders(self, run_ids: Sequence[RunId]) -> Mapping[RunId, int]:
        """Return how many orders of runs may be on the book; a run without is left out."""
        rows = await self._store.fetch(_OPEN_ORDERS, list(run_ids))
        return {RunId(row["run_id"]): row["orders"] for row in rows}


def _row(fill: Fill) -> tuple[object, ...]:
    return (
        *(fill.pair.base, fill.pair.quote, fill.trade_id, fill.order_id, fill.side, fill.price),
        *(fill.quantity, fill.quote_quantity, fill.fee, fill.fee_coin, fill.maker, fill.at),
        fill.fee_known,
    )


def _charge_row(charge: Charge) -> tuple[object, ...]:
    return (
        *(charge.pair.base, charge.pair.quote, charge.trade_id, charge.version, charge.run_id, charge.coin),
        *(charge.fee, charge.price, charge.charged),
    )


def _charge(row: dict[str, Any]) -> Charge:
    return Charge(
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        trade_id=row["trade_id"],
        version=row["version"],
        run_id=RunId(row["run_id"]),
        coin=Coin(row["coin"]),
        fee=row["fee"],
        price=row["price"],
        charged=row["charged"],
    )


def _fill(row: dict[str, Any]) -> Fill:
    return Fill(
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        side=Side(row["side"]),
        price=row["price"],
        quantity=row["quantity"],
        quote_quantity=row["quote_quantity"],
        fee=row["fee"],
        fee_coin=Coin(row["fee_coin"]),
        maker=row["maker"],
        at=row["at"],
        fee_known=row["fee_known"],
    )
