"""Many orders in one request, and what became of each: an answer for all is never taken for one (OR5).

Nothing here is needed to be right: what a batch leaves open is looked up, or asked for one by one.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.exchange import outcomes
from adapters.exchange.contract import VenueContract
from adapters.exchange.own_orders import OwnOrders
from domain.errors import MrMarketError, OutcomeUnknown
from domain.market.model import Pair
from domain.market.orders import LimitOrder, VenueOrder
from domain.money import plain

Row = Mapping[str, Any]
Answer = VenueOrder | MrMarketError

MOST_AT_ONCE = 20
"""However many a venue takes: so many are in doubt when an answer is lost."""

_NO_CODE = ("", "0", "None")


@dataclass(frozen=True, slots=True)
class Batches:
    """How one account says and hears of many orders at once."""

    client: Any
    contract: VenueContract
    own: OwnOrders

    def asked(self, orders: Sequence[LimitOrder], terms: Mapping[str, object]) -> list[dict[str, object]]:
        """Return orders as ccxt takes them, each with terms that all share."""
        return [
            {
                "symbol": str(order.pair),
                "type": "limit",
                "side": order.side.value,
                "amount": plain(order.quantity),
                "price": plain(order.price),
                "params": {**self.own.terms(order), **terms},
            }
            for order in orders
        ]

    def told(self, orders: Sequence[LimitOrder], rows: Sequence[Row]) -> list[Answer]:
        """Return what the venue says of each order; of one that no row names we do not know."""
        found = self._by_id(orders, rows)
        return [self._answer(order, found.get(order.client_order_id)) for order in orders]

    def failed(self, orders: Sequence[LimitOrder], error: BaseException) -> list[Answer]:
        """Return what a failed request proves of each: the library fails as a whole where one order does.

        An answer with rows is read row by row; one without any speaks of the request as a whole, unless it
        is of a kind that is about an order.
        """
        answer = _json_in(str(error))
        for rows in _lists_of_rows(answer):
            if found := self._by_id(orders, rows):
                return [self._answer(order, found.get(order.client_order_id)) for order in orders]
        of_one = any(outcomes.is_kind(error, kind) for kind in ("InsufficientFunds", "InvalidOrder"))
        if of_one or any(_lists_of_rows(answer)):
            return [_unknown(order) for order in orders]  # whichever it is about, others may rest
        return [outcomes.of_write(error, self.contract, order.client_order_id) for order in orders]

    def _by_id(self, orders: Sequence[LimitOrder], rows: Sequence[Row]) -> dict[str, Row]:
        """Return rows by our id; where a venue names none at all, by their place."""
        named: dict[str, Row] = {}
        for order in orders:
            written = self.contract.written(order.client_order_id)
            mine = [row for row in rows if written in row.values()]
            if len(mine) == 1:
                named[order.client_order_id] = mine[0]
        if named or not self.contract.batch_by_place or len(rows) != len(orders):
            return named
        return {order.client_order_id: row for order, row in zip(orders, rows, strict=True)}

    def _answer(self, order: LimitOrder, row: Row | None) -> Answer:
        if row is None:
            return _unknown(order)
        code = str(row.get(self.contract.batch_code_field))
        if code not in _NO_CODE:
            refused = replace(self.contract, code_field=self.contract.batch_code_field)
            return outcomes.of_write(self._as_error(code, row), refused, order.client_order_id)
        try:
            raw = self.client.parse_order(row, self.client.market(str(order.pair)))
            return self.own.accepted(order, raw)
        except outcomes.failures():  # it was accepted, in words we do not understand
            return _unknown(order)

    def _as_error(self, code: str, row: Row) -> BaseException:
        """Return the error that the library would have raised for this order alone."""
        import ccxt

        said, kinds = f"{self.client.id} {json.dumps(row)}", self.client.exceptions
        try:
            self.client.throw_exactly_matched_exception(kinds.get("exact", {}), code, said)
            self.client.throw_broadly_matched_exception(kinds.get("broad", {}), said, said)
            error: BaseException = ccxt.ExchangeError(said)
        except ccxt.BaseError as e:
            error = e
        return error

    async def taken(self, pair: Pair, written: Sequence[str]) -> set[str]:
        """Ask for orders to be taken off the book; return those of which the venue says that they are."""
        asking = _CANCELS[self.contract.venue]
        return set(written) & set(await asking(self.client, str(pair), list(written)))


def _unknown(order: LimitOrder) -> OutcomeUnknown:
    return OutcomeUnknown("no_clear_answer", subject=order.client_order_id)


def _json_in(text: str) -> Any:
    """Return the answer that stands in an error's message, or nothing."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    try:
        return json.loads(text[start:]) if start >= 0 else None
    except ValueError:
        return None


