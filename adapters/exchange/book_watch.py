"""Whether a streamed book can be believed."""

from dataclasses import dataclass, field
from typing import Any

MOST_LAG_S = 2.0
"""How much later than usual the venue's news may come: behind that, a queue is told and not the market."""

_FORGETS = 1e-4
"""Seconds a second by which the shortest lag is forgotten: clocks drift apart by less."""


class BrokenStreamError(ValueError):
    """What a stream told cannot be: it is dropped and begun afresh."""


@dataclass(slots=True)
class Lag:
    """How late the news of one stream come, measured by the most punctual one: no two clocks agree."""

    _shortest_s: float | None = None
    _before_s: float = 0.0

    def is_long(self, timestamp_ms: int | None, now_s: float) -> bool:
        """Tell whether what bears this time of the venue's, and came now, is late."""
        if timestamp_ms is None:
            return False
        lag = now_s - timestamp_ms / 1000
        shortest = lag if self._shortest_s is None else self._shortest_s
        passed_s = now_s - self._before_s if self._shortest_s is not None else 0.0
        self._shortest_s, self._before_s = min(lag, shortest + passed_s * _FORGETS), now_s
        return lag - self._shortest_s > MOST_LAG_S


@dataclass(slots=True)
class StreamedBook:
    """The last book a stream gave, and when it came (monotonic seconds)."""

    raw: Any
    received_s: float


@dataclass(slots=True)
class BookWatch:
    """Takes in the books of one pair and says whether they can be believed."""

    last: StreamedBook | None = None
    _number: int | None = None
    _lag: Lag = field(default_factory=Lag)

    def take(self, raw: Any, now_s: float) -> None:
        """Keep a book that came now.

        Raises:
            BrokenStreamError: it crosses, or is older than the one before.
        """
        bids, asks, number = raw["bids"], raw["asks"], raw.get("nonce")
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise BrokenStreamError("the book crosses")
        if number is not None and self._number is not None and number < self._number:
            raise BrokenStreamError(f"book {number} after {self._number}")
        self._number = number
        late = self._lag.is_long(raw.get("timestamp"), now_s)
        self.last = None if late else StreamedBook(raw, now_s)

    def forget(self) -> None:
        """Believe nothing of before."""
        self.last = self._number = None
        self._lag = Lag()
