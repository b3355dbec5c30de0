"""Clearing one account whose workers are gone: cancel, look again, close, be safe (AN1-AN8)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from domain.angel.closing import FailSafe
from domain.angel.entries import Deed, words
from domain.angel.reckoning import with_orders
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.market.model import Pair
from domain.market.orders import TERMINAL, Intent, VenueOrder, heard
from domain.services.angel_closing import WAITS, Closings
from domain.services.angel_desk import AngelDesk, Sweep, write
from domain.services.angel_log import SILENCE, AngelLog

EMPTY_LISTINGS, TOLD_AT_ONCE = 2, 40

TAKE_EVERY_S = 1.0

BLOCKED_S = 30.0
"""For how long a venue may let us see or cancel nothing before people are told."""


class Sweeping:
    """Drives sweeps; every step may be repeated, by another Angel too (AN6)."""

    def __init__(self, log: AngelLog, failsafe: FailSafe) -> None:
        self._log = log
        self.closings = Closings(log, failsafe)

    async def round(self, desk: AngelDesk, sweep: Sweep) -> str:
        """Take a sweep one step further; say in one sentence what was done."""
        try:
            return await self._round(desk, sweep)
        except Refused as refusal:
            if refusal.code != "epoch_lost":
                raise
            desk.grip.drop()
            sweep.over = f"{desk.account} was taken over by somebody else"
            return sweep.over

    async def _round(self, desk: AngelDesk, sweep: Sweep) -> str:
        if sweep.epoch is None and not sweep.trip.blind:
            await self._take(desk, sweep)
            if sweep.over:
                return sweep.over
        pairs = desk.pairs if sweep.trip.blind or self._log.silent else await self._pairs(desk)
        looked_s = self._now_s()
        shown, whole = await self._list(desk, sweep, pairs)
        if shown:
            sweep.empty = 0
            gone = await self._cancel(desk, sweep, shown)
            sweep.cancelled += gone
            await self._mind_whether_blocked(desk, sweep, blocked=not gone)
            return f"{desk.account}: {len(shown)} orders rested, {gone} have ended"
        await self._mind_whether_blocked(desk, sweep, blocked=not whole)
        if not whole:
            return f"{desk.account} cannot be seen whole: {sweep.trouble}"
        sweep.empty += 1
        wait_s = sweep.since_s + desk.window.last_s - looked_s
        if sweep.empty < EMPTY_LISTINGS or wait_s > 0:
            if sweep.epoch is not None and looked_s - sweep.written_s >= desk.timing.renew_s:
                await write(self._log, desk, sweep, Deed.LOOKED, {})
            return f"{desk.account} is empty; looks again for {max(0.0, wait_s):.0f} s"
        if sweep.epoch is None:
            return f"{desk.account} is empty; whose it is only the store can say"
        return await self._finish(desk, sweep)

    async def _take(self, desk: AngelDesk, sweep: Sweep) -> None:
        trip, asked_s = sweep.trip, self._now_s()
        if asked_s - sweep.asked_s < TAKE_EVERY_S:
            return  # it did not answer a moment ago, and each asking is a line of the log
        sweep.asked_s = asked_s
        facts = {
            "seen": trip.seen,
            "preempt": trip.preempt,
            "stuck": trip.stuck,
            "behind": trip.behind,
            "reason": trip.reason,
        }
        answer = await self._log.write(trip.scope, None, Deed.TAKE, facts)
        if answer is None:
            return  # what rests is cancelled meanwhile: that needs nobody's leave
        if not answer.ours or answer.epoch is None:
            sweep.over = f"{desk.account} is somebody else's by now"
            return
        sweep.epoch, sweep.since_s, sweep.empty = answer.epoch, self._now_s(), 0
        desk.grip.tighten(answer.epoch, asked_s, desk.timing)

    async def _pairs(self, desk: AngelDesk) -> Sequence[Pair]:
        """Note what pairs the store knows of, if it answers."""
        try:
            async with asyncio.timeout(self._log.timeout_s):
                known = await self._log.store.pairs(desk.account)
        except SILENCE:
            return desk.pairs
        desk.pairs = sorted({*desk.pairs, *known}, key=str)
        return desk.pairs

    async def _mind_whether_blocked(self, desk: AngelDesk, sweep: Sweep, *, blocked: bool) -> None:
        """Keep an account that cannot be cleared ours, and say so when that lasts: a person must (AN11)."""
        now_s = self._now_s()
        if not blocked:
            sweep.blocked_s = None
            return
        sweep.blocked_s = now_s if sweep.blocked_s is None else sweep.blocked_s
        await desk.look_at_clock()  # by a wrong one nothing is let in, and nothing else may be wrong
        if sweep.epoch is None:
            return
        if not sweep.blocked_told and now_s - sweep.blocked_s >= BLOCKED_S:
            facts = {"reason": sweep.trouble or "venue_declined"}
            sweep.blocked_told = await write(self._log, desk, sweep, Deed.BLOCKED, facts)
        elif now_s - sweep.written_s >= desk.timing.renew_s:
            await write(self._log, desk, sweep, Deed.LOOKED, {})

    async def _list(
        self, desk: AngelDesk, sweep: Sweep, pairs: Sequence[Pair]
    ) -> tuple[list[VenueOrder], bool]:
        """Return our orders that rest, and whether every pair could be seen."""

        async def of(pair: Pair) -> list[VenueOrder] | None:
            try:
                return await desk.exchange.open_orders(pair)
            except Refused:
                return []  # what the venue does not trade has no orders
            except (Unavailable, OutcomeUnknown) as error:
                sweep.trouble = error.code
                return None

        listed = await asyncio.gather(*(of(pair) for pair in pairs))
        shown = [
            o for orders in listed if orders for o in orders if o.client_order_id.startswith(desk.prefix)
        ]
        return shown, all(orders is not None for orders in listed)

    async def _cancel(self, desk: AngelDesk, sweep: Sweep, orders: Sequence[VenueOrder]) -> int:
        """Cancel orders, many at once, and write down what the venue says; return how many have ended."""
        await write(self._log, desk, sweep, Deed.CANCEL, {"orders": [o.client_order_id for o in orders]})
        places = asyncio.Semaphore(desk.at_once)

        async def one(order: VenueOrder) -> VenueOrder | None:
            async with places:
                try:
                    said = await desk.exchange.cancel(order.pair, order.client_order_id)
                    return said or await desk.exchange.find_order(order.pair, order.client_order_id)
                except (Refused, Unavailable, OutcomeUnknown) as error:
                    sweep.trouble = error.code
                    return None  # the next listing shows it again

        said = [order for order in await asyncio.gather(*map(one, orders)) if order]
        ended = [order for order in said if order.state in TERMINAL]
        await self._tell(desk, sweep, ended)
        return len(ended)

    async def _finish(self, desk: AngelDesk, sweep: Sweep) -> str:
        """Find out what became of the last orders, close what is to be closed, and say that it is safe."""
        try:
            async with asyncio.timeout(self._log.timeout_s):
                intents = await self._log.store.unsettled(desk.account)
                runs = await self._log.store.stranded(desk.account)
        except SILENCE:
            return f"{desk.account} is empty; the store does not say what its runs have"
        intents, doubtful = await self._look_up(desk, sweep, intents)
        sweep.clear_s = self._now_s() if sweep.clear_s is None else sweep.clear_s
        halves = [with_orders(run, intents, doubtful) for run in runs]
        said = [await self.closings.close(desk, sweep, run) for run in halves]
        if waiting := [each for each in said if each.startswith(WAITS)]:
            await write(self._log, desk, sweep, Deed.LOOKED, {})
            return f"{desk.account} is empty; {'; '.join(waiting)}"
        if any(run.run_id not in sweep.tried for run in halves):
            return "; ".join([f"{desk.account} is empty; goes on closing", *said])
        if not await write(self._log, desk, sweep, Deed.SAFE, {"cancelled": sweep.cancelled}):
            return f"{desk.account} is empty; the store has not heard that it is safe"
        desk.grip.drop()
        sweep.over = f"{desk.account} is safe: {sweep.cancelled} cancelled"
        return "; ".join([sweep.over, *said])

    async def _look_up(
        self, desk: AngelDesk, sweep: Sweep, intents: Sequence[Intent]
    ) -> tuple[list[Intent], set[str]]:
        """Return the intents with the venue's last word, and the ids of those on which it gave none.

        One of a worker that the venue does not show so long after the last it can have sent counts as
        nothing; one of ours that may have traded at once is in doubt until recovery has read the trades.
        """
        after, doubtful, said = [], set[str](), list[VenueOrder]()
        for intent in intents:
            if intent.state in TERMINAL:
                after.append(intent)
                continue
            try:
                found = await desk.exchange.find_order(intent.pair, intent.client_order_id)
            except (Refused, Unavailable, OutcomeUnknown):
                found = None
                doubtful.add(intent.id)
            if found is None:
                after.append(intent)
                doubtful |= {intent.id} if intent.immediate or not intent.uncertain else set()
            else:
                after.append(heard(intent, found))
                said.append(found)
        await self._tell(desk, sweep, said)
        return after, doubtful

    async def _tell(self, desk: AngelDesk, sweep: Sweep, said: Sequence[VenueOrder]) -> None:
        """Write down what the venue said, a few at a time: each may give a hold back.

        A word that the books refuse is recovery's to look into; it keeps no other from being heard.
        """
        for start in range(0, len(said), TOLD_AT_ONCE):
            together = said[start : start + TOLD_AT_ONCE]
            try:
                await write(self._log, desk, sweep, Deed.HEARD, words(together))
            except InvariantBroken:
                for alone in together if len(together) > 1 else ():
                    with suppress(InvariantBroken):
                        await write(self._log, desk, sweep, Deed.HEARD, words([alone]))

    def _now_s(self) -> float:
        return self._log.clock.monotonic()
