"""How binance writes things: the engine's facts as its JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.venue.book import Level
from sandbox.venue.model import SCALE, Fill, Order, Pair, Report, Trade, text
from sandbox.venue.rules import FARTHEST_DOWN, FARTHEST_UP, MAX_OPEN_ORDERS
from sandbox.venue.tape import MINUTE_MS, Minute, Tape

Json = dict[str, Any]


def price(pair: Pair, ticks: int) -> str:
    """Return a price as text."""
    return text(ticks * pair.price_unit)


def quantity(pair: Pair, lots: int) -> str:
    """Return a quantity of the base asset as text."""
    return text(lots * pair.base_unit)


def levels(pair: Pair, side: list[Level]) -> list[list[str]]:
    """Return one side of a book."""
    return [[price(pair, ticks), quantity(pair, lots)] for ticks, lots in side]


def symbol_rules(pair: Pair) -> Json:
    """Return a pair's entry of exchangeInfo."""
    return {
        "symbol": pair.symbol,
        "status": "TRADING",
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters(pair),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def filters(pair: Pair) -> list[Json]:
    """Return what an order of this pair must satisfy."""
    tick, lot = text(pair.price_unit), text(pair.base_unit)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000.00000000", "stepSize": lot},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(FARTHEST_UP),
            "bidMultiplierDown": str(FARTHEST_DOWN),
            "askMultiplierUp": str(FARTHEST_UP),
            "askMultiplierDown": str(FARTHEST_DOWN),
            "avgPriceMins": 0,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(pair.least_value),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_OPEN_ORDERS},
    ]


def order_facts(pair: Pair, order: Order) -> Json:
    """Return what every answer about an order holds."""
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": "0.00000000" if order.kind == "MARKET" else price(pair, order.price),
        "origQty": quantity(pair, order.lots),
        "executedQty": quantity(pair, order.filled),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": text(order.value),
        "status": order.status,
        "timeInForce": order.force,
        "type": order.kind,
        "side": order.side,
        "selfTradePreventionMode": "NONE",
    }


def order_looked_up(pair: Pair, order: Order) -> Json:
    """Return an order as GET answers it."""
    return order_facts(pair, order) | {
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.created_ms,
    }


def order_placed(pair: Pair, order: Order, fills: list[Fill]) -> Json:
    """Return an order as POST with newOrderRespType=FULL answers it."""
    return order_facts(pair, order) | {
        "transactTime": order.created_ms,
        "workingTime": order.created_ms,
        "fills": [
            {
                "price": price(pair, fill.trade.price),
                "qty": quantity(pair, fill.trade.lots),
                "commission": text(fill.commission),
                "commissionAsset": fill.commission_asset,
                "tradeId": fill.trade.id,
            }
            for fill in fills
        ],
    }


def order_canceled(pair: Pair, order: Order) -> Json:
    """Return an order as DELETE answers it: the id of the cancel stands where the order's own was."""
    return order_facts(pair, order) | {
        "origClientOrderId": order.client_id,
        "clientOrderId": order.cancel_id,
        "transactTime": order.updated_ms,
    }


