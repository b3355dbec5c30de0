"""A venue as the far side: the sandbox's matching engine behind the domain's ``Exchange`` port."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market import model
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import Fill, LimitOrder, OrderState, VenueOrder
from domain.money import Coin
from domain.ports.clock import Clock
from sandbox.venue.book import Book
from sandbox.venue.engine import Engine
from sandbox.venue.funds import Funds
from sandbox.venue.model import (
    FEES,
    PUBLIC,
    SCALE,
    Force,
    Kind,
    NewOrder,
    Order,
    Pair,
    RefusedByVenue,
    Side,
    Status,
    text,
    units,
)
from sandbox.venue.model import Fill as VenueFill
from tests.fakes.one_at_a_time import OneAtATime
from tests.simulation.swarm import Weather
from tests.simulation.turns import Turns

BTCUSDT = Pair("BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5), Decimal(60_000))
ACCOUNT = VenueAccountName("main")
_STATES = {
    Status.NEW: OrderState.OPEN,
    Status.PARTIALLY_FILLED: OrderState.PARTIAL,
    Status.FILLED: OrderState.FILLED,
    Status.CANCELED: OrderState.CANCELLED,
    Status.EXPIRED: OrderState.EXPIRED,
    Status.EXPIRED_IN_MATCH: OrderState.EXPIRED,
}


@dataclass
class Crowd:
    """Everybody else: a little depth around a wandering price, and takers who reach into it."""

    engine: Engine
    dice: random.Random
    fair: int = int(BTCUSDT.start / BTCUSDT.tick)
    orders: list[Order] = field(default_factory=list)

    def step(self, now_ms: int) -> None:
        """Move the price, renew the depth, and perhaps trade."""
        home = int(BTCUSDT.start / BTCUSDT.tick)
        self.fair += int(self.dice.gauss((home - self.fair) * 0.05, self.fair * 0.0006))
        for order in self.orders:
            if order.status.is_open:
                self.engine.cancel(order, now_ms)
        self.orders = [
            self.engine.place(self._limit(side, away, 20_000), now_ms) for side in Side for away in (12, 25)
        ]
        if self.dice.random() < 0.6:
            side = self.dice.choice(list(Side))
            reach = (
                self.fair + (1 if side is Side.BUY else -1) * self.fair * self.dice.randint(5, 40) // 10_000
            )
            lots = self.dice.randint(50, 4_000)
            self.engine.place(
                NewOrder(PUBLIC, BTCUSDT.symbol, side, Kind.LIMIT, lots, reach, Force.IOC, "crowd"), now_ms
            )

    def _limit(self, side: Side, away_bps: int, lots: int) -> NewOrder:
        step = self.fair * away_bps // 10_000
        price = self.fair - step if side is Side.BUY else self.fair + step
        return NewOrder(PUBLIC, BTCUSDT.symbol, side, Kind.LIMIT, lots, price, Force.GTC, "crowd")


class FarVenue:
    """One venue that outlives every process of ours, and its own record of what reached it."""

    def __init__(
        self, now_s: Callable[[], float], seed: int, weather: Weather, balances: dict[str, str]
    ) -> None:
        self.now_s, self.weather = now_s, weather
        self.engine = Engine({BTCUSDT: Book()}, FEES["standard"])
        self.funds = Funds(self.engine.accounts)
        self.funds.habits.change(
            {"client_ids": weather.names, "listed_after_ms": int(weather.listed_after_s * 1000)}
        )
        self.crowd = Crowd(self.engine, random.Random(f"crowd {seed}"))
        self.sent: list[str] = []
        self.news = 0
        for asset, amount in balances.items():
            self.engine.accounts.bring(ACCOUNT, asset, units(amount))
        self.step()

    @property
    def now_ms(self) -> int:
        """Return the venue's time."""
        return int(self.now_s() * 1000)

    def step(self) -> None:
        """Let the others trade for a moment."""
        self.crowd.step(self.now_ms)
        self.engine.drain()

    def totals(self) -> dict[str, Decimal]:
        """Return free plus locked per coin, zeros left out."""
        held = self.engine.accounts
        amounts = {a: held.free[ACCOUNT, a] + held.locked[ACCOUNT, a] for a in held.assets_of(ACCOUNT)}
        return {asset: Decimal(amount) / SCALE for asset, amount in amounts.items() if amount}

    def visible(self, order: Order) -> bool:
        """Tell whether lists and look-ups show an order yet."""
        return self.now_ms - order.created_ms >= self.weather.hide_s * 1000

    def fills(self) -> list[VenueFill]:
        """Return our trades that are shown by now, oldest first."""
        oldest = self.now_ms - self.weather.late_fills_s * 1000
        fills = self.engine.fills.get((ACCOUNT, BTCUSDT.symbol), [])
        return [fill for fill in fills if fill.trade.at_ms <= oldest]

    def open_orders(self) -> list[Order]:
        """Return what rests on the book for us, whatever lists show."""
        return self.engine.open_orders(ACCOUNT)


