"""Rounds of comparing in Postgres, as ``domain.ports.reconciliation.ReconciliationStore``."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.ids import AssetId, UserId, VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair, Side
from domain.market.orders import Fill
from domain.money import ZERO, Coin, plain
from domain.ports.reconciliation import Standing
from domain.reconciliation.in_wallet import Spending, WalletBooks
from domain.reconciliation.model import InFlight, Line, Outcome, Round, Stray, StrayOrder

_ADD = """
    INSERT INTO reconciliations (scope, at, outcome, looks, deep, fills_seq, asked, lines, strays)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_LAST = """
    SELECT * FROM reconciliations WHERE scope = $1 AND outcome <> 'moving' ORDER BY id DESC LIMIT 1
"""
_DEEP = "SELECT at FROM reconciliations WHERE scope = $1 AND deep ORDER BY id DESC LIMIT 1"
_STANDINGS = """
    SELECT r.*, a.fine_at FROM reconciliation_ages a
    JOIN LATERAL (SELECT * FROM reconciliations WHERE scope = a.scope ORDER BY id DESC LIMIT 1) r ON true
    ORDER BY a.scope
"""
_ASK = "INSERT INTO reconciliation_requests (asked_by) VALUES ($1) RETURNING id"
_ASKED = "SELECT coalesce(max(id), 0) AS id FROM reconciliation_requests"
_WALLET = """
    SELECT
        (SELECT coalesce(jsonb_object_agg(a.owner, b.total::text), '{}')
         FROM accounts a JOIN balances b ON b.account_id = a.id JOIN tokens t ON t.asset_id = a.owner
         WHERE a.kind = 'mixin') AS totals,
        (SELECT coalesce(jsonb_object_agg(k.asset_id, k.amount::text), '{}') FROM (
             SELECT asset_id, sum(amount) AS amount FROM kept_outputs JOIN tokens USING (asset_id)
             WHERE NOT booked AND state IN ('kept', 'refunding') GROUP BY asset_id
         ) k) AS unbooked,
        (SELECT coalesce(jsonb_agg(jsonb_build_array(
             p.id, p.asset_id,
             CASE WHEN p.settled THEN '{}' ELSE p.inputs END,
             CASE WHEN p.settled THEN 0 ELSE p.returned END::text,
             CASE WHEN p.settled THEN p.due ELSE 0 END::text) ORDER BY p.id, p.asset_id), '[]')
         FROM (
             SELECT p.id, p.asset_id, p.state = 'done' AS settled, i.inputs, p.change AS due,
                    CASE WHEN p.change_output IS NULL THEN 0 ELSE p.change END AS returned
             FROM payouts p, LATERAL (
                 SELECT coalesce(jsonb_object_agg(o.output_id, o.amount::text), '{}') AS inputs
                 FROM reservations r JOIN outputs o USING (output_id)
                 WHERE r.payout_id = p.id AND o.asset_id = p.asset_id
             ) i
             WHERE p.state IN ('signed', 'sent')
                OR (p.state = 'done' AND p.change > 0 AND p.change_output IS NULL)
             UNION ALL
             SELECT p.id, p.fee_asset_id, p.state = 'done', i.inputs,
                    i.total - p.network_fee - b.total, b.total
             FROM payouts p, LATERAL (
                 SELECT coalesce(jsonb_object_agg(o.output_id, o.amount::text), '{}') AS inputs,
                        coalesce(sum(o.amount), 0) AS total
                 FROM reservations r JOIN outputs o USING (output_id)
                 WHERE r.payout_id = p.id AND o.asset_id = p.fee_asset_id
             ) i, LATERAL (
                 SELECT coalesce(sum(amount), 0) AS total FROM outputs
                 WHERE transaction_hash = p.fee_hash AND kind = 'change'
             ) b
             WHERE p.fee_hash <> '' AND (p.state IN ('signed', 'sent')
                OR (p.state = 'done' AND i.total - p.network_fee > b.total))
         ) p JOIN tokens USING (asset_id)) AS spending
"""
_ROUNDED = """
    SELECT * FROM fills WHERE account = $1 AND seq > $2
        AND (trunc(quantity, 8), trunc(quote_quantity, 8), trunc(fee, 8)) <> (quantity, quote_quantity, fee)
    ORDER BY seq
"""
_NEWEST = "SELECT coalesce(max(seq), $2) AS seq FROM fills WHERE account = $1 AND seq > $2"
_UNSAID = """
    SELECT * FROM fills f WHERE account = $1 AND at >= $2 AND NOT fee_known
        AND NOT EXISTS (
            SELECT FROM fill_versions v
            WHERE (v.account, v.base, v.quote, v.trade_id) = (f.account, f.base, f.quote, f.trade_id)
                AND (v.fee_known OR v.kind = 'bust')
        )
    ORDER BY seq
"""
_FEE_COINS = """
    SELECT DISTINCT fee_coin FROM fills
    WHERE account = $1 AND seq > (SELECT max(seq) FROM fills) - 2000 AND fee_coin NOT IN (base, quote)
"""


