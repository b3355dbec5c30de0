"""The other people on the venue: several makers, clustered takers, and a fair price that always comes home.

A pure model: a step is a function of the seed and the steps before it. Floats are fine here, it is weather,
not money; orders leave as whole ticks and lots. What keeps the price from running away: the fair price is
pulled back to its anchor, and the makers quote around the fair price, whatever was traded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from sandbox.venue.engine import Engine
from sandbox.venue.model import PUBLIC, Force, Kind, NewOrder, Order, Pair, RefusedByVenue, Side

STEP_MS = 100


@dataclass(frozen=True, slots=True)
class Temper:
    """How lively a pair is; distances in bps, times in steps, money in the quote asset."""

    pull: float = 0.0015  # share of the way home per step: half in about 46 s
    wobble_bps: float = 1.3  # per step; stands for about 20 bps of wandering around the anchor
    burst_chance: float = 0.26  # that takers begin to come in a step
    burst_size: float = 9.0  # mean number of them
    pace: int = 2  # most of them in one step
    trade_value: float = 130.0  # median of one
    trade_spread: float = 1.1  # sigma of its logarithm
    reach_bps: float = 16.0  # mean distance from fair that a burst accepts
    farthest_bps: float = 60.0
    snipe_value: float = 500.0
    snipe_bps: float = 2.5  # a quote this much better than fair does not live long


@dataclass(slots=True)
class Maker:
    """One liquidity provider: a ladder of quotes around the fair price, renewed every so often."""

    half_spread_bps: float
    step_bps: float
    levels: int
    value: float  # of the first level
    growth: float  # of the value per level
    patience: int  # steps between renewals
    orders: list[Order] = field(default_factory=list)
    next_step: int = 0


@dataclass(slots=True)
class Burst:
    """Takers who come together."""

    side: Side
    reach_bps: float
    count: int


def makers() -> list[Maker]:
    """Return a fresh crowd: thin and nimble near the middle, thick and slow far out; 100 levels and more."""
    return [
        Maker(2.0, 1.0, 8, 60.0, 1.25, 7),
        Maker(3.0, 2.0, 10, 120.0, 1.2, 11),
        Maker(4.5, 3.1, 12, 300.0, 1.2, 17),
        Maker(12.0, 4.7, 25, 1500.0, 1.08, 29),
        Maker(30.0, 9.0, 50, 6000.0, 1.05, 83),
    ]


class Crowd:
    """The participants of one pair."""

    def __init__(self, engine: Engine, pair: Pair, seed: int, temper: Temper | None = None) -> None:
        self._engine, self._pair, self._temper = engine, pair, temper or Temper()
        self._random = Random(f"{seed} {pair.symbol}")
        self._anchor = math.log(float(pair.start))
        self._log_fair = math.log(float(engine.last_price[pair.symbol] * pair.tick))
        self._makers = makers()
        self._step = 0
        self._burst: Burst | None = None

    @property
    def fair(self) -> float:
        """The price nobody sees, in ticks."""
        return math.exp(self._log_fair) / float(self._pair.tick)

    def step(self, now_ms: int) -> None:
        """Let a tenth of a second pass."""
        self._drift()
        self._snipe(now_ms)
        for maker in self._makers:
            if maker.next_step <= self._step:
                self._renew(maker, now_ms)
        self._take(now_ms)
        self._step += 1

    def _drift(self) -> None:
        wobble = self._random.gauss(0, self._temper.wobble_bps / 10_000)
        self._log_fair += self._temper.pull * (self._anchor - self._log_fair) + wobble

    def _renew(self, maker: Maker, now_ms: int) -> None:
        """Replace a maker's quotes; what would cross somebody's resting order is left out."""
        for order in maker.orders:
            if order.status.is_open:
                self._engine.cancel(order, now_ms)
        placed = [self._place(new, now_ms) for new in self._ladder(maker)]
        maker.orders = [order for order in placed if order]
        maker.next_step = self._step + max(1, round(maker.patience * self._random.uniform(0.7, 1.3)))

    def _ladder(self, maker: Maker) -> Iterator[NewOrder]:
        fair, value = self.fair, maker.value
        for level in range(maker.levels):
            jitter = self._random.uniform(-0.3, 0.3) * maker.step_bps
            distance = (maker.half_spread_bps + level * maker.step_bps + jitter) / 10_000
            size = value * self._random.uniform(0.6, 1.4)
            yield self._quote(Side.BUY, math.floor(fair * (1 - distance)), size)
            yield self._quote(Side.SELL, math.ceil(fair * (1 + distance)), size)
            value *= maker.growth

    def _quote(self, side: Side, price: int, value: float) -> NewOrder:
        return NewOrder(PUBLIC, self._pair.symbol, side, Kind.LIMIT_MAKER, self._lots(price, value), price)

    def _lots(self, price: int, value: float) -> int:
        return max(1, round(value / (price * float(self._pair.tick) * float(self._pair.lot))))

    def _place(self, new: NewOrder, now_ms: int) -> Order | None:
        try:
            return self._engine.place(new, now_ms)
        except RefusedByVenue:
            return None  # somebody stands there already

    def _take(self, now_ms: int) -> None:
        """Let a burst of takers begin or go on: one side, one reach, several trades, then quiet."""
        if self._burst is None and self._random.random() < self._temper.burst_chance:
            reach = min(self._random.expovariate(1 / self._temper.reach_bps), self._temper.farthest_bps)
            count = 1 + int(self._random.expovariate(1 / self._temper.burst_size))
            self._burst = Burst(self._random.choice(list(Side)), reach, count)
        for _ in range(self._temper.pace if self._burst else 0):
            self._go_on(now_ms)

    def _go_on(self, now_ms: int) -> None:
        if self._burst and self._random.random() < 0.7:
            value = self._random.lognormvariate(math.log(self._temper.trade_value), self._temper.trade_spread)
            self._send_taker(self._burst.side, self._burst.reach_bps, value, now_ms)
            self._burst.count -= 1
            self._burst = self._burst if self._burst.count else None

    def _send_taker(self, side: Side, reach_bps: float, value: float, now_ms: int) -> None:
        away = reach_bps / 10_000 * (1 if side is Side.BUY else -1)
        price = round(self.fair * (1 + away))
        new = NewOrder(
            PUBLIC, self._pair.symbol, side, Kind.LIMIT, self._lots(price, value), price, Force.IOC
        )
        self._place(new, now_ms)

    def _snipe(self, now_ms: int) -> None:
        """Take what is offered clearly better than fair."""
        market = self._engine.markets[self._pair.symbol]
        margin = self._temper.snipe_bps / 10_000
        ask, bid = market.best(Side.SELL), market.best(Side.BUY)
        if ask is not None and ask < self.fair * (1 - margin):
            self._send_taker(Side.BUY, 0, self._temper.snipe_value, now_ms)
        if bid is not None and bid > self.fair * (1 + margin):
            self._send_taker(Side.SELL, 0, self._temper.snipe_value, now_ms)
