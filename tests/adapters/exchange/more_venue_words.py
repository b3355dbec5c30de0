"""The words of binance, mexc, bitget, htx, xt, bigone and hyperliquid."""

from typing import Any

from tests.adapters.exchange.words import BOOK, Words


def _binance() -> Words:
    order = (
        {"symbol": "BTCUSDT", "orderId": 312, "clientOrderId": "$ID", "price": "100", "side": "BUY"}
        | {"origQty": "0.5", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW"}
        | {"timeInForce": "GTC", "type": "LIMIT_MAKER", "time": "$MS", "updateTime": "$MS"}
    )
    fill = {"symbol": "BTCUSDT", "id": 74, "orderId": 312, "price": "100", "qty": "0.5", "quoteQty": "50"} | {
        "commission": "0.05",
        "commissionAsset": "USDT",
        "time": "$MS",
        "isBuyer": True,
        "isMaker": True,
    }
    market = (
        {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}
        | {"isSpotTradingAllowed": True, "permissions": ["SPOT"], "permissionSets": [["SPOT"]]}
        | {"baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": ["LIMIT", "LIMIT_MAKER"]}
        | {
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
                {"filterType": "NOTIONAL", "minNotional": "5"},
            ]
        }
    )
    fees = {"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}
    return Words(
        answers=(
            ("GET /api/v3/exchangeInfo", {"symbols": [market]}),
            ("GET /sapi/v1/asset/tradeFee", [fees]),
            ("GET /api/v3/depth", {"lastUpdateId": 1, **BOOK}),
            ("POST /api/v3/order", order),
            ("DELETE /api/v3/order", {**order, "status": "CANCELED"}),
            ("GET /api/v3/order", order),
            ("GET /api/v3/openOrders", [order]),
            ("GET /api/v3/myTrades", [fill]),
        ),
        create="POST /api/v3/order",
        id_at="newClientOrderId",
        cancel="DELETE /api/v3/order",
        cancel_id_at="origClientOrderId",
        find="GET /api/v3/order",
        find_id_at="origClientOrderId",
        expiry_at="recvWindow",
    )


def _mexc() -> Words:
    order = (
        {"symbol": "BTCUSDT", "orderId": "312", "clientOrderId": "$ID", "price": "100", "side": "BUY"}
        | {"origQty": "0.5", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW"}
        | {"timeInForce": "GTC", "type": "LIMIT_MAKER", "time": "$MS", "updateTime": "$MS"}
    )
    fill = (
        {"symbol": "BTCUSDT", "id": "7a", "orderId": "312", "clientOrderId": "$ID", "price": "100"}
        | {"qty": "0.5", "quoteQty": "50", "commission": "0.05", "commissionAsset": "USDT"}
        | {"time": "$MS", "isBuyer": True, "isMaker": True}
    )
    market = (
        {"symbol": "BTCUSDT", "status": "1", "baseAsset": "BTC", "baseAssetPrecision": 5}
        | {"quoteAsset": "USDT", "quoteAssetPrecision": 1, "isSpotTradingAllowed": True}
        | {"baseSizePrecision": "0.00001", "quoteAmountPrecision": "1", "permissions": ["SPOT"]}
        | {"makerCommission": "0", "takerCommission": "0.0005", "maxQuoteAmount": "2000000"}
    )
    fees = {"code": 0, "msg": "success", "data": {"makerCommission": 0.0, "takerCommission": 0.0005}}
    return Words(
        answers=(
            ("GET /api/v3/exchangeInfo", {"symbols": [market]}),
            ("GET /api/v3/tradeFee", fees),
            ("GET /api/v3/depth", {"lastUpdateId": 1, **BOOK}),
            ("POST /api/v3/order", {"symbol": "BTCUSDT", "orderId": "312", "transactTime": "$MS"}),
            ("DELETE /api/v3/order", {**order, "status": "CANCELED"}),
            ("GET /api/v3/order", order),
            ("GET /api/v3/openOrders", [order]),
            ("GET /api/v3/myTrades", [fill]),
        ),
        create="POST /api/v3/order",
        id_at="newClientOrderId",
        cancel="DELETE /api/v3/order",
        cancel_id_at="origClientOrderId",
        find="GET /api/v3/order",
        find_id_at="origClientOrderId",
        expiry_at="recvWindow",
    )


def _bitget() -> Words:
    order = (
        {"symbol": "BTCUSDT", "orderId": "312", "clientOid": "$ID", "price": "100", "size": "0.5"}
        | {"orderType": "limit", "side": "buy", "status": "live", "priceAvg": "0", "baseVolume": "0"}
        | {"quoteVolume": "0", "force": "post_only", "cTime": "$MS", "uTime": "$MS"}
    )
    fill = (
        {"symbol": "BTCUSDT", "orderId": "312", "tradeId": "74", "orderType": "limit", "side": "buy"}
        | {"priceAvg": "100", "size": "0.5", "amount": "50", "tradeScope": "maker", "cTime": "$MS"}
        | {"feeDetail": {"deduction": "no", "feeCoin": "BTC", "totalDeductionFee": "", "totalFee": "-0.0005"}}
    )
    market = (
        {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "minTradeAmount": "0"}
        | {"takerFeeRate": "0.001", "makerFeeRate": "0.001", "pricePrecision": "1"}
        | {"quantityPrecision": "5", "quotePrecision": "7", "minTradeUSDT": "1", "status": "online"}
    )

    def of(data: Any) -> Any:
        return {"code": "00000", "msg": "success", "requestTime": "$MS", "data": data}

    return Words(
        answers=(
            ("GET /api/v2/spot/public/symbols", of([market])),
            ("GET /api/v2/margin/currencies", of([])),
            ("GET /api/v3/account/settings", {"code": "40084", "msg": "a classic account", "data": None}),
            ("GET /api/v2/common/trade-rate", of({"makerFeeRate": "0.001", "takerFeeRate": "0.001"})),
            ("GET /api/v2/spot/market/orderbook", of({**BOOK, "ts": "$MS"})),
            ("POST /api/v2/spot/trade/(place|cancel)-order", of({"orderId": "312", "clientOid": "$ID"})),
            ("GET /api/v2/spot/trade/orderInfo", of([order])),
            ("GET /api/v2/spot/trade/unfilled-orders", of([order])),
            ("GET /api/v2/spot/trade/fills", of([fill])),
        ),
        create="POST /api/v2/spot/trade/place-order",
        id_at="clientOid",
        cancel="POST /api/v2/spot/trade/cancel-order",
        cancel_id_at="clientOid",
        find="GET /api/v2/spot/trade/orderInfo",
        find_id_at="clientOid",
        expiry_at="receiveWindow",
        cancel_expires=False,
    )


def _htx() -> Words:
    order = (
        {"id": 312, "symbol": "btcusdt", "account-id": 1, "client-order-id": "$ID", "price": "100"}
        | {"amount": "0.5", "created-at": "$MS", "type": "buy-limit-maker", "state": "submitted"}
        | {"field-amount": "0", "field-cash-amount": "0", "field-fees": "0", "source": "api"}
    )
    open_order = (
        {"id": 312, "symbol": "btcusdt", "account-id": 1, "client-order-id": "$ID", "price": "100"}
        | {"amount": "0.5", "created-at": "$MS", "type": "buy-limit-maker", "state": "submitted"}
        | {"filled-amount": "0", "filled-cash-amount": "0", "filled-fees": "0", "source": "api"}
    )
    fill = (
        {"symbol": "btcusdt", "trade-id": 74, "order-id": 312, "price": "100", "role": "maker"}
        | {"filled-amount": "0.5", "filled-fees": "0.0005", "fee-currency": "btc", "id": 9}
        | {"created-at": "$MS", "type": "buy-limit-maker", "match-id": 5, "filled-points": "0"}
    )
    market = (
        {"symbol": "btcusdt", "base-currency": "btc", "quote-currency": "usdt", "state": "online"}
        | {"price-precision": 1, "amount-precision": 5, "value-precision": 8, "min-order-amt": "0.0001"}
        | {"min-order-value": "5", "api-trading": "enabled", "symbol-partition": "main"}
        | {"bc": "btc", "qc": "usdt", "sc": "btcusdt", "te": True, "pp": 1, "ap": 5, "vp": 8}
    )

    def of(data: Any) -> Any:
        return {"status": "ok", "data": data}

    fees = {"symbol": "btcusdt", "actualMakerRate": "0.002", "actualTakerRate": "0.002"}
    tick = {**BOOK, "ts": "$MS", "version": 1}
    return Words(
        answers=(
            ("GET /v1/common/symbols", of([market])),
            ("GET /v1/settings/common/market-symbols", of([market])),
            ("GET /v1/account/accounts", of([{"id": 1, "type": "spot", "subtype": "", "state": "working"}])),
            (
                "GET /v2/reference/transact-fee-rate",
                {"code": 200, "data": [{**fees, "makerFeeRate": "0.002", "takerFeeRate": "0.002"}]},
            ),
            ("GET /market/depth", {"status": "ok", "ch": "x", "ts": "$MS", "tick": tick}),
            ("POST /v1/order/orders/place", of("312")),
            ("POST /v1/order/orders/submitCancelClientOrder", of(10)),
            ("GET /v1/order/orders/getClientOrder", of(order)),
            ("GET /v1/order/openOrders", of([open_order])),
            ("GET /v1/order/matchresults", of([fill])),
        ),
        create="POST /v1/order/orders/place",
        id_at="client-order-id",
        cancel="POST /v1/order/orders/submitCancelClientOrder",
        cancel_id_at="client-order-id",
        find="GET /v1/order/orders/getClientOrder",
        find_id_at="clientOrderId",
    )


def _xt() -> Words:
    order = (
        {"symbol": "btc_usdt", "orderId": "312", "clientOrderId": "$ID", "side": "BUY"}
        | {"type": "LIMIT", "timeInForce": "GTX", "bizType": "SPOT", "price": "100", "origQty": "0.5"}
        | {"executedQty": "0", "leavingQty": "0.5", "avgPrice": "0", "fee": "0", "feeCurrency": "usdt"}
        | {"state": "NEW", "time": "$MS", "updatedTime": "$MS"}
    )
    fill = (
        {"symbol": "btc_usdt", "tradeId": "74", "orderId": "312", "orderSide": "BUY"}
        | {"orderType": "LIMIT", "bizType": "SPOT", "time": "$MS", "price": "100", "quantity": "0.5"}
        | {"quoteQty": "50", "fee": "0.1", "feeCurrency": "usdt", "takerMaker": "MAKER"}
    )
    market = (
        {"id": 614, "symbol": "btc_usdt", "state": "ONLINE", "tradingEnabled": True, "pricePrecision": 1}
        | {"openapiEnabled": True, "baseCurrency": "btc", "quoteCurrency": "usdt", "quantityPrecision": 5}
        | {"makerFeeRate": "0.002", "takerFeeRate": "0.002", "filters": []}
    )

    def of(result: Any) -> Any:
        return {"rc": 0, "mc": "SUCCESS", "ma": [], "result": result}

    return Words(
        answers=(
            ("GET /v4/public/symbol", of({"time": "$MS", "version": "1", "symbols": [market]})),
            ("GET /v4/public/depth", of({"timestamp": "$MS", "lastUpdateId": 1, **BOOK})),
            ("POST /v4/order", of({"orderId": "312"})),
            ("DELETE /v4/order/312", of({"cancelId": "1", "orderId": "312"})),
            ("GET /v4/order", of(order)),
            ("GET /v4/open-order", of([order])),
            ("GET /v4/trade", of({"hasPrev": False, "hasNext": False, "items": [fill]})),
        ),
        create="POST /v4/order",
        id_at="clientOrderId",
        cancel="DELETE /v4/order/312",
        cancel_id_at="",
        find="GET /v4/order",
        find_id_at="clientOrderId",
        expiry_at="header xt-validate-recvwindow",
    )


def _bigone() -> Words:
    order = (
        {"id": 312, "asset_pair_name": "BTC-USDT", "price": "100", "amount": "0.5", "side": "BID"}
        | {"filled_amount": "0", "avg_deal_price": "0", "state": "PENDING", "type": "LIMIT"}
        | {"client_order_id": "$ID", "created_at": "2026-11-27T12:00:00Z", "post_only": True}
        | {"updated_at": "2026-11-27T12:00:00Z"}
    )
    fill = (
        {"id": 74, "asset_pair_name": "BTC-USDT", "price": "100", "amount": "0.5", "side": "BID"}
        | {"taker_side": "ASK", "maker_order_id": 312, "taker_order_id": None, "maker_fee": "0.0005"}
        | {"created_at": "2999-01-01T12:00:00Z"}
    )
    market = (
        {"id": "d2185614-50c3-4588-b146-b8afe7534da6", "name": "BTC-USDT", "base_scale": 5}
        | {"quote_scale": 1, "min_quote_value": "1", "max_quote_value": "100000"}
        | {"base_asset": {"id": "1", "name": "Bitcoin", "symbol": "BTC"}}
        | {"quote_asset": {"id": "2", "name": "TetherUS", "symbol": "USDT"}}
    )
    book = {
        "asks": [{"price": "100.1", "quantity": "1", "order_count": 1}],
        "bids": [{"price": "100", "quantity": "1", "order_count": 1}],
    }

    def of(data: Any) -> Any:
        return {"code": 0, "data": data}

    return Words(
        answers=(
            ("GET /api/v3/asset_pairs", of([market])),
            ("GET /api/contract/v2/symbols", []),
            ("GET /api/v3/asset_pairs/BTC-USDT/depth", of({"asset_pair_name": "BTC-USDT", **book})),
            ("POST /api/v3/viewer/orders", of(order)),
            ("POST /api/v3/viewer/orders/312/cancel", of({**order, "state": "CANCELLED"})),
            ("GET /api/v3/viewer/orders", of([order])),
            ("GET /api/v3/viewer/trades", of([fill])),
        ),
        create="POST /api/v3/viewer/orders",
        id_at="client_order_id",
        cancel="POST /api/v3/viewer/orders/312/cancel",
        cancel_id_at="",
        find="GET /api/v3/viewer/orders",
        find_id_at="",
    )


def _hyperliquid() -> Words:
    order = {"coin": "PURR/USDC", "side": "B", "limitPx": "100", "sz": "0.5", "oid": 312, "cloid": "$ID"} | {
        "timestamp": "$MS",
        "origSz": "0.5",
        "orderType": "Limit",
        "tif": "Alo",
        "isTrigger": False,
    }
    fill = {"coin": "PURR/USDC", "px": "100", "sz": "0.5", "side": "B", "time": "$MS", "oid": 312} | {
        "crossed": False,
        "fee": "0.01",
        "tid": 74,
        "feeToken": "USDC",
        "cloid": "$ID",
    }
    meta = {
        "tokens": [
            {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "isCanonical": True},
            {"name": "PURR", "szDecimals": 0, "weiDecimals": 5, "index": 1, "isCanonical": True},
        ],
        "universe": [{"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True}],
    }
    context = {"coin": "PURR/USDC", "markPx": "100", "midPx": "100.05", "prevDayPx": "99", "dayNtlVlm": "1"}
    levels = [[{"px": "100", "sz": "1", "n": 1}], [{"px": "100.1", "sz": "1", "n": 1}]]
    resting = {"type": "order", "data": {"statuses": [{"resting": {"oid": 312, "cloid": "$ID"}}]}}
    return Words(
        answers=(
            ("POST /info spotMetaAndAssetCtxs", [meta, [context]]),
            ("POST /info userFees", {"userCrossRate": "0.0004", "userAddRate": "0.0001"}),
            ("POST /info l2Book", {"coin": "PURR/USDC", "time": "$MS", "levels": levels}),
            ("POST /info frontendOpenOrders", [order]),
            ("POST /info orderStatus", {"status": "order", "order": {"order": order, "status": "open"}}),
            ("POST /info userFillsByTime", [fill]),
            ("POST /exchange", {"status": "ok", "response": resting}),
        ),
        create="POST /exchange",
        id_at="action.orders.0.c",
        cancel="POST /exchange",
        cancel_id_at="action.cancels.0.cloid",
        find="POST /info",
        find_id_at="oid",
        expiry_at="expiresAfter",
        pair="PURR/USDC",
    )


WORDS = {
    name: words()
    for name, words in (
        ("binance", _binance),
        ("mexc", _mexc),
        ("bitget", _bitget),
        ("htx", _htx),
        ("xt", _xt),
        ("bigone", _bigone),
        ("hyperliquid", _hyperliquid),
    )
}
