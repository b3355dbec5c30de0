"""Everything that is said anywhere has words, and all words are said somewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.texts.catalogues import entries_of, texts
from bot.ports import Json
from bot.replies import Text
from conversations.run_words import knob_question, preset_choices
from domain.conversions.model import Ending
from domain.market.history import FillState
from domain.market.orders import OrderState
from domain.strategies import get_strategy
from domain.strategies.base import show, show_value
from handlers.notices import NOTICES, NoticeRenderer
from handlers.transfer_notices import TRANSFER_NOTICES

PRESETS = get_strategy("pure_market_making").presets

ROOT = Path(__file__).parents[2]

COMMON: dict[str, Json] = {
    "account": "binance-1",
    "amount": "1000.5",
    "base": "0.5",
    "error": "LookupError",
    "fills": "20",
    "fits": "5",
    "maximum": "1000",
    "minimum_base": "0.0001",
    "minimum_quote": "5",
    "number": "1",
    "pair": "BTC/USDT",
    "parameter": "half_spread_bps",
    "preset": "wild",
    "quote": "500",
    "sold": "0.25",
    "state": "stopping",
    "strategy": "own",
    "unit": "bps",
    "volume": "1234.5",
    "asset_id": "4d8c508b-91c5-375b-92b0-ee702ed2dac5",
    "available": "999.5",
    "bought": "0.5",
    "coin": "USDT",
    "count": "3",
    "missing": "12.5",
    "most": 5,
    "scope": "wallet",
    "fee": "0.5",
    "flow": "withdraw",
    "left": 4,
    "link": "https://mixin.one/pay/bot?asset=a&amount=1&trace=t",
    "minimum": "1",
    "minutes": 12,
    "network": "Ethereum",
    "place": "2",
    "places": 8,
    "reason": "asset_unknown",
    "receives": "1000",
    "token": "x" * 32,
    "transaction_hash": "a" * 64,
    "total": "-0.5",
    "transfer": "7",
    "outside": "999.5",
    "ledger": "1000",
    "first": "I4 available:a:USDT: 1, 2",
    "order": "mmk1",
    "who": "a person",
    "wanted": 6,
    "seconds": 30,
    "word": "/unfreeze",
    "what": "wallet",
}

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

AT = "2026-03-01T09:30:00+00:00"

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

PERSON = "0c2f7b6e-0000-4000-8000-00000000a11c"
ACT: dict[str, Json] = {
    "at": "2026-03-01T09:30:00+00:00",
    "who": PERSON,
    "action": "roles.change",
    "params": "role=admin",
}
WITHDRAWAL: dict[str, Json] = {
    "id": "0190-7", "coin": "USDT", "amount": "40", "state": "waiting", "place": "2", "hash": "", "at": AT,
}  # fmt: skip
KEPT: dict[str, Json] = {
    "asset_id": "4d8c508b-91c5-375b-92b0-ee702ed2dac5", "coin": "USDT", "amount": "0.4", "count": "2",
    "reason": "below_minimum", "sender": "",
}  # fmt: skip
LEFT: dict[str, Json] = {
    "coins": [
        {"coin": "USDT", "people": "3", "amount": "40", "dust": ""},
        {"coin": "BTC", "people": "1", "amount": "0.1", "dust": "0.000000001"},
    ],
    "runs": "2", "payouts": "4", "stuck": "1", "kept": "5",
}  # fmt: skip
NONE_LEFT: dict[str, Json] = {"coins": [], "runs": "0", "payouts": "0", "stuck": "0", "kept": "0"}
FREEZE: dict[str, Json] = {"scope": "wallet", "reason": "spent_elsewhere:0190-7", "at": AT}

LINE: dict[str, Json] = {
    "coin": "USDT", "outside": "9", "ledger": "10", "unexplained": "-1", "explained": [],
}  # fmt: skip
STANDING: dict[str, Json] = {
    "place": "venue:main", "outcome": "short", "age_s": 61, "fine_s": 3_600, "lines": [LINE], "strays": [],
}  # fmt: skip

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
    "recovery_began": [{"account": "binance-1", "runs": "3"}],
    "recovery_done": [{"account": "binance-1", "resumed": "2", "asked": "1", "stopped": "0"}],
    "unhalt_confirm": [{"account": "binance-1", "reasons": ["fill_vanished", "tide"], "token": "x" * 32}],
    "change_confirm": [
        {
            "number": 1,
            "pair": "BTC/USDT",
            "token": "x" * 32,
            "moves": [
                {"help": one["help"], "unit": one["unit"], "name": "x", "before": "0", "after": one["value"]}
                for one in SETTINGS
                if isinstance(one, dict) and one["unit"] != "switch"
            ],
        }
    ],
    "trade_changed": [TRADE, {**TRADE, "side": "sell", "after": "0"}],
    "order_trade_changed": [TRADE],
    "run_trade_changed": [TRADE, {**TRADE, "side": "sell", "after": "0"}],
}

QUOTED: dict[str, Json] = {
    "account": "binance-1",
    "pair": "BTC/USDT",
    "side": "sell",
    "resting": "no",
    "run": "1",
    "pays": "BTC",
    "gets": "USDT",
    "amount": "0.01",
    "quantity": "0",
    "worst": "59400",
    "best": "60000",
    "spends": "0.01",
    "receives": "599",
    "venue_fee": "0.6",
    "our_fee": "0.3",
    "least": "593",
    "part": "no",
    "traded": "0.01",
    "minimum": "0.0001",
    "minimum_coin": "BTC",
    "venue_fee_bps": "10",
    "our_fee_bps": "5",
    "fee_version": "1",
    "token": "x" * 32,
}
RESTING: dict[str, Json] = {**QUOTED, "resting": "yes", "side": "buy", "part": "yes"}
DONE: dict[str, Json] = {**QUOTED, "number": "1", "spent": "0.01", "received": "599", "left": "0"}
ENDINGS = (
    *(ending.value for ending in Ending),
    "nothing",
    "user_frozen",
    "coin_frozen",
    "stopped_all",
    "venue_silent",
    "tide",
)
ORDER: dict[str, Json] = {**DONE, "number": 1, "state": "converting", "reason": "", "open": True}

CONVERSION_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "convert_ask_coin": [{"choices": [{"name": "USDT", "available": "1"}]}],
    "convert_ask_into": [{"coin": "USDT", "choices": ["BTC", "ETH"]}],
    "buy_ask_pair": [{"choices": ["BTC/USDT"]}],
    "sell_ask_pair": [{"choices": ["BTC/USDT"]}],
    "convert_confirm": [QUOTED, {**QUOTED, "part": "yes"}],
    "trade_confirm": [QUOTED, RESTING],
    "leave_confirm": [QUOTED],
    "leave_ask_run": [{"runs": [RUN] * 7}],
    "leave_ask_into": [{"number": 1, "pair": "BTC/USDT", "base": "BTC", "quote": "USDT"}],
    "conversion_begun": [QUOTED | {"number": "1"}, RESTING | {"number": "1"}],
    "conversion_done": [
        *({**DONE, "reason": ending} for ending in ENDINGS),
        {**DONE, "received": "0", "left": "1", "reason": "cap"},
    ],
    "orders": [
        {"orders": []},
        {"orders": [{**ORDER, "state": state} for state in ("waiting", "converting", "finishing")]},
        {"orders": [{**ORDER, "open": False, "received": got, "reason": "all"} for got in ("0", "1")]},
    ],
    "conversion_called_back": [ORDER],
    "order_fill_summary": [COMMON],
    "price_too_far": [{"price": "9", "mid": "60000"}],
    "price_moved": [{"worst": "59400"}],
    "not_convertible": [{"coin": "BTC", "into": "DOGE"}],
}

RATES: dict[str, Json] = {
    "deposit_bps": 5,
    "withdrawal_bps": 10,
    "trading_bps": 2,
    "effective_at": "2026-03-03T10:00:00+00:00",
}

TAKING: dict[str, Json] = {
    "asset_id": "asset-1",
    "coin": "USDT",
    "network": "Tron",
    "amount": "2",
    "id": "",
    "state": "requested",
    "reason": "",
    "ready_at": "2026-03-03T10:00:00+00:00",
}

FEE_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "deposit_pay": [COMMON, {**COMMON, "fee": "0"}],
    "deposit_credited": [COMMON, {name: COMMON[name] for name in ("coin", "amount", "network")}],
    "fees": [
        {**RATES, "coming": [], "paid": []},
        {**RATES, "coming": [RATES], "paid": [{"fee": "trading", "coin": "BTC", "amount": "0.1"}]},
    ],
    "fees_will_change": [
        {**RATES, "deposit_bps_before": "0", "withdrawal_bps_before": "0", "trading_bps_before": "0"}
    ],
    "deposit_added_up": [COMMON, {name: COMMON[name] for name in ("coin", "amount", "network")}],
    "set_fees_how": [{**RATES, "deposit_most": 500, "withdrawal_most": 500, "trading_most": 50}],
    "set_fees_confirm": [{**RATES, "fee": "deposit", "bps": 7, "token": "x" * 32}],
    "set_fees_announced": [RATES],
    "fees_earned": [
        {"earned": [], "taken": []},
        {
            "earned": [
                {**TAKING, "earned": "3", "takeable": "2"},
                {**TAKING, "earned": "3", "takeable": "0"},
            ],
            "taken": [
                *({**TAKING, "state": state} for state in ("done", "refused", "cancelled")),
                *({**TAKING, "id": "id-7", "reason": reason} for reason in ("", "fees_not_covered")),
                TAKING,
            ],
        },
    ],
    "take_fees_confirm": [{**TAKING, "token": "x" * 32}],
    "fees_beyond": [{**COMMON, "available": "0"}],
    **{kind: [TAKING] for kind in ("fees_taking_announced", "fees_taking_cancelled")},
}

MOVE: dict[str, Json] = {
    "id": "0190-7", "direction": "to_venue", "account": "gate-1", "coin": "USDT", "network": "Ethereum",
    "amount": "100", "missing": "0.5", "state": "stuck", "reason": "", "at": AT, "open_to": ["write_off"],
}  # fmt: skip
BACK: dict[str, Json] = {**MOVE, "direction": "to_mixin", "reason": "may_decide"}
ENTRY: dict[str, Json] = {
    "id": "0190-7", "place": "gate-1", "coin": "USDT", "network": "Ethereum", "said_network": "ETH",
    "address": "0xabc", "tag": "", "state": "proposed",
}  # fmt: skip
ENTRIES: list[Json] = [{**ENTRY, "state": state} for state in ("proposed", "approved", "proven", "frozen")]
TOLD: dict[str, Json] = {
    **ENTRY, **MOVE, "reason": "stale", "extra": "1", "stage": "missing", "code": "ETH", "count": "2",
    "found": "a b", "heard_network": "BSC", "heard_address": "0xdef", "heard_tag": "",
}  # fmt: skip

TRANSFER_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "transfers": [
        {"transfers": []},
        {"transfers": [MOVE, {**BACK, "open_to": ["resend", "give_up", "done_by_hand"]}]},
    ],
    "move_confirm": [
        {**BACK, "decision": decision, "token": "x" * 32}
        for decision in ("resend", "give_up", "write_off", "done_by_hand")
    ],
    "addresses": [{"addresses": []}, {"addresses": ENTRIES}],
    "approve_confirm": [{**ENTRY, "token": "x" * 32}, {**ENTRY, "tag": "7", "token": "x" * 32}],
    **{
        kind: [TOLD, {**TOLD, "direction": "to_mixin", "tag": "7"}]
        for kind in TRANSFER_NOTICES
        if kind.startswith(("transfer_", "address_")) or kind == "move_decided"
    },
}

FILL: dict[str, Json] = {
    "at": AT, "run": "1", "kind": "strategy", "side": "buy", "price": "60000", "quantity": "0.1",
    "state": "open", "quote_quantity": "6000", "base_coin": "BTC", "quote_coin": "USDT", "fee": "0.5",
    "fee_coin": "USDT", "filled": "0",
}  # fmt: skip
PAID: dict[str, Json] = {
    "at": AT, "run": "", "kind": "", "fee": "deposit", "coin": "USDT", "basis": "100", "amount": "-1",
}  # fmt: skip


def looked(subject: str, rows: list[Json], other: str, older: str = "") -> dict[str, Json]:
    """Return a page of history."""
    others: list[Json] = [{"subject": other, "command": "/history"}]
    return {
        "subject": subject,
        "rows": rows,
        "older": older,
        "others": others,
        "page": "/history page" if rows else "",
    }


HISTORY_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "history": [
        looked(
            "fills", [{**FILL, "state": str(state)} for state in FillState], "orders", "/history before 7"
        ),
        looked("fills", [{**FILL, "kind": "conversion", "side": "sell", "fee": ""}], "orders"),
        looked("orders", [{**FILL, "state": str(state)} for state in OrderState], "fees"),
        looked("orders", [{**FILL, "side": "sell"}], "fees"),
        looked("fees", [PAID], "fills"),
        looked("fees", [], "fills"),
    ],
    "history_not_understood": [
        {"what": what, "said": "tide"}
        for what in ("subject", "run", "pair", "side", "state", "from", "to", "before", "word")
    ],
}

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

PRICE: dict[str, Json] = {
    "coin": "BTC", "currency": "USD", "price": "60000.5", "change_bps": "-120", "spread_bps": 3,
    "disputed": False, "stale": [], "fresh": [{"source": "CoinGecko", "price": "60000.5", "age_s": 40}],
    "markets": [{"pair": "BTC/USDT", "venue": "binance", "bid": "1", "ask": "2", "age_s": 3, "day": {}}],
}  # fmt: skip
DAY: dict[str, Json] = {"low": "59000", "high": "61000.5", "change_bps": "-120.4", "minutes": 1_440}
MARKET: dict[str, Json] = {"pair": "BTC/USDT", "venue": "gate", "bid": "1", "ask": "", "age_s": 3}
MARKETS: list[Json] = [{**MARKET, "day": {**DAY, "minutes": minutes}} for minutes in (1_440, 7)]
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

PAGE: dict[str, Json] = {"page_url": "https://pages.example/open/run/x", "number": 1, "pair": "BTC/USDT"}
PAGE_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "live": [PAGE, {**PAGE, "page_url": ""}],
    "history_page": [{**PAGE, "subject": each} for each in ("fills", "orders", "fees")],
    "visits": [{"visits": []}, {"visits": [{"began_at": AT, "seen_at": AT}]}],
}

SAMPLES: dict[str, list[dict[str, Json]]] = {
    "balance": [
        {"coins": []},
        {"coins": [{"coin": "USDT", "available": "1", "held": "2", "in_runs": "0", "arriving": "0"}]},
        {"coins": [{"coin": "USDT", "available": "1", "held": "0", "in_runs": "3", "arriving": "4"}]},
    ],
    "withdrawals": [
        {"withdrawals": []},
        {
            "withdrawals": [
                {**WITHDRAWAL, "outlook": o}
                for o in ("now", "change", "merging", "coming", "funds", "frozen", "stuck")
            ]
        },
        {
            "withdrawals": [
                {**WITHDRAWAL, "outlook": "ended", "state": s, "id": "", "hash": "a" * 64}
                for s in ("done", "refused", "cancelled")
            ]
        },
    ],
    "refunds": [{"kept": []}, {"kept": [KEPT] * 9}],
    "refund_confirm": [{**KEPT, "token": "x" * 32}],
    "payout_stuck": [{**WITHDRAWAL, "reason": code} for code in ("mixin_silent", "tide")],
    "sendback_confirm": [
        {**KEPT, "kept": [{**KEPT, "sender": name} for name in ("alice", "bob")], "token": "x" * 32}
    ],
    "sendback_requested": [{**KEPT, "kept": [{**KEPT, "sender": "alice"}]}],
    "suspense": [{"kept": []}, {"kept": [KEPT, {**KEPT, "sender": "a person"}]}],
    "freezes": [{"freezes": []}, {"freezes": [FREEZE] * 20}],
    "forget_has_balance": [{"coins": "2 USDT"}],
    "you_were_away": [{"coins": "2 USDT", "since": AT}],
    "inactive": [
        {"people": [], "days": "365"},
        {"people": [{"who": PERSON, "coins": "2 USDT", "since": AT}], "days": "365"},
    ],
    "closing_announced": [{"begins_at": AT}],
    "closing_announced_to_keepers": [{"begins_at": AT}],
    "closing_confirm": [{**left, "hours": "24", "token": "x" * 32} for left in (LEFT, NONE_LEFT)],
    "closing_status": [
        {**LEFT, "state": state, "begins_at": AT} for state in ("", "announced", "paying", "closed")
    ],
    "stop_all_confirm": [{"runs": 2, "conversions": 1, "token": "x" * 32}],
    "stopped_all": [{"runs": 2, "conversions": 1}],
    "freeze_new_confirm": [{"scope": "new", "about": "new", "token": "x" * 32}],
    "freeze_confirm": [{"scope": "coin:USDT", "about": "USDT", "token": "x" * 32}],
    "unfreeze_confirm": [
        {**FREEZE, "token": "x" * 32},
        {"scope": "new", "reason": f"by_hand:{PERSON}", "token": "x" * 32},
    ],
    "payouts_frozen": [
        {**FREEZE, "reason": f"{code}:output-1"}
        for code in (
            "output_changed",
            "other_transaction",
            "spent_elsewhere",
            "spend_key_mismatch",
            "inputs_differ",
            "chain_broken",
            "tide",
        )
    ],
    "not_a_choice": [{"choices": ["BTC", "USDT"]}],
    "deposit_ask_coin": [{"choices": []}, {"choices": [f"COIN{n}" for n in range(20)]}],
    "withdraw_ask_coin": [{"choices": [{"name": "USDT TRON", "available": "1"}]}],
    **{
        kind: [{"user_id": PERSON, "order": order, "token": "x" * 32} for order in ("grant", "revoke")]
        for kind in ("role_confirm", "role_changed")
    },
    "whoami": [{"user_id": PERSON, "role": role} for role in ("user", "admin", "owner")],
    "roles": [{"people": [{"user_id": PERSON, "role": "owner"}]}],
    "audit": [{"acts": []}, {"acts": [ACT, {**ACT, "who": ""}]}],
    "insufficient_funds": [{}, {"available": "1"}],
    "settle_confirm": [
        {**COMMON, "kind": kind, "place": "venue:main", "subject": "USDT"} for kind in ("short", "surplus")
    ],
    "difference_settled": [{**COMMON, "kind": kind} for kind in ("short", "surplus")],
    "reconcile_state": [
        {"standings": []},
        {
            "standings": [
                STANDING,
                {**STANDING, "outcome": "good", "lines": [{**LINE, "unexplained": "0", "explained": ["p"]}]},
                {**STANDING, "outcome": "surplus", "fine_s": None, "age_s": 0},
                {**STANDING, "outcome": "moving", "strays": [{"order": "mmk1", "reason": "tide"}]},
            ]
        },
    ],
    **ACCOUNT_SAMPLES,
    **RUN_SAMPLES,
    "stopped_from_outside": [
        {"who": "somebody", "at": "2026-03-01T09:30:00+00:00", "runs": "2", "conversions": "1"}
    ],
    **HISTORY_SAMPLES,
    **PRICE_SAMPLES,
    **PAGE_SAMPLES,
    **CONVERSION_SAMPLES,
    **FEE_SAMPLES,
    **TRANSFER_SAMPLES,
}


def samples(kind: str) -> list[dict[str, Json]]:
    return SAMPLES.get(kind, [COMMON])


class Recording:
    """Words that note which keys were asked for."""

    def __init__(self, said: set[str]) -> None:
        self._words = texts().words("en")
        self._said = said

    def words(self, language: str) -> "Recording":
        return self

    def __call__(self, key: str, **params: Json) -> str:
        self._said.add(key)
        return self._words(key, **params)

    def has(self, key: str) -> bool:
        return self._words.has(key)

    def __getattr__(self, name: str) -> object:
        return getattr(self._words, name)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_every_kind_can_be_said_in_every_language(kind: str, language: str) -> None:
    for params in samples(kind):
        replies = NoticeRenderer(texts()).render(kind, params, language)
        assert isinstance(replies[0], Text)
        assert "{" not in replies[0].text


def literals(*packages: str) -> Iterator[tuple[str, str]]:
    """Yield (name of the called function, first literal argument) of every call."""
    for path in (p for package in packages for p in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                for argument in node.args[:2]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield name, argument.value


def test_everything_that_handlers_say_has_a_renderer() -> None:
    said = {
        text for name, text in literals("bot", "handlers", "conversations") if name in ("Say", "complain")
    }
    said |= {"apology"}
    assert said - NOTICES.keys() == set()
    assert len(said) > 20


PLANNERS_ONLY = {
    *("address_not_approved", "address_replaced", "fee_changed", "fee_token_unknown", "network_closed"),
    *("network_unmapped", "no_tag_free", "transfers_frozen"),
}

MACHINES_ONLY = (
    PLANNERS_ONLY
    | {"limit_daily_notional", "limit_notional", "limit_order_rate", "limit_price_band"}
    | {
        "epoch_lost",
        "lease_lost",
        "number_not_understood",
        *("drill_unseen", "drill_nothing_rests"),
    }
)
"""Refusals that no person's message leads to."""


