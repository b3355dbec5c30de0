"""Samples of what is said of venue accounts."""

from bot.ports import Json
from tests.handlers.notice_samples.common import COMMON

ACCOUNT: dict[str, Json] = {
    "account": "binance-1",
    "venue": "binance",
    "age_s": 40,
    "compared_s": 30,
    "used": 12,
    "room": [
        {"pair": "BTC/USDT", "orders": 42, "most": 190},
        {"pair": "ETH/USDT", "orders": 6, "most": None},
    ],
    "hourly": 4320,
    "most_hourly": 32400,
    "powers": ["read", "trade", "withdraw"],
    "apart_ms": -12,
    "dead_man": "proven",
    "refusal": "",
    "ills": ["unseen", "key_withdraws", "key_idle", "clock", "full", "uncompared"],
}

ACCOUNT_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "account_refused": [COMMON | {"venue": "weak", "reason": "no_lookup"}],
    "accounts": [
        {"accounts": []},
        {
            "accounts": [
                ACCOUNT,
                ACCOUNT
                | {"powers": None, "apart_ms": None, "room": [], "most_hourly": 0, "dead_man": "configured"},
                ACCOUNT | {"compared_s": None, "dead_man": "absent"},
                ACCOUNT | {"refusal": "id_misfit"},
            ]
        },
    ],
}
