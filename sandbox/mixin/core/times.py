"""Instants as the protocol writes them: RFC 3339 with nanoseconds, kept as whole nanoseconds."""

import re
from datetime import UTC, datetime

from sandbox.mixin.core.errors import invalid

NEVER = "0001-01-01T00:00:00Z"
_FORM = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def rfc3339(ns: int) -> str:
    """Return the instant as text; 0 is the protocol's "never"."""
    if not ns:
        return NEVER
    seconds, fraction = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def nanoseconds(text: str, field: str) -> int:
    """Return the instant that a caller wrote."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise invalid(field, "an RFC 3339 time is expected")
    try:
        whole = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
    except ValueError as e:
        raise invalid(field, "no such instant") from e
    return int(whole.timestamp()) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
