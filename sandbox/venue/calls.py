"""Every REST call that the venue answers: parameters in, JSON out, no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.venue import capital, shapes
from sandbox.venue.gatekeeper import READ, TRADE, WITHDRAW
from sandbox.venue.model import BPS, Fill, Force, Kind, NewOrder, Order, Pair, RefusedByVenue, Side, text
from sandbox.venue.params import Params, need, rows, whole
from sandbox.venue.rules import check_client_id, filter_failure, parse_decimal, to_lots, to_ticks
from sandbox.venue.tape import MINUTE_MS, SPANS
from sandbox.venue.venue import Venue

Call = Callable[[Venue, str, Params], Any]
DAY_MS = 24 * 3600 * 1000
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Route:
    """A call, what it weighs, whether it must be signed, and what the key must be allowed to do."""

    call: Call
    weight: int | Callable[[Params], int]
    signed: bool = True
    right: str = READ

    def weighs(self, params: Params) -> int:
        """Return the weight of one request."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def choice(kind: type[Side] | type[Kind] | type[Force], value: str, code: int, what: str) -> Any:
    """Return the member of a vocabulary, or the venue's refusal of the word."""
    try:
        return kind(value)
    except ValueError as e:
        raise RefusedByVenue(code, f"Invalid {what}.") from e


# -- public


def ping(venue: Venue, account: str, params: Params) -> Any:
    """Answer that the venue is there."""
    return {}


def time(venue: Venue, account: str, params: Params) -> Any:
    """Tell the time on the wall: signatures are checked against it."""
    return {"serverTime": venue.wall_ms()}


def exchange_info(venue: Venue, account: str, params: Params) -> Any:
    """Tell the rules of all pairs, or of the one asked for."""
    pairs = [venue.engine.pair(params["symbol"])] if "symbol" in params else venue.engine.pairs.values()
    return {
        "timezone": "UTC",
        "serverTime": venue.wall_ms(),
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        ],
        "exchangeFilters": [],
        "symbols": [shapes.symbol_rules(pair) for pair in pairs],
    }


def depth(venue: Venue, account: str, params: Params) -> Any:
    """Show a book; the deltas of the stream continue at lastUpdateId + 1."""
    pair = venue.engine.pair(need(params, "symbol"))
    market, limit = venue.engine.markets[pair.symbol], rows(params, 100, 5000)
    return {
        "lastUpdateId": market.changed.update_id,
        "bids": shapes.levels(pair, market.levels(Side.BUY, limit)),
        "asks": shapes.levels(pair, market.levels(Side.SELL, limit)),
    }


def depth_weight(params: Params) -> int:
    """Return what a look at the book weighs."""
    limit = whole(params, "limit", 100) or 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


def trades(venue: Venue, account: str, params: Params) -> Any:
    """List the last public trades, oldest first."""
    pair = venue.engine.pair(need(params, "symbol"))
    latest = list(venue.tapes[pair.symbol].trades)[-rows(params, 500, MOST_ROWS) :]
    return [shapes.public_trade(pair, trade) for trade in latest]


def aggregated_trades(venue: Venue, account: str, params: Params) -> Any:
    """List the last public trades in the aggregated shape, each on its own; ccxt asks for these."""
    pair, first = venue.engine.pair(need(params, "symbol")), whole(params, "fromId")
    start, end = whole(params, "startTime", 0) or 0, whole(params, "endTime", 10**15) or 0
    tape = venue.tapes[pair.symbol].numbered()
    known = [(number, trade) for number, trade in tape if start <= trade.at_ms <= end]
    limit = rows(params, 500, MOST_ROWS)
    if first is not None or start:
        chosen = [each for each in known if each[0] >= (first or 0)][:limit]
    else:
        chosen = known[-limit:]
    return [shapes.aggregated_trade(pair, *each) for each in chosen]


