"""Conversions at one venue account, one order at a time, within worst price and funds (CV1, CV2).

What it has is what the ledger says, what is on the book is what the intents say: nothing is remembered, so a
crash anywhere leaves a conversion that the next holder of the lease takes further, or ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.conversions.model import Conversion, Ending
from domain.conversions.planning import Task, ending_of, in_the_way, resting_of, slice_of, worst_ticks
from domain.errors import Refused, Unavailable
from domain.ids import RunId
from domain.ledger.model import AccountKind
from domain.market.model import Book, Quote, Side, TradingRules
from domain.market.orders import TERMINAL, Intent
from domain.market.own import others, uncrossed
from domain.market.runs import Run, RunState
from domain.money import ZERO
from domain.services.desk import Desk
from domain.services.leaving import stopped_by_hand
from domain.services.order_resolution import OrderResolution
from domain.services.order_sending import CHANGED, PASSING, OrderSending, Wanted
from domain.services.ticking import doubt_about, resting
from domain.services.venue_clock import UNMEASURED, VenueClock
from domain.services.venue_comparing import UNCOMPARED, VenueComparing

_LONGEST_PAUSE_S = 16.0

_OURS = frozenset({UNMEASURED, UNCOMPARED})
"""Doubts of a worker that has only begun: they pass, and end nothing before its time."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a market shows, and our own orders there."""

    rules: TradingRules
    book: Book  # without our own orders
    live: Sequence[Intent]  # that may be on the book, of whoever trades here
    doubt: str  # why the book must not be traded on, or empty


@dataclass(frozen=True, slots=True)
class _Try:
    """The last order of a conversion: with which funds, when, and how many before it got nothing."""

    funds: Decimal
    sent_s: float
    misses: int

    @property
    def pause_s(self) -> float:
        """Return how long to wait after it if it gets nothing: a book that only flickers is not run after."""
        return min(_LONGEST_PAUSE_S, 2.0**self.misses)


