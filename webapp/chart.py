"""The line of a market's last 24 hours: minutes in, points of a drawing out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from domain.market.candles import Candle, Interval, stretch_of
from domain.market.model import Pair
from domain.ports.live_runs import RunDay

WIDTH, HEIGHT = 600, 150
STEPS = 300
"""Into so many parts a day is cut: more would not be seen."""

_LONGEST_BREAK = timedelta(minutes=15)
"""Where longer than this nothing is known, there is no line."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, each as ``x,y x,y``, and what they mean."""

    pair: Pair
    lines: Sequence[str]
    low: Decimal
    high: Decimal
    change: Decimal  # per cent
    since: datetime
    until: datetime
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(day: RunDay) -> Chart | None:
    """Return the line of the closes; nothing where no minute is known."""
    told = stretch_of(day.minutes, Interval.MINUTE)
    if told is None:
        return None
    closes = [minute.close for minute in day.minutes]
    lowest, highest = min(closes), max(closes)
    lasts, tall = day.as_of - day.since, highest - lowest

    def point(minute: Candle) -> str:
        x = WIDTH * (minute.opens_at + Interval.MINUTE.lasts - day.since) / lasts
        y = HEIGHT * (highest - minute.close) / tall if tall else Decimal(HEIGHT) / 2
        return f"{x:.1f},{y:.1f}"

    lines = [" ".join(map(point, part)) for part in _parts(_thinned(day))]
    return Chart(day.pair, lines, told.low, told.high, round(told.change * 100, 2), told.since, told.until)


def _thinned(day: RunDay) -> Iterator[Candle]:
    """Yield the last minute of each step, and so the last one of all."""
    step = (day.as_of - day.since) / STEPS
    for _, minutes in groupby(day.minutes, lambda minute: (minute.opens_at - day.since) // step):
        *_, last = minutes
        yield last


def _parts(minutes: Iterator[Candle]) -> Iterator[list[Candle]]:
    """Yield what belongs together: a new part begins where nothing is known for long."""
    part: list[Candle] = []
    for minute in minutes:
        if part and minute.opens_at - part[-1].opens_at > _LONGEST_BREAK:
            yield part
            part = []
        part.append(minute)
    if part:
        yield part
