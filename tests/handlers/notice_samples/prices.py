"""Samples of what is said of prices."""

from bot.ports import Json

PRICE: dict[str, Json] = {
    "coin": "BTC", "currency": "USD", "price": "60000.5", "change_bps": "-120", "spread_bps": 3,
    "disputed": False, "stale": [], "fresh": [{"source": "CoinGecko", "price": "60000.5", "age_s": 40}],
    "markets": [
        {"pair": "BTC/USDT", "venue": "binance", "bid": "1", "ask": "2", "age_s": 3, "day": {}, "traded": {}}
    ],
}  # fmt: skip

DAY: dict[str, Json] = {"low": "59000", "high": "61000.5", "change_bps": "-120.4", "minutes": 1_440}

MARKET: dict[str, Json] = {"pair": "BTC/USDT", "venue": "gate", "bid": "1", "ask": "", "age_s": 3}

QUIET: dict[str, Json] = {"base": "BTC", "age_s": 8, "span_s": 300, "count": 0, "volume": "0"}
LAST: dict[str, Json] = {"last_age_s": 12, "price": "60010", "quantity": "0.01"}
TRADED: list[dict[str, Json]] = [{**QUIET, **LAST, "count": 42, "volume": "1.5"}, {**QUIET, **LAST}, QUIET]

MARKETS: list[Json] = [
    {**MARKET, "day": {**DAY, "minutes": minutes}, "traded": traded}
    for minutes, traded in zip((1_440, 7, 7), TRADED, strict=True)
]

OLD: dict[str, Json] = {"source": "Mixin", "price": "59000", "age_s": 7_200}

PRICE_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "price": [
        PRICE,
        {**PRICE, "change_bps": "", "disputed": True, "fresh": [OLD, OLD], "stale": [OLD], "markets": []},
        {**PRICE, "markets": MARKETS},
        {**PRICE, "price": "", "fresh": [], "stale": [OLD]},
    ],
    "price_ask": [{"coins": []}, {"coins": ["BTC", "USDT"]}],
    "price_coin_unknown": [{"coin": "ABC", "known": "BTC, USDT"}],
}
