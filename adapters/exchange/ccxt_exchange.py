"""One account at one venue, through ccxt: translate in, translate errors, translate out."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import structlog

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes, translate
from adapters.exchange.account import VenueAccount
from adapters.exchange.batches import MOST_AT_ONCE, Answer, Batches
from adapters.exchange.candles import CcxtCandles
from adapters.exchange.client import Gate, contract_of, make_client, make_public_client, writing
from adapters.exchange.contract import Expiry
from adapters.exchange.exchange_data import ExchangeData
from adapters.exchange.lanes import leaving_by, pace, using
from adapters.exchange.own_orders import OwnOrders, expiring
from adapters.exchange.own_trades import OwnTrades
from adapters.exchange.pair_rules import PairRules
from adapters.exchange.powers import CcxtKeyTeller
from adapters.exchange.streams import Streams
from adapters.exchange.tapes import CcxtTapes
from adapters.exchange.timer import CcxtDeadManTimer, has_timer
from adapters.ids import PREFIX
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.limiter import Lane
from domain.market.limits import LimitKeeper
from domain.market.model import Book, Pair, TradingRules
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import Fill, LimitOrder, VenueOrder
from domain.money import Coin, plain
from domain.ports.clock import Clock

log = structlog.get_logger()

ALONE_S = 600.0
"""How long orders go one by one after a batch of which nothing is known."""

_FAR_MS = 1_000

T = TypeVar("T")


class CcxtExchange:
    """The ``Exchange`` port on one ccxt client, kept alive with its limiter and streams."""

    def __init__(
        self,
        account: VenueAccount,
        clock: Clock,
        lease: Gate,
        data: ExchangeData | None = None,
        sharing: int = 1,
    ) -> None:
        """Make the client; nothing is sent yet. ``lease`` refuses when this process no longer acts here.

        ``data`` are the venue's public streams, shared and closed by others; without any it has its own.
        ``sharing`` accounts of the venue, this one included, share what it lets one address ask for.
        """
        self.account: VenueAccountName = account.name
        self._settings = account
        self._contract = contract_of(account.venue)
        self._clock = clock
        self._lease = lease
        self._client = make_client(account)
        self._pacer = pace(self._client, self._contract, clock, sharing)
        self.keys = CcxtKeyTeller(account.venue, self._client)
        self.timer = self._its_timer()
        self.candles = CcxtCandles(self._client)
        self._own = OwnOrders(self._client, self._contract)
        self._batches = Batches(self._client, self._contract, self._own)
        self._trades = OwnTrades(self._client, self._contract, clock, self._read)
        self._streams = Streams(self._client, account.name)
        self._data_is_ours = data is None
        self._data = data or ExchangeData(account.venue, make_public_client(account))
        self._data.listeners.append(self._look_at)
        self.tapes = CcxtTapes(self._client, self._data, self._contract.market_trades, clock)
        self._bands: Mapping[str, tuple[Pair, Band]] = {}
        self._moved: dict[Pair, float] = {}
        self._limits = LimitKeeper(account.limits)
        self._rules = PairRules(self._client, self._contract, clock, self._read)
        self._alone_until_s = float("-inf")
        self._reference: dict[Pair, Decimal] = {}

    def _its_timer(self) -> CcxtDeadManTimer | None:
        """Return the venue's dead-man timer, where there is one; not in recorded time, which stands still."""
        if self._settings.lockstep or not has_timer(self._contract):
            return None
        return CcxtDeadManTimer(self._client, self._contract, self._settings.rehearsal, self._set_timer)

    async def _set_timer(self, subject: str, call: Callable[..., Any], *args: Any) -> None:
        await self._write(subject, Lane.CANCEL, self._lease, {}, call, *args)

    async def time(self) -> datetime:
        """Return the instant the venue's clock shows."""
        return translate.as_time(await self._read("time", self._client.fetch_time))

    async def keep_time(self) -> float:
        """Have requests bear the venue's time where ours is far off; return by how many seconds, else 0.

        For who cancels and nothing else: whoever books trades by a wrong clock would look in wrong spans. A
        venue whose numbers must grow is never given a lower one.
        """
        began_ms = self._client.milliseconds()
        theirs = translate.as_time(await self._read("time", self._client.fetch_time))
        half_ms = (self._client.milliseconds() - began_ms) / 2
        apart_ms = round(began_ms + half_ms - theirs.timestamp() * 1000)
        far = abs(apart_ms) - half_ms > _FAR_MS
        lower = self._contract.one_nonce and apart_ms > 0
        self._client.options["timeDifference"] = apart_ms if far and not lower else 0
        return apart_ms / 1000 if far else 0.0

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        """Count orders of the last day instead of what was counted."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        self._limits.recall([(now_s - (now - at).total_seconds(), notional) for at, notional in sent])

    async def rules(self, pair: Pair) -> TradingRules:
        """Return what the venue accepts for a pair; asked again hourly, and when it refused an order."""
        return await self._rules.of(pair)

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
        if (streamed := self._data.book(str(pair))) is None:
            return None
        at = self._clock.now() - timedelta(seconds=time.monotonic() - streamed.received_s)
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
        expires_at = self._clock.now() + timedelta(milliseconds=self._settings.request_expiry_ms)
        headers, expiry = expiring(self._contract, expires_at, self._settings.request_expiry_ms)
        try:
            with leaving_by(self._instant_s(not_after)):
                raw = await self._write(
                    order.client_order_id,
                    Lane.HEDGE if order.immediate else Lane.QUOTE,
                    lambda: self._admit([order], not_after),
                    headers,
                    self._client.create_order,
                    str(order.pair),
                    "limit",
                    order.side.value,
                    plain(order.quantity),
                    plain(order.price),
                    {**self._own.terms(order), **expiry},
                )
        except Refused as refusal:
            self._note_refusal(order.pair, refusal)
            raise
        try:
            return self._own.accepted(order, raw)
        except Unavailable as e:  # it was accepted, in words we do not understand
            raise outcomes.of_write(ValueError(str(e)), self._contract, order.client_order_id) from e

    @property
    def places_at_once(self) -> int:
        """Return how many orders of a pair one request may place; a recording is met by one at a time.

        So is a venue for a while after a batch of which it told nothing: it may take none from this account.
        """
        alone = self._settings.lockstep or self._clock.monotonic() < self._alone_until_s
        return 1 if alone else min(self._contract.batch_places, MOST_AT_ONCE)

    @property
    def cancels_at_once(self) -> int:
        """Return how many orders of a pair one request may take off."""
        return 1 if self._settings.lockstep else min(self._contract.batch_cancels, MOST_AT_ONCE)

    async def place_many(self, orders: Sequence[LimitOrder], not_after: datetime) -> list[Answer]:
        """Rest orders of one pair in one request; limits and the deadline are checked for all of them."""
        assert_outside_transaction()
        expires_at = self._clock.now() + timedelta(milliseconds=self._settings.request_expiry_ms)
        headers, expiry = expiring(self._contract, expires_at, self._settings.request_expiry_ms)
        shared = expiry if self._contract.expiry is Expiry.PARAMETER else {}  # stands beside the orders
        asked = self._batches.asked(orders, {} if shared else expiry)
        counted = len(orders) if self._contract.batch_counts_each else 1
        try:
            with (
                leaving_by(self._instant_s(not_after)),
                using(Lane.QUOTE, counted),
                writing(lambda: self._admit(orders, not_after), headers),
            ):
                raw = await self._client.create_orders(asked, shared)
        except MrMarketError:
            raise  # our own gate kept all of it back
        except outcomes.failures() as e:
            answers = self._batches.failed(orders, e)
        else:
            answers = self._batches.told(orders, [each.get("info") or {} for each in raw])
        if all(isinstance(answer, OutcomeUnknown) for answer in answers):
            self._alone_until_s = self._clock.monotonic() + ALONE_S
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, Refused):
                self._note_refusal(order.pair, answer)
        return answers

    async def cancel_many(self, pair: Pair, client_order_ids: Sequence[str]) -> dict[str, VenueOrder | None]:
        """Take orders of one pair off in one request; return those that the venue says are."""
        written = {self._contract.written(each): each for each in client_order_ids}
        taken = await self._write(
            *(client_order_ids[0], Lane.CANCEL, lambda: None, {}),
            *(self._batches.taken, pair, list(written)),
        )
        found: dict[str, VenueOrder | None] = {written[each]: None for each in taken}
        if self._contract.answers_whole and found:  # one request tells how all of them ended
            with using(Lane.CANCEL), suppress(Unavailable):
                for raw in await self._read("ended orders", self._client.fetch_closed_orders, str(pair)):
                    ours = self._contract.read(str(raw.get("clientOrderId") or ""))
                    if ours in found:
                        found[ours] = translate.as_order(pair, raw, ours)
        return found

    def _instant_s(self, instant: datetime) -> float:
        """Return an instant by the clock that only grows."""
        return self._clock.monotonic() + (instant - self._clock.now()).total_seconds()

    def _note_refusal(self, pair: Pair, refusal: Refused) -> None:
        """Look at the pair anew where the venue says that nobody trades it now."""
        if refusal.code == "pair_not_traded":
            self._rules.closed(pair)

    def _admit(self, orders: Sequence[LimitOrder], not_after: datetime) -> None:
        """Refuse orders without the lease, too late, or beyond a hard limit (D4, OR2, OR9).

        The request's expiry at the venue has been stamped before: signing comes first.
        """
        self._lease()
        if self._clock.now() > not_after:
            raise Refused("order_too_late", subject=orders[0].client_order_id)
        priced = [(order, self._reference.get(order.pair)) for order in orders]
        self._limits.admit_all(priced, self._clock.monotonic())

    async def cancel(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Take an order off the book; a venue that knows no such open order gives ``None``.

        So does one that only says that it has heard: what became of the order is to be looked up.
        """
        route = None
        with using(Lane.CANCEL), suppress(Refused):  # a pair that is not listed any more has no way
            route = await self._read(client_order_id, self._own.way_to_cancel, pair, client_order_id)
        if route is None:
            return None
        try:
            raw = await self._write(
                client_order_id,
                Lane.CANCEL,
                lambda: None,  # a cancel may always leave, with the lease or without
                {},
                self._client.cancel_order,
                route.order_id,
                str(pair),
                route.params,
            )
            return translate.as_order(pair, raw, client_order_id) if self._contract.answers_whole else None
        except Refused:
            return None
        except Unavailable as e:
            raise outcomes.of_write(ValueError(str(e)), self._contract, client_order_id) from e

    async def find_order(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id, open or ended, or ``None`` when the venue shows none."""
        return await self._read(client_order_id, self._own.find, pair, client_order_id)

    async def open_orders(self, pair: Pair) -> list[VenueOrder]:
        """Return all resting orders of the account for a pair; of others' those that can be read.

        Whoever trades here by hand may lay orders of kinds that we do not know, such as one without a price.
        """
        raw = await self._read("open orders", self._own.listed, pair)
        orders = []
        for each in raw:
            client_order_id = self._contract.read(str(each.get("clientOrderId") or ""))
            try:
                orders.append(translate.as_order(pair, each, client_order_id))
            except Unavailable:
                if client_order_id.startswith(PREFIX):
                    raise  # nobody may take it for one that is not there
        return orders

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        """Return own executions after a trade id, or from an instant on, oldest first, all pages."""
        return await self._trades.since(pair, trade_id, since)

    @property
    def tells(self) -> bool:
        """Tell whether the private stream is known to run."""
        return self._streams.tell and not self._settings.lockstep

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        """Return what the private stream told of trades, and which streamed books left their band."""
        if self._settings.lockstep:
            return News()
        if self._client.has.get("watchOrders"):  # a venue may have no streams
            self._streams.watch_orders()
        self._moved, self._bands = {}, {str(pair): (pair, band) for pair, band in bands.items()}
        for symbol in self._bands:
            if (streamed := self._data.book(symbol)) is not None:
                self._look_at(symbol, streamed.raw)
        await self._streams.wait_for_bell(timeout_s)
        moved, self._moved, self._bands = self._moved, {}, {}
        of = {str(pair): pair for pair in pairs}
        return News(frozenset(of[symbol] for symbol in self._streams.take_traded(of)), moved)

    def _look_at(self, symbol: str, raw: Any) -> None:
        """Note a streamed book that left its band."""
        pair, band = self._bands.get(symbol, (None, None))
        if pair is None or band is None or not (raw["bids"] and raw["asks"]):
            return
        mid = (float(raw["bids"][0][0]) + float(raw["asks"][0][0])) / 2
        if not band.holds(mid):
            self._moved[pair] = mid
            self._streams.ring()

    async def close(self) -> None:
        """Stop the streams and let go of sockets."""
        self._data.listeners.remove(self._look_at)
        await self._streams.stop()
        if self._data_is_ours:
            await self._data.close()
        await self._client.close()

    async def _read(self, subject: str, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        assert_outside_transaction()
        try:
            return await call(*args)
        except outcomes.failures() as e:
            raise outcomes.of_read(e, subject) from e

    async def _write(
        self,
        subject: str,
        lane: Lane,
        gate: Callable[[], None],
        headers: Mapping[str, str],
        call: Callable[..., Any],
        *args: Any,
    ) -> Any:
        assert_outside_transaction()
        try:
            with using(lane), writing(gate, headers):
                return await call(*args)
        except outcomes.failures() as e:
            if outcomes.is_kind(e, "OrderNotFound"):
                raise Refused("order_unknown_to_venue", subject=subject) from e
            raise outcomes.of_write(e, self._contract, subject) from e
