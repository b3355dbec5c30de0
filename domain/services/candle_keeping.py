"""Keeps candles of what is traded here: what closed since, and what was missed while nobody looked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.leases import Grip
from domain.market.candles import Interval, Series
from domain.market.model import Pair
from domain.ports.candles import CandleSource, CandleStore
from domain.ports.clock import Clock
from domain.ports.runs import RunStore

KEPT = {Interval.MINUTE: timedelta(days=2), Interval.HOUR: timedelta(days=40)}
"""Which candles are kept, and how far back a venue is asked for what is missing."""

SETTLES = timedelta(seconds=5)
"""How long after its end a candle is left alone: the last trades may be told late."""

PAGE = 500
MOST_QUESTIONS = 6
LONGEST_ROUND_S = 5.0
"""A round asks no more after that: reads wait behind all that trades, and a loop must be heard of."""

AGAIN = timedelta(minutes=1)
"""After how long a venue is asked again that did not answer."""


@dataclass(frozen=True, slots=True)
class CandleFeed:
    """Where the candles of one venue account's pairs come from; asked only while this process holds it."""

    account: VenueAccountName
    venue: str
    pairs: Sequence[Pair]
    source: CandleSource
    grip: Grip


@dataclass(slots=True)
class CandleKeeping:
    """Asks for what is due, the longest unasked first; the store alone knows what there is."""

    feeds: Sequence[CandleFeed]
    candles: CandleStore
    runs: RunStore
    clock: Clock
    _due_at: dict[Series, datetime] = field(default_factory=dict)
    _nothing_before: dict[Series, datetime] = field(default_factory=dict)
    _turn: Counter[Series] = field(default_factory=Counter)

    async def round(self) -> str:
        """Ask about a few series of which something is due; say what was kept."""
        began_s, told = self.clock.monotonic(), Counter[str]()
        for series, feed in (await self._due())[:MOST_QUESTIONS]:
            if self.clock.monotonic() - began_s > LONGEST_ROUND_S:
                break
            self._turn[series] += 1
            try:
                told += await self._ask(series, feed.source)
            except (Refused, Unavailable) as error:
                self._due_at[series] = self.clock.now() + AGAIN
                told[f"{series} {error.code}"] = 1
        said = [f"{name}: {count}" for name, count in sorted(told.items()) if count]
        return "; ".join(said) or "no candles are due"

    async def _due(self) -> list[tuple[Series, CandleFeed]]:
        """Return every series that something new can be told of, once, whoever may ask for it."""
        now, found = self.clock.now(), dict[Series, CandleFeed]()
        for feed in (feed for feed in self.feeds if feed.grip.held):
            traded = {run.pair for run in await self.runs.active(feed.account)}
            for pair in sorted({*feed.pairs, *traded}, key=str):
                for interval in KEPT:
                    found.setdefault(Series(feed.venue, pair, interval), feed)
        due = [(series, feed) for series, feed in found.items() if self._due_at.get(series, now) <= now]
        return sorted(due, key=lambda each: self._turn[each[0]])

    async def _ask(self, series: Series, source: CandleSource) -> Counter[str]:
        """Ask for a page of what is missing, from the last one known on: it may be told otherwise now."""
        now, lasts = self.clock.now(), series.interval.lasts
        newest = series.interval.begun(now - SETTLES) - lasts  # the last one that is over
        known = await self.candles.newest(series)
        if known and known >= newest:
            self._due_at[series] = newest + 2 * lasts + SETTLES
            return Counter()
        oldest = newest - KEPT[series.interval]
        since = max(known or oldest, self._nothing_before.get(series, oldest), oldest)
        told = await source.candles(series.pair, series.interval, since, PAGE)
        over = [candle for candle in told if since <= candle.opens_at <= newest]
        noted = await self.candles.note(series, over, now)
        reached = max((candle.opens_at for candle in over), default=since)
        ends = since + PAGE * lasts
        if reached == newest or ends > newest:
            self._due_at[series] = newest + 2 * lasts + SETTLES
        elif reached == since:
            self._nothing_before[series] = ends
        return Counter({"asked": 1, "new": noted.new, "told otherwise than before": noted.changed})
