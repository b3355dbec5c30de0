"""Runs at a person's word: what can be run, what it would do, start, look, stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from domain.errors import Refused
from domain.fees import FeeKind, in_force
from domain.ids import Ids, RunId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, Balance, Cause, Posting, Transfer, available
from domain.ledger.model import run as run_account
from domain.market.capacity import NO_ROOM
from domain.market.model import Pair
from domain.market.runs import ACTIVE, GOING, FillTotals, Run, RunState
from domain.money import ZERO, Coin, plain
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.orders import FillStore
from domain.ports.runs import RunStore, VenueAccountStore
from domain.ports.store import Store
from domain.services.admission import Admission
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.placement import Placement
from domain.services.run_preview import NewRun, PairOffer, RunPreview, config_of, offer_of, preview_of
from domain.strategies import get_strategy, strategies
from domain.strategies.base import Strategy, show

ACTION = "start_run"
"""What a confirmation must have been issued for, with ``NewRun.params``."""

_FASTER = frozenset({"insufficient_funds", "beyond_float", *NO_ROOM})
"""Refusals of a commit that was possible a moment ago: somebody else was faster."""

_RESULT_STEP = Decimal("0.00000001")

_NOTHING = FillTotals(0, ZERO, ZERO, ZERO)


class Started(Protocol):
    """Whatever says with how much a run began."""

    @property
    def base_start(self) -> Decimal:
        """Return how much of the base asset it was."""
        ...

    @property
    def quote_start(self) -> Decimal:
        """Return how much of the quote asset it was."""
        ...


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its owner sees it.

    ``profit`` compares what it has with having kept the coins, in the quote asset at ``mid``: the last mid,
    or the one at its stop for ever after. Both are ``None`` where no price is known. All fees have left what
    it has: ``paid`` are those of ours by coin, at ``fee_bps`` of what its fills brought in.
    """

    number: int
    pair: Pair
    state: RunState
    strategy: str
    preset: str
    config: Mapping[str, str]
    base: Decimal
    quote: Decimal
    base_start: Decimal
    quote_start: Decimal
    fills: int
    volume: Decimal
    open_orders: int
    mid: Decimal | None
    profit: Decimal | None
    trouble: str
    started_at: datetime
    stopped_at: datetime | None
    fee_bps: int
    paid: Mapping[Coin, Decimal]


