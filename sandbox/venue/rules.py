"""What the venue refuses before an order reaches the book, in the venue's words."""

from __future__ import annotations

import re
from decimal import Decimal

from sandbox.venue.model import SCALE, Force, Kind, NewOrder, Pair, RefusedByVenue, Side

CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
NUMBER = r"^([0-9]{1,20})?(\.[0-9]{1,20})?$"
MAX_OPEN_ORDERS = 200
FARTHEST_UP, FARTHEST_DOWN = 5, Decimal("0.2")  # of the last price: PERCENT_PRICE_BY_SIDE


def filter_failure(name: str) -> RefusedByVenue:
    """Return the refusal of an order that breaks a filter of its pair."""
    return RefusedByVenue(-1013, f"Filter failure: {name}")


def check_client_id(client_id: str, name: str = "newClientOrderId") -> None:
    """Refuse an id with characters or a length that the venue does not take."""
    if not re.fullmatch(CLIENT_ID, client_id):
        raise RefusedByVenue(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '{CLIENT_ID}'."
        )


def parse_decimal(value: str, name: str) -> Decimal:
    """Return a plain positive decimal of at most eight places."""
    if not re.fullmatch(NUMBER, value) or value in ("", "."):
        raise RefusedByVenue(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '{NUMBER}'."
        )
    number = Decimal(value)
    if number * SCALE % 1:
        raise RefusedByVenue(-1111, f"Parameter '{name}' has too much precision.")
    return number


def to_lots(pair: Pair, value: str, name: str = "quantity") -> int:
    """Return a quantity in lots; what is no whole number of them fails LOT_SIZE."""
    lots = parse_decimal(value, name) / pair.lot
    if lots % 1 or lots <= 0:
        raise filter_failure("LOT_SIZE")
    return int(lots)


def to_ticks(pair: Pair, value: str) -> int:
    """Return a price in ticks; what is no whole number of them fails PRICE_FILTER."""
    ticks = parse_decimal(value, "price") / pair.tick
    if ticks % 1 or ticks <= 0:
        raise filter_failure("PRICE_FILTER")
    return int(ticks)


def check_new(pair: Pair, new: NewOrder, last_price: int, open_orders: int) -> None:
    """Refuse what breaks the pair's filters."""
    if new.kind is Kind.MARKET:
        _check_market(pair, new, last_price)
        return
    if new.kind is Kind.LIMIT_MAKER and new.force is not Force.GTC:
        raise RefusedByVenue(-1106, "Parameter 'timeInForce' sent when not required.")
    if not FARTHEST_DOWN * last_price <= new.price <= FARTHEST_UP * last_price:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")
    if new.price * new.lots * pair.quote_unit < pair.least_value:
        raise filter_failure("NOTIONAL")
    if open_orders >= MAX_OPEN_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS")


def _check_market(pair: Pair, new: NewOrder, last_price: int) -> None:
    value = new.budget or last_price * new.lots * pair.quote_unit
    if value < pair.least_value:
        raise filter_failure("NOTIONAL")


def funds(pair: Pair, new: NewOrder, market_cost: int) -> tuple[str, int]:
    """Return the asset and the units an order promises."""
    if new.side is Side.SELL:
        return pair.base, new.lots * pair.base_unit
    if new.kind is Kind.MARKET:
        return pair.quote, market_cost
    return pair.quote, new.price * new.lots * pair.quote_unit
