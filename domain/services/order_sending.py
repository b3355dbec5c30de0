"""Orders out: rows and holds first, then the bytes, then the outcome."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import groupby

from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import RunId
from domain.market.model import Pair, Quote, Side, TradingRules
from domain.market.orders import Intent, OrderState, VenueOrder, heard
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.services.desk import Desk

CHANGED = "venue_changed_order"

PASSING = frozenset({"order_would_take", "order_too_late", "limit_order_rate", "lease_lost"})
"""Refusals that the next look mends by itself: the book moved, or we were slow."""

_HALTING = frozenset({"limit_daily_notional"})
"""Hard limits that nothing but a loop gone wild, or a person who set them, explains (OR9)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A quote that a run wants to rest, and the rules it was made for; an ``immediate`` one never rests."""

    run: Run
    rules: TradingRules
    quote: Quote
    post_only: bool
    immediate: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a batch: the orders sent, those the venue changed, and the codes of what was refused."""

    intents: Sequence[Intent]
    changed: Sequence[Intent]
    refusals: Sequence[tuple[Run, str]]


class OrderSending:
    """Sends limit orders, once each."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def send(self, wanted: Sequence[Wanted], news: Sequence[Intent] = ()) -> Sent:
        """Commit intents with their holds, send them within the send window, store every outcome.

        The store lets in only intents of runs that are RUNNING, under the present epoch (ST2). A crash
        at any line leaves rows that say SENDING, which are looked up and never sent again. ``news`` are other
        orders after the venue's word on them: stored before what their runs send, in the same commit, so
        that the funds they give back are there for it.

        The first run's orders leave when they are stored, whatever the others want; theirs follow in one
        commit, or as many as their number takes: none waits for its turn longer than its send window.
        """
        runs = {want.run.id: want.run for want in wanted}
        portions = ([self._intent(want) for want in some] for some in self._portions(wanted))
        return await self._send_all(portions, runs, news)

    async def send_intents(self, intents: Sequence[Intent], runs: Mapping[RunId, Run]) -> Sent:
        """Send orders of these runs as ``send`` does, whoever decided on them."""
        return await self._send_all([intents] if intents else [], runs)

    async def _send_all(
        self,
        portions: Iterable[Sequence[Intent]],
        runs: Mapping[RunId, Run],
        news: Sequence[Intent] = (),
    ) -> Sent:
        """Commit and send one portion after the other; before books and venue agree that is none."""
        outcomes: list[tuple[Intent, str]] = []
        left, fresh = list(news), list[Intent]()
        for some in portions if self._desk.compared else ():
            ids = {intent.run_id for intent in some}
            mine = [intent for intent in left if intent.run_id in ids]
            left = [intent for intent in left if intent.run_id not in ids]
            admitted = await self._commit(some, [*fresh, *mine])
            became = await self._send(admitted)
            outcomes, fresh = [*outcomes, *became], [intent for intent, _ in became]
            if any(refusal in _HALTING for _, refusal in became):
                break
        if any(refusal in _HALTING for _, refusal in outcomes):
            async with self._desk.transaction({intent.pair for intent in (*left, *fresh)}):
                await self._desk.write([*left, *fresh])
                await self._desk.halt("limit_daily_notional")
        else:
            await self._desk.write([*left, *fresh])
        return Sent(
            [intent for intent, _ in outcomes],
            [intent for intent, refusal in outcomes if refusal == CHANGED],
            [(runs[intent.run_id], refusal) for intent, refusal in outcomes if refusal],
        )

    def _portions(self, wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
        """Yield what is to be committed together: the first run's orders, and then many runs' at a time."""
        some: list[Wanted] = []
        most = 1
        for _, mine in groupby(wanted, key=lambda want: want.run.id):
            some += mine
            if len(some) >= most:
                yield some
                some, most = [], self._desk.policy.orders_a_commit
        if some:
            yield some

    async def _send(self, intents: Sequence[Intent]) -> list[tuple[Intent, str]]:
        """Send orders, so many requests at a time; return what became of each."""
        became: list[tuple[Intent, str]] = []
        parcels = parcels_of(intents, self._desk.exchange.places_at_once)
        at_once = self._desk.policy.sends_at_once
        for start in range(0, len(parcels), at_once):
            chunk = parcels[start : start + at_once]
            for told in await asyncio.gather(*(self._place_parcel(parcel) for parcel in chunk)):
                became += told
        return became

    def _intent(self, want: Wanted) -> Intent:
        desk = self._desk
        return Intent(
            id=desk.ids.new_id(),
            client_order_id=desk.ids.client_order_id(),
            run_id=want.run.id,
            account=desk.account,
            epoch=desk.epoch,
            pair=want.run.pair,
            side=want.quote.side,
            price=want.rules.price(want.quote.ticks),
            quantity=want.rules.quantity(want.quote.lots),
            post_only=want.post_only,
            immediate=want.immediate,
            not_after=desk.clock.now() + timedelta(seconds=desk.policy.send_window_s),
        )

    async def _commit(self, intents: Sequence[Intent], news: Sequence[Intent] = ()) -> list[Intent]:
        """Store news, intents and holds in one commit; when one lacks funds, one by one."""
        try:
            return list(await self._desk.write(news, intents))
        except Refused as refusal:
            if refusal.code != "insufficient_funds":
                raise
        if news:
            await self._commit([], news)
        elif len(intents) == 1:
            return []
        return [admitted for intent in intents for admitted in await self._commit([intent])]

    async def _place_parcel(self, parcel: Sequence[Intent]) -> list[tuple[Intent, str]]:
        """Send orders in one request; where one of them keeps all back, each by itself."""
        exchange = self._desk.exchange
        if len(parcel) > 1:
            first_deadline = min(intent.not_after for intent in parcel)
            try:
                words = await exchange.place_many([intent.order for intent in parcel], first_deadline)
            except Refused:
                pass
            else:
                return [_after(intent, word) for intent, word in zip(parcel, words, strict=True)]
        return await asyncio.gather(*(self._place(intent) for intent in parcel))

    async def _place(self, intent: Intent) -> tuple[Intent, str]:
        """Send one order; return what became of it, and the code of a refusal."""
        try:
            word = await self._desk.exchange.place(intent.order, intent.not_after)
        except (Refused, OutcomeUnknown, Unavailable) as error:
            return _after(intent, error)
        return _after(intent, word)


def _after(intent: Intent, word: VenueOrder | MrMarketError) -> tuple[Intent, str]:
    """Return what became of an order by the venue's word on it, and the code of a refusal."""
    if isinstance(word, Refused):
        kept_back = word.code in ("order_too_late", "lease_lost")  # no byte has left
        return replace(intent, state=OrderState.ABANDONED if kept_back else OrderState.REJECTED), word.code
    if not isinstance(word, VenueOrder):
        return replace(intent, state=OrderState.UNKNOWN), ""
    changed = (word.price, word.quantity) != (intent.price, intent.quantity)
    return heard(intent, word), CHANGED if changed else ""


