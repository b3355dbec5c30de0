"""Gate's countdown: orders that come off by themselves when nobody sets it anew in time.

Its traps: it takes 5 seconds at the least; one of a pair and one of all pairs run beside each other; it
counts by the wall's time, and strikes orders of anybody who trades the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sandbox.venue.gate_spot import pair_of
from sandbox.venue.gate_words import Json, Params, Refusal, Route
from sandbox.venue.gatekeeper import TRADE
from sandbox.venue.venue import Venue

LEAST_S, MOST_S = 5, 86_400
_NOTE = "countdown"


def set_countdown(venue: Venue, account: str, params: Params) -> Json:
    """Set it, or stop it with 0; tell when it strikes."""
    said = str(params.get("timeout", ""))
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 9 else -1
    if seconds and not LEAST_S <= seconds <= MOST_S:
        raise Refusal("INVALID_PARAM_VALUE", f"timeout is 0, or {LEAST_S} to {MOST_S} seconds")
    symbol = pair_of(venue, params).symbol if params.get("currency_pair") else ""
    at_ms = venue.true_ms() + seconds * 1000 if seconds else 0
    venue.publish({f"{_NOTE} {account} {symbol}": str(at_ms)})
    venue.countdowns[account, symbol] = at_ms
    return {"triggerTime": str(at_ms)}


def strike(venue: Venue) -> None:
    """Take off what the countdowns that have ended stand for."""
    for (account, symbol), at_ms in list(venue.countdowns.items()):
        if 0 < at_ms <= venue.true_ms():
            for order in venue.engine.open_orders(account, symbol or None):
                venue.act(partial(venue.engine.cancel, order))
            venue.countdowns[account, symbol] = 0
            venue.publish({f"{_NOTE} {account} {symbol}": "0"})


def remember(venue: Venue) -> None:
    """Go on counting where a venue that was stopped had begun."""
    for name, value in venue.store.notes().items():
        kind, _, rest = name.partition(" ")
        if kind == _NOTE:
            account, _, symbol = rest.rpartition(" ")
            venue.countdowns[account, symbol] = int(value)


ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/spot/countdown_cancel_all"): Route(set_countdown, TRADE),
}
