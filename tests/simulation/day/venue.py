"""Six venues of different kinds, whose orders and answers take their time and can be lost on the way."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.model import Book, Level, Pair, Side, TradingRules
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import TERMINAL, Fill, LimitOrder, OrderState, VenueOrder
from domain.money import ZERO, Coin
from tests.fakes.exchange import Duplicates, FakeVenue, _Resting
from tests.simulation.day.process import DayClock, Process, Weather


@dataclass(frozen=True, slots=True)
class Personality:
    """What a venue is like."""

    name: str
    pair: str
    price: int  # of the pair, in ticks
    duplicates: Duplicates
    expires: bool = True  # a request says until when it may be accepted
    hides_s: float = 0.0  # a new order is not shown for so long
    late_fills_s: float = 0.0  # a trade is shown so long after it happened
    repeats: bool = False  # it reports every trade twice
    tells: bool = False  # trades and prices are told as they happen
    at_once: int = 1  # so many orders in one request
    names: bool = False  # its report of trades has our order's id


PERSONALITIES = (
    Personality("strict", "BTC/USDT", 6_000_000, Duplicates.REFUSE, at_once=5),
    Personality("echo", "ETH/USDT", 300_000, Duplicates.REPLAY, names=True, tells=True),
    Personality("twice", "SOL/USDT", 15_000, Duplicates.ACCEPT, repeats=True, at_once=10),
    Personality("timeless", "LTC/USDT", 9_000, Duplicates.REFUSE, expires=False),
    Personality("shy", "XMR/USDT", 17_000, Duplicates.REPLAY, expires=False, hides_s=1.5),
    Personality("late", "BCH/USDT", 40_000, Duplicates.REFUSE, late_fills_s=4.0, names=True),
)

FLOAT_USDT = Decimal(400_000)
"""What each account holds before anybody trades, and so much worth of its coin."""

LATEST_S = 4.0
"""A request that is not lost arrives this late at most: within what the policy allows a venue."""


class DayVenue(FakeVenue):
    """A venue with one pair; ``mischief`` gives way to a weather, and what is over is not looked through."""

    def __init__(self, personality: Personality, dice: random.Random) -> None:
        self.personality, self.pair = personality, Pair.parse(personality.pair)
        self.weather = Weather(random.Random(dice.getrandbits(64)), 0.02, 0.08)
        self.clock = DayClock()
        price = Decimal(personality.price) / 100
        worth = (FLOAT_USDT / price).quantize(Decimal("0.001"))
        super().__init__(
            self.clock,  # type: ignore[arg-type]  # a clock
            {str(self.pair.base): str(worth), "USDT": str(FLOAT_USDT)},
            duplicates=personality.duplicates,
        )
        self.began_with = dict(self.total)
        self._dice = random.Random(dice.getrandbits(64))
        self.bid = personality.price
        self.ask = self.bid + 1 + self.bid // 20_000
        self._by_client: dict[str, _Resting] = {}
        self._open: dict[int, _Resting] = {}
        self._locked: dict[Coin, Decimal] = {}
        self._lots: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}  # ours, by price in ticks
        self.arrived: Callable[[str], None] = lambda _: None
        """Told of every order that was accepted, the moment it is."""

    # What FakeVenue looks for in all orders that ever were.

    def resting(self) -> list[VenueOrder]:
        return [resting.order for resting in self._open.values()]

    def on_book(self) -> list[_Resting]:
        """Return what rests."""
        return list(self._open.values())

    def find(self, client_order_id: str) -> _Resting | None:
        return self._by_client.get(client_order_id)

    def free(self, coin: Coin) -> Decimal:
        return self.total.get(coin, ZERO) - self._locked.get(coin, ZERO)

    def accept(self, order: LimitOrder) -> VenueOrder:
        number = len(self.orders)
        word = super().accept(order)
        if len(self.orders) > number:  # it is not one that was repeated
            resting = self.orders[-1]
            self._by_client.setdefault(order.client_order_id, resting)
            if resting.order.state not in TERMINAL:
                self._open[resting.number] = resting
                self._rests(resting.order, order.quantity)
        self.arrived(order.client_order_id)
        return word

    def fill(self, resting: _Resting, quantity: Decimal) -> None:
        super().fill(resting, quantity)
        self._rests(resting.order, -quantity)
        if resting.order.state in TERMINAL:
            del self._open[resting.number]

    def _rests(self, order: VenueOrder, quantity: Decimal) -> None:
        """Note that so much more of an order rests on the book, or less."""
        buys, coin = order.side is Side.BUY, order.pair.quote if order.side is Side.BUY else order.pair.base
        self._locked[coin] = self._locked.get(coin, ZERO) + (quantity * order.price if buys else quantity)
        side, ticks = self._lots[order.side], self.rules.ticks_down(order.price)
        lots = side.get(ticks, 0) + int(quantity / self.rules.lot)
        if lots:
            side[ticks] = lots
        else:
            del side[ticks]

    def move(self, bid: int, ask: int, share: Decimal = Decimal(1)) -> None:
        """Move the market; what it meets is traded, one after the other."""
        self.bid, self.ask = bid, ask
        for resting in self.on_book():
            order = resting.order
            ticks = self.rules.ticks_down(order.price)
            if ticks >= ask if order.side is Side.BUY else ticks <= bid:
                left = order.quantity - order.filled
                lots = max(1, self.rules.lots_down(left * share))
                self.fill(resting, min(left, self.rules.quantity(lots)))

    def stroll(self) -> None:
        """Let the market move as markets do: a little, now and then much, and back in the long run."""
        home = self.personality.price
        width = self.bid // 100 if self._dice.random() < 0.01 else self.bid // 1_200
        drift = (home - self.bid) // 300
        bid = max(home // 2, self.bid + drift + self._dice.randint(-width, width))
        self.move(bid, bid + 1 + bid // 20_000, Decimal(self._dice.choice(("0.3", "1"))))

    # What is asked of it.

    def cancel(self, client_order_id: str) -> VenueOrder | None:
        """Take an order off."""
        found = self.find(client_order_id)
        if found is None or found.order.state in TERMINAL or not self.shows(found):
            return None
        self._rests(found.order, found.order.filled - found.order.quantity)
        found.order = replace(found.order, state=OrderState.CANCELLED)
        del self._open[found.number]
        return found.order

    def shows(self, resting: _Resting) -> bool:
        return self.clock.monotonic() - resting.placed_s >= self.personality.hides_s

    def seen_book(self) -> Book:
        """Return the book with our orders in it; what is left of one that was met is the best of its side."""
        bids, asks = self._lots[Side.BUY], self._lots[Side.SELL]
        bid, ask = min([self.bid, *(t - 1 for t in asks)]), max([self.ask, *(t + 1 for t in bids)])
        all_bids = {**bids, bid: bids.get(bid, 0) + 100_000}
        all_asks = {**asks, ask: asks.get(ask, 0) + 100_000}
        return Book(
            self.pair,
            tuple(Level(t, n) for t, n in sorted(all_bids.items(), reverse=True)),
            tuple(Level(t, n) for t, n in sorted(all_asks.items())),
            self.clock.now(),
        )

    def fills_after(self, trade_id: str | None, since: datetime) -> list[Fill]:
        """Return trades that are shown by now, from the newest backwards as far as is asked for."""
        shown_s = self.clock.monotonic() - self.personality.late_fills_s
        found: list[Fill] = []
        for at_s, fill in reversed(self.trades):
            if fill.at < since if trade_id is None else int(fill.trade_id) <= int(trade_id):
                break
            if at_s <= shown_s:
                found += [self._told(fill)] * (2 if self.personality.repeats else 1)
        return found[::-1]

    def _told(self, fill: Fill) -> Fill:
        if not self.personality.names:
            return fill
        return replace(fill, client_order_id=self.orders[int(fill.order_id) - 1].order.client_order_id)


class DayExchange:
    """The ``Exchange`` port of one process; what it sends arrives though the process may die or freeze."""

    def __init__(
        self, venue: DayVenue, account: VenueAccountName, process: Process, lease: Callable[[], None]
    ) -> None:
        self._venue, self._weather, self._process, self._lease = venue, venue.weather, process, lease
        self.account = account

    async def time(self) -> datetime:
        await self._read()
        return self._venue.clock.now() + timedelta(seconds=self._venue.skew_s)

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        """Forget it: no limit of ours is met here."""

    async def rules(self, pair: Pair) -> TradingRules:
        if pair != self._venue.pair:
            raise Refused("pair_not_traded", pair=pair)
        return self._venue.rules  # kept by the adapter

    async def book(self, pair: Pair, depth: int = 20) -> Book:
        await self._read()
        return self._venue.seen_book()

    async def balances(self) -> dict[Coin, Decimal]:
        await self._read()
        return {coin: total for coin, total in self._venue.total.items() if total}

    async def find_order(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        await self._read()
        found = self._venue.find(client_order_id)
        return found.order if found and self._venue.shows(found) else None

    async def open_orders(self, pair: Pair) -> list[VenueOrder]:
        await self._read()
        return [resting.order for resting in self._venue.on_book() if self._venue.shows(resting)]

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        await self._read()
        return self._venue.fills_after(trade_id, since)

    @property
    def tells(self) -> bool:
        return self._venue.personality.tells and not self._weather.away

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        venue, pair = self._venue, self._venue.pair
        if not (venue.news or self._moved(bands)):
            await self._process.clock.sleep(timeout_s)
        news, venue.news = venue.news, False
        return News(frozenset([pair] if news else ()), self._moved(bands))

    def _moved(self, bands: Mapping[Pair, Band]) -> dict[Pair, float]:
        venue, pair = self._venue, self._venue.pair
        mid = (venue.bid + venue.ask) / 2 * float(venue.rules.tick)
        return {pair: mid} if self.tells and pair in bands and not bands[pair].holds(mid) else {}

    async def close(self) -> None:
        """Let go of nothing."""

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        await self._process.gate()
        self._lease()
        if self._process.clock.now() > not_after:
            raise Refused("order_too_late")
        await self._process.at_the_socket()

        def arrive() -> VenueOrder:
            if self._venue.personality.expires and self._venue.clock.now() > not_after:
                raise Refused("venue_declined")
            return self._venue.accept(order)

        return await self._send(arrive, order.client_order_id)  # type: ignore[no-any-return]

    @property
    def places_at_once(self) -> int:
        return self._venue.personality.at_once

    @property
    def cancels_at_once(self) -> int:
        return self._venue.personality.at_once

    async def place_many(
        self, orders: Sequence[LimitOrder], not_after: datetime
    ) -> Sequence[VenueOrder | MrMarketError]:
        await self._process.gate()
        self._lease()
        if self._process.clock.now() > not_after:
            raise Refused("order_too_late")
        await self._process.at_the_socket()

        def arrive() -> list[VenueOrder | MrMarketError]:
            late = self._venue.personality.expires and self._venue.clock.now() > not_after
            return [Refused("venue_declined") if late else self._word_on(order) for order in orders]

        try:
            return await self._send(arrive, orders[0].client_order_id)  # type: ignore[no-any-return]
        except OutcomeUnknown:
            return [OutcomeUnknown("no_clear_answer", subject=each.client_order_id) for each in orders]

    def _word_on(self, order: LimitOrder) -> VenueOrder | MrMarketError:
        try:
            return self._venue.accept(order)
        except MrMarketError as word:
            return word

    async def cancel_many(
        self, pair: Pair, client_order_ids: Sequence[str]
    ) -> Mapping[str, VenueOrder | None]:
        def arrive() -> dict[str, VenueOrder | None]:
            taken = {each: self._venue.cancel(each) for each in client_order_ids}
            return {each: order for each, order in taken.items() if order}

        await self._process.gate()
        return await self._send(arrive, client_order_ids[0])  # type: ignore[no-any-return]

    async def cancel(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        await self._process.gate()
        return await self._send(  # type: ignore[no-any-return]
            lambda: self._venue.cancel(client_order_id), client_order_id
        )

    def _is_lost(self) -> bool:
        """Tell whether a request arrives nowhere."""
        away = self._weather.away or self.account in self._process.blind
        return away or self._weather.strikes(self._weather.drop_request)

    async def _read(self) -> None:
        weather = self._weather
        await self._process.gate()
        if self._is_lost():
            await asyncio.sleep(weather.patience_s)
            await self._process.gate()
            raise Unavailable("venue_silent")
        await asyncio.sleep(weather.lasts_s())
        await self._process.gate()
        if weather.strikes(weather.drop_answer):
            raise Unavailable("venue_silent")

    async def _send(self, arrive: Callable[[], Any], subject: str) -> Any:
        """Let bytes leave; nothing that happens to this process keeps them from arriving."""
        weather, loop = self._weather, asyncio.get_running_loop()
        if self._is_lost():
            await asyncio.sleep(weather.patience_s)
            await self._process.gate()
            raise OutcomeUnknown("no_clear_answer", subject=subject)
        lasts_s, answer = min(weather.lasts_s(), 2 * LATEST_S), loop.create_future()
        loop.call_later(lasts_s / 2, _arrive, arrive, answer, lasts_s / 2)
        try:
            async with asyncio.timeout(weather.patience_s):
                word = await answer
        except TimeoutError:
            await self._process.gate()
            raise OutcomeUnknown("no_clear_answer", subject=subject) from None
        await self._process.gate()
        if weather.strikes(weather.drop_answer):
            raise OutcomeUnknown("no_clear_answer", subject=subject)
        if isinstance(word, MrMarketError):
            raise word
        return word


def _arrive(arrive: Callable[[], Any], answer: "asyncio.Future[Any]", back_s: float) -> None:
    """Do what has arrived, and send the answer on its way."""
    try:
        word = arrive()
    except MrMarketError as error:
        word = error
    asyncio.get_running_loop().call_later(back_s, _hear, answer, word)


def _hear(answer: "asyncio.Future[Any]", word: Any) -> None:
    if not answer.done():  # whoever waited may be gone
        answer.set_result(word)
