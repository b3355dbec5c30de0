"""The words of okx, bybit, kraken, gate and kucoin."""

from typing import Any

from tests.adapters.exchange.words import BOOK, Words


def _okx() -> Words:
    order = (
        {"instType": "SPOT", "instId": "BTC-USDT", "ordId": "312", "clOrdId": "$ID", "px": "100"}
        | {"sz": "0.5", "side": "buy", "ordType": "post_only", "state": "live", "accFillSz": "0"}
        | {"avgPx": "", "fee": "0", "feeCcy": "BTC", "cTime": "$MS", "uTime": "$MS", "tdMode": "cash"}
    )
    fill = (
        {"instType": "SPOT", "instId": "BTC-USDT", "tradeId": "74", "ordId": "312", "clOrdId": "$ID"}
        | {"fillPx": "100", "fillSz": "0.5", "side": "buy", "execType": "M", "feeCcy": "BTC"}
        | {"fee": "-0.0005", "ts": "$MS"}
    )
    market = {"instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT"} | {
        "tickSz": "0.1",
        "lotSz": "0.00001",
        "minSz": "0.00001",
        "state": "live",
        "lever": "10",
    }
    accepted = {"clOrdId": "$ID", "ordId": "312", "sCode": "0", "sMsg": ""}

    def of(*data: Any) -> Any:
        return {"code": "0", "msg": "", "data": list(data)}

    return Words(
        answers=(
            ("GET /api/v5/public/instruments", of(market)),
            (
                "GET /api/v5/account/trade-fee",
                of({"instType": "SPOT", "maker": "-0.0008", "taker": "-0.001"}),
            ),
            ("GET /api/v5/market/books", of({**BOOK, "ts": "$MS"})),
            ("POST /api/v5/trade/batch-orders", of(accepted)),
            ("POST /api/v5/trade/cancel-order", of(accepted)),
            ("GET /api/v5/trade/order", of(order)),
            ("GET /api/v5/trade/orders-pending", of(order)),
            ("GET /api/v5/trade/fills-history", of(fill)),
        ),
        create="POST /api/v5/trade/batch-orders",
        id_at="0.clOrdId",
        cancel="POST /api/v5/trade/cancel-order",
        cancel_id_at="clOrdId",
        find="GET /api/v5/trade/order",
        find_id_at="clOrdId",
        expiry_at="header expTime",
    )


