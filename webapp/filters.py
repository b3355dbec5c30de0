"""How numbers and instants are shown on pages: exact, or cut where the name says so."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal

from domain.money import plain

_SHOWN_PLACES = Decimal("0.00000001")


def amount(value: Decimal | str) -> str:
    """Return an amount to the last digit, thousands apart."""
    sign, text = (
        ("-", plain(Decimal(value)).removeprefix("-")) if Decimal(value) < 0 else ("", plain(Decimal(value)))
    )
    whole, point, rest = text.partition(".")
    return f"{sign}{int(whole):,}{point}{rest}"


def short(value: Decimal) -> str:
    """Return an amount cut to eight places, for figures that are looked at and not reckoned with."""
    return amount(value.quantize(_SHOWN_PLACES, ROUND_DOWN))


def gain(value: Decimal) -> str:
    """Return what was won or lost, with its sign, to the hundredth or to four digits of what is small."""
    if not value:
        return "0"
    shown = round(value, max(2, 3 - value.adjusted()))
    return f"{'+' if shown > 0 else ''}{amount(shown)}"


def clock(at: datetime) -> str:
    """Return the time of day in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def when(at: datetime | str) -> str:
    """Return day and time in UTC."""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def coins(amounts: Mapping[str, Decimal]) -> str:
    """Return amounts of coins in a line."""
    return ", ".join(f"{amount(value)} {coin}" for coin, value in amounts.items())


FILTERS: Mapping[str, Callable[..., str]] = {
    "amount": amount,
    "short": short,
    "gain": gain,
    "clock": clock,
    "when": when,
    "coins": coins,
}