class PostgresReconciliations:
    """Rounds, and what they read."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, found: Round) -> None:
        """Store a round."""
        await self._store.execute(
            _ADD,
            found.scope,
            found.at,
            found.outcome,
            found.looks,
            found.deep,
            found.fills_seq,
            found.asked,
            json.dumps([_line_row(line) for line in found.lines]),
            json.dumps([[stray.kind, stray.client_order_id] for stray in found.strays]),
        )

    async def last(self, scope: Scope) -> Round | None:
        """Return the newest round of a place in which something could be seen."""
        rows = await self._store.fetch(_LAST, scope)
        return _round(rows[0]) if rows else None

    async def deep_at(self, scope: Scope) -> datetime | None:
        """Return when the trades of two days were read again last, ``None`` when they never were."""
        rows = await self._store.fetch(_DEEP, scope)
        return rows[0]["at"] if rows else None

    async def standings(self) -> Sequence[Standing]:
        """Return how every place stands that was ever looked at, by its name."""
        return [Standing(_round(row), row["fine_at"]) for row in await self._store.fetch(_STANDINGS)]

    async def ask(self, by: UserId) -> int:
        """Note that somebody wants a round of every place now; return the number of their word."""
        return int((await self._store.fetch(_ASK, by, writes=True))[0]["id"])

    async def asked(self) -> int:
        """Return the number of the newest word, zero when there was none."""
        return int((await self._store.fetch(_ASKED))[0]["id"])

    async def wallet_books(self) -> WalletBooks:
        """Return what the books say of the wallet's approved tokens, as of one instant."""
        [row] = await self._store.fetch(_WALLET)
        return WalletBooks(
            _amounts(row["totals"]),
            tuple(_spending(*each) for each in json.loads(row["spending"])),
            _amounts(row["unbooked"]),
        )

    async def rounded_fills(self, account: VenueAccountName, seq: int) -> tuple[Sequence[Fill], int]:
        """Return fills after a number that were told in no whole units, and the newest fill's number."""
        [newest] = await self._store.fetch(_NEWEST, account, seq)
        rows = await self._store.fetch(_ROUNDED, account, seq)
        return [_fill(row) for row in rows], int(newest["seq"])

    async def unsaid_fees(self, account: VenueAccountName, since: datetime) -> Sequence[Fill]:
        """Return the fills since an instant whose fee the venue has not said yet."""
        return [_fill(row) for row in await self._store.fetch(_UNSAID, account, since)]

    async def fee_coins(self, account: VenueAccountName) -> set[Coin]:
        """Return the coins outside their pairs in which fees of the latest fills were taken."""
        return {Coin(row["fee_coin"]) for row in await self._store.fetch(_FEE_COINS, account)}

    async def contradictions(self) -> Sequence[str]:
        """Return where the ledger's own figures contradict each other: nothing, ever."""
        faults = await PostgresLedger(self._store).faults()
        return [f"{each.rule} {each.subject}: {each.expected}, {each.found}" for each in faults]


def _amounts(text: str) -> dict[AssetId, Decimal]:
    return {AssetId(name): Decimal(amount) for name, amount in sorted(json.loads(text).items())}


def _spending(payout_id: str, asset_id: str, inputs: dict[str, str], returned: str, due: str) -> Spending:
    taken = {name: Decimal(amount) for name, amount in inputs.items()}
    return Spending(payout_id, AssetId(asset_id), taken, Decimal(returned), Decimal(due))


def _line_row(line: Line) -> dict[str, object]:
    explained = [[e.id, plain(e.least), plain(e.most)] for e in line.explained]
    return {
        "coin": line.coin,
        "asset_id": line.asset_id,
        "ledger": plain(line.ledger),
        "outside": plain(line.outside),
        "unexplained": plain(line.unexplained),
        "explained": explained,
        "tolerance": plain(line.tolerance),
        "since": line.since.isoformat() if line.since else None,
    }


def _line(row: Mapping[str, Any]) -> Line:
    coin, asset_id = Coin(row["coin"]), row["asset_id"]
    return Line(
        coin=coin,
        ledger=Decimal(row["ledger"]),
        outside=Decimal(row["outside"]),
        asset_id=asset_id,
        explained=tuple(
            InFlight(e[0], coin, Decimal(e[1]), Decimal(e[2]), asset_id) for e in row["explained"]
        ),
        tolerance=Decimal(row["tolerance"]),
        since=datetime.fromisoformat(row["since"]) if row["since"] else None,
    )


def _round(row: Mapping[str, Any]) -> Round:
    return Round(
        scope=Scope(row["scope"]),
        at=row["at"],
        lines=tuple(_line(line) for line in json.loads(row["lines"])),
        strays=tuple(StrayOrder(Stray(kind), name) for kind, name in json.loads(row["strays"])),
        looks=row["looks"],
        deep=row["deep"],
        fills_seq=row["fills_seq"],
        asked=row["asked"],
        moving=row["outcome"] == Outcome.MOVING,
    )


def _fill(row: Mapping[str, Any]) -> Fill:
    return Fill(
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        client_order_id="",
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        side=Side(row["side"]),
        price=row["price"],
        quantity=row["quantity"],
        quote_quantity=row["quote_quantity"],
        fee=row["fee"] or ZERO,
        fee_coin=Coin(row["fee_coin"]),
        maker=row["maker"],
        at=row["at"],
        fee_known=row["fee_known"],
    )