def _bybit() -> Words:
    order = (
        {"symbol": "BTCUSDT", "orderId": "312", "orderLinkId": "$ID", "side": "Buy"}
        | {"orderType": "Limit", "price": "100", "qty": "0.5", "orderStatus": "New", "cumExecQty": "0"}
        | {"cumExecValue": "0", "cumExecFee": "0", "leavesQty": "0.5", "timeInForce": "PostOnly"}
        | {"createdTime": "$MS", "updatedTime": "$MS"}
    )
    fill = (
        {"symbol": "BTCUSDT", "orderId": "312", "orderLinkId": "$ID", "side": "Buy", "execId": "7-a"}
        | {"execPrice": "100", "execQty": "0.5", "execValue": "50", "execFee": "0.0005"}
        | {"feeCurrency": "BTC", "execTime": "$MS", "isMaker": True, "execType": "Trade"}
    )
    market = (
        {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading"}
        | {"lotSizeFilter": {"basePrecision": "0.00001", "minOrderQty": "0.00001", "minOrderAmt": "1"}}
        | {"priceFilter": {"tickSize": "0.1"}}
    )

    def of(**result: Any) -> Any:
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": "$MS"}

    fees = {"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    book = {"s": "BTCUSDT", "b": BOOK["bids"], "a": BOOK["asks"], "ts": "$MS", "u": 1}
    return Words(
        answers=(
            ("GET /v5/market/instruments-info", of(category="spot", list=[market])),
            ("GET /v5/account/fee-rate", of(list=[fees])),
            ("GET /v5/market/orderbook", of(**book)),
            ("GET /v5/user/query-api", of(unified=0, uta=1)),
            ("GET /v5/account/info", of(unifiedMarginStatus=6)),
            ("POST /v5/order/(create|cancel)", of(orderId="312", orderLinkId="$ID")),
            ("GET /v5/order/realtime", of(category="spot", list=[order])),
            ("GET /v5/execution/list", of(category="spot", list=[fill])),
        ),
        create="POST /v5/order/create",
        id_at="orderLinkId",
        cancel="POST /v5/order/cancel",
        cancel_id_at="orderLinkId",
        find="GET /v5/order/realtime",
        find_id_at="orderLinkId",
        expiry_at="header X-BAPI-RECV-WINDOW",
    )


def _kraken() -> Words:
    market = (
        {"altname": "XBTUSDT", "wsname": "XBT/USDT", "aclass_base": "currency", "base": "XXBT"}
        | {"quote": "USDT", "pair_decimals": 1, "cost_decimals": 5, "lot_decimals": 8, "status": "online"}
        | {"fees": [[0, 0.26]], "fees_maker": [[0, 0.16]], "ordermin": "0.0001", "costmin": "0.5"}
        | {"tick_size": "0.1"}
    )
    order = (
        {"cl_ord_id": "$ID", "status": "open", "opentm": "$S", "vol": "0.5", "vol_exec": "0"}
        | {"cost": "0", "fee": "0", "price": "0", "oflags": "post"}
        | {"descr": {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "price": "100", "price2": "0"}}
    )
    fill = {"ordertxid": "312", "pair": "XBTUSDT", "time": "$S", "type": "buy", "ordertype": "limit"} | {
        "price": "100",
        "cost": "50",
        "fee": "0.08",
        "vol": "0.5",
        "maker": True,
    }
    fees = {"fees": {"XBTUSDT": {"fee": "0.26"}}, "fees_maker": {"XBTUSDT": {"fee": "0.16"}}}

    def of(**result: Any) -> Any:
        return {"error": [], "result": result}

    return Words(
        answers=(
            ("GET /0/public/AssetPairs", of(XBTUSDT=market)),
            ("POST /0/private/TradeVolume", of(**fees)),
            ("GET /0/public/Depth", of(XBTUSDT=BOOK)),
            ("POST /0/private/AddOrder", of(txid=["312"], descr={"order": "buy 0.5 XBTUSDT @ limit 100"})),
            ("POST /0/private/CancelOrder", of(count=1)),
            ("POST /0/private/OpenOrders", of(open={"312": order})),
            ("POST /0/private/ClosedOrders", of(closed={})),
            ("POST /0/private/TradesHistory", of(trades={"7-a": fill}, count=1)),
        ),
        create="POST /0/private/AddOrder",
        id_at="cl_ord_id",
        cancel="POST /0/private/CancelOrder",
        cancel_id_at="cl_ord_id",
        find="POST /0/private/OpenOrders",
        find_id_at="cl_ord_id",
        expiry_at="deadline",
        cancel_expires=False,
    )


def _gate() -> Words:
    order = (
        {"id": "312", "text": "$ID", "status": "open", "currency_pair": "BTC_USDT", "type": "limit"}
        | {"account": "spot", "side": "buy", "amount": "0.5", "price": "100", "left": "0.5"}
        | {"filled_total": "0", "fee": "0", "fee_currency": "BTC", "time_in_force": "poc"}
        | {"create_time_ms": "$MS"}
    )
    fill = (
        {"id": "74", "create_time_ms": "$MS", "currency_pair": "BTC_USDT", "side": "buy"}
        | {"role": "maker", "amount": "0.5", "price": "100", "order_id": "312", "text": "$ID"}
        | {"fee": "0", "fee_currency": "BTC", "gt_fee": "0.07", "point_fee": "0"}
    )
    market = {"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "fee": "0.2", "min_base_amount": "0.0001"} | {
        "min_quote_amount": "1",
        "amount_precision": 5,
        "precision": 1,
        "trade_status": "tradable",
    }
    return Words(
        answers=(
            ("GET /spot/currency_pairs", [market]),
            ("GET /margin/currency_pairs", []),
            ("GET /account/detail", {"key": {"mode": 1}}),
            ("GET /wallet/fee", {"maker_fee": "0.002", "taker_fee": "0.002"}),
            ("GET /spot/order_book", {"current": "$MS", "update": "$MS", **BOOK}),
            ("POST /spot/orders", order),
            ("DELETE /spot/orders/t-.*", {**order, "status": "cancelled"}),
            ("GET /spot/orders/t-.*", order),
            ("GET /spot/open_orders", [{"currency_pair": "BTC_USDT", "total": 1, "orders": [order]}]),
            ("GET /spot/my_trades", [fill]),
        ),
        create="POST /spot/orders",
        id_at="text",
        cancel="DELETE /spot/orders/$ID",
        cancel_id_at="",
        find="GET /spot/orders/$ID",
        find_id_at="",
        expiry_at="header x-gate-exptime",
        cancel_expires=False,
    )


def _kucoin() -> Words:
    order = (
        {"id": "312", "symbol": "BTC-USDT", "opType": "DEAL", "type": "limit", "side": "buy"}
        | {"price": "100", "size": "0.5", "funds": "0", "dealFunds": "0", "dealSize": "0", "fee": "0"}
        | {"feeCurrency": "USDT", "clientOid": "$ID", "isActive": True, "cancelExist": False}
        | {"createdAt": "$MS"}
    )
    fill = (
        {"symbol": "BTC-USDT", "tradeId": "74", "orderId": "312", "side": "buy", "price": "100"}
        | {"liquidity": "maker", "size": "0.5", "funds": "50", "fee": "0.05", "feeCurrency": "USDT"}
        | {"createdAt": "$MS"}
    )
    market = (
        {"symbol": "BTC-USDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "baseMinSize": "0.00001"}
        | {"quoteMinSize": "0.1", "baseIncrement": "0.00001", "quoteIncrement": "0.000001"}
        | {"priceIncrement": "0.1", "enableTrading": True, "isMarginEnabled": False}
    )

    def of(data: Any) -> Any:
        return {"code": "200000", "data": data}

    fees = {"symbol": "BTC-USDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    return Words(
        answers=(
            ("GET /api/v[12]/symbols", of([market])),
            ("GET /api/ua/v1/account/mode", of({"selfAccountMode": "CLASSIC"})),
            ("GET /api/v3/margin/symbols", of({"items": []})),
            ("GET /api/v1/isolated/symbols", of([])),
            ("GET /api/v1/hf/accounts/opened", of(False)),
            ("GET /api/v1/trade-fees", of([fees])),
            ("GET /api/v./market/orderbook/level2.*", of({"time": "$MS", "sequence": "1", **BOOK})),
            ("POST /api/v1/orders", of({"orderId": "312"})),
            ("DELETE /api/v1/order/client-order/.*", of({"cancelledOrderId": "312", "clientOid": "$ID"})),
            ("GET /api/v1/order/client-order/.*", of(order)),
            ("GET /api/v1/orders", of({"items": [order]})),
            ("GET /api/v1/fills", of({"items": [fill]})),
        ),
        create="POST /api/v1/orders",
        id_at="clientOid",
        cancel="DELETE /api/v1/order/client-order/$ID",
        cancel_id_at="",
        find="GET /api/v1/order/client-order/$ID",
        find_id_at="",
    )


WORDS = {
    name: words()
    for name, words in (
        ("okx", _okx),
        ("bybit", _bybit),
        ("kraken", _kraken),
        ("gate", _gate),
        ("kucoin", _kucoin),
    )
}
