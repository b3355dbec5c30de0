"""What the database said, in the domain's errors.

Our SQL raises with states of class ``MM``: ``MM0..`` is a refusal, ``MM1..`` a broken invariant; the
message is the code and the detail holds the facts as JSON.
"""

import json
from typing import Any

import asyncpg
from tortoise.exceptions import BaseORMException

from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    BaseORMException,
    OSError,
)
"""Everything the driver and tortoise raise; a ``TimeoutError`` is an ``OSError``.

``InternalClientError`` is what a connection says that was cut while it had nothing to do.
"""

_CONFLICT = "40"  # rolled back because of another transaction
_NOT_NOW = ("53", "55P03", "57014", "25006")
"""No resources, a lock not to be had, taking too long, a database that only reads (PG3): nothing was done."""

_GONE = ("08", "57")  # connection, shutdown
_FORBIDDEN = ("22", "23", "P0", "42501")  # numbers out of range, constraints, plain RAISE, no right to do it


class Conflict(Unavailable):
    """Two transactions stood in each other's way; this one did nothing and may run again."""


def as_domain_error(error: BaseException, *, lost: bool, may_have_happened: bool) -> MrMarketError | None:
    """Return what a driver's error means, or ``None`` when it is no answer of the store but a bug.

    ``lost`` says that the connection is gone, ``may_have_happened`` that what was sent would have
    counted had it arrived.
    """
    if isinstance(error, BaseORMException) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, asyncpg.PostgresError) and (said := _of_state(error)):
        return said
    gone = isinstance(error, asyncpg.PostgresError) and _state(error).startswith(_GONE)
    silent = isinstance(error, (OSError, asyncpg.InternalClientError))
    if not (gone or silent or (lost and isinstance(error, asyncpg.InterfaceError))):
        return None
    if may_have_happened:
        return OutcomeUnknown("store_outcome_unknown", said=_said(error))
    return Unavailable("store_unavailable", said=_said(error))


def _of_state(error: asyncpg.PostgresError) -> MrMarketError | None:
    state = _state(error)
    if state.startswith("MM"):
        kind = Refused if state[2] == "0" else InvariantBroken
        return kind(str(error.message), **_facts(error.detail))
    if state.startswith(_CONFLICT):
        return Conflict("store_conflict", said=_said(error))
    if state.startswith(_NOT_NOW):
        return Unavailable("store_unavailable", said=_said(error))
    if state.startswith(_FORBIDDEN):
        return InvariantBroken("store_refused", constraint=error.constraint_name, said=_said(error))
    return None


def _said(error: BaseException) -> str:
    """Return an error's message without its detail, which shows whole rows: they are not for logs."""
    return str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else str(error)


def _state(error: asyncpg.PostgresError) -> str:
    return str(error.sqlstate or "")


def _facts(detail: str | None) -> dict[str, Any]:
    return dict(json.loads(detail)) if detail else {}
