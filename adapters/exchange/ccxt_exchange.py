"""One account at one venue, through ccxt: translate in, translate errors, translate out."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes, translate
from adapters.exchange.account import VenueAccount
from adapters.exchange.client import Gate, make_client, writing
from adapters.exchange.streams import Streams
from adapters.exchange.venues import VENUES
from adapters.ids import PREFIX
from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.limits import LimitKeeper
from domain.market.model import Book, Pair, TradingRules
from domain.market.orders import Fill, LimitOrder, VenueOrder
from domain.money import Coin, plain
from domain.ports.clock import Clock

log = structlog.get_logger()

_FRESH_S = 2.0
"""How old a streamed book may be; an older one is read by request instead."""

_RULES_AGE = timedelta(days=1)
_PAGE = 500
_WINDOW = timedelta(hours=24)  # of binance's own trades; a longer one is refused


def _terms(order: LimitOrder) -> dict[str, object]:
    """Return what an order asks for beside price and quantity."""
    terms: dict[str, object] = {"clientOrderId": order.client_order_id, "postOnly": order.post_only}
    return {**terms, "timeInForce": "IOC"} if order.immediate else terms


class CcxtExchange:
    """The ``Exchange`` port on one ccxt client, kept alive with its limiter and streams."""

    def __init__(self, account: VenueAccount, clock: Clock, lease: Gate) -> None:
        """Make the client; nothing is sent yet. ``lease`` refuses when this process no longer acts here."""
        self.account: VenueAccountName = account.name
        self._settings = account
        self._contract = VENUES[account.venue]
        self._clock = clock
        self._lease = lease
        self._client = make_client(account)
        self._streams = Streams(self._client, account.name)
        self._limits = LimitKeeper(account.limits)
        self._rules: dict[Pair, tuple[datetime, TradingRules]] = {}
        self._reference: dict[Pair, Decimal] = {}

    async def time(self) -> datetime:
        """Return the instant the venue's clock shows."""
        return translate.as_time(await self._read("time", self._client.fetch_time))

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        """Count orders of the last day instead of what was counted."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        self._limits.recall([(now_s - (now - at).total_seconds(), notional) for at, notional in sent])

    async def rules(self, pair: Pair) -> TradingRules:
        """Return what the venue accepts for a pair; asked again after a day."""
        known = self._rules.get(pair)
        if known and self._clock.now() - known[0] < _RULES_AGE:
            return known[1]
        markets = await self._read("markets", self._client.load_markets, known is not None)
        if str(pair) not in markets or not markets[str(pair)].get("active", True):
            raise Refused("pair_not_traded", pair=pair)
        fees = await self._read("fees", self._client.fetch_trading_fee, str(pair))
        rules = translate.as_rules(pair, markets[str(pair)], fees)
        self._rules[pair] = (self._clock.now(), rules)
        return rules

    async def book(self, pair: Pair, depth: int = 20) -> Book:
        """Return the streamed book while it is fresh and sane, else one read by request."""
        rules = await self.rules(pair)
        book = self._streamed(pair, rules, depth)
        if book is None:
            raw = await self._read("book", self._client.fetch_order_book, str(pair), max(depth, 20))
            book = translate.as_book(pair, rules, raw, depth, self._clock.now())
        if book.sane:
            self._reference[pair] = rules.tick * book.twice_mid / 2
        return book

    def _streamed(self, pair: Pair, rules: TradingRules, depth: int) -> Book | None:
        if self._settings.lockstep:
            return None
        self._streams.watch_book(str(pair))
        streamed = self._streams.books.get(str(pair))
        if streamed is None or (age_s := time.monotonic() - streamed.received_s) > _FRESH_S:
            return None
        at = self._clock.now() - timedelta(seconds=age_s)
        try:
            book = translate.as_book(pair, rules, streamed.raw, depth, at)
        except Unavailable:
            return None
        return book if book.sane else None

    async def balances(self) -> dict[Coin, Decimal]:
        """Return free plus locked per coin, zeros left out."""
        return translate.as_balances(await self._read("balances", self._client.fetch_balance))

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        """Rest a limit order; limits and the deadline are checked right before the bytes leave."""
        raw = await self._write(
            order.client_order_id,
            lambda: self._admit(order, not_after),
            self._client.create_order,
            str(order.pair),
            "limit",
            order.side.value,
            plain(order.quantity),
            plain(order.price),
            _terms(order),
        )
        try:
            return translate.as_order(order.pair, raw, order.client_order_id)
        except Unavailable as e:  # it was accepted, in words we do not understand
            raise outcomes.of_write(ValueError(str(e)), self._contract, order.client_order_id) from e

    def _admit(self, order: LimitOrder, not_after: datetime) -> None:
        """Refuse an order without the lease, too late, or beyond a hard limit (D4, OR2, OR9).

        The request's expiry at the venue has been stamped before: signing comes first.
        """
        self._lease()
        if self._clock.now() > not_after:
            raise Refused("order_too_late", subject=order.client_order_id)
        self._limits.admit(order, self._reference.get(order.pair), self._clock.monotonic())

    async def cancel(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Take an order off the book; a venue that knows no such open order gives ``None``."""
        try:
            raw = await self._write(
                client_order_id,
                lambda: None,  # a cancel may always leave, with the lease or without
                self._client.cancel_order,
                None,
                str(pair),
                {"clientOrderId": client_order_id},
            )
            return translate.as_order(pair, raw, client_order_id)
        except Refused:
            return None
        except Unavailable as e:
            raise outcomes.of_write(ValueError(str(e)), self._contract, client_order_id) from e

    async def find_order(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id, open or ended, or ``None`` when the venue shows none."""
        try:
            raw = await self._client.fetch_order(None, str(pair), {"clientOrderId": client_order_id})
        except outcomes.failures() as e:
            if outcomes.is_kind(e, "OrderNotFound"):
                return None
            raise outcomes.of_read(e, client_order_id) from e
        return translate.as_order(pair, raw, client_order_id)

    async def open_orders(self, pair: Pair) -> list[VenueOrder]:
        """Return all resting orders of the account for a pair; of others' those that can be read.

        Whoever trades here by hand may lay orders of kinds that we do not know, such as one without a price.
        """
        raw = await self._read("open orders", self._client.fetch_open_orders, str(pair))
        orders = []
        for each in raw:
            client_order_id = str(each.get("clientOrderId") or "")
            try:
                orders.append(translate.as_order(pair, each, client_order_id))
            except Unavailable:
                if client_order_id.startswith(PREFIX):
                    raise  # nobody may take it for one that is not there
        return orders

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        """Return own executions after a trade id, or from an instant on, oldest first, all pages."""
        if trade_id is not None:
            return await self._fills_from(pair, int(trade_id) + 1)
        latest = await self._own_trades(pair, None, {})
        if len(latest) < _PAGE or latest[0].at < since:  # nothing older is missing
            return [fill for fill in latest if fill.at >= since]
        return await self._fills_by_window(pair, since)

    async def _fills_by_window(self, pair: Pair, since: datetime) -> list[Fill]:
        """Return own executions from an instant on; a venue answers for one window at a time."""
        start, now = since, self._clock.now()
        while start <= now:
            span = {"endTime": int((start + _WINDOW).timestamp() * 1000) - 1}
            if page := await self._own_trades(pair, int(start.timestamp() * 1000), span):
                return page + await self._fills_from(pair, int(page[-1].trade_id) + 1)
            start += _WINDOW
        return []

    async def _fills_from(self, pair: Pair, trade_id: int) -> list[Fill]:
        """Return own executions with this trade id or a higher one."""
        fills: list[Fill] = []
        while page := await self._own_trades(pair, None, {"fromId": trade_id}):
            fills += page
            if len(page) < _PAGE:
                break
            trade_id = int(page[-1].trade_id) + 1
        return fills

    async def _own_trades(self, pair: Pair, since_ms: int | None, params: dict[str, int]) -> list[Fill]:
        raw = await self._read("own trades", self._client.fetch_my_trades, str(pair), since_ms, _PAGE, params)
        return translate.as_fills(pair, raw)

    async def wait_for_news(self, pairs: Sequence[Pair], timeout_s: float) -> bool:
        """Return whether the private stream told of a change before the timeout."""
        del pairs  # this venue has one private stream for all pairs
        if self._settings.lockstep:
            return False
        self._streams.watch_orders()
        return await self._streams.wait_for_bell(timeout_s)

    async def close(self) -> None:
        """Stop the streams and let go of sockets."""
        await self._streams.stop()
        await self._client.close()

    async def _read(self, subject: str, call: Callable[..., Any], *args: Any) -> Any:
        assert_outside_transaction()
        try:
            return await call(*args)
        except outcomes.failures() as e:
            raise outcomes.of_read(e, subject) from e

    async def _write(
        self, subject: str, gate: Callable[[], None], call: Callable[..., Any], *args: Any
    ) -> Any:
        assert_outside_transaction()
        try:
            with writing(gate):
                return await call(*args)
        except outcomes.failures() as e:
            if outcomes.is_kind(e, "OrderNotFound"):
                raise Refused("order_unknown_to_venue", subject=subject) from e
            raise outcomes.of_write(e, self._contract, subject) from e
