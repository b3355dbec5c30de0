"""What an answer of Mixin means: yes, no, or nothing (mixin.md §4.8, safety WD7 and WD8).

Success is an object with ``data`` (or an empty one) and without ``error``, whatever its HTTP status. A no
is one of a short list of codes. Everything else is silence, and the caller says what silence means:
``Unavailable`` where nothing can have happened, ``OutcomeUnknown`` where something may have.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable

Silence = type[Unavailable] | type[OutcomeUnknown]

REFUSED: Mapping[int, str] = {
    400: "request_invalid",
    403: "forbidden",
    404: "not_found",
    10002: "request_invalid",
    10105: "inputs_spent",
    10106: "inputs_spent",
    10404: "receiver_unregistered",
    20117: "inputs_spent",  # what was chosen no longer covers the amount
    20120: "amount_too_small",
    20124: "network_fee_too_small",
    20127: "amount_too_small",
    20131: "address_invalid",
    20134: "amount_too_large",
    20135: "network_fee_too_small",
    20150: "receiver_invalid",
    20160: "receiver_deleted",
    30102: "address_invalid",
    2000001: "transaction_invalid",
    2000002: "inputs_spent",
    2000003: "transaction_invalid",
}
"""Codes after which nothing has happened and nothing will."""

UNAVAILABLE: Mapping[int, str] = {
    401: "mixin_unauthorized",
    429: "mixin_busy",
    10006: "client_too_old",
    10104: "deposit_address_pending",
    20118: "pin_refused",
    20119: "pin_refused",
    20137: "network_suspended",
}
"""Codes after which nothing has happened, but the same may succeed later."""

_LONGEST_FACT = 200


def answer_of(status: int, body: bytes, path: str, silence: Silence) -> Any:
    """Return the ``data`` of an answer, ``None`` when it is ``{}``; decimals are never floats.

    Raises:
        Refused: a definite no.
        Unavailable: a definite no for now; or silence, where the caller says so.
        OutcomeUnknown: silence, where the caller says so.
    """
    answer = _object(body)
    if answer is None or status >= 500:
        raise _by_status(status, path, silence)
    if answer.get("error") is not None:
        raise error_of(answer["error"], path, silence)
    if status < 300 and ("data" in answer or not answer):
        return answer.get("data")
    raise silence("mixin_silent", path=path, status=status)


def error_of(error: Any, path: str, silence: Silence) -> MrMarketError:
    """Return what an ``error`` object means."""
    told = error if isinstance(error, dict) else {}
    code = told.get("code")
    facts = {"path": path, "mixin_code": code, "said": str(told.get("description", ""))[:_LONGEST_FACT]}
    if told.get("extra"):
        facts["extra"] = str(told["extra"])[:_LONGEST_FACT]
    if type(code) is int and code in REFUSED:
        return Refused(REFUSED[code], **facts)
    if type(code) is int and code in UNAVAILABLE:
        return Unavailable(UNAVAILABLE[code], **facts)
    return silence("mixin_silent", **facts)


def _by_status(status: int, path: str, silence: Silence) -> MrMarketError:
    """Return what a status alone tells: an answer of a proxy, or of a server that is unwell."""
    if status == 401:
        return Unavailable("mixin_unauthorized", path=path, status=status)
    if status == 413:
        return Refused("request_too_large", path=path, status=status)
    if status == 429:
        return Unavailable("mixin_busy", path=path, status=status)
    return silence("mixin_silent", path=path, status=status)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def rows(data: Any, silence: Silence = Unavailable) -> Sequence[Mapping[str, Any]]:
    """Return a list answer as a sequence of objects.

    Raises:
        Unavailable: it is something else; or what the caller says that means.
        OutcomeUnknown: where the caller says so.
    """
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise silence("mixin_answer_unreadable")
    return data
