"""Samples of what is said of a person's history and pages."""

from bot.ports import Json
from domain.market.history import FillState
from domain.market.orders import OrderState
from tests.handlers.notice_samples.common import AT

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
        looked("orders", [], "fills"),
    ],
    "history_not_understood": [
        {"what": what, "said": "tide"}
        for what in ("subject", "run", "pair", "side", "state", "from", "to", "before", "word")
    ],
}

PAGE: dict[str, Json] = {"page_url": "https://pages.example/open/run/x", "number": 1, "pair": "BTC/USDT"}

PAGE_SAMPLES: dict[str, list[dict[str, Json]]] = {
    "live": [PAGE, {**PAGE, "page_url": ""}],
    "history_page": [{**PAGE, "subject": each} for each in ("fills", "orders", "fees")],
    "visits": [{"visits": []}, {"visits": [{"began_at": AT, "seen_at": AT}]}],
}
