"""What a person's runs did, in Postgres, as ``domain.ports.history.HistoryStore``.

Rows are read run by run, each along an index from its newest one backwards: a page costs what it shows, not
what was ever traded. Every statement names the person, whatever the connection may see.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from domain.ids import UserId
from domain.market.history import FeeRow, FillRow, FillState, OrderRow, Row, Subject, Wanted
from domain.market.model import Pair, Side
from domain.money import Coin

_NEWEST = 2**63 - 1


class Reads(Protocol):
    """What can be asked: the store, or a connection that sees one person's rows only."""

    async def fetch(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        ...


_KIND = "CASE r.kind WHEN 'leg' THEN 'strategy' ELSE r.kind END"
"""A leg is the other account of a person's run, and has its number."""
_MY_RUNS = """
    r.user_id = $1 AND ($3::int IS NULL OR (r.number = $3 AND r.kind <> 'conversion'))
    AND ($4::text IS NULL OR (r.base, r.quote) = ($4, $5::text))
"""
_RECENT = "seq < $6 AND ($7::text IS NULL OR side = $7)"
_IN_TIME = ">= coalesce($8::timestamptz, '-infinity') AND {0} < coalesce($9::timestamptz, 'infinity')"
_FILLS = f"""
    SELECT r.number, {_KIND} AS kind, r.base, r.quote, f.* FROM runs r CROSS JOIN LATERAL (
        SELECT f.seq, f.at, f.side, f.maker, f.account, f.order_id, f.trade_id, s.state,
               coalesce(v.price, f.price) AS price, coalesce(v.quantity, f.quantity) AS quantity,
               coalesce(v.quote_quantity, f.quote_quantity) AS quote_quantity,
               CASE WHEN coalesce(v.fee_known, f.fee_known) THEN coalesce(v.fee, f.fee) END AS fee,
               coalesce(v.fee_coin, f.fee_coin) AS fee_coin
        FROM fills f LEFT JOIN LATERAL (
            SELECT * FROM fill_versions v
            WHERE (v.account, v.base, v.quote, v.trade_id) = (f.account, f.base, f.quote, f.trade_id)
            ORDER BY v.version DESC LIMIT 1
        ) v ON true CROSS JOIN LATERAL (
            SELECT CASE WHEN v.version IS NULL THEN '{FillState.BOOKED}'
                        WHEN v.kind = 'bust' THEN '{FillState.BUSTED}'
                        ELSE '{FillState.CORRECTED}' END AS state
        ) s
        WHERE f.run_id = r.id AND f.{_RECENT} AND f.at {_IN_TIME.format("f.at")}
            AND ($10::text IS NULL OR s.state = $10)
        ORDER BY f.seq DESC LIMIT $2
    ) f WHERE {_MY_RUNS} ORDER BY f.seq DESC LIMIT $2
"""  # noqa: S608 - put together from constants
_ORDERS = f"""
    SELECT r.number, {_KIND} AS kind, r.base, r.quote, o.* FROM runs r CROSS JOIN LATERAL (
        SELECT seq, created_at AS at, side, price, quantity, filled, state, post_only, account,
               client_order_id, order_id
        FROM order_intents WHERE run_id = r.id AND {_RECENT} AND created_at {_IN_TIME.format("created_at")}
            AND ($10::text IS NULL OR state = $10)
        ORDER BY seq DESC LIMIT $2
    ) o WHERE {_MY_RUNS} ORDER BY o.seq DESC LIMIT $2
"""  # noqa: S608 - put together from constants
_FEES = f"""
    SELECT r.number, coalesce({_KIND}, '') AS kind, r.base, r.quote, f.seq, f.noted_at AS at, f.fee, f.coin,
           f.basis, f.amount, f.kind || ':' || f.cause AS cause
    FROM service_fees f LEFT JOIN runs r ON r.id = f.run_id
    WHERE f.user_id = $1 AND f.seq < $6 AND f.noted_at {_IN_TIME.format("f.noted_at")}
        AND ($3::int IS NULL OR (r.number = $3 AND r.kind <> 'conversion'))
        AND ($4::text IS NULL OR (r.base, r.quote) = ($4, $5::text))
        AND $7::text IS NULL AND $10::text IS NULL
    ORDER BY f.seq DESC LIMIT $2
"""  # noqa: S608 - put together from constants


class PostgresHistory:
    """Orders, fills and fees, by whose they are."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def page(self, user_id: UserId, wanted: Wanted, most: int) -> Sequence[Row]:
        """Return so many of a person's own rows, the newest first."""
        sql, row_of = _SUBJECTS[wanted.subject]
        pair = wanted.pair
        rows = await self._reads.fetch(
            *(sql, user_id, most, wanted.run, pair and pair.base, pair and pair.quote),
            *(wanted.before or _NEWEST, wanted.side, wanted.since, wanted.until, wanted.state or None),
        )
        return [row_of(row) for row in rows]


def _row(of: type[Row]) -> Callable[[dict[str, Any]], Row]:
    """Return what turns a row of the database into one of ours."""

    def row_of(row: dict[str, Any]) -> Row:
        base, quote = row.pop("base"), row.pop("quote")
        facts = {"run": row.pop("number"), "pair": Pair(Coin(base), Coin(quote)) if base else None, **row}
        if "side" in facts:
            facts["side"] = Side(facts["side"])
        return of(**facts)

    return row_of


_SUBJECTS: dict[Subject, tuple[str, Callable[[dict[str, Any]], Row]]] = {
    Subject.FILLS: (_FILLS, _row(FillRow)),
    Subject.ORDERS: (_ORDERS, _row(OrderRow)),
    Subject.FEES: (_FEES, _row(FeeRow)),
}