def own_trade(pair: Pair, fill: Fill) -> Json:
    """Return a fill as myTrades lists it."""
    return {
        "symbol": fill.trade.symbol,
        "id": fill.trade.id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": price(pair, fill.trade.price),
        "qty": quantity(pair, fill.trade.lots),
        "quoteQty": text(fill.trade.value),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.trade.at_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def public_trade(pair: Pair, trade: Trade) -> Json:
    """Return a trade as everybody sees it."""
    return {
        "id": trade.id,
        "price": price(pair, trade.price),
        "qty": quantity(pair, trade.lots),
        "quoteQty": text(trade.value),
        "time": trade.at_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregated_trade(pair: Pair, number: int, trade: Trade) -> Json:
    """Return a trade as an aggregate of one; aggregates have numbers of their own."""
    return {
        "a": number,
        "p": price(pair, trade.price),
        "q": quantity(pair, trade.lots),
        "f": trade.id,
        "l": trade.id,
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def aggregated_trade_event(pair: Pair, number: int, trade: Trade) -> Json:
    """Return an aggregate of one trade as the stream tells it."""
    event = {"e": "aggTrade", "E": trade.at_ms, "s": trade.symbol}
    return {**event, **aggregated_trade(pair, number, trade)}


def trade_event(pair: Pair, trade: Trade) -> Json:
    """Return a trade as the stream tells it."""
    return {
        "e": "trade",
        "E": trade.at_ms,
        "s": trade.symbol,
        "t": trade.id,
        "p": price(pair, trade.price),
        "q": quantity(pair, trade.lots),
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def execution_report(pair: Pair, report: Report) -> Json:
    """Return what an account's stream tells about one of its orders."""
    order, fill = report.order, report.fill
    canceled = report.execution == "CANCELED"
    return {
        "e": "executionReport",
        "E": report.at_ms,
        "s": order.symbol,
        "c": order.cancel_id if canceled else order.client_id,
        "S": order.side,
        "o": order.kind,
        "f": order.force,
        "q": quantity(pair, order.lots),
        "p": "0.00000000" if order.kind == "MARKET" else price(pair, order.price),
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if canceled else "",
        "x": report.execution,
        "X": order.status,
        "r": "NONE",
        "i": order.id,
        "l": quantity(pair, fill.trade.lots if fill else 0),
        "z": quantity(pair, order.filled),
        "L": price(pair, fill.trade.price if fill else 0),
        "n": text(fill.commission) if fill else "0",
        "N": fill.commission_asset if fill else None,
        "T": report.at_ms,
        "t": fill.trade.id if fill else -1,
        "I": order.id,
        "w": order.status.is_open,
        "m": bool(fill and fill.is_maker),
        "M": False,
        "O": order.created_ms,
        "Z": text(order.value),
        "Y": text(fill.trade.value if fill else 0),
        "Q": "0.00000000",
        "W": order.created_ms,
        "V": "NONE",
    }


def kline(pair: Pair, candle: Minute, span: int) -> list[int | str]:
    """Return a candle of so many minutes; what takers bought is not counted here."""
    prices = (price(pair, ticks) for ticks in (candle.open, candle.high, candle.low, candle.close))
    ends = (candle.at + span) * MINUTE_MS - 1
    volume, value = text(candle.lots * pair.base_unit), text(candle.value)
    return [candle.at * MINUTE_MS, *prices, volume, ends, value, candle.count, "0", "0", "0"]


def day_ticker(pair: Pair, tape: Tape, last: int, bid: Level | None, ask: Level | None, now_ms: int) -> Json:
    """Return the 24 hour figures of a pair."""
    minutes = tape.minutes
    opened = minutes[0].open if minutes else last
    lots, value = sum(m.lots for m in minutes), sum(m.value for m in minutes)
    volume = Decimal(lots * pair.base_unit) / SCALE
    average = (Decimal(value) / SCALE / volume) if volume else Decimal(0)
    return {
        "symbol": pair.symbol,
        "priceChange": text((last - opened) * pair.price_unit),
        "priceChangePercent": str(round(Decimal(100 * (last - opened)) / opened, 3)),
        "weightedAvgPrice": str(round(average, 8)),
        "prevClosePrice": price(pair, opened),
        "lastPrice": price(pair, last),
        "lastQty": quantity(pair, tape.trades[-1].lots if tape.trades else 0),
        "bidPrice": price(pair, bid[0] if bid else 0),
        "bidQty": quantity(pair, bid[1] if bid else 0),
        "askPrice": price(pair, ask[0] if ask else 0),
        "askQty": quantity(pair, ask[1] if ask else 0),
        "openPrice": price(pair, opened),
        "highPrice": price(pair, max((m.high for m in minutes), default=last)),
        "lowPrice": price(pair, min((m.low for m in minutes), default=last)),
        "volume": text(lots * pair.base_unit),
        "quoteVolume": text(value),
        "openTime": minutes[0].at * 60_000 if minutes else now_ms,
        "closeTime": now_ms,
        "firstId": minutes[0].first_id if minutes else -1,
        "lastId": tape.trades[-1].id if tape.trades else -1,
        "count": sum(m.count for m in minutes),
    }
