"""Coins and amounts: exact, typed by coin, with one grammar for what people type."""

import decimal
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from typing import NewType

from domain.errors import Refused
from domain.ids import AssetId

Coin = NewType("Coin", str)
"""What people mean: ``USDT``, whichever network it travels on."""

MONEY = decimal.Context(
    prec=78,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation],
)
"""One context for the whole program: 38 digits times 38 digits still fit exactly."""

LEDGER_PLACES = 18
MIXIN_PLACES = 8
BPS = 10_000
ZERO = Decimal(0)

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)
_LONGEST_AMOUNT = 40


def use_money_context() -> None:
    """Make ``MONEY`` the decimal context of this thread and of every thread started later."""
    decimal.DefaultContext.prec = MONEY.prec
    for trap, on in MONEY.traps.items():
        decimal.DefaultContext.traps[trap] = on
    decimal.setcontext(MONEY.copy())


use_money_context()


@dataclass(frozen=True, slots=True)
class Token:
    """One network's asset at Mixin, approved to stand for a coin."""

    asset_id: AssetId
    coin: Coin
    network: str


def parse_amount(text: str, places: int = MIXIN_PLACES) -> Decimal:
    """Return the positive amount a person typed.

    The grammar is one to eighteen digits without leading zeros, and optionally a
    point with at most ``places`` digits (safety §4.1): nothing else reaches ``Decimal``,
    since ``1e999999`` would stop the program for most of a minute.

    Raises:
        Refused: ``amount_not_understood``, ``amount_too_precise`` or ``amount_not_positive``.
    """
    if len(text) > _LONGEST_AMOUNT or not (match := _AMOUNT.fullmatch(text)):
        raise Refused("amount_not_understood")
    if len(match[2] or ".") - 1 > places:
        raise Refused("amount_too_precise", places=places)
    amount = Decimal(text)
    if amount == 0:
        raise Refused("amount_not_positive")
    return amount


def exact(text: object) -> Decimal:
    """Return the number in a text that a machine sent: optional minus sign, then the amount grammar.

    For venues and Mixin: what is no text is refused, and so are exponents, NaN, infinities and more than
    eighteen places.

    Raises:
        Refused: ``number_not_understood``.
    """
    if not isinstance(text, str):
        raise Refused("number_not_understood", kind=type(text).__name__)
    if len(text) > _LONGEST_AMOUNT or not _AMOUNT.fullmatch(text.removeprefix("-")):
        raise Refused("number_not_understood", text=text[:_LONGEST_AMOUNT])
    return Decimal(text)


def plain(amount: Decimal) -> str:
    """Return the amount without exponent and without trailing zeros: ``0.5``, never ``5E-1``."""
    text = format(amount, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def round_down(amount: Decimal, places: int = MIXIN_PLACES) -> Decimal:
    """Return the amount cut to so many places: for money we pay."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)


def round_up(amount: Decimal, places: int = MIXIN_PLACES) -> Decimal:
    """Return the amount raised to so many places: for fees we charge."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_CEILING)


def fee_of(amount: Decimal, bps: int, places: int = MIXIN_PLACES) -> Decimal:
    """Return ``bps`` basis points of the amount, rounded up to the last place."""
    return round_up(amount * bps / BPS, places)


def split(amount: Decimal, weights: Sequence[int], places: int = MIXIN_PLACES) -> list[Decimal]:
    """Return shares in proportion to the weights that add up to the amount exactly.

    Largest-remainder rule in units of the last place; ties go to the earlier share.

    Raises:
        ValueError: the amount has more places than asked for, or the weights are not
            non-negative with a positive sum.
    """
    total = sum(weights)
    units = amount.scaleb(places)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative and not all zero")
    if units != units.to_integral_value():
        raise ValueError(f"{amount} has more than {places} places")
    whole = int(units)
    shares = [whole * weight // total for weight in weights]
    remainders = [whole * weight % total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: whole - sum(shares)]:
        shares[i] += 1
    return [Decimal(share).scaleb(-places) for share in shares]