def parcels_of(intents: Sequence[Intent], most: int) -> list[list[Intent]]:
    """Return intents as they are sent together: those of one pair, so many at most; immediate ones alone."""
    parcels: list[list[Intent]] = []
    growing: dict[Pair, list[Intent]] = {}
    for intent in intents:
        parcel = growing.get(intent.pair)
        if intent.immediate or parcel is None or len(parcel) >= most:
            parcel = []
            parcels.append(parcel)
            if not intent.immediate:
                growing[intent.pair] = parcel
        parcel.append(intent)
    return parcels


def fitting(wanted: Sequence[Wanted], free: Mapping[tuple[RunId, Coin], Decimal]) -> list[Wanted]:
    """Return what the runs' free funds allow, in order; the last to fit may be smaller than wanted."""
    left, fit = dict(free), []
    for want in wanted:
        side, pair = want.quote.side, want.run.pair
        purse = want.run.id, pair.quote if side is Side.BUY else pair.base
        lots = min(want.quote.lots, _affordable(want, left.get(purse, ZERO)))
        if not _acceptable(want.rules, want.quote.ticks, lots):
            continue
        fit.append(replace(want, quote=replace(want.quote, lots=lots)))
        left[purse] -= _cost(want.rules, side, want.quote.ticks, lots)
    return fit


def _cost(rules: TradingRules, side: Side, ticks: int, lots: int) -> Decimal:
    quantity = rules.quantity(lots)
    return rules.price(ticks) * quantity if side is Side.BUY else quantity


def _affordable(want: Wanted, free: Decimal) -> int:
    price = want.rules.price(want.quote.ticks)
    return want.rules.lots_down(free / price if want.quote.side is Side.BUY else free)


def _acceptable(rules: TradingRules, ticks: int, lots: int) -> bool:
    quantity = rules.quantity(lots)
    return lots > 0 and quantity >= rules.min_quantity and rules.price(ticks) * quantity >= rules.min_notional
