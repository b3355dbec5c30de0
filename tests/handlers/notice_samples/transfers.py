"""Samples of what is said of transfers of the treasury."""

from bot.ports import Json
from handlers.transfer_notices import TRANSFER_NOTICES
from tests.handlers.notice_samples.common import AT

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
