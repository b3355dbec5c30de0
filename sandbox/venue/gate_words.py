"""How gate says no: a label and a sentence; and what a call of its table needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.venue.funds import Reason
from sandbox.venue.model import RefusedByVenue
from sandbox.venue.venue import Venue

Json = Any
Params = Mapping[str, Any]
Call = Callable[[Venue, str, Params], Json]


@dataclass(frozen=True, slots=True)
class Route:
    """A call, what the key must be allowed to do (None: nobody need sign), and the status of its success."""

    call: Call
    right: str | None
    status: int = 200


class Refusal(Exception):
    """The door is shut; nothing happened."""

    def __init__(self, label: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.label, self.message, self.status = label, message, status

    def facts(self) -> dict[str, str]:
        """Return what the client reads."""
        return {"label": self.label, "message": self.message}


OF_FUNDS: Mapping[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_COIN: ("INVALID_CURRENCY", "Invalid currency"),
    Reason.UNKNOWN_NETWORK: ("INVALID_PARAM_VALUE", "Invalid chain"),
    Reason.CLOSED: ("API_WITHDRAW_DISABLED", "Withdrawals are suspended"),
    Reason.TOO_PRECISE: ("INVALID_PARAM_VALUE", "Amount has too many decimals"),
    Reason.TOO_LITTLE: ("INVALID_PARAM_VALUE", "Amount is too small"),
    Reason.BAD_ADDRESS: ("INVALID_PARAM_VALUE", "Invalid address"),
    Reason.BAD_TAG: ("INVALID_PARAM_VALUE", "Invalid memo"),
    Reason.NOT_LISTED: ("FORBIDDEN", "Address is not in the whitelist of this key"),
    Reason.TOO_POOR: ("BALANCE_NOT_ENOUGH", "Not enough balance"),
    Reason.NOT_CANCELLABLE: ("INVALID_WITHDRAW_CANCEL_STATUS", "Cannot be cancelled"),
}

_OF_ENGINE = (  # a part of what the engine says, and gate's words for it; the first that fits
    ("Invalid symbol", "INVALID_CURRENCY_PAIR", "Invalid currency pair"),
    ("immediately match", "POC_FILL_IMMEDIATELY", "Order would match and take immediately so its cancelled"),
    ("insufficient balance", "BALANCE_NOT_ENOUGH", "Not enough balance"),
    ("Duplicate order", "REPEATED_CREATION", "An open order has this text already"),
    ("NOTIONAL", "INVALID_PARAM_VALUE", "Your order size is too small"),
    ("PERCENT_PRICE", "PRICE_TOO_DEVIATED", "Price is too far from the market's"),
    ("MAX_NUM_ORDERS", "TOO_MANY_ORDERS", "Too many open orders"),
    ("LOT_SIZE", "INVALID_PRECISION", "Amount has too many decimals"),
    ("PRICE_FILTER", "INVALID_PRECISION", "Price has too many decimals"),
    ("too much precision", "INVALID_PRECISION", "Too many decimals"),
    ("Unknown order", "ORDER_NOT_FOUND", "Order not found"),
    ("Market is closed", "QUANTITY_NOT_ENOUGH", "Nothing is offered"),
)


def of_engine(refused: RefusedByVenue) -> Refusal:
    """Return the engine's no in gate's words."""
    for part, label, message in _OF_ENGINE:
        if part in refused.text:
            return Refusal(label, message, 404 if label == "ORDER_NOT_FOUND" else 400)
    return Refusal("INVALID_PARAM_VALUE", refused.text)
