"""Gate's spot trading: parameters in, JSON out, no HTTP.

Its traps: an order is found by its text for an hour after its end only; a market buy's amount is quote; own
trades come newest first, in windows of seconds, thirty days at most and the last week without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.venue import gate_shapes as shapes
from sandbox.venue.gate_words import Json, Params, Refusal, Route, of_engine
from sandbox.venue.gatekeeper import READ, TRADE
from sandbox.venue.model import (
    BPS,
    Fill,
    Force,
    Kind,
    NewOrder,
    Order,
    Pair,
    RefusedByVenue,
    Side,
    Status,
    text,
)
from sandbox.venue.rules import parse_decimal, to_lots, to_ticks
from sandbox.venue.tape import SPANS
from sandbox.venue.venue import Venue

TEXT = r"t-[0-9A-Za-z_.-]{1,28}"
FOUND_BY_TEXT_MS = 3600 * 1000
WINDOW_S, USUAL_WINDOW_S = 30 * 24 * 3600, 7 * 24 * 3600
MOST_PLACED, MOST_CANCELLED = 40, 20
_FORCES = {"gtc": Force.GTC, "ioc": Force.IOC, "fok": Force.FOK, "poc": Force.GTC}


# -- the market


def currency_pairs(venue: Venue, account: str, params: Params) -> Json:
    """Tell the pairs."""
    return [shapes.pair_rules(pair, venue.engine.fees.taker_bps) for pair in venue.engine.pairs.values()]


def order_book(venue: Venue, account: str, params: Params) -> Json:
    """Show a book."""
    pair = pair_of(venue, params)
    market, limit = venue.engine.markets[pair.symbol], min(_whole(params, "limit", 10), 1000)
    sides = [market.levels(side, limit) for side in (Side.BUY, Side.SELL)]
    at = venue.now_ms()
    numbered = {"id": market.changed.update_id} if str(params.get("with_id", "")).lower() == "true" else {}
    return {**numbered, "current": at, "update": at, **shapes.book(pair, *sides)}


def trades(venue: Venue, account: str, params: Params) -> Json:
    """List the last public trades, newest first."""
    pair = pair_of(venue, params)
    latest = list(venue.tapes[pair.symbol].trades)[-min(_whole(params, "limit", 100), 1000) :]
    return [shapes.public_trade(pair, trade) for trade in reversed(latest)]


def candlesticks(venue: Venue, account: str, params: Params) -> Json:
    """Tell candles, the open one last: between two instants, or the latest."""
    pair, span = pair_of(venue, params), _one_of(params, "interval", SPANS, "30m")
    candles = venue.tapes[pair.symbol].candles(span, venue.now_ms())
    if {"from", "to"} & params.keys():
        if "limit" in params:
            raise Refusal("INVALID_PARAM_VALUE", "limit conflicts with from and to")
        since, until = _whole(params, "from", 1), _whole(params, "to", venue.now_ms() // 1000)
        candles = [each for each in candles if since <= each.at * 60 <= until]
        if len(candles) > 1000:
            raise Refusal("INVALID_PARAM_VALUE", "more than 1000 points")
    latest = candles[-min(_whole(params, "limit", 100), 1000) :] if "from" not in params else candles
    return [shapes.candlestick(pair, each, span, venue.now_ms()) for each in latest]


def tickers(venue: Venue, account: str, params: Params) -> Json:
    """Tell the figures of a day, of one pair or of all."""
    pairs = [pair_of(venue, params)] if "currency_pair" in params else venue.engine.pairs.values()
    return [_ticker(venue, pair) for pair in pairs]


def _ticker(venue: Venue, pair: Pair) -> Json:
    market = venue.engine.markets[pair.symbol]
    bid, ask = (next(iter(market.levels(side, 1)), None) for side in (Side.BUY, Side.SELL))
    last = venue.engine.last_price[pair.symbol]
    return shapes.ticker(pair, venue.tapes[pair.symbol], last, bid, ask, venue.now_ms())


# -- the account


def accounts(venue: Venue, account: str, params: Params) -> Json:
    """Tell what an account holds."""
    held = venue.engine.accounts
    return [
        {"currency": a, "available": text(held.free[account, a]), "locked": text(held.locked[account, a])}
        for a in held.assets_of(account)
        if params.get("currency", a) == a
    ]


def fee(venue: Venue, account: str, params: Params) -> Json:
    """Tell the fees as fractions."""
    own = venue.engine.fees_of(account)
    maker, taker = (text(bps * 10**8 // BPS) for bps in (own.maker_bps, own.taker_bps))
    return {"user_id": 1, "maker_fee": maker, "taker_fee": taker, "gt_discount": False, "point_type": "0"}


def my_trades(venue: Venue, account: str, params: Params) -> Json:
    """List fills, newest first: of a window, of an order, a page of them."""
    since, until = _window(venue, params)
    pairs = [pair_of(venue, params)] if "currency_pair" in params else list(venue.engine.pairs.values())
    mine = [fill for pair in pairs for fill in venue.listed_fills(account, pair.symbol)]
    wanted = params.get("order_id")
    chosen = [
        fill
        for fill in sorted(mine, key=lambda fill: fill.trade.id, reverse=True)
        if (str(fill.order_id) == wanted if wanted else since <= fill.trade.at_ms // 1000 <= until)
    ]
    limit, page = min(_whole(params, "limit", 100), 1000), _whole(params, "page", 1)
    return [_own_trade(venue, fill) for fill in chosen[(page - 1) * limit : page * limit]]


def _own_trade(venue: Venue, fill: Fill) -> Json:
    return shapes.own_trade(venue.engine.pairs[fill.trade.symbol], fill, venue.engine.orders[fill.order_id])


def _window(venue: Venue, params: Params) -> tuple[int, int]:
    """Return the asked span in seconds.

    Raises:
        Refusal: it is longer than thirty days.
    """
    until = _whole(params, "to", venue.now_ms() // 1000)
    since = _whole(params, "from", until - USUAL_WINDOW_S)
    if until - since > WINDOW_S:
        if "to" in params:
            raise Refusal("INVALID_PARAM_VALUE", "time range cannot exceed 30 days")
        until = since + WINDOW_S
    return since, until


# -- orders


def create_order(venue: Venue, account: str, params: Params) -> Json:
    """Place an order."""
    new = _asked(venue, account, params)
    placed = venue.act(lambda now: venue.engine.place(new, now))
    return _shown(venue, placed)


def create_orders(venue: Venue, account: str, params: Params) -> Json:
    """Place many: each for itself, with its own answer."""
    rows = _rows(params, MOST_PLACED)
    if not all(row.get("text") for row in rows):
        raise Refusal("INVALID_PARAM_VALUE", "text is required")
    return [_tried(row, partial(create_order, venue, account, row)) for row in rows]


def cancel_orders(venue: Venue, account: str, params: Params) -> Json:
    """Cancel many: each for itself, with its own answer."""
    rows = [{**row, "order_id": str(row.get("id", ""))} for row in _rows(params, MOST_CANCELLED)]
    named = [{"id": row["order_id"], "currency_pair": str(row.get("currency_pair", ""))} for row in rows]
    done = [_tried(row, partial(cancel_order, venue, account, row)) for row in rows]
    return [
        name | {each: row.get(each, "") for each in ("succeeded", "label", "message", "text")}
        for name, row in zip(named, done, strict=True)
    ]


def _tried(row: Params, act: Callable[[], Json]) -> Json:
    try:
        return act() | {"succeeded": True, "label": "", "message": ""}
    except Refusal as e:
        refused = e
    except RefusedByVenue as e:
        refused = of_engine(e)
    return {"text": str(row.get("text", "")), "succeeded": False, **refused.facts()}


def get_order(venue: Venue, account: str, params: Params) -> Json:
    """Look up an order by its id, or by its text."""
    return _shown(venue, _found(venue, account, params))


def cancel_order(venue: Venue, account: str, params: Params) -> Json:
    """Cancel an order by its id, or by its text."""
    order = _found(venue, account, params)
    if not order.status.is_open:
        label = "ORDER_CLOSED" if order.status is Status.FILLED else "ORDER_CANCELLED"
        raise Refusal(label, "The order has ended already")
    return _shown(venue, venue.act(lambda now: venue.engine.cancel(order, now)))


def cancel_all(venue: Venue, account: str, params: Params) -> Json:
    """Cancel everything that rests, in one pair or in all; nothing resting is fine."""
    symbol = pair_of(venue, params).symbol if params.get("currency_pair") else None
    side = str(params.get("side", "")).upper()
    resting = [o for o in venue.engine.open_orders(account, symbol) if side in ("", o.side.value)]
    done = venue.act(lambda now: [venue.engine.cancel(order, now) for order in resting])
    return [_shown(venue, order) | {"succeeded": True, "label": "", "message": ""} for order in done]


def open_orders(venue: Venue, account: str, params: Params) -> Json:
    """List what rests by pair."""
    wanted = [pair_of(venue, params)] if params.get("currency_pair") else venue.engine.pairs.values()
    groups = [(pair, _resting(venue, account, pair)) for pair in wanted]
    return [
        {"currency_pair": shapes.name_of(pair), "total": len(orders), "orders": orders}
        for pair, orders in groups
        if orders
    ]


def orders(venue: Venue, account: str, params: Params) -> Json:
    """List the orders of a pair, those that rest or those that have ended, newest first."""
    pair, status = pair_of(venue, params), str(params.get("status", ""))
    if status == "open":
        return _page(_resting(venue, account, pair), params)
    if status != "finished":
        raise Refusal("INVALID_PARAM_VALUE", "status must be open or finished")
    since, until = _window(venue, params)
    ended = [
        order
        for order in venue.engine.orders.values()
        if (order.account, order.symbol) == (account, pair.symbol)
        and not order.status.is_open
        and since <= order.updated_ms // 1000 <= until
    ]
    return _page([_shown(venue, order) for order in reversed(ended)], params)


def _page(rows: list[Json], params: Params) -> Json:
    limit, page = min(_whole(params, "limit", 100), 100), _whole(params, "page", 1)
    return rows[(page - 1) * limit : page * limit]


def _resting(venue: Venue, account: str, pair: Pair) -> list[Json]:
    hidden_since = venue.now_ms() - venue.faults.settings.hide_orders_ms
    resting = venue.engine.open_orders(account, pair.symbol)
    return [_shown(venue, order) for order in reversed(resting) if order.created_ms <= hidden_since]


# -- inside


def pair_of(venue: Venue, params: Params) -> Pair:
    """Return the pair that is asked for.

    Raises:
        RefusedByVenue: there is none of that name.
    """
    return venue.engine.pair(str(params.get("currency_pair", "")).replace("_", "", 1))


def fills_of(venue: Venue, order: Order) -> list[Fill]:
    """Return what an order traded, oldest first."""
    fills = venue.engine.fills.get((order.account, order.symbol), [])
    return [fill for fill in fills if fill.order_id == order.id] if order.filled else []


def _shown(venue: Venue, order: Order) -> Json:
    return shapes.order(venue.engine.pairs[order.symbol], order, fills_of(venue, order))


def _asked(venue: Venue, account: str, params: Params) -> NewOrder:
    """Return the order that is asked for.

    Raises:
        Refusal: a word of it is not gate's.
        RefusedByVenue: a number of it breaks the pair's rules.
    """
    pair, name = pair_of(venue, params), str(params.get("text") or "")
    if name and not re.fullmatch(TEXT, name):
        raise Refusal("INVALID_PARAM_VALUE", "text must begin with t- and hold at most 28 more characters")
    name = name or f"apiv4-{venue.engine.numbers.order + 1}"
    side = _one_of(params, "side", {"buy": Side.BUY, "sell": Side.SELL})
    by_market = _one_of(params, "type", {"limit": False, "market": True}, "limit")
    word = str(params.get("time_in_force") or ("ioc" if by_market else "gtc"))
    force, amount = _one_of({"time_in_force": word}, "time_in_force", _FORCES), _number(params, "amount")
    if by_market:
        if force not in (Force.IOC, Force.FOK):
            raise Refusal("INVALID_PARAM_VALUE", "a market order is ioc or fok")
        terms: dict[str, Any] = (
            {"lots": 0, "budget": int(parse_decimal(amount, "amount") * 10**8)}
            if side is Side.BUY
            else {"lots": to_lots(pair, amount, "amount")}
        )
        return NewOrder(account, pair.symbol, side, Kind.MARKET, client_id=name, **terms)
    kind = Kind.LIMIT_MAKER if word == "poc" else Kind.LIMIT
    lots, price = to_lots(pair, amount, "amount"), to_ticks(pair, _number(params, "price"))
    return NewOrder(account, pair.symbol, side, kind, lots, price, force, name)


def _found(venue: Venue, account: str, params: Params) -> Order:
    """Return the order that is asked for.

    Raises:
        Refusal: there is none, or its text is forgotten.
    """
    pair, name = pair_of(venue, params), str(params.get("order_id", ""))
    number = int(name) if name.isascii() and name.isdigit() else None
    order = venue.engine.find(account, pair.symbol, number, name)
    forgotten_ms = venue.now_ms() - FOUND_BY_TEXT_MS
    if order and number is None and not order.status.is_open and order.updated_ms < forgotten_ms:
        order = None
    if order is None:
        raise Refusal("ORDER_NOT_FOUND", "Order not found", 404)
    return order


def _rows(params: Params, most: int) -> list[dict[str, Any]]:
    rows = params.get("rows")
    if not isinstance(rows, list) or not 0 < len(rows) <= most or not all(isinstance(r, dict) for r in rows):
        raise Refusal("INVALID_REQUEST_BODY", f"send a list of 1 to {most}")
    return rows


def _one_of(params: Params, name: str, words: Mapping[str, Any], usual: str = "") -> Any:
    word = str(params.get(name) or usual)
    if word not in words:
        raise Refusal("INVALID_PARAM_VALUE", f"{name} is one of {', '.join(words)}")
    return words[word]


def _number(params: Params, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):  # a float would have lost digits on its way
        raise Refusal("INVALID_PARAM_VALUE", f"{name} must be text")
    return value


def _whole(params: Params, name: str, usual: int) -> int:
    value = str(params.get(name) or usual)
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise Refusal("INVALID_PARAM_VALUE", f"{name} must be a whole number")
    return max(1, int(value))


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/spot/currency_pairs"): Route(currency_pairs, None),
    ("GET", "/spot/order_book"): Route(order_book, None),
    ("GET", "/spot/trades"): Route(trades, None),
    ("GET", "/spot/candlesticks"): Route(candlesticks, None),
    ("GET", "/spot/tickers"): Route(tickers, None),
    ("GET", "/spot/accounts"): Route(accounts, READ),
    ("GET", "/spot/my_trades"): Route(my_trades, READ),
    ("GET", "/wallet/fee"): Route(fee, READ),
    ("GET", "/spot/fee"): Route(fee, READ),
    ("GET", "/spot/open_orders"): Route(open_orders, READ),
    ("GET", "/spot/orders"): Route(orders, READ),
    ("GET", "/spot/orders/{order_id}"): Route(get_order, READ),
    ("POST", "/spot/orders"): Route(create_order, TRADE, 201),
    ("DELETE", "/spot/orders"): Route(cancel_all, TRADE),
    ("DELETE", "/spot/orders/{order_id}"): Route(cancel_order, TRADE),
    ("POST", "/spot/batch_orders"): Route(create_orders, TRADE),
    ("POST", "/spot/cancel_batch_orders"): Route(cancel_orders, TRADE),
}
