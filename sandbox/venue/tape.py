"""What a pair traded lately: the public prints and the 24 hour figures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sandbox.venue.model import Trade

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60


@dataclass(slots=True)
class Minute:
    """One minute of trading."""

    at: int  # minutes since 1970
    open: int
    high: int
    low: int
    first_id: int
    lots: int = 0
    value: int = 0
    count: int = 0


class Tape:
    """The last thousand trades and a day of minutes."""

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=1000)
        self.minutes: deque[Minute] = deque()

    def add(self, trade: Trade) -> None:
        """Remember one trade."""
        self.trades.append(trade)
        at = trade.at_ms // MINUTE_MS
        if not self.minutes or self.minutes[-1].at != at:
            self.minutes.append(Minute(at, trade.price, trade.price, trade.price, trade.id))
        while self.minutes[0].at <= at - DAY_MINUTES:
            self.minutes.popleft()
        last = self.minutes[-1]
        last.high, last.low = max(last.high, trade.price), min(last.low, trade.price)
        last.lots, last.value, last.count = last.lots + trade.lots, last.value + trade.value, last.count + 1
