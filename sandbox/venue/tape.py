"""What a pair traded lately: the public prints and the 24 hour figures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from sandbox.venue.model import Trade

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60


SPANS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": DAY_MINUTES}
"""How long candles may last, in the venues' words and in minutes."""


@dataclass(slots=True)
class Minute:
    """One minute of trading, or several."""

    at: int  # minutes since 1970
    open: int
    high: int
    low: int
    first_id: int
    close: int
    lots: int = 0
    value: int = 0
    count: int = 0


class Tape:
    """The last thousand trades and a day of minutes."""

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=1000)
        self.number = 0  # of the last trade, among this pair's alone: without a hole until a restart
        self.minutes: deque[Minute] = deque()

    def add(self, trade: Trade) -> None:
        """Remember one trade."""
        self.trades.append(trade)
        self.number = self.number + 1 if self.number else trade.id
        at = trade.at_ms // MINUTE_MS
        if not self.minutes or self.minutes[-1].at != at:
            self.minutes.append(Minute(at, trade.price, trade.price, trade.price, trade.id, trade.price))
        while self.minutes[0].at <= at - DAY_MINUTES:
            self.minutes.popleft()
        last = self.minutes[-1]
        last.high, last.low = max(last.high, trade.price), min(last.low, trade.price)
        last.close = trade.price
        last.lots, last.value, last.count = last.lots + trade.lots, last.value + trade.value, last.count + 1

    def numbered(self) -> list[tuple[int, Trade]]:
        """Return the last thousand trades with their numbers among this pair's."""
        return list(enumerate(self.trades, self.number - len(self.trades) + 1))

    def candles(self, span: int, now_ms: int) -> list[Minute]:
        """Return what is known by spans of so many minutes, the open one last; one without trades is flat."""
        whole: list[Minute] = []
        for minute in self.minutes:
            at = minute.at - minute.at % span
            _fill(whole, span, at)
            if whole and whole[-1].at == at:
                _join(whole[-1], minute)
            else:
                whole.append(replace(minute, at=at))
        now = now_ms // MINUTE_MS
        _fill(whole, span, now - now % span + span)
        return whole


def _fill(whole: list[Minute], span: int, until: int) -> None:
    while whole and whole[-1].at + span < until:
        last = whole[-1]
        whole.append(Minute(last.at + span, last.close, last.close, last.close, -1, last.close))


def _join(one: Minute, later: Minute) -> None:
    one.high, one.low, one.close = max(one.high, later.high), min(one.low, later.low), later.close
    one.lots, one.value, one.count = one.lots + later.lots, one.value + later.value, one.count + later.count
