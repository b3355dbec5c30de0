"""Samples of what is said of runs."""

from bot.ports import Json
from conversations.run_words import knob_question, preset_choices
from domain.strategies import get_strategy
from domain.strategies.base import show, show_value
from tests.handlers.notice_samples.common import AT

PRESETS = get_strategy("pure_market_making").presets

RUN: dict[str, Json] = {
    "number": 1,
    "pair": "BTC/USDT",
    "state": "running",
    "preset": "balanced",
    "base_coin": "BTC",
    "quote_coin": "USDT",
    "base": "0.02",
    "quote": "1000",
    "base_start": "0.02",
    "quote_start": "1000",
    "fills": 20,
    "volume": "1234.5",
    "open_orders": 6,
    "mid": "60000",
    "profit": "-1.5",
    "trouble": "",
    "started_at": "2026-03-01T09:30:00+00:00",
    "stopped_at": None,
    "fee_bps": 0,
    "paid": [],
}

QUOTES: list[Json] = [{"price": "59964", "quantity": "0.005"}]

SETTINGS: list[Json] = [
    {"knob": knob.name, "help": knob.help, "unit": str(knob.unit), "value": show_value(knob.default)}
    for knob in get_strategy("pure_market_making").parameters
]

SUMMARY: dict[str, Json] = {
    **{name: RUN[name] for name in ("pair", "preset", "base_coin", "quote_coin", "base", "quote", "mid")},
    "half_spread_bps": "6",
    "edge_bps": "-1.5",
    "fee_bps": "7.5",
    "our_fee_bps": 0,
    "widened": False,
    "bids": QUOTES,
    "asks": QUOTES,
    "settings": SETTINGS,
    "token": "x" * 32,
}

TRADE: dict[str, Json] = {
    "account": "binance-1",
    "pair": "BTC/USDT",
    "trade": "7",
    "side": "buy",
    "number": "1",
    "before": "0.02",
    "after": "0.01",
    "price": "60000",
}

RUN_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "new_no_funds": [
        {
            "minimum_base": "0.0001",
            "minimum_quote": "5",
            **{k: RUN[k] for k in ("pair", "base_coin", "quote_coin")},
        }
    ],
    "not_a_preset": [{"presets": ["calm", "tight"]}],
    "new_ask_pair": [{"choices": ["BTC/USDT"]}],
    "new_ask_preset": [
        {
            "pair": "BTC/USDT",
            "presets": preset_choices({name: show(config) for name, config in PRESETS.items()}),
        }
    ],
    "new_ask_knob": [
        dict(knob_question(knob, 1, 8).params) for knob in get_strategy("pure_market_making").parameters
    ],
    "new_confirm": [SUMMARY, {**SUMMARY, "preset": "", "widened": True, "our_fee_bps": 5}],
    "runs": [{"runs": []}, {"runs": [RUN] * 20}, {"runs": [{**RUN, "profit": None, "mid": None}]}],
    "run": [
        RUN,
        {**RUN, "state": "stopped", "stopped_at": "2026-03-01T09:30:00+00:00", "preset": ""},
        {**RUN, "trouble": "venue_silent", "profit": None},
        {**RUN, "state": "paused", "trouble": "pair_not_traded"},
        {**RUN, "state": "halted", "trouble": "balance_short:venue:main USDT 5"},
        {**RUN, "state": "awaiting_user", "trouble": "recovered_too_often"},
        {**RUN, "fee_bps": 5},
        {**RUN, "page_url": "https://pages.example/open/run/x"},
        {**RUN, "fee_bps": 5, "paid": [{"coin": "BTC", "amount": "0.0001"}, {"coin": "USDT", "amount": "1"}]},
    ],
    "stop_ask": [{"runs": [RUN] * 7}],
    "halts": [
        {"halts": []},
        {"halts": [{"account": f"binance-{n}", "reason": "fill_vanished", "at": AT} for n in range(20)]},
    ],
    "key_refused": [{"account": "binance-1", "reason": "venue_key_refused"}],
    "angel_took": [{"account": "binance-1", "runs": "3", "reason": "left_behind"}],
    "angel_safe": [{"account": "binance-1", "cancelled": "12"}],
    "angel_blind": [{"account": "binance-1", "reason": "venue_key_refused"}],
    "angel_unheard": [{"minutes": "6"}],
    "angel_blocked": [{"account": "binance-1", "reason": "venue_key_forbidden"}],
    "run_taken_over": [{"number": "1", "pair": "BTC/USDT"}],
    "recovery_began": [{"account": "binance-1", "runs": "3"}],
    "recovery_done": [
        {"account": "binance-1", "resumed": "2", "asked": asked, "stopped": "0"} for asked in ("0", "1")
    ],
    "unhalt_confirm": [{"account": "binance-1", "reasons": ["fill_vanished", "tide"], "token": "x" * 32}],
    "run_changed": [
        {"number": "1", "pair": "BTC/USDT"},
        {"number": "1", "pair": "BTC/USDT", "state": "running"},
        {"number": "1", "pair": "BTC/USDT", "state": "paused"},
    ],
    "change_confirm": [
        {
            "number": 1,
            "state": state,
            "pair": "BTC/USDT",
            "token": "x" * 32,
            "moves": [
                {"help": one["help"], "unit": one["unit"], "name": "x", "before": "0", "after": one["value"]}
                for one in SETTINGS
                if isinstance(one, dict) and one["unit"] != "switch"
            ],
        }
        for state in ("running", "awaiting_user")
    ],
    "trade_changed": [TRADE, {**TRADE, "side": "sell", "after": "0"}],
    "order_trade_changed": [TRADE],
    "run_trade_changed": [TRADE, {**TRADE, "side": "sell", "after": "0"}],
}
