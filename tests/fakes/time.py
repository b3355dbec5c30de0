"""Time that passes when somebody waits, and is the market's time as well."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTime:
    """``Clock`` and ``MarketClock`` in one; ``listeners`` are told how many seconds went by."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed_s = 0.0
        self.listeners: list[Callable[[float], None]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._passed_s += max(0.0, seconds)
        for listener in self.listeners:
            listener(seconds)


class FakeMarketTime:
    """The market's side of the same time."""

    def __init__(self, time: FakeTime) -> None:
        self._time = time

    async def now(self) -> datetime:
        return self._time.now()

    async def sleep_until(self, instant: datetime) -> None:
        self._time.advance((instant - self._time.now()).total_seconds())