class SimulatedExchange(OneAtATime):
    """The ``Exchange`` port over ``FarVenue``; ``permit`` is asked right before a harmful write."""

    def __init__(self, far: FarVenue, turns: Turns, clock: Clock, permit: Callable[[], None]) -> None:
        self._far, self._turns, self._clock, self._permit = far, turns, clock, permit
        self._heard = 0

    @property
    def account(self) -> VenueAccountName:
        return ACCOUNT

    async def time(self) -> datetime:
        await self._reads("time")
        return self._clock.now()

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        """Limit nothing: the daily limit is the production adapter's, and tested there."""

    async def rules(self, pair: model.Pair) -> model.TradingRules:
        if str(pair) != "BTC/USDT":
            raise Refused("pair_not_traded", pair=pair)
        fees = self._far.engine.fees
        maker, taker = Decimal(fees.maker_bps), Decimal(fees.taker_bps)
        return model.TradingRules(BTCUSDT.tick, BTCUSDT.lot, BTCUSDT.lot, BTCUSDT.min_notional, maker, taker)

    async def book(self, pair: model.Pair, depth: int = 20) -> model.Book:
        await self._reads("book")
        market = self._far.engine.markets[BTCUSDT.symbol]
        bids, asks = (
            tuple(model.Level(ticks, lots) for ticks, lots in market.levels(side, depth))
            for side in (Side.BUY, Side.SELL)
        )
        return model.Book(pair, bids, asks, self._clock.now())

    async def balances(self) -> dict[Coin, Decimal]:
        await self._reads("balances")
        return {Coin(asset): amount for asset, amount in self._far.totals().items()}

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        number = self._turns.call()
        await self._turns.boundary(number, "before place")
        if self._clock.now() > not_after:
            raise Refused("order_too_late")
        self._permit()
        self._may_vanish("place")
        placed = self._placed(order)
        await self._answers(number, "place")
        return placed

    def _placed(self, order: LimitOrder) -> VenueOrder:
        far, known = self._far, self._far.engine.find(ACCOUNT, BTCUSDT.symbol, None, order.client_order_id)
        far.sent.append(order.client_order_id)
        if known and far.weather.personality == "replay":
            return _as_venue_order(known)
        if known and far.weather.personality == "accept":
            del far.engine.by_client_id[ACCOUNT, BTCUSDT.symbol, order.client_order_id]
        try:
            return _as_venue_order(far.engine.place(_as_new(order), far.now_ms))
        except RefusedByVenue as refusal:
            if refusal.text == "Duplicate order sent.":
                raise OutcomeUnknown("no_clear_answer") from refusal
            would_take = refusal.text.startswith("Order would immediately")
            raise Refused(
                "order_would_take" if would_take else "venue_declined", said=refusal.text
            ) from refusal

    async def cancel(self, pair: model.Pair, client_order_id: str) -> VenueOrder | None:
        number, far = self._turns.call(), self._far
        await self._turns.boundary(number, "before cancel")
        self._may_vanish("cancel")
        found = far.engine.find(ACCOUNT, BTCUSDT.symbol, None, client_order_id)
        if found is None or not found.status.is_open or not far.visible(found):
            return None
        cancelled = _as_venue_order(far.engine.cancel(found, far.now_ms))
        await self._answers(number, "cancel")
        return cancelled

    async def find_order(self, pair: model.Pair, client_order_id: str) -> VenueOrder | None:
        await self._reads("find_order")
        found = self._far.engine.find(ACCOUNT, BTCUSDT.symbol, None, client_order_id)
        return _as_venue_order(found) if found and self._far.visible(found) else None

    async def open_orders(self, pair: model.Pair) -> list[VenueOrder]:
        await self._reads("open_orders")
        return [_as_venue_order(order) for order in self._far.open_orders() if self._far.visible(order)]

    async def fills_since(self, pair: model.Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        await self._reads("fills_since")
        far = self._far
        shown = [_as_fill(fill, far.engine.orders[fill.order_id], pair) for fill in far.fills()]
        if trade_id is None:
            shown = [fill for fill in shown if fill.at >= since]
        else:
            shown = [fill for fill in shown if int(fill.trade_id) > int(trade_id)]
        return [each for fill in shown for each in [fill] * (1 + far.weather.strikes(far.weather.doubled))]

    @property
    def tells(self) -> bool:
        return False

    async def wait_for_news(
        self, pairs: Sequence[model.Pair], timeout_s: float, bands: Mapping[model.Pair, Band] = NOWHERE
    ) -> News:
        await self._clock.sleep(timeout_s)
        return News()

    async def close(self) -> None:
        """Let go of nothing."""

    async def _reads(self, what: str) -> None:
        weather, number = self._far.weather, self._turns.call()
        await self._turns.boundary(number, f"before {what}")
        if weather.strikes(weather.lost_answer) or weather.strikes(weather.lost_request):
            raise Unavailable("venue_silent")
        if wait_s := weather.wait_s() / 4:
            await self._clock.sleep(wait_s)

    def _may_vanish(self, what: str) -> None:
        if self._far.weather.strikes(self._far.weather.lost_request):
            raise OutcomeUnknown("no_clear_answer", what=what)

    async def _answers(self, number: int, what: str) -> None:
        weather = self._far.weather
        self._turns.leaves_an_effect(what)
        if wait_s := weather.wait_s() / 4:
            await self._clock.sleep(wait_s)
        await self._turns.boundary(number, f"after {what}")
        if weather.strikes(weather.lost_answer):
            raise OutcomeUnknown("no_clear_answer", what=what)


def _as_new(order: LimitOrder) -> NewOrder:
    return NewOrder(
        ACCOUNT,
        BTCUSDT.symbol,
        Side.BUY if order.side is model.Side.BUY else Side.SELL,
        Kind.LIMIT_MAKER if order.post_only else Kind.LIMIT,
        int(order.quantity / BTCUSDT.lot),
        int(order.price / BTCUSDT.tick),
        Force.IOC if order.immediate else Force.GTC,
        client_id=order.client_order_id,
    )


def _as_venue_order(order: Order) -> VenueOrder:
    return VenueOrder(
        order.client_id,
        str(order.id),
        model.Pair.parse("BTC/USDT"),
        model.Side(order.side.lower()),
        BTCUSDT.tick * order.price,
        BTCUSDT.lot * order.lots,
        BTCUSDT.lot * order.filled,
        _STATES[order.status],
    )


def _as_fill(fill: VenueFill, order: Order, pair: model.Pair) -> Fill:
    trade = fill.trade
    return Fill(
        str(trade.id),
        str(fill.order_id),
        order.client_id,
        pair,
        model.Side(fill.side.lower()),
        BTCUSDT.tick * trade.price,
        BTCUSDT.lot * trade.lots,
        Decimal(text(trade.value)),
        Decimal(text(fill.commission)),
        Coin(fill.commission_asset),
        fill.is_maker,
        datetime.fromtimestamp(trade.at_ms / 1000, UTC),
    )