def _lists_of_rows(answer: Any) -> Iterator[list[Row]]:
    """Yield every list of records in an answer."""
    if isinstance(answer, list):
        if answer and all(isinstance(each, dict) for each in answer):
            yield answer
        inside = answer
    else:
        inside = list(answer.values()) if isinstance(answer, dict) else []
    for each in inside:
        yield from _lists_of_rows(each)


# -- cancels: each returns our ids, as the venue writes them, of what it says it took off

Cancel = Callable[[Any, str, list[str]], Awaitable[Sequence[str]]]


async def _okx(client: Any, symbol: str, ids: list[str]) -> list[str]:
    rows = await client.cancel_orders([], symbol, {"clOrdId": ids})
    return [row["info"]["clOrdId"] for row in rows if row["info"].get("sCode") == "0"]


async def _bybit(client: Any, symbol: str, ids: list[str]) -> list[str]:
    market = client.market(symbol)["id"]
    asked = [{"symbol": market, "orderLinkId": each} for each in ids]
    answer = await client.privatePostV5OrderCancelBatch({"category": "spot", "request": asked})
    rows, codes = answer["result"]["list"], answer["retExtInfo"]["list"]
    return [
        row["orderLinkId"]
        for row, code in zip(rows, codes, strict=True)
        if str(code["code"]) == "0" and row.get("orderLinkId")
    ]


async def _kraken(client: Any, symbol: str, ids: list[str]) -> list[str]:
    del symbol
    answer = await client.privatePostCancelOrderBatch({"cl_ord_ids": ids})
    return ids if int(answer["result"]["count"]) == len(ids) else []


async def _gate(client: Any, symbol: str, ids: list[str]) -> list[str]:
    rows = [row["info"] for row in await client.cancel_orders(ids, symbol)]
    return [str(row[name]) for row in rows if row.get("succeeded") is True for name in ("id", "text")]


async def _bitget(client: Any, symbol: str, ids: list[str]) -> list[str]:
    asked = {"symbol": client.market(symbol)["id"], "orderList": [{"clientOid": each} for each in ids]}
    answer = await client.privateSpotPostV2SpotTradeBatchCancelOrder(asked)
    return [row["clientOid"] for row in answer["data"]["successList"]]


async def _htx(client: Any, symbol: str, ids: list[str]) -> list[str]:
    del symbol
    answer = await client.spotPrivatePostV1OrderOrdersBatchcancel({"client-order-ids": ids})
    return list(answer["data"]["success"])


async def _hyperliquid(client: Any, symbol: str, ids: list[str]) -> list[str]:
    rows = await client.cancel_orders([], symbol, {"clientOrderId": ids})
    return [each for each, row in zip(ids, rows, strict=True) if row["status"] == "success"]


_CANCELS: dict[str, Cancel] = {
    "okx": _okx,
    "bybit": _bybit,
    "kraken": _kraken,
    "gate": _gate,
    "bitget": _bitget,
    "htx": _htx,
    "hyperliquid": _hyperliquid,
}
