"""How gate writes things: the engine's facts as its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.venue.book import Level
from sandbox.venue.model import Fill, Force, Kind, Order, Pair, Report, Side, Status, Trade, text
from sandbox.venue.shapes import day_ticker, levels, price, quantity
from sandbox.venue.tape import MINUTE_MS, Minute, Tape

Json = dict[str, Any]
_FINISHED = {
    Status.NEW: "open",
    Status.PARTIALLY_FILLED: "open",
    Status.FILLED: "filled",
    Status.CANCELED: "cancelled",
    Status.EXPIRED: "ioc",
    Status.EXPIRED_IN_MATCH: "stp",
}
_FORCES = {Force.GTC: "gtc", Force.IOC: "ioc", Force.FOK: "fok"}


def name_of(pair: Pair) -> str:
    """Return what gate calls a pair."""
    return f"{pair.base}_{pair.quote}"


def pair_rules(pair: Pair, fee_bps: int) -> Json:
    """Return a pair's entry of currency_pairs; its fee is in per cent."""
    places = [-int(step.normalize().as_tuple().exponent) for step in (pair.lot, pair.tick)]
    return {
        "id": name_of(pair),
        "base": pair.base,
        "quote": pair.quote,
        "fee": f"{fee_bps // 100}.{fee_bps % 100:02d}",
        "min_quote_amount": str(pair.min_notional),
        "amount_precision": places[0],
        "precision": places[1],
        "trade_status": "tradable",
    }


def order(pair: Pair, order: Order, fills: Sequence[Fill]) -> Json:
    """Return an order as every answer shows it; its fees are summed up."""
    shown = "cancelled" if order.status in (Status.CANCELED, Status.EXPIRED_IN_MATCH) else "closed"
    base = order.lots * pair.base_unit
    by_market = order.kind is Kind.MARKET
    filled = order.filled * pair.base_unit
    return {
        "id": str(order.id),
        "text": text_of(order),
        "amend_text": "-",
        "create_time": str(order.created_ms // 1000),
        "update_time": str(order.updated_ms // 1000),
        "create_time_ms": order.created_ms,
        "update_time_ms": order.updated_ms,
        "status": "open" if order.status.is_open else shown,
        "finish_as": _FINISHED[order.status],
        "currency_pair": name_of(pair),
        "type": "market" if by_market else "limit",
        "account": "spot",
        "side": order.side.value.lower(),
        "amount": text(base),
        "price": "0" if by_market else price(pair, order.price),
        "time_in_force": "poc" if order.kind is Kind.LIMIT_MAKER else _FORCES[order.force],
        "iceberg": "0",
        "left": text(base - filled),
        "filled_amount": text(filled),
        "fill_price": text(order.value),
        "filled_total": text(order.value),
        "avg_deal_price": text(order.value * 10**8 // filled) if filled else "0",
        "fee": text(sum(fill.commission for fill in fills)),
        "fee_currency": pair.base if order.side is Side.BUY else pair.quote,
        "point_fee": "0",
        "gt_fee": "0",
        "gt_discount": False,
        "rebated_fee": "0",
        "rebated_fee_currency": pair.quote if order.side is Side.BUY else pair.base,
    }


def text_of(order: Order) -> str:
    """Return the client's own name of an order, or what gate calls those who have none."""
    return order.client_id if order.client_id.startswith("t-") else "apiv4"


def order_event(pair: Pair, report: Report, fills: Sequence[Fill]) -> Json:
    """Return what the account's stream tells of an order: put, update or finish."""
    told = report.order
    event = "put" if report.execution == "NEW" else "update" if told.status.is_open else "finish"
    times = {
        name: str(at) for name, at in (("create_time_ms", told.created_ms), ("update_time_ms", report.at_ms))
    }
    return order(pair, told, fills) | times | {"event": event, "user": 1, "stp_id": 0, "stp_act": "-"}


def own_trade(pair: Pair, fill: Fill, whose: Order) -> Json:
    """Return a fill as my_trades lists it and the stream tells it."""
    return public_trade(pair, fill.trade) | {
        "side": fill.side.value.lower(),
        "role": "maker" if fill.is_maker else "taker",
        "order_id": str(fill.order_id),
        "fee": text(fill.commission),
        "fee_currency": fill.commission_asset,
        "point_fee": "0",
        "gt_fee": "0",
        "text": text_of(whose),
    }


def public_trade(pair: Pair, trade: Trade) -> Json:
    """Return a trade as everybody sees it; the side is the taker's."""
    return {
        "id": str(trade.id),
        "create_time": str(trade.at_ms // 1000),
        "create_time_ms": f"{trade.at_ms}.000000",
        "currency_pair": name_of(pair),
        "side": "sell" if trade.buyer_is_maker else "buy",
        "amount": quantity(pair, trade.lots),
        "price": price(pair, trade.price),
    }


def book(pair: Pair, bids: list[Level], asks: list[Level]) -> Json:
    """Return both sides."""
    return {"asks": levels(pair, asks), "bids": levels(pair, bids)}


def candlestick(pair: Pair, candle: Minute, span: int, now_ms: int) -> list[str]:
    """Return a candle of so many minutes: when, quote volume, close, high, low, open, base volume, over."""
    prices = (price(pair, ticks) for ticks in (candle.close, candle.high, candle.low, candle.open))
    over = "true" if (candle.at + span) * MINUTE_MS <= now_ms else "false"
    return [str(candle.at * 60), text(candle.value), *prices, quantity(pair, candle.lots), over]


def ticker(pair: Pair, tape: Tape, last: int, bid: Level | None, ask: Level | None, now_ms: int) -> Json:
    """Return the figures of a day."""
    day = day_ticker(pair, tape, last, bid, ask, now_ms)
    return {
        "currency_pair": name_of(pair),
        "last": day["lastPrice"],
        "lowest_ask": day["askPrice"],
        "lowest_size": day["askQty"],
        "highest_bid": day["bidPrice"],
        "highest_size": day["bidQty"],
        "change_percentage": day["priceChangePercent"],
        "base_volume": day["volume"],
        "quote_volume": day["quoteVolume"],
        "high_24h": day["highPrice"],
        "low_24h": day["lowPrice"],
    }


def balance(asset: str, free: int, locked: int, at_ms: int) -> Json:
    """Return what the account's stream tells of a coin."""
    return {
        "timestamp": str(at_ms // 1000),
        "timestamp_ms": str(at_ms),
        "user": "1",
        "currency": asset,
        "change": "0",
        "total": text(free + locked),
        "available": text(free),
        "freeze": text(locked),
        "freeze_change": "0",
        "change_type": "order",
    }
