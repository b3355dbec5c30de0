"""Trading at one venue account: start up, tick what is due, book what was traded, wait."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, own
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair
from domain.market.runs import FillTotals, Run, RunKind, RunState
from domain.money import Coin, plain
from domain.services.account_looking import AccountLooking
from domain.services.beats import Beats
from domain.services.converting import Converting
from domain.services.dead_man import DeadMan
from domain.services.desk import Desk
from domain.services.failed_rounds import FailedRounds
from domain.services.fill_accounting import FillAccounting
from domain.services.leaving import RESTING
from domain.services.legs import Legs
from domain.services.market_views import MarketViews
from domain.services.order_resolution import OrderResolution
from domain.services.order_sending import OrderSending
from domain.services.recovery import Recovery
from domain.services.run_settings import RunSettings
from domain.services.run_stop import RunStop
from domain.services.standing_aside import StandingAside
from domain.services.ticking import Ticking
from domain.services.untraded import unless_untraded
from domain.services.venue_clock import VenueClock
from domain.services.venue_comparing import VenueComparing


@dataclass(slots=True)
class ExecutionService:
    """Acts for a venue account while this process holds its lease, and stands by while it does not.

    ``offered`` are the pairs people may start runs on here. Each round does what is due and returns one
    sentence; a round that fails half-way is simply followed by the next, and while they fail the book is
    cleared. Every epoch begins with start-up and reconciliation, the first one and one regained alike.
    """

    desk: Desk
    offered: Sequence[Pair]
    fills: FillAccounting = field(init=False)
    resolution: OrderResolution = field(init=False)
    stopping: RunStop = field(init=False)
    aside: StandingAside = field(init=False)
    ticking: Ticking = field(init=False)
    converting: Converting = field(init=False)
    legs: Legs = field(init=False)
    clock: VenueClock = field(init=False)
    dead_man: DeadMan = field(init=False)
    looking: AccountLooking = field(init=False)
    comparing: VenueComparing = field(init=False)
    views: MarketViews = field(init=False)
    recovery: Recovery = field(init=False)
    settings: RunSettings = field(init=False)
    failed: FailedRounds = field(init=False)
    beats: Beats = field(init=False)
    _ready: bool = False
    _swept_at: datetime | None = None  # market time
    _reconciled_s: float = float("-inf")
    _run_pairs: Sequence[Pair] = ()

    def __post_init__(self) -> None:
        """Put the parts together."""
        self._forget()

    def _forget(self) -> None:
        """Know nothing: what was learned in another epoch may not be so any more."""
        self._ready = False
        self._swept_at, self._reconciled_s = None, float("-inf")
        self.fills = FillAccounting(self.desk, self._keep_timer)
        self.resolution = OrderResolution(self.desk, self.fills)
        self.stopping = RunStop(self.desk, self.fills, self.resolution)
        self.aside = StandingAside(self.desk, self.resolution)
        self.settings = RunSettings(self.desk, self.resolution)
        self.failed = FailedRounds(self.desk, self.resolution)
        self.clock = VenueClock(self.desk)
        self.dead_man = DeadMan(self.desk, self.resolution)
        self.looking = AccountLooking(self.desk, self.clock, self.dead_man)
        self.desk.compared = self.desk.reckoning is None
        self.desk.sight.forget()
        self.comparing = VenueComparing(self.desk, self.fills)
        self.views = MarketViews(self.desk)
        self.recovery = Recovery(self.desk, self.aside)
        sending = OrderSending(self.desk)
        self.ticking = Ticking(self.desk, self.resolution, sending, self.clock, self.comparing, self.aside)
        self.legs = Legs(self.desk, self.resolution, sending)
        self.beats = Beats(self.desk, self.fills, self.settings, self.ticking)
        self.beats.next_s = self.desk.clock.monotonic()
        self.converting = Converting(self.desk, self.resolution, sending, self.clock, self.comparing)

    @property
    def late_s(self) -> float:
        """Return by how many seconds what was to be done next is overdue: a tick, a sweep, the start-up."""
        return max(0.0, self.desk.clock.monotonic() - self.beats.next_s) if self.desk.epoch else 0.0

    @property
    def waits_for(self) -> str:
        """Return the code of whose silence is waited out, or nothing."""
        return self.failed.silent_code

    @property
    def stuck(self) -> str:
        """Return in words why somebody else should clear the book, or nothing."""
        return self.failed.unattended

    async def round(self) -> str:
        """Do what is due, wait for what comes next, and say in one sentence what was done."""
        desk = self.desk
        if not desk.grip.held:
            return await self._stand_by()
        if desk.grip.leaving:
            return await self._hand_over()
        if desk.grip.epoch != desk.epoch:
            self._forget()
            desk.epoch = desk.grip.epoch
        try:
            return await self._round_or_pause()
        except Refused as refusal:
            if refusal.code != "epoch_lost":
                raise
            if desk.grip.epoch == desk.epoch:
                desk.grip.drop()
            return f"another worker took {desk.account}: this one stops trading it"

    async def _hand_over(self) -> str:
        """Begin nothing more here: the next worker takes the account with all that rests on its book."""
        desk = self.desk
        desk.epoch, desk.grip.left = 0, True
        await desk.clock.sleep(desk.policy.idle_s)
        return f"hands {desk.account} over to another worker"

    async def leave(self) -> str:
        """Prepare to give the account back: where nothing of ours rests, nothing is left to strike either."""
        desk = self.desk
        if not desk.grip.held or desk.grip.epoch != desk.epoch or await desk.orders.unsettled(desk.account):
            return ""
        return await self.dead_man.disarm()

    async def _stand_by(self) -> str:
        """Wait for the lease. One that ran out by our own clock leaves a moment to clear the book in."""
        desk, said = self.desk, f"not ours: standing by for {self.desk.account}"
        if desk.epoch and desk.grip.epoch == desk.epoch and desk.grip.alone:
            pairs = sorted({*self.offered, *self._run_pairs}, key=str)
            cancelled = await self.resolution.clear_listed(pairs)
            said = f"the lease of {desk.account} ran out: {cancelled} orders cancelled"
        desk.epoch = 0
        await desk.clock.sleep(desk.policy.idle_s)
        return said

    async def _round_or_pause(self) -> str:
        try:
            await self.clock.look()
            await self.dead_man.keep()
            said = await self._round()
        except (Unavailable, OutcomeUnknown) as error:
            return await self._pause(error)
        except Exception as error:
            if not (isinstance(error, Refused) and error.code == "epoch_lost"):
                await self.failed.unforeseen(error, self._clear_all)
            raise
        if self.failed.left_traces:
            self.beats.hurry()
        self.failed.end()
        return said

    async def _pause(self, error: Unavailable | OutcomeUnknown) -> str:
        """Wait longer each time: a venue or store that does not answer ends nothing."""
        clear = self.failed.clear_booked if self._ready else self._clear_all
        await self.failed.silence(self.clock.skew or error.code, clear)
        pause = min(self.desk.policy.longest_pause_s, 0.25 * 2 ** min(self.failed.count, 10))
        await self.desk.clock.sleep(min(pause, max(0.25, self.desk.grip.left_s)))
        return f"{self.desk.account} waits {pause:g} s: {error}"

    async def _clear_all(self) -> None:
        """Take off everything of ours, on every pair that we know of with or without the store."""
        desk, pairs = self.desk, [*self.offered, *self._run_pairs]
        with suppress(Exception):  # reading runs may be what fails
            pairs += await self._pairs(await desk.runs.active(desk.account))
        await self.failed.clear_all(sorted(set(pairs), key=str), self._ready)

    async def _round(self) -> str:
        if not self._ready:
            return await self._start_up()
        pairs = await self._pairs([])
        await self.views.look_if_due(pairs, self._meanwhile)
        await self._react()
        compared = await self.comparing.look_if_due(pairs)
        await self.looking.look_if_due()
        proven = await self.dead_man.prove()
        return "; ".join([*compared, *proven, await self._trade()])

    async def _trade(self) -> str:
        """Tick what is due, book what was traded, and wait for what comes next."""
        desk = self.desk
        await self._react()
        runs = await desk.runs.active(desk.account)
        state = await desk.accounts.find(desk.account)
        self.ticking.halted = state.halted if state else ""
        recovered = await self.recovery.advance(runs, self.ticking.doubt)
        if not runs and not await desk.orders.pairs(desk.account):
            return "; ".join([*recovered, await self._idle()])
        self._run_pairs = [run.pair for run in runs]
        now, going = await desk.market.now(), [run for run in runs if run.state is RunState.RUNNING]
        running = [run for run in going if run.kind is RunKind.STRATEGY]
        carriers = [run for run in going if run.kind is RunKind.CONVERSION]
        unread = self.settings.read(running)
        able = [run for run in running if run.id not in unread]
        self.beats.keep(able, (run.pair for run in runs))
        due = await self.beats.due(now)
        asks = bool(due) and not desk.exchange.tells
        said = await self._book(now, asks or any(run.preset != RESTING for run in carriers))
        said += await self.legs.advance([run for run in runs if run.kind is RunKind.LEG], self.ticking.doubt)
        await self.beats.tick(due, now)
        said += await self.settings.set_aside(running, unread)
        said += await self.aside.clear([run for run in runs if run.state is RunState.PAUSED])
        said += await self.converting.advance(carriers)
        said += [await self.stopping.advance(run) for run in runs if run.state is RunState.STOPPING]
        await self.beats.wait(self._sweep_at)
        if (ticked := self.beats.take_ticked()).runs:
            said.append(str(ticked))
        return "; ".join([*recovered, *said]) or f"{desk.account}: nothing to do"

    async def _idle(self) -> str:
        """Wait for a run; past trades, and those of strangers, are read all the same."""
        desk, said = self.desk, list[str]()
        if self._reconcile_is_due:
            said = await self._book(await desk.market.now(), ticking=True)
        self.beats.next_s = desk.clock.monotonic() + desk.policy.idle_s
        await desk.clock.sleep(desk.policy.idle_s)
        return "; ".join([f"{desk.account} has no runs", *said])

    @property
    def _sweep_at(self) -> datetime | None:
        """Return when all pairs with orders of ours are to be read again, in the market's time."""
        interval = timedelta(seconds=self.desk.policy.sweep_interval_s)
        return self._swept_at + interval if self._swept_at else None

    @property
    def _reconcile_is_due(self) -> bool:
        passed_s = self.desk.clock.monotonic() - self._reconciled_s
        return self.dead_man.unnoticed or passed_s >= self.desk.policy.reconcile_interval_s

    async def _keep_timer(self) -> None:
        """Keep the venue's timer from striking while we are at work, however long a round takes."""
        await self.dead_man.keep()

    async def _react(self) -> None:
        """Answer markets that have moved; while rounds fail nothing is placed, and that stays told."""
        if not self.failed.count:
            await self.beats.react()

    async def _meanwhile(self) -> None:
        """Do what cannot wait for all pairs to be asked about: keep the timer, tick what has moved."""
        await self._keep_timer()
        await self._react()

    async def _start_up(self) -> str:
        """Register the account and book what it holds, once; compare the venue with the books."""
        desk = self.desk
        await desk.accounts.register(desk.account, desk.venue, desk.policy.orders_per_second)
        state = await desk.accounts.find(desk.account)
        if state is None or not state.opened:
            if desk.reckoning and await desk.reckoning.freezes.frozen_instance():
                return await self._wait_for_the_owner()
            await self._open(await desk.exchange.balances())
        day_ago = desk.clock.now() - timedelta(days=1)
        await desk.exchange.recall(await desk.orders.sent_since(desk.account, day_ago))
        runs = await desk.runs.active(desk.account)
        self.offered = [pair for pair in self.offered if await self._is_traded(pair)]
        await self.fills.begin(self.offered)
        await self.fills.sweep(deep=True)
        differed = 0
        for pair in await self._pairs(runs):
            await self._keep_timer()
            with unless_untraded():
                differed += await self.resolution.reconcile(pair)
        self._ready = True
        return f"took {desk.account} in epoch {desk.epoch}: {len(runs)} runs, {differed} orders differed"

    async def _wait_for_the_owner(self) -> str:
        """Book nothing of an account while the books may not be the newest; take off what rests there."""
        cancelled = await self.resolution.clear_listed(self.offered)
        self.beats.next_s = self.desk.clock.monotonic() + self.desk.policy.idle_s
        await self.desk.clock.sleep(self.desk.policy.idle_s)
        return f"safe boot: {self.desk.account} waits for the owner, {cancelled} orders cancelled"

    async def _is_traded(self, pair: Pair) -> bool:
        try:
            await self.desk.exchange.rules(pair)
        except Refused:
            return False
        return True

    async def _open(self, balances: Mapping[Coin, Decimal]) -> None:
        """Book what the account held when it was first seen as the owner's float, once."""
        desk = self.desk
        postings = tuple(
            Posting(venue_account(desk.account, coin), own(AccountKind.INVENTORY, coin), amount)
            for coin, amount in sorted(balances.items())
            if amount > 0
        )
        async with desk.transaction():
            if postings:
                await desk.ledger.post(Transfer(Cause("opening", desk.account), postings))
            await desk.accounts.mark_opened(desk.account)

    async def _pairs(self, runs: Sequence[Run]) -> list[Pair]:
        known = await self.desk.fills.cursors(self.desk.account)
        return sorted({*self.offered, *known, *(run.pair for run in runs)}, key=str)

    async def _book(self, now: datetime, ticking: bool) -> list[str]:
        """Book fills before a tick, upon news, and when it is time; find out what became of orders.

        Pairs without an order of ours are read only when everything is, and those without news when it is
        time or somebody is about to act on them all: a venue counts what it is asked.
        """
        desk, heard = self.desk, self.beats.take_heard()
        every = ticking or self._sweep_at is None or now >= self._sweep_at
        if not (every or heard):
            return []
        deep = self._reconcile_is_due
        pairs = await desk.orders.pairs(desk.account)
        read = None if deep else pairs if every else heard
        booked = await self.fills.sweep(read, deep=deep, between=self._react)
        self._swept_at = now if every else self._swept_at
        unclear = await desk.orders.unclear(desk.account)
        await self.resolution.resolve([intent for intent in unclear if intent.uncertain])
        booked += await self.fills.adopt_orphans()
        await self.resolution.settle_ended(await desk.orders.unclear(desk.account))
        if deep:
            self.dead_man.unnoticed, self._reconciled_s = False, float("-inf")  # until all have been
            for pair in await self._pairs([]):
                await self._meanwhile()
                with unless_untraded():
                    await self.resolution.reconcile(pair)
            self._reconciled_s = desk.clock.monotonic()
            desk.sight.forget()
        await self._tell_fills()
        return [f"{booked} fills booked"] if booked else []

    async def _tell_fills(self) -> None:
        """Tell people of new fills, each run once in a while."""
        desk, now = self.desk, self.desk.clock.now()
        before = now - timedelta(seconds=desk.policy.fill_notice_interval_s)
        news = await desk.runs.untold_fills(desk.account, before)
        if not news:
            return
        totals = await desk.fills.totals([run.id for run in news])
        async with desk.transaction(()):
            for run in news:
                told = fills_told(run, totals[run.id])
                kind = "run_fill_summary" if run.kind is RunKind.STRATEGY else "order_fill_summary"
                cause = f"{kind}:{run.id}:{totals[run.id].fills}"
                await desk.notices.tell(run.user_id, kind, cause, told)
                await desk.runs.mark_told(run.id, now)


def fills_told(run: Run, totals: FillTotals) -> dict[str, str]:
    """Return the parameters of a notice about a run's fills so far."""
    return {
        "number": str(run.number),
        "pair": str(run.pair),
        "fills": str(totals.fills),
        "bought": plain(totals.bought),
        "sold": plain(totals.sold),
        "volume": plain(totals.volume),
    }
