"""Samples of what is said of conversions and trades by hand."""

from bot.ports import Json
from domain.conversions.model import Ending
from tests.handlers.notice_samples.common import COMMON
from tests.handlers.notice_samples.runs import RUN

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
