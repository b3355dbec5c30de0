"""Candles in memory, and a venue that tells what the test says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.errors import InvariantBroken, MrMarketError
from domain.market.candles import Candle, Interval, Series, Stretch, stretch_of
from domain.market.model import Pair
from domain.ports.candles import Noted


def candle(opens_at: datetime, close: str = "100", volume: str = "1") -> Candle:
    """Return a candle that opened at 100 and closed at a price, without going beyond."""
    ends = Decimal(100), Decimal(close)
    return Candle(opens_at, ends[0], max(ends), min(ends), ends[1], Decimal(volume))


class FakeCandles:
    """As ``domain.ports.candles.CandleStore``."""

    def __init__(self) -> None:
        self.words: dict[tuple[Series, datetime], list[Candle]] = {}

    async def newest(self, series: Series) -> datetime | None:
        return max((at for of, at in self.words if of == series), default=None)

    async def note(self, series: Series, candles: Sequence[Candle], at: datetime) -> Noted:
        new = changed = 0
        for told in candles:
            if told.opens_at + series.interval.lasts > at:
                raise InvariantBroken("store_refused", constraint="candles_are_over")
            words = self.words.setdefault((series, told.opens_at), [])
            if words and words[-1] == told:
                continue
            words.append(replace(told, told=len(words) + 1))
            new, changed = new + (len(words) == 1), changed + (len(words) > 1)
        return Noted(new, changed)

    async def list(self, series: Series, since: datetime, until: datetime, most: int) -> Sequence[Candle]:
        return self._between(series, since, until)[:most]

    async def stretch(self, series: Series, since: datetime, until: datetime) -> Stretch | None:
        return stretch_of(self._between(series, since, until), series.interval)

    def _between(self, series: Series, since: datetime, until: datetime) -> Sequence[Candle]:
        found = (words[-1] for (of, at), words in self.words.items() if of == series and since <= at < until)
        return sorted(found, key=lambda each: each.opens_at)


@dataclass
class FakeCandleSource:
    """As ``domain.ports.candles.CandleSource``; it remembers from when on it was asked."""

    candles_of: dict[tuple[Pair, Interval], list[Candle]] = field(default_factory=dict)
    error: MrMarketError | None = None
    asked: list[tuple[Pair, Interval, datetime]] = field(default_factory=list)

    def tells(self, pair: Pair, interval: Interval, candles: Iterable[Candle]) -> None:
        """Let it tell these from now on."""
        self.candles_of[pair, interval] = sorted(candles, key=lambda each: each.opens_at)

    async def candles(self, pair: Pair, interval: Interval, since: datetime, most: int) -> Sequence[Candle]:
        self.asked.append((pair, interval, since))
        if self.error:
            raise self.error
        known = self.candles_of.get((pair, interval), [])
        until = since + most * interval.lasts
        return [each for each in known if since <= each.opens_at < until]
