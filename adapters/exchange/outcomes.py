"""Three answers, not two: what a failed call to a venue proves."""

import asyncio
import re
from typing import Any

from adapters.exchange.contract import VenueContract
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable

_DEFINITE = (
    *("InsufficientFunds", "InvalidOrder", "BadSymbol", "MarketClosed"),
    *("PermissionDenied", "AuthenticationError"),
)
"""ccxt's error classes that mean no; everything else may rest on the book (OR5)."""

_NOT_DEFINITE = ("OrderNotFound", "OrderNotCached", "DuplicateOrderId")
"""Kinds of InvalidOrder that prove nothing about this order."""

_OF_THE_KEY = {"PermissionDenied", "AuthenticationError"}

_LATE = {"REQUEST_EXPIRED"}
"""Words of venues that ccxt takes for such errors, and that say nothing of the key."""

_REASONS = (
    ("OrderImmediatelyFillable", "order_would_take"),
    ("InsufficientFunds", "venue_funds_short"),
    ("BadSymbol", "pair_not_traded"),
    ("MarketClosed", "pair_not_traded"),
    ("PermissionDenied", "venue_key_forbidden"),
    ("AuthenticationError", "venue_key_refused"),
)


ODD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading an answer raises that is not as it should be."""


def of_write(error: BaseException, contract: VenueContract, subject: str) -> MrMarketError:
    """Return what a failed write proves: ``Refused`` for a definite no, else ``OutcomeUnknown``."""
    if isinstance(error, MrMarketError):
        return error  # our own gate kept it back
    code = venue_code(error, contract.code_field)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if code in contract.silence_codes or "Duplicate order" in str(error):
        return OutcomeUnknown("no_clear_answer", subject=subject, code=code)
    if code in contract.closed_codes:
        return Refused("pair_not_traded", subject=subject, code=code)
    if code in contract.refusal_codes or (kinds & set(_DEFINITE) and not kinds & set(_NOT_DEFINITE)):
        return Refused(_reason(kinds), subject=subject, code=code)
    return OutcomeUnknown("no_clear_answer", subject=subject, code=code, error=type(error).__name__)


def of_read(error: BaseException, subject: str) -> MrMarketError:
    """Return what a failed read proves: that we do not know, and may ask again.

    Only of a pair that the venue does not list there is nothing to ask. A key that is not taken may be
    taken again, once its owner has seen to it (AN11).
    """
    if isinstance(error, MrMarketError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "BadSymbol" in kinds:
        return Refused("pair_not_traded", subject=subject, code=venue_code(error))
    of_the_key = kinds & _OF_THE_KEY and venue_label(error) not in _LATE
    code = _reason(kinds) if of_the_key else "venue_silent"
    return Unavailable(code, subject=subject, error=type(error).__name__, code=venue_code(error))


def is_kind(error: BaseException, name: str) -> bool:
    """Tell whether the error is of this class of ccxt, by name, so that ccxt need not be imported."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def venue_code(error: BaseException, name: str = "code") -> str:
    """Return the venue's own code in ccxt's message (``binance {"code":-2010,…}``), or nothing.

    ``name`` is how the venue calls it; where a list of codes stands there, the first one counts.
    """
    if not name:
        return ""
    found = re.search(rf'"{re.escape(name)}"\s*:\s*\[?\s*(?:"([^"]*)"|([^",}}\]\s]+))', str(error))
    return (found[1] or found[2] or "") if found else ""


def venue_label(error: BaseException) -> str:
    """Return the venue's own word in ccxt's message (``gate {"label":"READ_ONLY",…}``), or nothing."""
    _, found, rest = str(error).partition('"label":')
    return rest.split(",", 1)[0].split("}", 1)[0].strip().strip('"') if found else ""


def failures() -> tuple[type[BaseException], ...]:
    """Return every error class a call through ccxt may raise, its own stumbling over answers included."""
    import ccxt

    base: Any = ccxt.BaseError
    return (base, OSError, asyncio.TimeoutError, *ODD, MrMarketError)


def _reason(kinds: set[str]) -> str:
    return next((code for kind, code in _REASONS if kind in kinds), "venue_declined")
