"""One evaluation of runs: look, decide, take off what no longer serves, put on what is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.errors import Refused, Unavailable
from domain.ids import RunId
from domain.ledger.model import Balance
from domain.market.difference import NOTHING, Difference, Resting, difference
from domain.market.model import Book, Pair, Quote, Side, TradingRules
from domain.market.orders import TERMINAL, Intent, settles
from domain.market.own import Standing, others
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.services.desk import Desk, promised
from domain.services.order_resolution import OrderResolution
from domain.services.order_sending import CHANGED, PASSING, OrderSending, Sent, Wanted, fitting
from domain.services.run_settings import name_of
from domain.services.sight import Seen
from domain.services.standing_aside import StandingAside
from domain.services.untraded import NOT_TRADED
from domain.services.venue_clock import VenueClock
from domain.services.venue_comparing import VenueComparing
from domain.strategies import get_strategy
from domain.strategies.base import Inventory

FAILED = "strategy_failed"

Funds = Mapping[RunId, Mapping[Coin, Balance]]


@dataclass(frozen=True, slots=True)
class Due:
    """A run whose tick is due, with its config as the strategy takes it."""

    run: Run
    config: Any


@dataclass(frozen=True, slots=True)
class Ticked:
    """What ticks did; ``failed`` says of strategies that raised something."""

    runs: int = 0
    cancelled: int = 0
    placed: int = 0
    failed: tuple[str, ...] = ()

    def __add__(self, other: "Ticked") -> "Ticked":
        """Return what both did."""
        return Ticked(
            self.runs + other.runs,
            self.cancelled + other.cancelled,
            self.placed + other.placed,
            tuple(dict.fromkeys((*self.failed, *other.failed))),
        )

    def __str__(self) -> str:
        """Return it in one sentence."""
        did = f"ticked {self.runs} runs: {self.cancelled} cancelled, {self.placed} placed"
        return "; ".join((did, *self.failed))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one run wants changed; ``reason`` is the code of what keeps it from quoting, or empty.

    ``error`` names what its strategy raised, for the log.
    """

    due: Due
    rules: TradingRules | None
    changes: Difference
    reason: str = ""
    error: str = ""


@dataclass(slots=True)
class Ticking:
    """Ticks many runs of one account together: one commit for all intents, one for all outcomes."""

    desk: Desk
    resolution: OrderResolution
    sending: OrderSending
    clock: VenueClock
    comparing: VenueComparing
    aside: StandingAside
    halted: str = ""
    """The code of what stopped the account, as last read; the store itself lets no order in."""
    mids: dict[Pair, float] = field(default_factory=dict)
    """Where each market was seen last, our own orders included, while it can be seen."""
    _blind_since: dict[Pair, float] = field(default_factory=dict)  # monotonic seconds

    @property
    def doubt(self) -> str:
        """Return the code of why nothing may be sent from the account at all, or nothing."""
        return self.halted or self.clock.doubt or self.comparing.doubt

    async def tick(self, due: Sequence[Due]) -> Ticked:
        """Evaluate the runs once; cancels go first, so that their funds are there for what follows."""
        of: dict[Pair, list[Due]] = {}
        for each in due:
            of.setdefault(each.run.pair, []).append(each)
        seen = await self.desk.sight.look([each.run for each in due])
        plans: list[_Plan] = []
        for pair in sorted(of, key=str):
            plans += await self._plans(pair, of[pair], seen[pair].live, seen[pair].funds)
        doomed = _doomed(plans, seen)
        sent = await self._place(plans, seen, doomed, await self.resolution.ask_off(doomed))
        await self._tell(plans, sent)
        untraded = [plan.due.run for plan in plans if plan.reason == NOT_TRADED]
        untraded += [run for run, code in sent.refusals if code == NOT_TRADED and run not in untraded]
        await self.aside.watch([each.run for each in due], untraded)
        failed = tuple(f"the strategy of run {p.due.run.id} failed: {p.error}" for p in plans if p.error)
        return Ticked(len(due), len(doomed), len(sent.intents), failed)

    async def _plans(
        self, pair: Pair, due: Sequence[Due], live: Sequence[Intent], funds: Funds
    ) -> list[_Plan]:
        """Decide for every due run of one pair, on one look at its market."""
        halted = self.doubt
        try:
            rules = await self.desk.exchange.rules(pair)
            seen = await self.desk.exchange.book(pair)
            standing = [(intent.run_id, resting(intent, rules)) for intent in live]
            book = others(seen, [each.quote for _, each in standing])
            reason = halted or doubt_about(self.desk, seen, book)
        except (Unavailable, Refused) as error:
            rules, reason = None, error.code
        if rules is None or reason:
            self.mids.pop(pair, None)
            return [self._blind(each, rules, live, reason) for each in due]
        self._blind_since.pop(pair, None)
        self.mids[pair] = float(rules.price(seen.twice_mid)) / 2
        of_run: dict[RunId, list[Resting]] = {each.run.id: [] for each in due}
        for run_id, order in standing:
            of_run.get(run_id, []).append(order)
        return [_plan(each, rules, book, live, of_run[each.run.id], funds[each.run.id]) for each in due]

    def _blind(self, due: Due, rules: TradingRules | None, live: Sequence[Intent], reason: str) -> _Plan:
        """Place nothing while the market cannot be seen, and take everything off when that lasts."""
        now = self.desk.clock.monotonic()
        since = self._blind_since.setdefault(due.run.pair, now)
        patient = now - since < self.desk.policy.blind_cancel_s and reason.startswith(("market_", "venue_"))
        return _Plan(due, rules, NOTHING if patient else _all_off(due.run, live), reason)

    async def _place(
        self,
        plans: Sequence[_Plan],
        seen: Mapping[Pair, Seen],
        doomed: Sequence[Intent],
        heard: Sequence[Intent],
    ) -> Sent:
        """Store what became of cancelled orders and send what the plans want, in one commit.

        What is sent is kept apart from each other and from all that rests (OR8). Where the venue has filled
        more than is booked, that comes first: such funds are not what they seem.
        """
        if any(i.state in TERMINAL and i.booked != i.filled for i in heard):
            await self.resolution.settle_ended(await self.resolution.save(doomed, heard))
            seen, doomed, heard = await self.desk.sight.look([plan.due.run for plan in plans]), [], []
        after = {intent.id: intent for intent in heard}
        wanted: list[Wanted] = []
        if self.desk.grip.sure:
            placing: dict[Pair, list[_Plan]] = {}
            for plan in plans:
                if plan.changes.place:
                    placing.setdefault(plan.due.run.pair, []).append(plan)
            for pair, mine in placing.items():
                live = [now for i in seen[pair].live if (now := after.get(i.id, i)).state not in TERMINAL]
                wanted += _apart(mine, live)
        news = [new for old, new in zip(doomed, heard, strict=True) if new != old]
        return await self.sending.send(fitting(wanted, _free(seen, heard)), news)

    async def _tell(self, plans: Sequence[_Plan], sent: Sent) -> None:
        """Tell people once what keeps their runs from trading, and forget it when it has passed.

        Every order that the venue changed is taken off, whatever else became of its run (OR7).
        """
        reasons = {plan.due.run.id: plan.reason for plan in plans}
        reasons.update((run.id, code) for run, code in sent.refusals if code not in PASSING)
        reasons.update((intent.run_id, CHANGED) for intent in sent.changed)
        await self.resolution.cancel([intent for intent in sent.changed if intent.state not in TERMINAL])
        for reason in sorted(set(reasons.values())):
            runs = [plan.due.run for plan in plans if reasons[plan.due.run.id] == reason]
            await self.desk.trouble(runs, reason)