def klines(venue: Venue, account: str, params: Params) -> Any:
    """Tell candles, the open one last: from an instant on, or the latest."""
    pair, span = venue.engine.pair(need(params, "symbol")), SPANS.get(need(params, "interval"))
    if span is None:
        raise RefusedByVenue(-1120, "Invalid interval.")
    start, end = whole(params, "startTime"), whole(params, "endTime", 10**15) or 0
    candles = venue.tapes[pair.symbol].candles(span, venue.now_ms())
    known = [each for each in candles if (start or 0) <= each.at * MINUTE_MS <= end]
    limit = rows(params, 500, MOST_ROWS)
    chosen = known[-limit:] if start is None else known[:limit]
    return [shapes.kline(pair, each, span) for each in chosen]


def ticker_day(venue: Venue, account: str, params: Params) -> Any:
    """Tell the 24 hour figures of one pair or of all."""
    if "symbol" in params:
        return _day_ticker(venue, venue.engine.pair(params["symbol"]))
    return [_day_ticker(venue, pair) for pair in venue.engine.pairs.values()]


def _day_ticker(venue: Venue, pair: Pair) -> Any:
    market = venue.engine.markets[pair.symbol]
    bid, ask = (next(iter(market.levels(side, 1)), None) for side in (Side.BUY, Side.SELL))
    last = venue.engine.last_price[pair.symbol]
    return shapes.day_ticker(pair, venue.tapes[pair.symbol], last, bid, ask, venue.now_ms())


def system_status(venue: Venue, account: str, params: Params) -> Any:
    """Say that all is well."""
    return {"status": 0, "msg": "normal"}


# -- orders


def new_order(venue: Venue, account: str, params: Params) -> Any:
    """Place an order."""
    pair = venue.engine.pair(need(params, "symbol"))
    side = choice(Side, need(params, "side"), -1117, "side")
    kind = choice(Kind, need(params, "type"), -1116, "orderType")
    client_id = params.get("newClientOrderId") or f"venue-{venue.engine.numbers.order + 1}"
    terms = _market_terms(pair, params) if kind is Kind.MARKET else _limit_terms(pair, kind, params)
    new = NewOrder(account, pair.symbol, side, kind, client_id=client_id, **terms)
    if new.budget and side is Side.SELL:
        new = _sell_for(venue, pair, new)
    order = venue.act(lambda now: venue.engine.place(new, now))
    return shapes.order_placed(pair, order, _fills_of(venue, order))


def _limit_terms(pair: Pair, kind: Kind, params: Params) -> dict[str, Any]:
    if kind is Kind.LIMIT_MAKER and "timeInForce" in params:
        raise RefusedByVenue(-1106, "Parameter 'timeInForce' sent when not required.")
    force = Force.GTC
    if kind is Kind.LIMIT:
        force = choice(Force, need(params, "timeInForce"), -1115, "timeInForce")
    lots, price = to_lots(pair, need(params, "quantity")), to_ticks(pair, need(params, "price"))
    return {"lots": lots, "price": price, "force": force}


def _market_terms(pair: Pair, params: Params) -> dict[str, Any]:
    for name in ("price", "timeInForce"):
        if name in params:
            raise RefusedByVenue(-1106, f"Parameter '{name}' sent when not required.")
    if "quoteOrderQty" in params:
        return {"lots": 0, "budget": int(parse_decimal(params["quoteOrderQty"], "quoteOrderQty") * 10**8)}
    return {"lots": to_lots(pair, need(params, "quantity"))}


def _sell_for(venue: Venue, pair: Pair, new: NewOrder) -> NewOrder:
    """Return a market sale of about so much quote, as a quantity at the best bid."""
    best = venue.engine.markets[pair.symbol].best(Side.BUY)
    lots = new.budget // (best * pair.quote_unit) if best else 0
    if not lots:
        raise filter_failure("LOT_SIZE")
    return NewOrder(new.account, new.symbol, new.side, new.kind, lots, client_id=new.client_id)


def _fills_of(venue: Venue, order: Order) -> list[Fill]:
    fills = venue.engine.fills.get((order.account, order.symbol), [])
    return [fill for fill in fills if fill.order_id == order.id] if order.filled else []


