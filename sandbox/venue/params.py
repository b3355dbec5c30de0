"""Parameters of a request, as binance reads them."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.venue.model import RefusedByVenue

Params = Mapping[str, str]


def need(params: Params, name: str) -> str:
    """Return a parameter that must be there."""
    value = params.get(name, "")
    if not value:
        raise RefusedByVenue(
            -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return value


def whole(params: Params, name: str, default: int | None = None) -> int | None:
    """Return a whole number, or the default when it was not sent."""
    value = params.get(name, "")
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise RefusedByVenue(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
        )
    return int(value)


def rows(params: Params, default: int, most: int) -> int:
    """Return how many rows are wanted."""
    return min(whole(params, "limit", default) or default, most)
