"""A sample of the facts of every notice, as its renderer gets them."""

from bot.ports import Json
from tests.handlers.notice_samples.accounts import ACCOUNT_SAMPLES
from tests.handlers.notice_samples.common import AT, COMMON, PERSON
from tests.handlers.notice_samples.conversions import CONVERSION_SAMPLES
from tests.handlers.notice_samples.fees import FEE_SAMPLES
from tests.handlers.notice_samples.history import HISTORY_SAMPLES, PAGE_SAMPLES
from tests.handlers.notice_samples.prices import PRICE_SAMPLES
from tests.handlers.notice_samples.runs import RUN_SAMPLES
from tests.handlers.notice_samples.transfers import TRANSFER_SAMPLES

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
    "help": [{}, {"role": "user"}, {"role": "admin"}, {"role": "owner"}],
    "freezes": [{"freezes": []}, {"freezes": [FREEZE] * 20}, {"freezes": [{**FREEZE, "scope": "new"}]}],
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
                {**STANDING, "outcome": "surplus", "fine_s": None, "age_s": 172_800},
                {**STANDING, "outcome": "moving", "strays": [{"order": "mmk1", "reason": "tide"}]},
            ]
        },
    ],
    **ACCOUNT_SAMPLES,
    **RUN_SAMPLES,
    "stopped_from_outside": [
        {"who": "somebody", "at": "2026-03-01T09:30:00+00:00", "runs": "2", "conversions": "1"}
    ],
    "stopped_by_file": [{"at": "2026-03-01T09:30:00+00:00", "runs": "2", "conversions": "1"}],
    **HISTORY_SAMPLES,
    **PRICE_SAMPLES,
    **PAGE_SAMPLES,
    **CONVERSION_SAMPLES,
    **FEE_SAMPLES,
    **TRANSFER_SAMPLES,
}


def samples(kind: str) -> list[dict[str, Json]]:
    return SAMPLES.get(kind, [COMMON])
