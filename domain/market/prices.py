"""What a coin is worth: the median of what several sources say now, and how far they are apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from domain.money import BPS, ZERO, Coin

USD = Coin("USD")
"""What prices are told in where nobody asks for another currency."""

DISAGREE_BPS = 100
"""Sources further apart than this disagree, and people are told."""

_DIGITS = 10
_AHEAD = timedelta(minutes=1)  # how far a source's clock may be ahead of ours


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says that a coin is worth in a currency, when it said so and how long that is news.

    ``change`` is what it gained in 24 hours, as a fraction: ``-0.0377`` is −3.77 %.
    """

    source: str
    price: Decimal
    at: datetime
    lasts: timedelta
    change: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no price.

        Raises:
            ValueError: it is not above zero.
        """
        if not self.price > 0:
            raise ValueError(f"{self.source} says {self.price}")

    def fresh(self, now: datetime) -> bool:
        """Tell whether it is still news."""
        return -_AHEAD <= now - self.at <= self.lasts

    def times(self, other: "Reading") -> "Reading":
        """Return the price in what the other is priced in: as old as the older of the two."""
        return self._with(self.price * other.price, other, _grown(self.change, other.change, 1))

    def over(self, other: "Reading") -> "Reading":
        """Return how many of the other this is worth, both priced in one currency."""
        return self._with(self.price / other.price, other, _grown(self.change, other.change, -1))

    def _with(self, price: Decimal, other: "Reading", change: Decimal | None) -> "Reading":
        """Return a reading that is news as long as both are."""
        at, ends = min(self.at, other.at), min(self.at + self.lasts, other.at + other.lasts)
        return replace(self, price=rounded(price), at=at, lasts=ends - at, change=change)


def _grown(one: Decimal | None, other: Decimal | None, way: int) -> Decimal | None:
    if one is None or other is None or other <= -1:
        return None
    factor = (1 + one) * (1 + other) if way > 0 else (1 + one) / (1 + other)
    return round(factor - 1, 6)


@dataclass(frozen=True, slots=True)
class Price:
    """What a coin is worth in a currency; ``value`` is ``None`` when nobody said so lately."""

    coin: Coin
    currency: Coin
    value: Decimal | None
    change: Decimal | None
    spread_bps: int
    fresh: tuple[Reading, ...]
    stale: tuple[Reading, ...]

    @property
    def disputed(self) -> bool:
        """Tell whether the sources are too far apart to believe their median."""
        return self.spread_bps > DISAGREE_BPS


def agreed(coin: Coin, currency: Coin, readings: Iterable[Reading], now: datetime) -> Price:
    """Return the median of the fresh readings, and by how many basis points of it they differ, rounded up."""
    told = sorted(readings, key=lambda reading: (reading.source, reading.price))
    fresh = tuple(reading for reading in told if reading.fresh(now))
    prices = [reading.price for reading in fresh]
    changes = [reading.change for reading in fresh if reading.change is not None]
    value, apart = (median(prices), max(prices) - min(prices)) if prices else (None, ZERO)
    return Price(
        coin,
        currency,
        rounded(value) if value is not None else None,
        median(changes) if changes else None,
        int((apart * BPS / value).to_integral_value(ROUND_CEILING)) if value else 0,
        fresh,
        tuple(reading for reading in told if not reading.fresh(now)),
    )


def median(numbers: Sequence[Decimal]) -> Decimal:
    """Return the number in the middle, or half-way between the two that are.

    Raises:
        IndexError: there is none.
    """
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(numbers) % 2 else (ordered[half - 1] + ordered[half]) / 2


def rounded(price: Decimal) -> Decimal:
    """Return a price to ten digits that count: for people to read, never to trade on."""
    places = min(0, price.adjusted() - _DIGITS + 1)
    return price.quantize(Decimal(1).scaleb(places), rounding=ROUND_HALF_EVEN)