def _plan(
    due: Due,
    rules: TradingRules,
    book: Book,
    live: Sequence[Intent],
    mine: Sequence[Resting],
    funds: Mapping[Coin, Balance],
) -> _Plan:
    run = due.run
    base, quote = (funds[c].total if c in funds else ZERO for c in (run.pair.base, run.pair.quote))
    try:
        wanted = get_strategy(run.strategy).quote(
            book, rules.dearer(run.fee_bps), due.config, Inventory(base, quote)
        )
        changes = difference(wanted, mine, due.config.tolerance_bps)
    except Exception as error:  # whatever a strategy raises: the others trade on
        return _Plan(due, rules, _all_off(run, live), FAILED, name_of(error))
    return _Plan(due, rules, changes, "" if wanted else "nothing_to_quote")


def _doomed(plans: Sequence[_Plan], seen: Mapping[Pair, Seen]) -> list[Intent]:
    """Return the orders that the plans take off, in their order."""
    pairs = {plan.due.run.pair for plan in plans if plan.changes.cancel}
    by_id = {intent.client_order_id: intent for pair in pairs for intent in seen[pair].live}
    return [by_id[order.client_order_id] for plan in plans for order in plan.changes.cancel]


def _free(seen: Mapping[Pair, Seen], heard: Sequence[Intent]) -> dict[tuple[RunId, Coin], Decimal]:
    """Return what runs may promise of each coin, with what ended orders give back."""
    free = {
        (run_id, coin): balance.free
        for each in seen.values()
        for run_id, coins in each.funds.items()
        for coin, balance in coins.items()
    }
    for intent in heard:
        if settles(intent) and not intent.settled:
            free[intent.run_id, intent.pays] += promised(intent)
    return free


def doubt_about(desk: Desk, seen: Book, book: Book) -> str:
    """Return why a book must not be traded on, or nothing (OR10); ``book`` is without our own orders."""
    age_s = (desk.clock.now() - seen.at).total_seconds()
    if age_s > desk.policy.stale_book_s:
        return "market_stale"
    return "" if seen.sane and book.sane else "market_empty"


def resting(intent: Intent, rules: TradingRules) -> Resting:
    """Return an order as it stands on the book, by what is known of it."""
    left = rules.lots_down(max(ZERO, intent.quantity - intent.filled))
    quote = Quote(intent.side, rules.ticks_down(intent.price), left)
    return Resting(intent.client_order_id, quote, cancellable=not intent.uncertain)


_NO_QUOTE = Quote(Side.BUY, 0, 0)


def _all_off(run: Run, live: Sequence[Intent]) -> Difference:
    """Return what takes every order of a run off the book that has a clear answer."""
    mine = [intent for intent in live if intent.run_id == run.id and not intent.uncertain]
    return Difference(tuple(Resting(intent.client_order_id, _NO_QUOTE) for intent in mine), ())


def _apart(plans: Sequence[_Plan], live: Sequence[Intent]) -> list[Wanted]:
    """Return the quotes of one pair's plans, moved where they would meet our own orders."""
    wanted: list[Wanted] = []
    standing: Standing | None = None
    for plan in plans:
        if plan.rules is None or not plan.changes.place:
            continue
        rules, run = plan.rules, plan.due.run
        standing = standing or Standing.of(resting(intent, rules).quote for intent in live)
        joining = standing.admit(plan.changes.place, rules.max_open_orders)
        wanted += [Wanted(run, rules, quote, plan.due.config.post_only) for quote in joining]
    return wanted
