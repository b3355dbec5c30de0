"""A venue in memory: a small matching core that outlives its clients, and what can go wrong with one.

``FakeVenue`` is the far side; ``FakeExchange`` the port. The market around our orders is one best bid and
one best ask that tests move: an order of ours that the market crosses is filled at its own price.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count

from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.limits import LimitKeeper, Limits
from domain.market.model import Book, Level, Pair, Side, TradingRules
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import TERMINAL, Fill, LimitOrder, OrderState, VenueOrder
from domain.money import BPS, ZERO, Coin, round_down
from tests.fakes.time import FakeTime

PAIR = Pair.parse("BTC/USDT")
RULES = TradingRules(
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker_fee_bps=Decimal(2),
    taker_fee_bps=Decimal(5),
)


class Duplicates(StrEnum):
    """What a venue does with a client order id it has seen."""

    REFUSE = "refuse"  # with an error that is no proof of anything
    REPLAY = "replay"  # answers with the first order
    ACCEPT = "accept"  # takes it for a new order


@dataclass
class Mischief:
    """Chances of what goes wrong, each per call; ``dice`` makes them repeatable."""

    dice: random.Random = field(default_factory=lambda: random.Random(1))
    drop_request: float = 0.0  # the call never arrives
    drop_answer: float = 0.0  # it is done, and nobody hears of it
    refuse: float = 0.0  # a definite no to a new order
    skips: float = 0.0  # one of many cancels is left out
    silent_read: float = 0.0
    hide_s: float = 0.0  # a new order is invisible for so long
    late_fills_s: float = 0.0  # trades show so long after they happened
    repeat_fills: bool = False  # every trade is reported twice

    def strikes(self, chance: float) -> bool:
        return chance > 0 and self.dice.random() < chance


@dataclass
class _Resting:
    order: VenueOrder
    placed_s: float
    number: int


class FakeVenue:
    """Orders, trades and balances of one account, as the venue knows them."""

    def __init__(
        self,
        time: FakeTime,
        balances: dict[str, str],
        rules: TradingRules = RULES,
        duplicates: Duplicates = Duplicates.REFUSE,
        fee_coin: str | None = None,
    ) -> None:
        self.time = time
        self.rules = rules
        self.duplicates = duplicates
        self.fee_coin = fee_coin
        self.third_fee = Decimal("0.00001")  # of each trade, where fees are in a coin of their own
        self.total = {Coin(coin): Decimal(amount) for coin, amount in balances.items()}
        self.orders: list[_Resting] = []
        self.trades: list[tuple[float, Fill]] = []
        self.fees_come_late = False  # trades are shown without their fee until ``tell_fees``
        self.untold: dict[str, Fill] = {}  # trades whose fee is not shown yet, as they are
        self.other_books: dict[Pair, tuple[int, int]] = {}  # best bid and ask of further pairs, in ticks
        self.batches = 0  # requests for many orders that arrived
        self.at_once = 1  # how many orders one request may place or take off
        self.closed: set[Pair] = set()  # pairs that take no order at present
        self.delisted: set[Pair] = set()  # pairs of which the venue knows nothing any more
        self.bid, self.ask = 5_999_950, 6_000_050
        self.depth: dict[Side, list[Level]] | None = None  # what others offer, where it is not one level
        self.mischief = Mischief()
        self.news = False
        self.tells = False  # whether news come by themselves
        self.skew_s = 0.0  # how far the venue's clock is ahead of ours
        self.limits = Limits(10**6, 10**6, Decimal(10) ** 9, Decimal(10) ** 12, 10**6)  # practically none
        self._trade_numbers = count(1)
        self.sent: list[str] = []  # every client order id that ever arrived

    def resting(self) -> list[VenueOrder]:
        """Return what is on the book."""
        return [r.order for r in self.orders if r.order.state not in TERMINAL]

    def ticks(self, order: VenueOrder) -> int:
        return self.rules.ticks_down(order.price)

    def free(self, coin: Coin) -> Decimal:
        locked = ZERO
        for order in self.resting():
            left = order.quantity - order.filled
            if coin == (order.pair.quote if order.side is Side.BUY else order.pair.base):
                locked += left * order.price if order.side is Side.BUY else left
        return self.total.get(coin, ZERO) - locked

    def move(self, bid: int, ask: int, share: Decimal = Decimal(1)) -> None:
        """Move the market's best prices; orders of ours that it meets are filled, up to this share."""
        self.bid, self.ask = bid, ask
        for resting in list(self.orders):
            order = resting.order
            ticks = self.rules.ticks_down(order.price)
            met = ticks >= ask if order.side is Side.BUY else ticks <= bid
            if met and order.state not in TERMINAL:
                left = order.quantity - order.filled
                lots = max(1, self.rules.lots_down(left * share))
                self.fill(resting, min(left, self.rules.quantity(lots)))

    def fill(self, resting: _Resting, quantity: Decimal) -> None:
        """Trade so much of a resting order at its price."""
        order = resting.order
        filled = order.filled + quantity
        state = OrderState.FILLED if filled == order.quantity else OrderState.PARTIAL
        resting.order = replace(order, filled=filled, state=state)
        self._trade(resting.order, quantity)

    def value(self, price: Decimal, quantity: Decimal) -> Decimal:
        """Return what a trade moves of the quote asset."""
        return price * quantity

    def trade_of_a_stranger(self, quantity: str = "0.001") -> None:
        """Let somebody with the same keys trade by hand."""
        order = VenueOrder(
            "web_x1",
            "9999",
            PAIR,
            Side.BUY,
            self.rules.price(self.ask),
            Decimal(quantity),
            ZERO,
            OrderState.FILLED,
        )
        self._trade(order, Decimal(quantity))

    def _trade(
        self, order: VenueOrder, quantity: Decimal, price: Decimal | None = None, *, maker: bool = True
    ) -> None:
        price = order.price if price is None else price
        cost = self.value(price, quantity)
        bps = self.rules.maker_fee_bps if maker else self.rules.taker_fee_bps
        bought, paid = (order.pair.base, order.pair.quote)
        if order.side is Side.BUY:
            gets, got, gives, gave = bought, quantity, paid, cost
        else:
            gets, got, gives, gave = paid, cost, bought, quantity
        fee_coin = Coin(self.fee_coin) if self.fee_coin else gets
        fee = round_down(got * bps / BPS) if not self.fee_coin else self.third_fee
        self._change(gives, -gave)
        self._change(gets, got)
        self._change(fee_coin, -fee)
        fill = Fill(
            trade_id=str(next(self._trade_numbers)),
            order_id=order.order_id,
            client_order_id="",
            pair=order.pair,
            side=order.side,
            price=price,
            quantity=quantity,
            quote_quantity=cost,
            fee=fee,
            fee_coin=fee_coin,
            maker=maker,
            at=self.time.now(),
        )
        if self.fees_come_late:
            self.untold[fill.trade_id] = fill
            fill = replace(fill, fee=ZERO, fee_coin=order.pair.quote, fee_known=False)
        self.trades.append((self.time.monotonic(), fill))
        self.news = True

    def tell_fees(self) -> None:
        """Show every fee that was not shown yet."""
        self.trades = [(at_s, self.untold.pop(f.trade_id, f)) for at_s, f in self.trades]

    def amend(self, trade_id: str, **changes: object) -> None:
        """Say something else of a trade, and move the balances accordingly."""
        for n, (at_s, fill) in enumerate(self.trades):
            if fill.trade_id == trade_id:
                self._settle(fill, -1)
                self.trades[n] = (at_s, replace(fill, **changes))  # type: ignore[arg-type]  # fields by name
                self._settle(self.trades[n][1], 1)

    def bust(self, trade_id: str, balances_too: bool = True) -> None:
        """Let a trade never have been."""
        [(at_s, fill)] = [(at_s, fill) for at_s, fill in self.trades if fill.trade_id == trade_id]
        self.trades.remove((at_s, fill))
        if balances_too:
            self._settle(fill, -1)

    def _settle(self, fill: Fill, sign: int) -> None:
        way = sign if fill.side is Side.BUY else -sign
        self._change(fill.pair.base, way * fill.quantity)
        self._change(fill.pair.quote, -way * fill.quote_quantity)
        self._change(fill.fee_coin, -sign * fill.fee)

    def _change(self, coin: Coin, amount: Decimal) -> None:
        self.total[coin] = self.total.get(coin, ZERO) + amount
        assert self.total[coin] >= 0, f"the venue would owe {coin}"

    def accept(self, order: LimitOrder) -> VenueOrder:
        """Take an order or refuse it."""
        self.sent.append(order.client_order_id)
        seen = self.find(order.client_order_id)
        if seen and self.duplicates is Duplicates.REPLAY:
            return seen.order
        if seen and self.duplicates is Duplicates.REFUSE:
            raise OutcomeUnknown("no_clear_answer", subject=order.client_order_id)
        ticks = self.rules.ticks_down(order.price)
        bid, ask = self.other_books.get(order.pair, (self.bid, self.ask))
        takes = ticks >= ask if order.side is Side.BUY else ticks <= bid
        if takes and order.post_only:
            raise Refused("order_would_take")
        pays = order.pair.quote if order.side is Side.BUY else order.pair.base
        cost = order.price * order.quantity if order.side is Side.BUY else order.quantity
        if cost > self.free(pays):
            raise Refused("venue_funds_short")
        assert self._meets_nobody_of_ours(order), "two orders of our own would trade with each other"
        number = len(self.orders) + 1
        word = VenueOrder(
            order.client_order_id,
            str(number),
            order.pair,
            order.side,
            order.price,
            order.quantity,
            ZERO,
            OrderState.OPEN,
        )
        resting = _Resting(word, self.time.monotonic(), number)
        self.orders.append(resting)
        if order.immediate:
            self._take(resting)
        return resting.order

    def levels(self, side: Side) -> list[Level]:
        """Return what others offer on a side, best first."""
        if self.depth is not None:
            return self.depth[side]
        return [Level(self.bid if side is Side.BUY else self.ask, 100_000)]

    def _take(self, resting: _Resting) -> None:
        """Trade with others at each of their prices that an order allows; what is left of it is over."""
        order = resting.order
        buys, left = order.side is Side.BUY, self.rules.lots_down(order.quantity)
        there = self.levels(Side.SELL if buys else Side.BUY)
        kept = []
        for level in there:
            price = self.rules.price(level.ticks)
            lots = min(left, level.lots) if (price <= order.price if buys else price >= order.price) else 0
            left -= lots
            if lots:
                quantity = self.rules.quantity(lots)
                resting.order = replace(resting.order, filled=resting.order.filled + quantity)
                self._trade(resting.order, quantity, price, maker=False)
            if level.lots > lots:
                kept.append(Level(level.ticks, level.lots - lots))
        if self.depth is not None:
            self.depth[Side.SELL if buys else Side.BUY] = kept
        ended = OrderState.EXPIRED if left else OrderState.FILLED
        resting.order = replace(resting.order, state=ended)

    def _meets_nobody_of_ours(self, order: LimitOrder) -> bool:
        return not any(
            (order.price >= other.price if order.side is Side.BUY else order.price <= other.price)
            for other in self.resting()
            if other.side is not order.side and other.pair == order.pair
        )

    def find(self, client_order_id: str) -> _Resting | None:
        return next((r for r in self.orders if r.order.client_order_id == client_order_id), None)

    def visible(self, resting: _Resting) -> bool:
        return self.time.monotonic() - resting.placed_s >= self.mischief.hide_s


