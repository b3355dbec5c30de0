"""Where a replay stands: which events have happened, what the market's time is, and whether it moves.

It stands still at its first usable book until an account places its first order. Two paces: `market` follows
the wall, and stamps what happens with wall time, so that clients may ask for "since yesterday"; `lockstep`
moves only while the client sleeps, and stamps market time, so that two runs are alike at any speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from sandbox.venue.engine import Engine
from sandbox.venue.model import Changes, Trade
from sandbox.venue.recording import SNAPSHOT_WITHIN_MS, Event, Recording, Tick
from sandbox.venue.replay import ReplayMarket

USABLE_LEVELS = 20  # per side, for a book that is built from deltas alone


def speed_of(text: str) -> float:
    """Return how many times faster than it was a recording shall go; "full" is infinitely fast."""
    speed = math.inf if text == "full" else float(text.removesuffix("x").removesuffix("×"))
    if not speed > 0:
        raise ValueError("a speed is above zero")
    return speed


class Replay:
    """One recording on its way through one market."""

    def __init__(
        self,
        recording: Recording,
        market: ReplayMarket,
        engine: Engine,
        pace: str,
        wall_ms: Callable[[], int],
        resume: tuple[int, int] | None = None,
        speed: float = 0,
    ) -> None:
        self.recording, self.market, self.engine, self.pace = recording, market, engine, pace
        self.market_ms = self.start_ms = recording.start_ms
        self.position = self.trades = self.filled_trades = 0
        self.ended = False
        self.speed = speed or (1 if pace == "market" else 0)  # 0: as fast as anybody follows
        self._wall_ms = wall_ms
        self._events: Iterator[Event] = recording.events()
        self._next: Event | None = next(self._events, None)
        self._anchor_ms: int | None = None  # the wall's time at market time `_anchored_ms`
        self._find_first_book()
        if resume:
            self._resume(*resume)
        self._anchored_ms = self.market_ms

    def status(self) -> dict[str, object]:
        """Tell where the replay stands."""
        return {
            "file": self.recording.path.name,
            "symbol": self.recording.pair.symbol,
            "pace": self.pace,
            "speed": self.speed or "full",
            "started": self.started,
            "ended": self.ended,
            "start_ms": self.start_ms,
            "market_ms": self.market_ms,
            "events": self.position,
            "trades": self.trades,
            "trades_that_filled_us": self.filled_trades,
            "gaps": self.market.recorded.gaps,
        }

    @property
    def started(self) -> bool:
        """Whether an account ever placed an order."""
        return bool(self.engine.orders)

    def now_ms(self) -> int:
        """Return the time that orders and trades bear."""
        return self.market_ms if self.pace == "lockstep" else self._wall_ms()

    def wall_ms(self) -> int:
        """Return the time on the wall."""
        return self._wall_ms()

    def follow_wall(self) -> None:
        """In market pace: let everything happen that should have happened by now."""
        if self.pace != "market" or not self.started:
            return
        if self._anchor_ms is None:
            self._anchor_ms, self._anchored_ms = self._wall_ms(), self.market_ms
        self.advance(self._anchored_ms + int((self._wall_ms() - self._anchor_ms) * self.speed))

    def advance(self, to_ms: int) -> None:
        """Let the recorded events happen up to a market time."""
        while self._next and self._next.at_ms <= to_ms:
            self.market_ms = max(self.market_ms, self._next.at_ms)
            self._happen(self._next)
            self._step()
        self.market_ms = max(self.market_ms, to_ms)

    def notes(self, changes: Changes) -> dict[str, str]:
        """Return what a restart must know, and add every queue position to what is saved."""
        if not changes.must_be_saved:
            return {}
        for order in self.market.own_orders():
            changes.orders[order.id] = order
        return {"replay position": str(self.position), "replay market_ms": str(self.market_ms)}

    def _step(self) -> None:
        self._next = next(self._events, None)
        self.position += 1
        self.ended = self._next is None

    def _find_first_book(self) -> None:
        """Read on to the first book that can be traded on."""
        while self._next and not self._is_usable():
            if not isinstance(self._next, Tick):
                self.market.apply(self._next)
            self.market_ms = self.start_ms = self._next.at_ms
            self._step()

    def _is_usable(self) -> bool:
        recorded = self.market.recorded
        if (
            self.recording.has_snapshot_soon
            and self.market_ms <= self.recording.start_ms + SNAPSHOT_WITHIN_MS
        ):
            return recorded.has_snapshot
        return all(len(sizes) >= USABLE_LEVELS for sizes in recorded.sizes.values())

    def _resume(self, position: int, market_ms: int) -> None:
        """Read on, without trading, to where a former process stood."""
        while self._next and self.position < position:
            if isinstance(self._next, Tick):
                self.market.use_up(self._next, 0)
            else:
                self.market.apply(self._next)
            self._step()
        self.market_ms = market_ms

    def _happen(self, event: Event) -> None:
        if not isinstance(event, Tick):
            self.market.apply(event)
            return
        self.trades += 1
        at_ms, ours = self._stamp(event), 0
        for order, lots in self.market.hits(event):
            self.engine.hit(order, lots, at_ms, event.id)
            ours += lots
        self.filled_trades += ours > 0
        self.market.use_up(event, ours)
        if event.lots > ours:
            self._print(event, event.lots - ours, at_ms)

    def _print(self, tick: Tick, lots: int, at_ms: int) -> None:
        pair = self.recording.pair
        value, number = tick.price * lots * pair.quote_unit, self.engine.numbers.next_trade()
        trade = Trade(number, pair.symbol, tick.price, lots, value, at_ms, tick.buyer_is_maker, tick.id)
        self.engine.print_trade(trade)

    def _stamp(self, event: Event) -> int:
        if self._anchor_ms is None:
            return self.market_ms
        return self._anchor_ms + int((event.at_ms - self._anchored_ms) / self.speed)