def test_everything_that_the_domain_tells_or_refuses_has_a_renderer() -> None:
    told = {
        text for name, text in literals("domain") if name in ("tell", "_tell", "tell_keepers") and "_" in text
    }
    refused = {text for name, text in literals("domain") if name == "Refused"}
    assert (told | refused) - MACHINES_ONLY - NOTICES.keys() == set()


def test_unknown_kind_is_said_to_be_one() -> None:
    [reply] = NoticeRenderer(texts()).render("moon_in_wrong_phase", {}, "en")
    assert isinstance(reply, Text)
    assert "moon_in_wrong_phase" in reply.text


def test_reason_without_words_is_shown_as_it_is() -> None:
    [reply] = NoticeRenderer(texts()).render("withdrawal_refused", {**COMMON, "reason": "tide"}, "en")
    assert isinstance(reply, Text)
    assert "tide" in reply.text


def test_every_catalogue_entry_is_said_somewhere() -> None:
    said: set[str] = set()
    renderer = NoticeRenderer(Recording(said))  # type: ignore[arg-type]  # records what the real words say
    for kind in [*NOTICES, "an unknown one"]:
        for params in samples(kind):
            renderer.render(kind, params, "en")
    spoken_by_code = {
        key
        for key in entries_of("en")
        if key.startswith(
            (
                *("reason_", "flow_", "state_", "moving_", "preset_", "switch_", "fee_"),
                *("doctor_", "drill_", "listener_"),
            )
        )
    }
    assert entries_of("en").keys() - said - spoken_by_code == set()
