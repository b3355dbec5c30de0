"""Candles: what a pair traded at in each minute and each hour, once that is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.market.model import Pair

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    """How long a candle lasts."""

    MINUTE = "1m"
    HOUR = "1h"

    @property
    def lasts(self) -> timedelta:
        """Return it as a span."""
        return {Interval.MINUTE: timedelta(minutes=1), Interval.HOUR: timedelta(hours=1)}[self]

    def begun(self, at: datetime) -> datetime:
        """Return when the candle opened that an instant falls into."""
        return at - (at - _EPOCH) % self.lasts


@dataclass(frozen=True, slots=True)
class Series:
    """The candles of one pair at one venue."""

    venue: str
    pair: Pair
    interval: Interval

    def __str__(self) -> str:
        """Return what people and logs call it."""
        return f"{self.venue} {self.pair} {self.interval}"


@dataclass(frozen=True, slots=True)
class Candle:
    """First, highest, lowest and last price since ``opens_at``, and the base quantity that was traded.

    ``told`` counts how often the venue told it otherwise: 1 is its first word.
    """

    opens_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    told: int = field(default=1, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what no market can have done.

        Raises:
            ValueError: a price is outside of low and high, or not above zero; or a volume is below zero.
        """
        ends = (self.open, self.close)
        if not (0 < self.low <= min(ends) <= max(ends) <= self.high and self.volume >= 0):
            raise ValueError(f"no candle: {self.open} {self.high} {self.low} {self.close} {self.volume}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a pair did from ``since`` (its first candle's opening) to ``until`` (its last one's close)."""

    since: datetime
    until: datetime
    first: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal

    @property
    def change(self) -> Decimal:
        """Return what the last price is above the first, as a fraction: ``-0.0377`` is −3.77 %."""
        return self.last / self.first - 1


def stretch_of(candles: Sequence[Candle], interval: Interval) -> Stretch | None:
    """Return what candles, the oldest first, come to; nothing when there are none."""
    if not candles:
        return None
    first, last = candles[0], candles[-1]
    return Stretch(
        since=first.opens_at,
        until=last.opens_at + interval.lasts,
        first=first.open,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        last=last.close,
        volume=sum((candle.volume for candle in candles), Decimal(0)),
    )
