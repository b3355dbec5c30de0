"""The matching engine: price, then time; exact balances; no clock, no sockets, no disk.

Every action notes in `changes` what must be written down and then told. Time comes as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sandbox.venue.accounts import Accounts
from sandbox.venue.book import Market
from sandbox.venue.model import (
    BPS,
    PUBLIC,
    Changes,
    Execution,
    Fees,
    Fill,
    Force,
    Kind,
    NewOrder,
    Order,
    Pair,
    RefusedByVenue,
    Report,
    Side,
    Status,
    Trade,
)
from sandbox.venue.rules import check_client_id, check_new, funds


@dataclass(slots=True)
class Numbers:
    """The last number of each kind the venue gave out."""

    order: int = 0
    trade: int = 0

    def next_order(self) -> int:
        """Return a fresh order id."""
        self.order += 1
        return self.order

    def next_trade(self) -> int:
        """Return a fresh trade id."""
        self.trade += 1
        return self.trade


class Engine:
    """All pairs and accounts of the venue."""

    def __init__(
        self,
        markets: Mapping[Pair, Market],
        fees: Fees,
        numbers: Numbers | None = None,
        *,
        self_trade_allowed: bool = True,
    ) -> None:
        self.pairs = {pair.symbol: pair for pair in markets}
        self.markets = {pair.symbol: market for pair, market in markets.items()}
        self.last_price = {pair.symbol: int(pair.start / pair.tick) for pair in markets}
        self.fees, self.numbers = fees, numbers or Numbers()
        self.own_fees: dict[str, Fees] = {}  # of accounts with a profile of their own
        self.accounts = Accounts()
        self.orders: dict[int, Order] = {}  # of clients, terminal ones too
        self.fills: dict[tuple[str, str], list[Fill]] = {}  # account, symbol -> oldest first
        self.by_client_id: dict[tuple[str, str, str], int] = {}  # account, symbol, client id -> latest order
        self.open: dict[tuple[str, str], dict[int, Order]] = {}  # account, symbol -> resting orders
        self.changes = Changes()
        self._self_trade_allowed = self_trade_allowed

    def pair(self, symbol: str) -> Pair:
        """Return a pair by the venue's name."""
        if symbol not in self.pairs:
            raise RefusedByVenue(-1121, "Invalid symbol.")
        return self.pairs[symbol]

    def drain(self) -> Changes:
        """Return what happened since the last call."""
        drained, self.changes = self.changes, Changes()
        drained.balances |= self.accounts.changed
        self.accounts.changed = set()
        return drained

    # -- actions --------------------------------------------------------------------------------------------

    def place(self, new: NewOrder, now_ms: int) -> Order:
        """Match an order and rest what may rest."""
        pair, market = self.pair(new.symbol), self.markets[new.symbol]
        if new.account != PUBLIC:
            self._check(pair, new)
        new, cost = self._priced(pair, new)
        if new.kind is Kind.LIMIT_MAKER and self._crosses(market, new):
            raise RefusedByVenue(-2010, "Order would immediately match and take.")
        order = self._admit(pair, new, cost, now_ms)
        if new.force is not Force.FOK or self._fillable(market, new):
            self._match(pair, market, order, new, now_ms)
        if not order.status.is_open:
            return order
        if new.kind is Kind.MARKET or new.force is not Force.GTC:
            self._finish(order, Status.EXPIRED, Execution.EXPIRED, now_ms)
        else:
            market.rest(order)
            if order.account != PUBLIC:
                self.open.setdefault((order.account, order.symbol), {})[order.id] = order
        return order

    def cancel(self, order: Order, now_ms: int, cancel_id: str = "") -> Order:
        """Take a resting order off the book and give back what it held."""
        if not order.status.is_open:
            raise RefusedByVenue(-2011, "Unknown order sent.")
        self.markets[order.symbol].remove(order)
        self.open.get((order.account, order.symbol), {}).pop(order.id, None)
        order.cancel_id = cancel_id
        self._finish(order, Status.CANCELED, Execution.CANCELED, now_ms)
        return order

    def hit(self, order: Order, lots: int, now_ms: int, recorded_id: int = 0) -> None:
        """Let the public trade against a resting order of a client, as a recorded trade did."""
        taker = self._public_taker(order, lots, now_ms)
        self._trade(self.pairs[order.symbol], taker, order, order.price, lots, now_ms, recorded_id)

    def print_trade(self, trade: Trade) -> None:
        """Note a trade among the public."""
        self.last_price[trade.symbol] = trade.price
        self.changes.prints.append(trade)

    def restore(self, orders: Iterable[Order], fills: Iterable[Fill]) -> None:
        """Put back what was written down: history, and resting orders in their old order of time."""
        for order in sorted(orders, key=lambda order: order.id):
            self.orders[order.id] = order
            self.by_client_id[order.account, order.symbol, order.client_id] = order.id
            if order.status.is_open:
                self.markets[order.symbol].put_back(order)
                self.open.setdefault((order.account, order.symbol), {})[order.id] = order
        for fill in sorted(fills, key=lambda fill: fill.trade.id):
            self._remember(fill)

    # -- look-ups -------------------------------------------------------------------------------------------

    def fees_of(self, account: str) -> Fees:
        """Return what an account pays."""
        return self.own_fees.get(account, self.fees)

    def find(self, account: str, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """Return an account's order by either id; by client id the latest one."""
        if order_id is None and client_id is not None:
            order_id = self.by_client_id.get((account, symbol, client_id))
        order = self.orders.get(order_id) if order_id is not None else None
        return order if order and (order.account, order.symbol) == (account, symbol) else None

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return an account's resting orders, oldest first."""
        found = [
            order
            for (name, pair), orders in self.open.items()
            if name == account and symbol in (None, pair)
            for order in orders.values()
        ]
        return sorted(found, key=lambda order: order.id)

    # -- inside ---------------------------------------------------------------------------------------------

    def _check(self, pair: Pair, new: NewOrder) -> None:
        check_client_id(new.client_id)
        resting = self.open.get((new.account, new.symbol), {})
        check_new(pair, new, self.last_price[new.symbol], len(resting))
        known = self.find(new.account, new.symbol, None, new.client_id)
        if known and known.status.is_open:
            raise RefusedByVenue(-2010, "Duplicate order sent.")

    def _priced(self, pair: Pair, new: NewOrder) -> tuple[NewOrder, int]:
        """Return a market order with its worst price and its quantity filled in, and what it will cost."""
        if new.kind is not Kind.MARKET:
            return new, 0
        wanted, lots, cost, worst = new.lots or 10**18, 0, 0, 0
        for price, offered, _ in self.markets[new.symbol].offers(new.side, None):
            fit = min(offered, wanted - lots)
            if new.budget:
                fit = min(fit, (new.budget - cost) // (price * pair.quote_unit))
            if fit <= 0:
                break
            lots, cost, worst = lots + fit, cost + fit * price * pair.quote_unit, price
        if not worst:
            raise RefusedByVenue(-2010, "Market is closed." if new.lots else "Filter failure: LOT_SIZE")
        return replace(new, price=worst, lots=new.lots or lots), cost

    def _crosses(self, market: Market, new: NewOrder) -> bool:
        best = market.best(new.side.other)
        if best is None:
            return False
        return best <= new.price if new.side is Side.BUY else best >= new.price

    def _fillable(self, market: Market, new: NewOrder) -> bool:
        return sum(lots for _, lots, _ in market.offers(new.side, new.price)) >= new.lots

    def _admit(self, pair: Pair, new: NewOrder, cost: int, now_ms: int) -> Order:
        asset, amount = funds(pair, new, cost)
        public = new.account == PUBLIC
        if not public and not self.accounts.lock(new.account, asset, amount):
            raise RefusedByVenue(-2010, "Account has insufficient balance for requested action.")
        order = Order(
            self.numbers.next_order(),
            new.account,
            new.client_id,
            new.symbol,
            new.side,
            new.kind,
            new.force,
            new.price,
            new.lots,
            now_ms,
            now_ms,
            locked=0 if public else amount,
        )
        if not public:
            self.orders[order.id] = order
            self.by_client_id[order.account, order.symbol, order.client_id] = order.id
            self._report(order, Execution.NEW, now_ms)
        return order

    def _match(self, pair: Pair, market: Market, taker: Order, new: NewOrder, now_ms: int) -> None:
        for price, offered, maker in market.offers(taker.side, new.price):
            if not taker.left:
                return
            if maker and self._is_refused_self_trade(taker, maker):
                self._finish(taker, Status.EXPIRED_IN_MATCH, Execution.EXPIRED, now_ms)
                return
            self._trade(pair, taker, maker, price, min(taker.left, offered), now_ms)

    def _is_refused_self_trade(self, taker: Order, maker: Order) -> bool:
        return not self._self_trade_allowed and taker.account == maker.account != PUBLIC

    def _public_taker(self, maker: Order, lots: int, now_ms: int) -> Order:
        side = maker.side.other
        return Order(
            0, PUBLIC, "", maker.symbol, side, Kind.LIMIT, Force.IOC, maker.price, lots, now_ms, now_ms
        )

    def _trade(
        self,
        pair: Pair,
        taker: Order,
        maker: Order | None,
        price: int,
        lots: int,
        now_ms: int,
        recorded_id: int = 0,
    ) -> None:
        value = price * lots * pair.quote_unit
        trade = Trade(
            self.numbers.next_trade(),
            pair.symbol,
            price,
            lots,
            value,
            now_ms,
            taker.side is Side.SELL,
            recorded_id,
        )
        market = self.markets[pair.symbol]
        self.print_trade(trade)
        self._settle(pair, taker, trade, is_maker=False)
        if maker is None:
            market.take(taker.side, price, lots)
            self._count_public(pair, taker.side.other, trade)
        else:
            self._settle(pair, maker, trade, is_maker=True)
            market.traded(maker, lots)

    def _count_public(self, pair: Pair, side: Side, trade: Trade) -> None:
        """Book the other side of a trade that met anonymous depth."""
        paid, received = self._flows(pair, side, trade)
        self.accounts.pay(PUBLIC, *paid)
        self.accounts.credit(PUBLIC, *received)

    @staticmethod
    def _flows(pair: Pair, side: Side, trade: Trade) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return what a side of a trade pays and receives."""
        base, quote = (pair.base, trade.lots * pair.base_unit), (pair.quote, trade.value)
        return (quote, base) if side is Side.BUY else (base, quote)

    def _settle(self, pair: Pair, order: Order, trade: Trade, *, is_maker: bool) -> None:
        order.filled += trade.lots
        order.value += trade.value
        order.updated_ms = trade.at_ms
        order.status = Status.PARTIALLY_FILLED if order.left else Status.FILLED
        paid, received = self._flows(pair, order.side, trade)
        self.accounts.pay(order.account, *paid)
        if order.account == PUBLIC:
            self.accounts.credit(PUBLIC, *received)
            return
        asset, amount = received
        fees = self.fees_of(order.account)
        commission = amount * (fees.maker_bps if is_maker else fees.taker_bps) // BPS
        self.accounts.credit(order.account, asset, amount - commission)
        self.accounts.fees[asset] += commission
        order.locked -= paid[1]
        self._release_surplus(pair, order)
        fill = Fill(trade, order.id, order.account, order.side, is_maker, commission, asset)
        self._remember(fill)
        self.changes.fills.append(fill)
        self._report(order, Execution.TRADE, trade.at_ms, fill)
        if not order.left:
            self.open.get((order.account, order.symbol), {}).pop(order.id, None)

    def _release_surplus(self, pair: Pair, order: Order) -> None:
        """Give back what a better price saved, and everything when nothing is left to trade."""
        if order.side is Side.SELL:
            needed = order.left * pair.base_unit
        elif order.kind is Kind.MARKET:
            needed = order.locked if order.left else 0
        else:
            needed = order.left * order.price * pair.quote_unit
        self._unlock(pair, order, order.locked - needed)

    def _remember(self, fill: Fill) -> None:
        self.fills.setdefault((fill.account, fill.trade.symbol), []).append(fill)

    def _unlock(self, pair: Pair, order: Order, amount: int) -> None:
        order.locked -= amount
        if amount:
            asset = pair.quote if order.side is Side.BUY else pair.base
            self.accounts.unlock(order.account, asset, amount)

    def _finish(self, order: Order, status: Status, execution: Execution, now_ms: int) -> None:
        order.status, order.updated_ms = status, now_ms
        if order.account != PUBLIC:
            self._unlock(self.pairs[order.symbol], order, order.locked)
            self._report(order, execution, now_ms)

    def _report(self, order: Order, execution: Execution, now_ms: int, fill: Fill | None = None) -> None:
        self.changes.orders[order.id] = order
        self.changes.reports.append(Report(replace(order), execution, now_ms, fill))
