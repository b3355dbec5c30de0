"""Samples of what is said of fees."""

from bot.ports import Json
from tests.handlers.notice_samples.common import COMMON

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
