"""Pairs, trading rules and books, in whole ticks and lots."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from domain.money import Coin


class Side(StrEnum):
    """Which way an order trades the base asset."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Pair:
    """``BASE/QUOTE``: what is traded, and what it is priced in."""

    base: Coin
    quote: Coin

    @classmethod
    def parse(cls, text: str) -> "Pair":
        """Return the pair in ``BASE/QUOTE``.

        Raises:
            ValueError: the text is not two codes around one slash.
        """
        base, slash, quote = text.partition("/")
        if not (slash and base.isalnum() and quote.isalnum()):
            raise ValueError(f"not a pair: {text!r}")
        return cls(Coin(base), Coin(quote))

    def __str__(self) -> str:
        """Return ``BASE/QUOTE``."""
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True, slots=True)
class TradingRules:
    """What a venue accepts for a pair, and what it charges.

    Fees are basis points of what a fill pays out, possibly fractional; a rebate is negative.
    """

    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal
    max_open_orders: int = 200

    def dearer(self, bps: int) -> "TradingRules":
        """Return the rules for somebody whom every fill costs so much more than the venue's fee."""
        return replace(self, maker_fee_bps=self.maker_fee_bps + bps, taker_fee_bps=self.taker_fee_bps + bps)

    def price(self, ticks: int) -> Decimal:
        """Return the price of so many ticks."""
        return self.tick * ticks

    def quantity(self, lots: int) -> Decimal:
        """Return the base quantity of so many lots."""
        return self.lot * lots

    def ticks_down(self, price: Decimal) -> int:
        """Return the highest whole number of ticks not above the price."""
        return int((price / self.tick).to_integral_value(ROUND_FLOOR))

    def ticks_up(self, price: Decimal) -> int:
        """Return the lowest whole number of ticks not below the price."""
        return int((price / self.tick).to_integral_value(ROUND_CEILING))

    def lots_down(self, quantity: Decimal) -> int:
        """Return the whole number of lots not above the base quantity."""
        return int((quantity / self.lot).to_integral_value(ROUND_FLOOR))


@dataclass(frozen=True, slots=True)
class Level:
    """One price of a book, in whole ticks, and the base quantity that rests there, in whole lots."""

    ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Book:
    """An order book at one instant, best level first, our own orders included."""

    pair: Pair
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: datetime

    @property
    def twice_mid(self) -> int:
        """Return the sum of best bid and best ask, in ticks: twice the mid, and exact.

        Raises:
            ValueError: a side is empty.
        """
        if not self.bids or not self.asks:
            raise ValueError(f"the book of {self.pair} has an empty side")
        return self.bids[0].ticks + self.asks[0].ticks

    @property
    def sane(self) -> bool:
        """Tell whether both sides stand and do not cross."""
        return bool(self.bids and self.asks) and self.bids[0].ticks < self.asks[0].ticks


@dataclass(frozen=True, slots=True)
class Quote:
    """A price we want to show: whole ticks of the pair's tick size, whole lots of its lot size."""

    side: Side
    ticks: int
    lots: int
