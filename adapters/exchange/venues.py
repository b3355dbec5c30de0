"""The contract table: what each supported venue promises a market maker (safety §1.3).

A row is data, with its source; a venue without a row, or with one that is too weak, is refused. "ccxt" is
the source of the library at the version that the lock pins, "wire" is what was watched by
tests/adapters/exchange/test_on_the_wire.py, "docs" the venue's own documentation.
"""

from datetime import timedelta

from adapters.exchange.contract import (
    Cancelling,
    DeadMan,
    Expiry,
    Finding,
    IdForm,
    MarketTrades,
    Timer,
    Trades,
    VenueContract,
)

_DAY = timedelta(days=1)

BINANCE = VenueContract(
    venue="binance",
    client_id_parameter="newClientOrderId",
    id_pattern=r"[.A-Za-z0-9:/_-]{1,36}",
    source="ccxt binance; wire and sandbox venue; docs: Spot API, Trading endpoints",
    cancel_parameter="origClientOrderId",
    find_parameter="origClientOrderId",
    fill_parameter="clientOrderId",
    refuses_duplicate_client_ids=True,
    trades=Trades.FROM_ID,
    trades_window=_DAY,
    trades_page=500,
    market_trades=MarketTrades.NUMBERED,
    answers_whole=True,
    expiry_name="recvWindow",
    rehearsal="testnet",
    orders_per_second=10,
    withdrawal_parameter="withdrawOrderId",
    options={"watchTrades": {"name": "aggTrade"}},  # requests tell these too: the same ids, and fewer of them
    # rate limits, malformed or late requests, filters, rejected order, keys
    refusal_codes=frozenset(
        {"-1003", "-1013", "-1015", "-1021", "-1022", "-1100", "-1101", "-1102", "-1106", "-1111", "-1116"}
        | {"-1117", "-1121", "-2010", "-2014", "-2015"}
    ),
    # internal error, bus trouble, back-end timeout: the order may rest on the book
    silence_codes=frozenset({"-1000", "-1001", "-1006", "-1007"}),
    unconfirmed=("market_trades",),
)

OKX = VenueContract(
    venue="okx",
    client_id_parameter="clOrdId",
    id_pattern=r"[A-Za-z0-9]{1,32}",
    source="ccxt okx; wire; docs: API v5, Order book trading and Transaction timeouts",
    cancel_parameter="clOrdId",
    find_parameter="clOrdId",
    fill_parameter="clOrdId",
    refuses_duplicate_client_ids=True,
    trades_window=timedelta(days=90),
    trades_days=90,
    expiry=Expiry.HEADER,
    expiry_name="expTime",
    needs=("password",),
    rehearsal="demo",
    batch_places=20,
    batch_code_field="sCode",
    batch_cancels=20,
    cancels_all=False,
    orders_per_second=25,
    timer=Timer(DeadMan.UNIFIED, 10, 120, "of the whole trading account, or of one tag"),
    withdrawal_parameter="clientId",
    code_field="sCode",
    refusal_codes=frozenset({"50011", "50102", "51008"}),
    silence_codes=frozenset({"50001", "50004", "50005", "50013", "50026", "51011", "51016", "51054"}),
    unconfirmed=("expiry", "timer.least_s", "timer.most_s", "orders_per_second", "id_pattern"),
)

BYBIT = VenueContract(
    venue="bybit",
    client_id_parameter="orderLinkId",
    id_pattern=r"[A-Za-z0-9_-]{1,36}",
    source="ccxt bybit; wire; docs: V5, Order",
    cancel_parameter="orderLinkId",
    find_parameter="orderLinkId",
    fill_parameter="orderLinkId",
    refuses_duplicate_client_ids=True,
    finding=Finding.LISTS,
    cancelling=Cancelling.OWN_PARAMETER,
    trades_window=timedelta(days=7),
    trades_days=730,
    expiry_name="recvWindow",
    rehearsal="testnet",
    batch_places=10,
    batch_code_field="code",
    batch_cancels=10,
    orders_per_second=10,
    timer=Timer(
        *(DeadMan.UNIFIED, 3, 300, "only while a private stream listens for dcp; for institutions"),
        usable=False,
    ),
    withdrawal_parameter="requestId",
    code_field="retCode",
    refusal_codes=frozenset({"10002", "10006", "10018", "110007", "170131", "170222"}),
    closed_codes=frozenset({"170151"}),
    silence_codes=frozenset(
        {"10000", "10014", "10016", "12141", "110030", "110072", "140030", "170001", "170007", "170141"}
    ),
    unconfirmed=(
        "closed_codes",
        "orders_per_second",
    ),
)

