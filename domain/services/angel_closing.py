"""Closing the runs of an account that is clear: each once, two halves of one run together."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from domain.angel.closing import Closing, FailSafe, JoinsLegs, Left, Market, Stranded, Trade, piece_of
from domain.angel.entries import Deed, wish, word
from domain.angel.reckoning import with_orders
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.leases import Scope, venue_scope
from domain.market.orders import LimitOrder, OrderState
from domain.services.angel_desk import AngelDesk, Sweep, write
from domain.services.angel_log import SILENCE, AngelLog

WAITS = "waits"
"""How a sentence begins that says that a run cannot be closed yet."""

PATIENCE_S = 30.0
"""How long one half waits for the account of the other."""

MOST_APART_S = 1.0
"""How far our clock may be from the venue's for an order: one that comes late must be refused there (CK2)."""

MOST_PIECES = 50
"""How many orders are sent for a run at most."""

_KEPT_BACK = frozenset({"order_too_late", "lease_lost"})
"""Refusals after which no byte has left."""

Decide = Callable[[Market], Closing]


class Closings:
    """Sends what the fail-safe wants; ``under`` are the sweeps that go on."""

    def __init__(self, log: AngelLog, failsafe: FailSafe) -> None:
        self._log = log
        self._failsafe = failsafe
        self.under: Mapping[Scope, Sweep] = {}

    async def close(self, desk: AngelDesk, sweep: Sweep, run: Stranded) -> str:
        """Close a run, or say why not or what it waits for; one that was seen to is not seen to again."""
        if run.run_id in sweep.tried:
            return f"run {run.run_id} was seen to"
        failsafe = self._failsafe
        if run.partner is None or not isinstance(failsafe, JoinsLegs):
            return await self._act(desk, sweep, run, lambda market: failsafe.close(run, market))
        return await self._close_half(desk, sweep, run, run.partner, failsafe)

    async def _close_half(
        self, desk: AngelDesk, sweep: Sweep, run: Stranded, partner: Stranded, failsafe: JoinsLegs
    ) -> str:
        """Finish at the leg's account once both are clear, then undo at the leader's what is left over.

        A leg whose run has a worker is that worker's; a run whose leg has one can only be undone.
        """
        theirs = self.under.get(venue_scope(partner.account))
        if theirs is None and run.is_leg:
            return await self._leave(desk, sweep, run, "its_run_has_a_worker")
        if theirs is not None and not self._has_waited(sweep) and not _is_our_turn(run, partner, theirs):
            return f"{WAITS} for {partner.account}"
        try:
            intents = await self._log.store.unsettled(partner.account)
        except SILENCE:
            return await self._leave(desk, sweep, run, "other_half_unseen")
        other = with_orders(partner, intents, {i.id for i in intents if i.uncertain and i.immediate})
        if other.uncertain:
            return await self._leave(desk, sweep, run, "order_uncertain")
        if run.is_leg:
            return await self._act(desk, sweep, run, lambda market: failsafe.finish(other, run, market))
        return await self._act(desk, sweep, run, lambda market: failsafe.undo(run, other, market))

    def _has_waited(self, sweep: Sweep) -> bool:
        clear_s = sweep.clear_s
        return clear_s is not None and self._log.clock.monotonic() - clear_s > PATIENCE_S

    async def _act(self, desk: AngelDesk, sweep: Sweep, run: Stranded, decide: Decide) -> str:
        """Send the one order that is wanted for a run, or write down why there is none."""
        closing, market = await self._decide(desk, run, decide)
        if isinstance(closing, Trade) and market is not None:
            piece = piece_of(closing, market.rules, desk.most_notional)
            sweep.pieces[run.run_id] = sent = sweep.pieces.get(run.run_id, 0) + 1
            if piece == closing or sent >= MOST_PIECES:
                sweep.tried.add(run.run_id)
            return await self._send(desk, sweep, run, market, piece)
        return await self._leave(
            desk, sweep, run, closing.reason if isinstance(closing, Left) else "market_unseen"
        )

    async def _leave(self, desk: AngelDesk, sweep: Sweep, run: Stranded, reason: str) -> str:
        sweep.tried.add(run.run_id)
        await write(self._log, desk, sweep, Deed.LEFT, {"run_id": run.run_id, "reason": reason})
        return f"run {run.run_id} left: {reason}"

    async def _decide(self, desk: AngelDesk, run: Stranded, decide: Decide) -> tuple[Closing, Market | None]:
        if abs(desk.apart_s) > MOST_APART_S:
            return Left("clock_skew"), None
        try:
            rules, book = await desk.exchange.rules(run.pair), await desk.exchange.book(run.pair)
        except (Refused, Unavailable, OutcomeUnknown) as error:
            return Left(error.code), None
        market = Market(rules, book, (self._log.clock.now() - book.at).total_seconds())
        try:
            return decide(market), market
        except Exception:  # an owner's own rule: whatever it raises, the others are seen to
            return Left("failsafe_failed"), market

    async def _send(self, desk: AngelDesk, sweep: Sweep, run: Stranded, market: Market, trade: Trade) -> str:
        rules, now = market.rules, self._log.clock.now()
        order = LimitOrder(
            *(self._log.ids.client_order_id(), run.pair, trade.side),
            *(rules.price(trade.ticks), rules.quantity(trade.lots)),
            post_only=False,
            immediate=True,
        )
        not_after = now + timedelta(seconds=desk.window.send_s)
        facts = wish(self._log.ids.new_id(), run.run_id, order, not_after)
        try:
            if not await write(self._log, desk, sweep, Deed.ORDER, facts):
                sweep.tried.add(run.run_id)
                return f"run {run.run_id} left: the store does not answer"
        except Refused as refusal:
            if refusal.code == "epoch_lost":
                raise
            return await self._leave(desk, sweep, run, refusal.code)
        said = await self._place(desk, order, not_after)
        if Decimal(said["filled"]) < order.quantity:  # there was no more, or nobody knows
            sweep.tried.add(run.run_id)
        await write(self._log, desk, sweep, Deed.HEARD, {"orders": [said]})
        became = f"{said['state']}, {said['filled']} filled"
        return f"run {run.run_id}: {trade.side} {order.quantity} {run.pair} {became}"

    async def _place(self, desk: AngelDesk, order: LimitOrder, not_after: datetime) -> dict[str, str]:
        """Send an order; return what became of it, as facts."""
        nothing = order.quantity * 0
        try:
            told = await desk.exchange.place(order, not_after)
        except Refused as refusal:
            state = OrderState.ABANDONED if refusal.code in _KEPT_BACK else OrderState.REJECTED
            return word(order.client_order_id, "", state, nothing)
        except (OutcomeUnknown, Unavailable):
            return word(order.client_order_id, "", OrderState.UNKNOWN, nothing)
        return word(told.client_order_id, told.order_id, told.state, told.filled)


def _is_our_turn(run: Stranded, partner: Stranded, theirs: Sweep) -> bool:
    """Tell whether the other account is clear, and a leader's leg was seen to."""
    return theirs.clear_s is not None and (run.is_leg or partner.run_id in theirs.tried)
