"""The venue's last word on orders: cancels, look-ups, and what it takes to call an order dead."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.market.model import Pair
from domain.market.orders import TERMINAL, Intent, OrderState, VenueOrder, heard
from domain.services.desk import Desk, as_recorded
from domain.services.fill_accounting import FillAccounting
from domain.services.order_sending import parcels_of
from domain.services.untraded import NOT_TRADED


class OrderResolution:
    """Finds out what became of orders; nothing here ever sends one."""

    def __init__(self, desk: Desk, fills: FillAccounting) -> None:
        self._desk = desk
        self._fills = fills

    async def cancel(self, intents: Sequence[Intent]) -> list[Intent]:
        """Ask the venue to take orders off the book and store its word; return the intents after it."""
        return await self.save(intents, await self.ask_off(intents))

    async def ask_off(self, intents: Sequence[Intent]) -> list[Intent]:
        """Ask the venue to take orders off the book; return the intents after its word, which is not stored.

        A lost or empty answer is no end: the order is looked up, and if even that shows nothing new, the
        next round asks again (OR11).
        """
        heard_of: list[Intent] = []
        taken = await self._take_off(intents)
        for start in range(0, len(intents), self._desk.policy.sends_at_once):
            chunk = intents[start : start + self._desk.policy.sends_at_once]
            heard_of += await asyncio.gather(*(self._gone(intent, taken) for intent in chunk))
        return heard_of

    async def _take_off(self, intents: Sequence[Intent]) -> dict[str, VenueOrder | None]:
        """Take off together what the venue takes together; return those of which it says that it did."""
        parcels = parcels_of(intents, self._desk.exchange.cancels_at_once)
        many = [parcel for parcel in parcels if len(parcel) > 1]
        taken: dict[str, VenueOrder | None] = {}
        for start in range(0, len(many), self._desk.policy.sends_at_once):
            chunk = many[start : start + self._desk.policy.sends_at_once]
            for told in await asyncio.gather(*(self._cancel_parcel(parcel) for parcel in chunk)):
                taken.update(told)
        return taken

    async def _cancel_parcel(self, parcel: Sequence[Intent]) -> Mapping[str, VenueOrder | None]:
        ids = [intent.client_order_id for intent in parcel]
        try:
            return await self._desk.exchange.cancel_many(parcel[0].pair, ids)
        except (OutcomeUnknown, Unavailable, Refused):
            return {}  # each is asked for by itself: that may be done twice

    async def _gone(self, intent: Intent, taken: Mapping[str, VenueOrder | None]) -> Intent:
        """Return an order after what was said of it together with others, or else after its own cancel."""
        if intent.client_order_id not in taken:
            return await self._cancel(intent)
        word = taken[intent.client_order_id]
        return await self._look_up(intent) if word is None else heard(intent, word)

    async def _cancel(self, intent: Intent) -> Intent:
        try:
            word = await self._desk.exchange.cancel(intent.pair, intent.client_order_id)
        except (OutcomeUnknown, Unavailable):
            word = None
        return await self._look_up(intent) if word is None else heard(intent, word)

    async def resolve(self, intents: Sequence[Intent]) -> list[Intent]:
        """Look up orders without a clear answer, store what is found, return the intents after it (OR3)."""
        return await self.save(intents, [await self._look_up(intent) for intent in intents])

    async def settle_ended(self, intents: Sequence[Intent]) -> None:
        """Book what is missing of orders that have ended: their funds wait for it (FL4)."""
        short = [i for i in intents if i.state in TERMINAL and i.booked != i.filled]
        if not short:
            return
        pairs = sorted({intent.pair for intent in short}, key=str)
        if not await self._fills.sweep(pairs):
            await self._fills.sweep(pairs, deep=True)

    async def reconcile(self, pair: Pair) -> int:
        """Compare the venue's open orders of a pair with ours; return how many differed (I12).

        An order with our prefix that is not in our books, or that our books call ended, is cancelled. One
        that we call open and the venue does not show is looked up.
        """
        desk = self._desk
        shown = {o.client_order_id: o for o in await desk.exchange.open_orders(pair)}
        intents = await desk.orders.unsettled(desk.account, [pair])
        ended = {OrderState.OPEN, OrderState.PARTIAL}
        gone = [i for i in intents if i.client_order_id not in shown and i.state in ended]
        there = [i for i in intents if i.client_order_id in shown and i.uncertain]
        await self.save(there, [heard(i, shown[i.client_order_id]) for i in there])
        await self.resolve(gone)
        live = {i.client_order_id for i in intents if i.state not in TERMINAL}
        strays = [o for o in shown.values() if self._is_ours(o) and o.client_order_id not in live]
        await self._cancel_strays(strays)
        return len(gone) + len(there) + len(strays)

    async def _cancel_strays(self, strays: Sequence[VenueOrder]) -> None:
        desk = self._desk
        known = await desk.orders.find_by_client_ids(desk.account, [o.client_order_id for o in strays])
        late = [
            replace(known[o.client_order_id], order_id=o.order_id)
            for o in strays
            if o.client_order_id in known
        ]
        await self.save([known[i.client_order_id] for i in late], late)  # so that its fills find their run
        for order in strays:
            try:
                await desk.exchange.cancel(order.pair, order.client_order_id)
            except (OutcomeUnknown, Unavailable):
                continue  # it is shown again next time

    async def clear_listed(self, pairs: Sequence[Pair]) -> int:
        """Cancel every order of ours that the venue shows, without asking the store; return how many it took.

        For one who loses the account and cannot write it down: the next holder finds out what became of them.
        """
        cancelled = 0
        for pair in pairs:
            with suppress(Exception):  # whatever it is: what can be taken off is
                for order in await self._desk.exchange.open_orders(pair):
                    if not self._desk.grip.alone:
                        return cancelled  # somebody may have begun: what is listed may be theirs
                    if self._is_ours(order):
                        await self._desk.exchange.cancel(pair, order.client_order_id)
                        cancelled += 1
        return cancelled

    def _is_ours(self, order: VenueOrder) -> bool:
        return order.client_order_id.startswith(self._desk.policy.order_prefix)

    async def _look_up(self, intent: Intent) -> Intent:
        desk = self._desk
        try:
            word = await desk.exchange.find_order(intent.pair, intent.client_order_id)
            if word is not None:
                return heard(intent, word)
            if intent.state in TERMINAL:
                return intent  # it has ended, and is not there: nothing new
            if await self._is_proven_absent(intent):
                return replace(intent, state=_end_of_absent(intent))
        except Unavailable:
            return intent
        except Refused as refusal:
            if refusal.code != NOT_TRADED:
                raise
            return intent  # nothing can be found out about it
        now = desk.clock.now()
        if intent.absent_since is None and now > self._last_arrival(intent):
            return replace(intent, absent_since=now)
        return replace(intent, state=OrderState.UNKNOWN) if intent.state is OrderState.SENDING else intent

    async def _is_proven_absent(self, intent: Intent) -> bool:
        """Tell whether an order that a look-up does not show was absent a whole window ago as well (OR4).

        The list of open orders must not show it either, and no trade may be waiting for its order.
        """
        desk = self._desk
        window = timedelta(seconds=desk.policy.unknown_lookup_window_s)
        if intent.absent_since is None or desk.clock.now() - intent.absent_since < window:
            return False
        if any(
            o.client_order_id == intent.client_order_id for o in await desk.exchange.open_orders(intent.pair)
        ):
            return False
        await self._fills.read_deep(intent.pair)
        waiting = [o.fill for o in await desk.fills.orphans(desk.account)]
        return not any(f.pair == intent.pair and f.side is intent.side for f in waiting)

    def _last_arrival(self, intent: Intent) -> datetime:
        return intent.not_after + timedelta(seconds=self._desk.policy.venue_expiry_s)

    async def save(self, before: Sequence[Intent], after: Sequence[Intent]) -> list[Intent]:
        """Store the intents that differ from what they were; return all as they are stored."""
        changed = [new for old, new in zip(before, after, strict=True) if new != old]
        if not changed:
            return list(after)
        await self._desk.write(changed)
        ids = {intent.id for intent in changed}
        return [as_recorded(intent) if intent.id in ids else intent for intent in after]


def _end_of_absent(intent: Intent) -> OrderState:
    """Return how an order ends that the venue does not know: never accepted, or gone with its history."""
    if not intent.uncertain:
        return OrderState.CANCELLED
    return OrderState.ABANDONED if intent.booked == 0 else OrderState.CANCELLED