KRAKEN = VenueContract(
    venue="kraken",
    client_id_parameter="cl_ord_id",
    id_pattern=r"[ -~]{1,18}",
    source="ccxt kraken; wire; docs: Spot REST, Trading",
    cancel_parameter="cl_ord_id",
    find_parameter="cl_ord_id",
    refuses_duplicate_client_ids=True,
    finding=Finding.LISTS,
    trades_window=timedelta(days=30),
    trades_page=50,
    trades_of_all_pairs=True,
    market_trades=MarketTrades.SHARED,
    expiry=Expiry.PARAMETER,
    expiry_name="deadline",
    one_nonce=True,
    batch_places=15,
    batch_code_field="error",
    batch_by_place=True,
    batch_cancels=50,
    orders_per_second=1,
    most_open_orders=60,
    timer=Timer(DeadMan.UNIFIED, 15, 86_400, "of the whole account; once it has struck it must be set again"),
    code_field="error",
    refusal_codes=frozenset(
        {
            "EAPI:Rate limit exceeded",
            "EOrder:Rate limit exceeded",
            "EAPI:Invalid nonce",
            "EGeneral:Temporary lockout",
        }
        | {"EOrder:Insufficient funds"}
    ),
    closed_codes=frozenset({"EService:Market in cancel_only mode"}),
    silence_codes=frozenset({"EService:Unavailable", "EService:Busy", "EGeneral:Internal error"}),
    read_posts=tuple(
        f"/private/{name}"
        for name in (
            *("Balance", "BalanceEx", "OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory"),
            *("TradeVolume", "GetWebSocketsToken", "GetApiKeyInfo"),
        )
    ),
    unconfirmed=(
        "closed_codes",
        "expiry",
        "refuses_duplicate_client_ids",
        "most_open_orders",
        "orders_per_second",
        "market_trades",
    ),
)

GATE = VenueContract(
    venue="gate",
    client_id_parameter="text",
    id_pattern=r"t-[A-Za-z0-9_.-]{1,28}",
    source="ccxt gate; wire; docs: API v4, Spot",
    id_form=IdForm.PREFIXED,
    fill_parameter="text",
    finding=Finding.AS_ID,
    cancelling=Cancelling.AS_ID,
    trades_window=timedelta(days=30),
    trades_page=1000,
    market_trades=MarketTrades.SHARED,
    answers_whole=True,
    expiry=Expiry.HEADER,
    expiry_name="x-gate-exptime",
    rehearsal="testnet",
    batch_places=10,  # the library takes no more
    batch_code_field="label",
    batch_counts_each=False,
    batch_cancels=20,
    orders_per_second=10,
    timer=Timer(
        *(DeadMan.RAW, 5, 86_400, "POST /spot/countdown_cancel_all, of all pairs or of one"),
        call="privateSpotPostCountdownCancelAll",
    ),
    withdrawal_parameter="withdraw_order_id",
    code_field="label",
    refusal_codes=frozenset(
        {"TOO_FAST", "TOO_MANY_REQUESTS", "REQUEST_EXPIRED", "BALANCE_NOT_ENOUGH", "INVALID_PARAM_VALUE"}
    ),
    silence_codes=frozenset(
        {"INTERNAL", "SERVER_ERROR", "TOO_BUSY", "REPEATED_CREATION", "ORDER_CLOSED", "ORDER_CANCELLED"}
    ),
    unconfirmed=(
        "expiry",
        "timer.least_s",
        "timer.most_s",
        "orders_per_second",
        "batch_cancels",
        "market_trades",
    ),
)