@dataclass(slots=True)
class Converting:
    """Takes conversions further; every step may be repeated, by another worker too."""

    desk: Desk
    resolution: OrderResolution
    sending: OrderSending
    clock: VenueClock
    comparing: VenueComparing
    _without: dict[RunId, tuple[str, float]] = field(default_factory=dict)  # why, since monotonic seconds
    _tries: dict[RunId, _Try] = field(default_factory=dict)

    async def advance(self, runs: Sequence[Run]) -> list[str]:
        """Take the conversions that these runs carry one step further; say what each did."""
        if not runs:
            return []
        conversions = await self.desk.conversions.of([run.id for run in runs])
        return [await self._advance(run, conversions[run.id]) for run in runs]

    async def _advance(self, run: Run, conversion: Conversion) -> str:
        if conversion.is_over_at(self.desk.clock.now()):
            return await self._finish(run, Ending.TIME)
        unsettled = await self.desk.orders.unsettled(self.desk.account)
        mine = [intent for intent in unsettled if intent.run_id == run.id]
        standing = [i for i in mine if conversion.resting and not i.uncertain and i.state not in TERMINAL]
        if len(mine) > len(standing):
            await self._end_strays(mine, conversion)
            return f"conversion {run.id} waits for the venue's word"
        look = await self._look(run, unsettled)
        if isinstance(look, str):
            return await self._wait(run, conversion, look, standing)
        return await self._go_on(run, conversion, look, standing)

    async def _end_strays(self, mine: Sequence[Intent], conversion: Conversion) -> None:
        """Take off what should never have rested: a venue may not know orders that do not."""
        if not conversion.resting:
            await self.resolution.cancel([i for i in mine if not i.uncertain and i.state not in TERMINAL])

    async def _look(self, run: Run, unsettled: Sequence[Intent]) -> _Look | str:
        """Return what the market shows, or the code of why it must not be traded on."""
        desk, pair = self.desk, run.pair
        state = await desk.accounts.find(desk.account)
        if state and state.halted:
            return Ending.HALTED
        if stopped := await stopped_by_hand(desk, run):
            return stopped
        if doubt := self.clock.doubt or self.comparing.doubt:
            return doubt
        live = [i for i in unsettled if i.pair == pair and i.state not in TERMINAL]
        try:
            rules, seen = await desk.exchange.rules(pair), await desk.exchange.book(pair)
        except (Unavailable, Refused) as error:
            return error.code
        book = others(seen, [resting(intent, rules).quote for intent in live])
        return _Look(rules, book, live, doubt_about(desk, seen, book))

    async def _go_on(self, run: Run, conversion: Conversion, look: _Look, standing: Sequence[Intent]) -> str:
        """Decide what is to be on the book, or taken from it, and see to that."""
        task = await self._task(run, conversion, look.rules)
        over = ending_of(look.rules, task)
        if over and not (standing and over is Ending.TOO_LITTLE):  # what stands may yet be filled
            return await self._finish(run, over)
        if look.doubt:
            return await self._wait(run, conversion, look.doubt, standing)
        if over:
            return f"conversion {run.id} rests with what is left"
        rests = conversion.resting
        decided = resting_of(look.rules, task) if rests else slice_of(look.book, look.rules, task)
        if isinstance(decided, Ending):
            return await self._wait(run, conversion, decided, standing)
        if not self.desk.grip.sure:
            return f"conversion {run.id} waits for a lease that is sure"
        if conversion.resting:
            return await self._rest(run, conversion, decided, look, standing)
        if not self._may_try(run, task):
            return f"conversion {run.id} waits: its last order got nothing"
        if left := await self._clear_way(run, decided, look):
            return f"conversion {run.id} waits: {left} orders of ours are in the way"
        return await self._send(run, conversion, Wanted(run, look.rules, decided, False, immediate=True))

    def _may_try(self, run: Run, task: Task) -> bool:
        """Note that an order is about to be sent, unless the last one got nothing and was not long ago."""
        now_s, last = self.desk.clock.monotonic(), self._tries.get(run.id)
        missed = last is not None and last.funds == task.funds
        if last and missed and now_s < last.sent_s + last.pause_s:
            return False
        self._tries[run.id] = _Try(task.funds, now_s, last.misses + 1 if last and missed else 0)
        return True

    async def _task(self, run: Run, conversion: Conversion, rules: TradingRules) -> Task:
        """Return what is left to do: funds by the ledger's word, what was wanted by booked fills."""
        desk, buys = self.desk, conversion.side is Side.BUY
        balances = await desk.ledger.balances(AccountKind.RUN, run.id)
        funds = balances[conversion.pays].total if conversion.pays in balances else ZERO
        traded = (await desk.fills.totals([run.id])).get(run.id)
        done = ZERO if traded is None else traded.bought if buys else traded.sold
        worst = worst_ticks(rules, conversion.side, conversion.worst)
        lots = rules.lots_down(max(ZERO, conversion.quantity - done)) if conversion.quantity else None
        return Task(conversion.side, worst, funds, lots, desk.policy.most_notional)

    async def _clear_way(self, run: Run, order: Quote, look: _Look) -> int:
        """Take off what of our own an order would trade with; return how many may still be there (OR8).

        Strategies lay theirs again at their next tick, orders that rest at the next round.
        """
        theirs = [
            intent
            for intent in look.live
            if intent.run_id != run.id and in_the_way(order, [resting(intent, look.rules).quote])
        ]
        after = await self.resolution.cancel([intent for intent in theirs if not intent.uncertain])
        return len(theirs) - sum(intent.state in TERMINAL for intent in after)

    async def _rest(
        self, run: Run, conversion: Conversion, order: Quote, look: _Look, standing: Sequence[Intent]
    ) -> str:
        """Have one order rest for all that is left, away from our own by as much as it takes (OR8)."""
        own = [resting(intent, look.rules).quote for intent in look.live if intent.run_id != run.id]
        apart = next(iter(uncrossed([order], own)), None)
        if apart is None or len(own) >= look.rules.max_open_orders:
            return f"conversion {run.id} waits for a place on the book"
        if any(look.rules.ticks_down(intent.price) == apart.ticks for intent in standing):
            self._without.pop(run.id, None)
            return f"conversion {run.id} rests"
        if standing:
            await self.resolution.cancel(standing)
            return f"conversion {run.id} moves its order"
        return await self._send(run, conversion, Wanted(run, look.rules, apart, post_only=False))

    async def _send(self, run: Run, conversion: Conversion, wanted: Wanted) -> str:
        """Send one order. What the venue changed ends the conversion, and so does a no that lasts (OR7)."""
        sent = await self.sending.send([wanted])
        if sent.changed:
            await self.resolution.cancel([intent for intent in sent.changed if intent.state not in TERMINAL])
            return await self._finish(run, CHANGED)
        final = [code for _, code in sent.refusals if code not in PASSING]
        if final or not sent.intents:
            reason = final[0] if final else Ending.HALTED
            return await self._wait(run, conversion, reason, [], ends=True)
        self._without.pop(run.id, None)
        quote = wanted.quote
        return f"conversion {run.id} sent {quote.side} {quote.lots} lots at {quote.ticks} ticks"

    async def _wait(
        self, run: Run, conversion: Conversion, reason: str, standing: Sequence[Intent], ends: bool = False
    ) -> str:
        """Send nothing for now; a conversion that takes what is there ends when that lasts.

        An order that rests comes off when nobody may trade, or when nobody sees the market for long, and is
        laid again after that; only what the venue says no to for long (``ends``) is over.
        """
        desk, now_s = self.desk, self.desk.clock.monotonic()
        why, since_s = self._without.get(run.id, ("", now_s))
        since_s = since_s if why == reason else now_s
        self._without[run.id] = (reason, since_s)
        may_end = reason not in _OURS and (ends or not conversion.resting)
        if may_end and now_s - since_s >= desk.policy.conversion_patience_s:
            return await self._finish(run, reason)
        seen = not reason.startswith(("market_", "venue_"))
        if standing and (seen or now_s - since_s >= desk.policy.blind_cancel_s):
            await self.resolution.cancel(standing)
        return f"conversion {run.id} waits: {reason}"

    async def _finish(self, run: Run, reason: str) -> str:
        """Let a conversion send nothing more; what it has goes back when the venue has said its last word."""
        desk = self.desk
        async with desk.transaction():
            if await desk.runs.move(run.id, RunState.RUNNING, RunState.STOPPING, desk.clock.now()):
                await desk.conversions.finish(run.id, reason)
        self._without.pop(run.id, None)
        self._tries.pop(run.id, None)
        return f"conversion {run.id} ends: {reason}"
