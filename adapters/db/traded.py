"""What was traded lately, in Postgres, as ``domain.ports.tape.TradedStore``."""

from collections.abc import Mapping
from typing import Any

from adapters.db.candles import Database
from domain.market.model import Pair, Side
from domain.market.tape import PublicTrade, Traded
from domain.money import Coin
from domain.ports.tape import Place

_NOTE = """
    INSERT INTO traded
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[],
        $7::numeric[], $8::numeric[], $9::text[], $10::timestamptz[], $11::numeric[], $12::numeric[],
        $13::text[])
    ON CONFLICT (venue, base, quote) DO UPDATE SET
        (since, until, trades, bought, sold, last_id, last_at, last_price, last_quantity, last_taker)
        = (excluded.since, excluded.until, excluded.trades, excluded.bought, excluded.sold, excluded.last_id,
           excluded.last_at, excluded.last_price, excluded.last_quantity, excluded.last_taker)
    WHERE traded.until < excluded.until
"""


class PostgresTraded:
    """The table of what was traded lately."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, told: Mapping[Place, Traded]) -> None:
        """Keep these in place of older ones; what is known to a later instant stays."""
        rows = sorted((_row(place, traded) for place, traded in told.items()), key=lambda row: row[:3])
        if rows:
            await self._database.fetch(_NOTE, *map(list, zip(*rows, strict=True)))

    async def all(self) -> Mapping[Place, Traded]:
        """Return what was told last of each place."""
        rows = await self._database.fetch("SELECT * FROM traded")
        return {_place(row): _traded(row) for row in rows}


def _row(place: Place, told: Traded) -> tuple[Any, ...]:
    venue, pair = place
    last = told.last
    return (
        *(venue, pair.base, pair.quote, told.since, told.until, told.count, told.bought, told.sold),
        *((last.trade_id, last.at, last.price, last.quantity, last.taker) if last else (None,) * 5),
    )


def _place(row: dict[str, Any]) -> Place:
    return row["venue"], Pair(Coin(row["base"]), Coin(row["quote"]))


def _traded(row: dict[str, Any]) -> Traded:
    last = row["last_at"] and PublicTrade(
        row["last_id"], row["last_at"], row["last_price"], row["last_quantity"], Side(row["last_taker"])
    )
    return Traded(row["since"], row["until"], last, row["trades"], row["bought"], row["sold"])