def _found(venue: Venue, account: str, params: Params) -> tuple[Pair, Order | None]:
    pair = venue.engine.pair(need(params, "symbol"))
    order_id, client_id = whole(params, "orderId"), params.get("origClientOrderId")
    if order_id is None and not client_id:
        raise RefusedByVenue(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    return pair, venue.engine.find(account, pair.symbol, order_id, client_id)


def get_order(venue: Venue, account: str, params: Params) -> Any:
    """Look up an order by either id, finished ones too."""
    pair, order = _found(venue, account, params)
    if order is None:
        raise RefusedByVenue(-2013, "Order does not exist.")
    return shapes.order_looked_up(pair, order)


def cancel_order(venue: Venue, account: str, params: Params) -> Any:
    """Cancel an order by either id."""
    pair, order = _found(venue, account, params)
    if order is None:
        raise RefusedByVenue(-2011, "Unknown order sent.")
    cancel_id = params.get("newClientOrderId") or f"cancel-{order.id}"
    check_client_id(cancel_id)
    return shapes.order_canceled(pair, venue.act(lambda now: venue.engine.cancel(order, now, cancel_id)))


def cancel_open_orders(venue: Venue, account: str, params: Params) -> Any:
    """Cancel everything that rests in a pair; nothing resting is a refusal."""
    pair = venue.engine.pair(need(params, "symbol"))
    resting = venue.engine.open_orders(account, pair.symbol)
    if not resting:
        raise RefusedByVenue(-2011, "Unknown order sent.")

    def cancel_all(now: int) -> list[Order]:
        return [venue.engine.cancel(order, now, f"cancel-{order.id}") for order in resting]

    return [shapes.order_canceled(pair, order) for order in venue.act(cancel_all)]


def open_orders(venue: Venue, account: str, params: Params) -> Any:
    """List what rests, in one pair or in all."""
    symbol = venue.engine.pair(params["symbol"]).symbol if "symbol" in params else None
    hidden_since = venue.now_ms() - venue.faults.settings.hide_orders_ms
    return [
        shapes.order_looked_up(venue.engine.pairs[order.symbol], order)
        for order in venue.engine.open_orders(account, symbol)
        if order.created_ms <= hidden_since
    ]


def open_orders_weight(params: Params) -> int:
    """Return what a look at the open orders weighs."""
    return 6 if "symbol" in params else 80


def _window(params: Params) -> tuple[int | None, int | None]:
    """Return the asked span of time, never longer than a day."""
    start, end = whole(params, "startTime"), whole(params, "endTime")
    if start is not None and end is not None and end - start > DAY_MS:
        raise RefusedByVenue(-1127, "More than 24 hours between startTime and endTime.")
    if start is not None and end is None:
        end = start + DAY_MS
    if end is not None and start is None:
        start = end - DAY_MS
    return start, end


def all_orders(venue: Venue, account: str, params: Params) -> Any:
    """List orders of a pair, finished ones too, oldest first."""
    pair, limit = venue.engine.pair(need(params, "symbol")), rows(params, 500, MOST_ROWS)
    (start, end), first = _window(params), whole(params, "orderId")
    mine = [o for o in venue.engine.orders.values() if (o.account, o.symbol) == (account, pair.symbol)]
    if first is not None:
        chosen = [order for order in mine if order.id >= first][:limit]
    elif start is not None and end is not None:
        chosen = [order for order in mine if start <= order.created_ms <= end][:limit]
    else:
        chosen = mine[-limit:]
    return [shapes.order_looked_up(pair, order) for order in chosen]


def my_trades(venue: Venue, account: str, params: Params) -> Any:
    """List fills of a pair, oldest first: from an id, within a day, of an order, or the latest."""
    pair, limit = venue.engine.pair(need(params, "symbol")), rows(params, 500, MOST_ROWS)
    (start, end), first, order_id = _window(params), whole(params, "fromId"), whole(params, "orderId")
    if first is not None and start is not None:
        raise RefusedByVenue(-1128, "Combination of optional parameters invalid.")
    mine = venue.listed_fills(account, pair.symbol)
    if order_id is not None:
        mine = [fill for fill in mine if fill.order_id == order_id]
    if first is not None:
        chosen = [fill for fill in mine if fill.trade.id >= first][:limit]
    elif start is not None and end is not None:
        chosen = [fill for fill in mine if start <= fill.trade.at_ms <= end][:limit]
    else:
        chosen = mine[-limit:]
    return [shapes.own_trade(pair, fill) for fill in chosen]


# -- account


def account_balances(venue: Venue, account: str, params: Params) -> Any:
    """Tell an account's balances and fees."""
    held, fees = venue.engine.accounts, venue.engine.fees_of(account)
    assets = held.assets_of(account)
    return {
        "makerCommission": fees.maker_bps,
        "takerCommission": fees.taker_bps,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": _rate(fees.maker_bps), "taker": _rate(fees.taker_bps)},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": venue.now_ms(),
        "accountType": "SPOT",
        "balances": [
            {"asset": a, "free": text(held.free[account, a]), "locked": text(held.locked[account, a])}
            for a in assets
        ],
        "permissions": ["SPOT"],
    }


def _rate(bps: int) -> str:
    return text(bps * 10**8 // BPS)


def trade_fee(venue: Venue, account: str, params: Params) -> Any:
    """Tell the fees of one pair or of all."""
    pairs = [venue.engine.pair(params["symbol"])] if "symbol" in params else venue.engine.pairs.values()
    fees = venue.engine.fees_of(account)
    maker, taker = _rate(fees.maker_bps), _rate(fees.taker_bps)
    return [{"symbol": p.symbol, "makerCommission": maker, "takerCommission": taker} for p in pairs]


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/api/v3/ping"): Route(ping, 1, signed=False),
    ("GET", "/api/v3/time"): Route(time, 1, signed=False),
    ("GET", "/api/v3/exchangeInfo"): Route(exchange_info, 20, signed=False),
    ("GET", "/api/v3/depth"): Route(depth, depth_weight, signed=False),
    ("GET", "/api/v3/trades"): Route(trades, 25, signed=False),
    ("GET", "/api/v3/aggTrades"): Route(aggregated_trades, 4, signed=False),
    ("GET", "/api/v3/klines"): Route(klines, 2, signed=False),
    ("GET", "/api/v3/ticker/24hr"): Route(ticker_day, 2, signed=False),
    ("GET", "/api/v3/account"): Route(account_balances, 20),
    ("POST", "/api/v3/order"): Route(new_order, 1, right=TRADE),
    ("GET", "/api/v3/order"): Route(get_order, 4),
    ("DELETE", "/api/v3/order"): Route(cancel_order, 1, right=TRADE),
    ("GET", "/api/v3/openOrders"): Route(open_orders, open_orders_weight),
    ("DELETE", "/api/v3/openOrders"): Route(cancel_open_orders, 1, right=TRADE),
    ("GET", "/api/v3/allOrders"): Route(all_orders, 20),
    ("GET", "/api/v3/myTrades"): Route(my_trades, 20),
    ("GET", "/sapi/v1/capital/config/getall"): Route(capital.coins, 10),
    ("GET", "/sapi/v1/capital/deposit/address"): Route(capital.deposit_address, 10),
    ("GET", "/sapi/v1/capital/deposit/hisrec"): Route(capital.deposits, 1),
    ("POST", "/sapi/v1/capital/withdraw/apply"): Route(capital.withdraw, 600, right=WITHDRAW),
    ("GET", "/sapi/v1/capital/withdraw/history"): Route(capital.withdrawals, 20),
    ("GET", "/sapi/v1/asset/tradeFee"): Route(trade_fee, 1),
    ("GET", "/sapi/v1/system/status"): Route(system_status, 1, signed=False),
}