class FakeExchange:
    """The ``Exchange`` port of a fake venue; make a new one for a new process."""

    def __init__(
        self, venue: FakeVenue, account: str = "fake-1", lease: Callable[[], None] = lambda: None
    ) -> None:
        self._venue = venue
        self._lease = lease
        self._limits = LimitKeeper(venue.limits)
        self.account = VenueAccountName(account)

    async def time(self) -> datetime:
        self._read()
        return self._venue.time.now() + timedelta(seconds=self._venue.skew_s)

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        now, now_s = self._venue.time.now(), self._venue.time.monotonic()
        self._limits.recall([(now_s - (now - at).total_seconds(), notional) for at, notional in sent])

    async def rules(self, pair: Pair) -> TradingRules:
        self._read(pair)
        if pair != PAIR and pair not in self._venue.other_books:
            raise Refused("pair_not_traded", pair=pair)
        return self._venue.rules

    async def book(self, pair: Pair, depth: int = 20) -> Book:
        self._read(pair)
        venue = self._venue
        if pair in venue.other_books:
            best_bid, best_ask = (Level(ticks, 100_000) for ticks in venue.other_books[pair])
            return Book(pair, (best_bid,), (best_ask,), venue.time.now())
        bid, ask = venue.bid, venue.ask
        if bid < ask:  # what is left of an order of ours that the market met is the best price of its side
            bid = min([bid, *(venue.ticks(o) - 1 for o in venue.resting() if o.side is Side.SELL)])
            ask = max([ask, *(venue.ticks(o) + 1 for o in venue.resting() if o.side is Side.BUY)])
        levels: dict[Side, dict[int, int]] = {Side.BUY: {bid: 100_000}, Side.SELL: {ask: 100_000}}
        if venue.depth is not None:
            levels = {side: {each.ticks: each.lots for each in venue.depth[side]} for side in Side}
        for order in venue.resting():
            ticks, lots = (
                venue.rules.ticks_down(order.price),
                venue.rules.lots_down(order.quantity - order.filled),
            )
            levels[order.side][ticks] = levels[order.side].get(ticks, 0) + lots
        bids = tuple(Level(t, n) for t, n in sorted(levels[Side.BUY].items(), reverse=True))
        asks = tuple(Level(t, n) for t, n in sorted(levels[Side.SELL].items()))
        return Book(pair, bids[:depth], asks[:depth], venue.time.now())

    async def balances(self) -> dict[Coin, Decimal]:
        self._read()
        return {coin: total for coin, total in self._venue.total.items() if total}

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        venue, mischief = self._venue, self._venue.mischief
        self._lease()
        if venue.time.now() > not_after:
            raise Refused("order_too_late")
        reference = venue.rules.price(sum(venue.other_books.get(order.pair, (venue.bid, venue.ask)))) / 2
        self._limits.admit(order, reference, venue.time.monotonic())
        if mischief.strikes(mischief.drop_request):
            raise OutcomeUnknown("no_clear_answer", subject=order.client_order_id)
        word = self._accepted(order)
        if mischief.strikes(mischief.drop_answer):
            raise OutcomeUnknown("no_clear_answer", subject=order.client_order_id)
        return word

    def _accepted(self, order: LimitOrder) -> VenueOrder:
        if self._venue.mischief.strikes(self._venue.mischief.refuse):
            raise Refused("venue_declined")
        if order.pair in self._venue.closed:
            raise Refused("pair_not_traded", pair=order.pair)
        return self._venue.accept(order)

    @property
    def places_at_once(self) -> int:
        return self._venue.at_once

    @property
    def cancels_at_once(self) -> int:
        return self._venue.at_once

    async def place_many(
        self, orders: Sequence[LimitOrder], not_after: datetime
    ) -> Sequence[VenueOrder | MrMarketError]:
        venue, mischief = self._venue, self._venue.mischief
        self._lease()
        if venue.time.now() > not_after:
            raise Refused("order_too_late")
        books = [venue.other_books.get(order.pair, (venue.bid, venue.ask)) for order in orders]
        priced = [(o, venue.rules.price(sum(book)) / 2) for o, book in zip(orders, books, strict=True)]
        self._limits.admit_all(priced, venue.time.monotonic())
        lost: list[VenueOrder | MrMarketError] = [OutcomeUnknown("no_clear_answer") for _ in orders]
        if mischief.strikes(mischief.drop_request):
            return lost
        words: list[VenueOrder | MrMarketError] = []
        for order in orders:
            try:
                words.append(self._accepted(order))
            except (Refused, OutcomeUnknown) as word:
                words.append(word)
        venue.batches += 1
        return lost if mischief.strikes(mischief.drop_answer) else words

    async def cancel_many(
        self, pair: Pair, client_order_ids: Sequence[str]
    ) -> Mapping[str, VenueOrder | None]:
        venue, mischief = self._venue, self._venue.mischief
        if mischief.strikes(mischief.drop_request):
            raise OutcomeUnknown("no_clear_answer", subject=client_order_ids[0])
        taken: dict[str, VenueOrder | None] = {}
        for number, each in enumerate(client_order_ids):
            if mischief.strikes(mischief.skips):
                continue
            found = venue.find(each) if pair not in venue.delisted else None
            if found is None or found.order.state in TERMINAL or not venue.visible(found):
                continue
            found.order = replace(found.order, state=OrderState.CANCELLED)
            taken[each] = found.order if number % 2 else None  # of some it does not tell more
        venue.batches += 1
        if mischief.strikes(mischief.drop_answer):
            raise OutcomeUnknown("no_clear_answer", subject=client_order_ids[0])
        return taken

    async def cancel(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        venue, mischief = self._venue, self._venue.mischief
        if mischief.strikes(mischief.drop_request):
            raise OutcomeUnknown("no_clear_answer", subject=client_order_id)
        found = venue.find(client_order_id) if pair not in venue.delisted else None
        if found is None or found.order.state in TERMINAL or not venue.visible(found):
            return None
        found.order = replace(found.order, state=OrderState.CANCELLED)
        if mischief.strikes(mischief.drop_answer):
            raise OutcomeUnknown("no_clear_answer", subject=client_order_id)
        return found.order

    async def find_order(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        self._read(pair)
        found = self._venue.find(client_order_id)
        return found.order if found and self._venue.visible(found) else None

    async def open_orders(self, pair: Pair) -> list[VenueOrder]:
        self._read(pair)
        shown = [r.order for r in self._venue.orders if self._venue.visible(r)]
        return [order for order in shown if order.state not in TERMINAL and order.pair == pair]

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        self._read(pair)
        venue = self._venue
        shown = venue.time.monotonic() - venue.mischief.late_fills_s
        fills: Iterable[Fill] = (f for at_s, f in venue.trades if at_s <= shown and f.pair == pair)
        if trade_id is None:
            fills = [fill for fill in fills if fill.at >= since]
        else:
            fills = [fill for fill in fills if int(fill.trade_id) > int(trade_id)]
        if venue.mischief.repeat_fills:
            return [fill for fill in fills for _ in range(2)]
        return list(fills)

    @property
    def tells(self) -> bool:
        return self._venue.tells

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        venue, mid = self._venue, (self._venue.bid + self._venue.ask) / 2 * float(self._venue.rules.tick)
        out = venue.tells and PAIR in bands and not bands[PAIR].holds(mid)
        if not (venue.news or out):
            venue.time.advance(timeout_s)
        news, venue.news = venue.news, False
        return News(frozenset(pairs if news else ()), {PAIR: mid} if out else {})

    async def close(self) -> None:
        """Let go of nothing."""

    def _read(self, pair: Pair | None = None) -> None:
        if pair in self._venue.delisted:
            raise Refused("pair_not_traded", pair=pair)
        if self._venue.mischief.strikes(self._venue.mischief.silent_read):
            raise Unavailable("venue_silent")