KUCOIN = VenueContract(
    venue="kucoin",
    client_id_parameter="clientOid",
    id_pattern=r"[A-Za-z0-9_-]{1,40}",
    source="ccxt kucoin; wire; docs: Classic spot, Orders",
    cancel_parameter="clientOid",
    find_parameter="clientOid",
    refuses_duplicate_client_ids=True,
    trades_window=timedelta(days=7),
    trades_page=500,
    expiry=Expiry.CLOCK,
    latest_arrival_ms=5_000,
    needs=("password",),
    batch_places=5,
    batch_code_field="failMsg",
    orders_per_second=10,
    options={"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
    timer=Timer(
        *(DeadMan.RAW, 5, 86_400, "POST hf/orders/dead-cancel-all, of high-frequency orders"), usable=False
    ),
    refusal_codes=frozenset({"429000", "400002", "200004"}),
    closed_codes=frozenset({"126007", "126009"}),
    silence_codes=frozenset({"500000", "500", "503", "126033", "126044", "102411"}),
    unconfirmed=(
        "closed_codes",
        "latest_arrival_ms",
        "timer.least_s",
        "timer.most_s",
        "orders_per_second",
        "id_pattern",
    ),
)

MEXC = VenueContract(
    venue="mexc",
    client_id_parameter="newClientOrderId",
    id_pattern=r"[A-Za-z0-9_-]{1,32}",
    source="ccxt mexc; wire; docs: Spot v3",
    cancel_parameter="origClientOrderId",
    find_parameter="origClientOrderId",
    fill_parameter="clientOrderId",
    trades_window=_DAY,
    trades_days=30,
    expiry_name="recvWindow",
    batch_places=20,
    batch_code_field="code",
    orders_per_second=5,
    markets_call="fetch_spot_markets",
    withdrawal_parameter="withdrawOrderId",
    refusal_codes=frozenset({"429", "510", "700003", "700005", "30004"}),
    closed_codes=frozenset({"30000", "30016"}),
    silence_codes=frozenset({"504", "501", "503", "603"}),
    unconfirmed=("closed_codes", "id_pattern", "orders_per_second", "withdrawal_parameter"),
)

BITGET = VenueContract(
    venue="bitget",
    client_id_parameter="clientOid",
    id_pattern=r"[A-Za-z0-9:#_-]{1,50}",
    source="ccxt bitget; wire; docs: API v2, Spot trade",
    cancel_parameter="clientOid",
    find_parameter="clientOid",
    refuses_duplicate_client_ids=True,
    trades_window=timedelta(days=90),
    trades_days=90,
    expiry=Expiry.WINDOW,
    expiry_name="receiveWindow",
    needs=("password",),
    rehearsal="demo",
    batch_places=50,
    batch_code_field="errorCode",
    batch_cancels=50,
    orders_per_second=10,
    timer=Timer(DeadMan.RAW, 5, 60, "POST v3/trade/countdown-cancel-all, of unified accounts", usable=False),
    withdrawal_parameter="clientOid",
    refusal_codes=frozenset({"429", "40004", "40005", "40008", "43012"}),
    silence_codes=frozenset({"40200", "40308", "40604", "40725", "45001", "500", "40786", "43118"}),
    unconfirmed=("expiry", "timer.least_s", "timer.most_s", "orders_per_second", "id_pattern"),
)

HTX = VenueContract(
    venue="htx",
    client_id_parameter="client-order-id",
    id_pattern=r"[A-Za-z0-9_-]{1,64}",
    source="ccxt htx; wire; docs: Spot, Trading",
    cancel_parameter="client-order-id",
    find_parameter="clientOrderId",
    refuses_duplicate_client_ids=True,  # of the last day; ccxt says 8 hours in one place, 24 in another
    trades_window=timedelta(days=2),
    trades_page=500,
    trades_days=120,
    expiry=Expiry.CLOCK,
    latest_arrival_ms=300_000,
    batch_places=10,
    batch_code_field="err-code",
    batch_cancels=50,
    orders_per_second=10,
    timer=Timer(DeadMan.UNIFIED, 5, 86_400, "the library files it under algo orders"),
    withdrawal_parameter="client-order-id",
    code_field="err-code",
    options={"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
    refusal_codes=frozenset(
        {"base-request-exceed-frequency-limit", "rate-too-many-requests", "api-signature-not-valid"}
        | {"account-frozen-balance-insufficient-error"}
    ),
    silence_codes=frozenset({"timeout", "gateway-internal-error", "order-update-error"}),
    unconfirmed=("latest_arrival_ms", "timer", "orders_per_second", "id_pattern"),
)

XT = VenueContract(
    venue="xt",
    client_id_parameter="clientOrderId",
    id_pattern=r"[A-Za-z0-9_]{4,32}",
    source="ccxt xt; wire; docs: Spot v4, Order",
    find_parameter="clientOrderId",
    finding=Finding.QUERY,
    cancelling=Cancelling.ORDER_ID,
    trades_window=_DAY,
    trades_until="endTime",
    market_trades=MarketTrades.SHARED,
    expiry_name="recvWindow",
    expiry_as_text=True,
    orders_per_second=5,
    tells_fees=False,
    code_field="mc",
    markets_call="fetch_spot_markets",
    refusal_codes=frozenset({"AUTH_105", "ORDER_002"}),
    unconfirmed=("finding", "trades_window", "orders_per_second", "id_pattern", "market_trades"),
)

BIGONE = VenueContract(
    venue="bigone",
    client_id_parameter="client_order_id",
    id_pattern=r"[A-Za-z0-9_-]{1,36}",
    source="ccxt bigone; wire; docs: API v3, Orders and Trades",
    finding=Finding.HISTORY,
    cancelling=Cancelling.ORDER_ID,
    trades=Trades.PAGES,
    trades_page=200,
    market_trades=MarketTrades.SHARED,
    answers_whole=True,
    expiry=Expiry.CLOCK,
    latest_arrival_ms=30_000,
    tells_fees=False,
    orders_per_second=5,
    refusal_codes=frozenset({"10429", "10014", "40603"}),
    unconfirmed=("latest_arrival_ms", "orders_per_second", "id_pattern", "trades"),
)

HYPERLIQUID = VenueContract(
    venue="hyperliquid",
    client_id_parameter="c",
    id_pattern=r"0x[0-9a-f]{32}",
    source="ccxt hyperliquid; wire; docs: API, Exchange endpoint",
    id_form=IdForm.HEX,
    cancel_parameter="cloid",
    find_parameter="oid",
    fill_parameter="cloid",
    refuses_duplicate_client_ids=False,
    trades_window=timedelta(days=7),
    trades_page=2000,
    trades_of_all_pairs=True,
    market_trades=MarketTrades.UNASKED,
    expiry=Expiry.SIGNED,
    expiry_name="expiresAfter",
    one_nonce=True,
    needs=("walletAddress", "privateKey"),
    rehearsal="testnet",
    batch_places=1000,
    batch_code_field="error",
    batch_by_place=True,
    batch_cancels=1000,
    cancels_all=False,
    orders_per_second=5,
    most_open_orders=1000,
    timer=Timer(DeadMan.UNIFIED, 5, 86_400, "refused until the account has traded 1,000,000 USD"),
    code_field="",
    read_posts=("/info",),
    unconfirmed=("expiry", "timer.least_s", "timer.most_s", "fill_parameter", "most_open_orders"),
)

VENUES = {
    contract.venue: contract
    for contract in (BINANCE, OKX, BYBIT, KRAKEN, GATE, KUCOIN, MEXC, BITGET, HTX, XT, BIGONE, HYPERLIQUID)
}