class TradingStrategyService:
    """Strategies and runs, for those who talk to people; orders are the workers' business."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        notices: Notices,
        accounts: VenueAccountStore,
        runs: RunStore,
        fills: FillStore,
        confirmations: ConfirmationService,
        fees: FeeStore,
        admission: Admission,
        most_active_runs: int = 20,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._notices = notices
        self._capacity = CapacityService(accounts, runs)
        self._placement = Placement(accounts, self._capacity, ledger, fees, clock)
        self._runs = runs
        self._fills = fills
        self._confirmations = confirmations
        self._fees = fees
        self._admission = admission
        self._most_active_runs = most_active_runs

    async def pairs(self) -> list[PairOffer]:
        """Return the pairs that can be traded now, by name, as one venue account each offers them."""
        offers = {view.pair: offer_of(view) for view in reversed(await self._placement.fresh_views())}
        return [offers[pair] for pair in sorted(offers, key=str)]

    def strategies(self) -> list[Strategy]:
        """Return every strategy, by name."""
        return list(strategies().values())

    def presets(self, strategy: str) -> Mapping[str, Mapping[str, str]]:
        """Return a strategy's presets: the value of every parameter, as text.

        Raises:
            Refused: ``strategy_unknown``.
        """
        return {name: show(config) for name, config in get_strategy(strategy).presets.items()}

    async def preview(self, user_id: UserId, request: NewRun) -> RunPreview:
        """Return what the run would do under the fees of now, having checked all that ``start`` checks.

        Raises:
            Refused: ``pair_not_offered``; ``strategy_unknown``, ``preset_unknown``; ``parameter_unknown``,
                ``parameter_not_understood``, ``parameter_out_of_range``; ``insufficient_funds`` with coin
                and available; ``funds_too_small`` with the minimum of both assets; ``order_too_small`` with
                the minimum; ``beyond_float`` with coin and what fits; one of ``NO_ROOM``;
                ``too_many_runs``; ``user_frozen``, ``coin_frozen``, ``nothing_new_begins``.
        """
        await self._admission.check_new(user_id, request.pair.base, request.pair.quote)
        views = await self._placement.views(request.pair)
        config = config_of(request)
        await self._check_funds(user_id, request)
        view = await self._placement.place(views, self._run(user_id, request, views[0].account))
        rate = in_force(await self._fees.schedules(), self._clock.now()).rate(FeeKind.TRADING)
        return preview_of(request, view, config, rate)

    async def confirm(self, user_id: UserId, request: NewRun) -> str:
        """Return the single-use token with which this person may start exactly this."""
        return await self._confirmations.issue(user_id, ACTION, request.params)

    async def start(self, request: NewRun, user_id: UserId, confirmation: str) -> Run:
        """Start a run: confirmation, room, funds and row in one commit; the worker's next round quotes.

        Raises:
            Refused: as ``preview``; ``quote_expired`` when the fees have changed since they were shown;
                ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``.
        """
        run = await self._new(user_id, request)
        try:
            return await self._fund(run, request, confirmation)
        except Refused as refusal:
            if refusal.code not in _FASTER:
                raise
        again = await self._new(user_id, request)  # says what is left, or finds another account
        return await self._fund(again, request, confirmation)

    async def _new(self, user_id: UserId, request: NewRun) -> Run:
        preview = await self.preview(user_id, request)
        if preview.request != request:
            raise Refused("quote_expired")
        run = self._run(user_id, request, preview.offer.account)
        return replace(run, id=RunId(self._ids.new_id()), fee_bps=preview.our_fee_bps)

    def _run(self, user_id: UserId, request: NewRun, account: VenueAccountName) -> Run:
        """Return a run as it is asked for, which has no id, number and rate yet."""
        return Run(
            id=RunId(""),
            number=0,
            user_id=user_id,
            account=account,
            pair=request.pair,
            strategy=request.strategy,
            preset=request.preset,
            config=show(config_of(request)),
            config_version=1,
            state=RunState.RUNNING,
            base_start=request.base,
            quote_start=request.quote,
            started_at=self._clock.now(),
            fee_version=request.fee_version,
        )

    async def _fund(self, run: Run, request: NewRun, confirmation: str) -> Run:
        async with self._store.transaction():
            await self._capacity.alone(run.account)
            await self._admission.check_new(run.user_id, run.pair.base, run.pair.quote)
            await self._confirmations.consume(run.user_id, confirmation, ACTION, request.params)
            await self._capacity.require(run)
            run = await self._runs.add(run)
            await self._ledger.post(funding(run))
            told = {"number": str(run.number), "pair": str(run.pair)}
            await self._notices.tell(run.user_id, "run_started", f"run_started:{run.id}", told)
        return run

    async def list(self, user_id: UserId) -> Sequence[RunSummary]:
        """Return a person's runs, active ones first, then the newest first."""
        runs = await self._runs.list(user_id)
        return await self._summaries(runs)

    async def get(self, user_id: UserId, number: int) -> RunSummary:
        """Return one of a person's runs.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's.
        """
        return (await self._summaries([await self._find(user_id, number)]))[0]

    async def stop(self, user_id: UserId, number: int) -> str:
        """Ask a run to stop, however often; return the state it is in then.

        Raises:
            Refused: ``run_unknown``.
        """
        run = await self._find(user_id, number)
        async with self._store.transaction():
            if await self._runs.stop(run.id):
                told = {"number": str(run.number), "pair": str(run.pair)}
                await self._notices.tell(user_id, "run_stopping", f"run_stopping:{run.id}", told)
        return (await self._find(user_id, number)).state

    async def stop_all(self, user_id: UserId) -> int:
        """Ask all of a person's runs to stop; return how many had not been asked before."""
        going = [run for run in await self._runs.list(user_id) if run.state in GOING]
        for run in going:
            await self.stop(user_id, run.number)
        return len(going)

    async def _find(self, user_id: UserId, number: int) -> Run:
        run = await self._runs.find(user_id, number)
        if run is None:
            raise Refused("run_unknown", number=number)
        return run

    async def _check_funds(self, user_id: UserId, request: NewRun) -> None:
        active = [run for run in await self._runs.list(user_id) if run.state in ACTIVE]
        if len(active) >= self._most_active_runs:
            raise Refused("too_many_runs", maximum=self._most_active_runs)
        for coin, amount in ((request.pair.base, request.base), (request.pair.quote, request.quote)):
            free = (await self._ledger.balance(available(user_id, coin))).free
            if amount < 0 or amount > free:
                raise Refused("insufficient_funds", coin=coin, available=plain(free))

    async def _summaries(self, runs: Sequence[Run]) -> Sequence[RunSummary]:
        run_ids = [run.id for run in runs]
        totals = await self._fills.totals(run_ids)
        open_orders = await self._fills.open_orders(run_ids)
        paid = await self._fees.paid_by_runs(run_ids)
        mids = {(view.account, view.pair): view.mid for view in await self._placement.fresh_views()}
        return [
            _summary(
                run,
                await self._ledger.balances(AccountKind.RUN, run.id),
                totals.get(run.id, _NOTHING),
                open_orders.get(run.id, 0),
                mids.get((run.account, run.pair)),
                paid.get(run.id, {}),
            )
            for run in runs
        ]


def funding(run: Run) -> Transfer:
    """Return the transfer that puts a person's coins to work in a run."""
    amounts = ((run.pair.base, run.base_start), (run.pair.quote, run.quote_start))
    return Transfer(
        Cause("run_start", run.id),
        tuple(
            Posting(available(run.user_id, coin), run_account(run.id, run.account, coin), amount)
            for coin, amount in amounts
            if amount
        ),
    )


def profit_of(run: Started, base: Decimal, quote: Decimal, mid: Decimal) -> Decimal:
    """Return what a run made of its coins in quote after all fees, against having kept them; rounded down."""
    made = (base - run.base_start) * mid + quote - run.quote_start
    return made.quantize(_RESULT_STEP, ROUND_FLOOR)


def _summary(
    run: Run,
    balances: Mapping[Coin, Balance],
    totals: FillTotals,
    open_orders: int,
    mid: Decimal | None,
    paid: Mapping[Coin, Decimal],
) -> RunSummary:
    nothing = Balance(ZERO, ZERO)
    base = balances.get(run.pair.base, nothing).total if run.base_end is None else run.base_end
    quote = balances.get(run.pair.quote, nothing).total if run.quote_end is None else run.quote_end
    mid = run.mid_end if run.state is RunState.STOPPED else mid
    return RunSummary(
        number=run.number,
        pair=run.pair,
        state=run.state,
        strategy=run.strategy,
        preset=run.preset,
        config=run.config,
        base=base,
        quote=quote,
        base_start=run.base_start,
        quote_start=run.quote_start,
        fills=totals.fills,
        volume=totals.volume,
        open_orders=open_orders,
        mid=mid,
        profit=None if mid is None else profit_of(run, base, quote, mid),
        trouble=run.trouble,
        started_at=run.started_at,
        stopped_at=run.stopped_at,
        fee_bps=run.fee_bps,
        paid=paid,
    )
