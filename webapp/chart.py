"""The line of a market's last 24 hours: minutes in, points of a drawing out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from domain.market.candles import Interval, stretch_of
from domain.market.model import Pair
from domain.ports.live_runs import RunDay

WIDTH, HEIGHT = 600, 150
STEPS = 300
"""Into so many parts what is known is cut: more would not be seen."""

_LONGEST_BREAK = timedelta(minutes=15)
"""Where longer than this nothing is known, there is no line."""

Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, each as ``x,y x,y`` from ``since`` on the left to ``until``, and what they mean."""

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
    """Return the line from the first price through the last one of each minute; nothing of no minutes."""
    told = stretch_of(day.minutes, Interval.MINUTE)
    if told is None:
        return None
    closes = [(minute.opens_at + Interval.MINUTE.lasts, minute.close) for minute in day.minutes]
    points = [(told.since, told.first), *closes]
    lowest, highest = (pick(price for _, price in points) for pick in (min, max))
    lasts, tall = told.until - told.since, highest - lowest

    def drawn(at: datetime, price: Decimal) -> str:
        y = HEIGHT * (highest - price) / tall if tall else Decimal(HEIGHT) / 2
        return f"{WIDTH * ((at - told.since) / lasts):.1f},{y:.1f}"

    parts = _parts(_thinned(points, lasts / STEPS))
    lines = [" ".join(drawn(*point) for point in part) for part in parts]
    return Chart(day.pair, lines, told.low, told.high, round(told.change * 100, 2), told.since, told.until)


def _thinned(points: Sequence[Point], step: timedelta) -> Iterator[Point]:
    """Yield the last point of each step, and so the last one of all."""
    began = points[0][0]
    for _, close_by in groupby(points, lambda point: (point[0] - began) // step):
        *_, last = close_by
        yield last


def _parts(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Yield what belongs together: a new part begins where nothing is known for long."""
    part: list[Point] = []
    for point in points:
        if part and point[0] - part[-1][0] > _LONGEST_BREAK:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
