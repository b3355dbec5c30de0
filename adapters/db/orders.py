"""Order intents in Postgres, as ``domain.ports.orders.OrderStore``; ``order_writing`` writes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import Intent, OrderState
from domain.money import ZERO, Coin

_PAIRS = """
    SELECT DISTINCT base, quote FROM order_intents WHERE account = $1 AND NOT settled ORDER BY base, quote
"""
_SENT = """
    SELECT max(not_after) AS at, sum(price * quantity) AS notional FROM order_intents
    WHERE account = $1 AND not_after > $2 AND state NOT IN ('abandoned', 'rejected')
    GROUP BY date_trunc('minute', not_after) ORDER BY at
"""


class PostgresOrders:
    """Order intents."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def unsettled(
        self, account: VenueAccountName, pairs: Sequence[Pair] | None = None
    ) -> Sequence[Intent]:
        """Return the account's intents that are not settled, oldest first; of some pairs, or of all."""
        if pairs is None:
            return await self._intents("account = $1 AND NOT settled ORDER BY seq", account)
        return await self._intents(
            "account = $1 AND NOT settled"
            " AND (base, quote) IN (SELECT * FROM unnest($2::text[], $3::text[])) ORDER BY seq",
            account,
            [pair.base for pair in pairs],
            [pair.quote for pair in pairs],
        )

    async def unclear(self, account: VenueAccountName) -> Sequence[Intent]:
        """Return those of them that do not just rest: without a clear answer, or ended; oldest first."""
        where = "account = $1 AND NOT settled AND state NOT IN ('open', 'partial') ORDER BY seq"
        return await self._intents(where, account)

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        """Return the pairs on which the account has intents that are not settled."""
        rows = await self._store.fetch(_PAIRS, account)
        return [Pair(Coin(row["base"]), Coin(row["quote"])) for row in rows]

    async def find_by_client_ids(
        self, account: VenueAccountName, client_order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        """Return the account's intents with these client order ids, by client order id."""
        found = await self._intents(
            "account = $1 AND client_order_id = ANY ($2::text[])", account, list(client_order_ids)
        )
        return {intent.client_order_id: intent for intent in found}

    async def find_by_order_ids(
        self, account: VenueAccountName, pair: Pair, order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        """Return the account's intents with these ids of the venue, by the venue's id."""
        found = await self._intents(
            "account = $1 AND base = $2 AND quote = $3 AND order_id <> '' AND order_id = ANY ($4::text[])",
            account,
            pair.base,
            pair.quote,
            list(order_ids),
        )
        return {intent.order_id: intent for intent in found}

    async def sent_since(
        self, account: VenueAccountName, since: datetime
    ) -> Sequence[tuple[datetime, Decimal]]:
        """Return what may have been sent since an instant, by minute: until when, and its notional."""
        rows = await self._store.fetch(_SENT, account, since)
        return [(row["at"], row["notional"]) for row in rows]

    async def _intents(self, where: str, *args: object) -> Sequence[Intent]:
        sql = f"SELECT * FROM order_intents WHERE {where}"  # noqa: S608 - put together from constants
        return [intent_of(row) for row in await self._store.fetch(sql, *args)]


def intent_of(row: Mapping[str, Any]) -> Intent:
    """Return the intent of a row.

    What many orders have in common is one object for all of them: workers keep every order that rests.
    """
    return Intent(
        id=row["id"],
        client_order_id=row["client_order_id"],
        run_id=RunId(intern(row["run_id"])),
        account=VenueAccountName(intern(row["account"])),
        epoch=row["epoch"],
        pair=_pair(row["base"], row["quote"]),
        side=Side(row["side"]),
        price=row["price"],
        quantity=row["quantity"],
        post_only=row["post_only"],
        not_after=row["not_after"],
        state=OrderState(row["state"]),
        order_id=row["order_id"],
        filled=row["filled"] or ZERO,
        booked=row["booked"] or ZERO,
        booked_quote=row["booked_quote"] or ZERO,
        absent_since=row["absent_since"],
        settled=row["settled"],
        immediate=row["immediate"],
    )


@lru_cache(4096)
def _pair(base: str, quote: str) -> Pair:
    return Pair(Coin(intern(base)), Coin(intern(quote)))
