"""The recorded depth as it was at one instant: no orders of ours, no matching.

Continuity is the futures rule: a delta's `pu` is the delta before it. A gap is counted; the book goes on from
the newer deltas until a REST snapshot replaces it. A level that newer news contradict (a crossed book) goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from sandbox.venue.book import Ladder, Level
from sandbox.venue.model import Side
from sandbox.venue.recording import Delta, Snapshot, Tick, Top

KEPT_DELTAS = 500  # that a late snapshot may need


class RecordedBook:
    """Levels per side; tells each change to whoever listens."""

    def __init__(self, changed: Callable[[Side, int, int, int], None]) -> None:
        self.sizes: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.gaps = 0
        self.matched_ms = 0  # of the newest news about the book
        self.has_snapshot = False
        self._ladders = {side: Ladder(side) for side in Side}
        self._newest: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._changed = changed  # side, price, lots before, lots after
        self._kept: deque[Delta] = deque(maxlen=KEPT_DELTAS)
        self._last = 0
        self._top: Top | None = None

    def prices(self, side: Side) -> Iterator[int]:
        """Yield the prices of a side, best first."""
        return iter(self._ladders[side])

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        return self._ladders[side].best()

    def set(self, side: Side, price: int, lots: int, update: int = 0) -> None:
        """Let a level have so many lots."""
        sizes, before = self.sizes[side], self.sizes[side].get(price, 0)
        self._newest[side][price] = max(update, self._newest[side].get(price, 0))
        if lots == before:
            return
        if not before:
            self._ladders[side].add(price)
        if lots:
            sizes[price] = lots
        else:
            del sizes[price], self._newest[side][price]
            self._ladders[side].discard(price)
        self._changed(side, price, before, lots)

    def apply(self, event: Delta | Top | Snapshot) -> None:
        """Take in what the venue told about its book."""
        self.matched_ms = max(self.matched_ms, event.matched_ms)
        match event:
            case Snapshot():
                self._replace(event)
            case Delta():
                self._apply_delta(event)
            case Top():
                self._apply_top(event)

    def trade(self, tick: Tick, lots: int) -> None:
        """Take traded lots off, unless the book knew of the trade before it was told."""
        if tick.matched_ms < self.matched_ms:
            return
        side = Side.BUY if tick.buyer_is_maker else Side.SELL
        self._drop_better(side, tick.price)
        left = max(0, self.sizes[side].get(tick.price, 0) - lots)
        if tick.price in self.sizes[side]:
            self.set(side, tick.price, left)

    def _replace(self, snapshot: Snapshot) -> None:
        if snapshot.last < self._last and not self._kept_reach(snapshot.last):
            return  # too old to be brought up to date
        self.has_snapshot = True
        for side, levels in ((Side.BUY, snapshot.bids), (Side.SELL, snapshot.asks)):
            wanted = dict(levels)
            for price in [price for price in self.sizes[side] if price not in wanted]:
                self.set(side, price, 0)
            for price, lots in levels:
                self.set(side, price, lots, snapshot.last)
        later = [delta for delta in self._kept if delta.last > snapshot.last]
        self._last = snapshot.last
        for delta in later:
            self._set_all(delta)
        if self._top and self._top.last > self._last:
            self._clamp(self._top)

    def _kept_reach(self, update: int) -> bool:
        return any(delta.first <= update for delta in self._kept)

    def _apply_delta(self, delta: Delta) -> None:
        self._kept.append(delta)
        if delta.last <= self._last:
            return  # older than the snapshot
        if self._last and delta.previous != self._last and not delta.first <= self._last <= delta.last:
            self.gaps += 1
        self._set_all(delta)
        if self._top and self._top.last > delta.last:
            self._clamp(self._top)

    def _set_all(self, delta: Delta) -> None:
        for side, levels in ((Side.BUY, delta.bids), (Side.SELL, delta.asks)):
            for price, lots in levels:
                if lots or price in self.sizes[side]:
                    self.set(side, price, lots, delta.last)
        self._last = delta.last
        self._uncross()

    def _apply_top(self, top: Top) -> None:
        if top.last > self._last and (self._top is None or top.last > self._top.last):
            self._top = top
            self._clamp(top)

    def _clamp(self, top: Top) -> None:
        for side, (price, lots) in ((Side.BUY, top.bid), (Side.SELL, top.ask)):
            self._drop_better(side, price)
            if lots:
                self.set(side, price, lots, top.last)
        self._uncross()

    def _drop_better(self, side: Side, price: int) -> None:
        while (best := self.best(side)) is not None and (best > price if side is Side.BUY else best < price):
            self.set(side, best, 0)

    def _uncross(self) -> None:
        """Drop the staler of two levels that cannot both be true."""
        while (bid := self.best(Side.BUY)) is not None and (ask := self.best(Side.SELL)) is not None:
            if bid < ask:
                return
            bid_is_newer = self._newest[Side.BUY].get(bid, 0) > self._newest[Side.SELL].get(ask, 0)
            self.set(*((Side.SELL, ask, 0) if bid_is_newer else (Side.BUY, bid, 0)))


def top_of(book: RecordedBook, side: Side, count: int) -> list[Level]:
    """Return the best recorded levels."""
    sizes = book.sizes[side]
    return [(price, sizes[price]) for price, _ in zip(book.prices(side), range(count), strict=False)]
