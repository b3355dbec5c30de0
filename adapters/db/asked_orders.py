"""Orders asked of other workers, in Postgres, as ``domain.ports.asked_orders.AskedOrderStore``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import AskedOrder
from domain.money import Coin

_ADD = """
    INSERT INTO asked_orders (id, run_id, account, asker, epoch, base, quote, side, price, quantity,
                              post_only, immediate, not_after)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
        $8::text[], $9::numeric[], $10::numeric[], $11::bool[], $12::bool[], $13::timestamptz[])
"""
_WAITING = """
    SELECT * FROM asked_orders a WHERE account = $1 AND not_after > $2
        AND NOT EXISTS (SELECT FROM order_intents i WHERE i.id = a.id)
    ORDER BY seq
"""


class PostgresAskedOrders:
    """The asked_orders table."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add_all(self, asked: Sequence[AskedOrder]) -> None:
        """Store orders that are asked for, in one statement."""
        if asked:
            columns = zip(*(_row(each) for each in asked), strict=True)
            await self._store.execute(_ADD, *map(list, columns))

    async def waiting(self, account: VenueAccountName, now: datetime) -> Sequence[AskedOrder]:
        """Return what is asked of an account, not late yet and not made an intent, oldest first."""
        return [_asked(row) for row in await self._store.fetch(_WAITING, account, now)]


def _row(asked: AskedOrder) -> tuple[object, ...]:
    return (
        *(asked.id, asked.run_id, asked.account, asked.asker, asked.epoch, asked.pair.base, asked.pair.quote),
        *(asked.side, asked.price, asked.quantity, asked.post_only, asked.immediate, asked.not_after),
    )


def _asked(row: dict[str, Any]) -> AskedOrder:
    return AskedOrder(
        id=row["id"],
        run_id=RunId(row["run_id"]),
        account=VenueAccountName(row["account"]),
        asker=VenueAccountName(row["asker"]),
        epoch=row["epoch"],
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        side=Side(row["side"]),
        price=row["price"],
        quantity=row["quantity"],
        post_only=row["post_only"],
        immediate=row["immediate"],
        not_after=row["not_after"],
    )
