"""Venue accounts, runs, fees, rounds of comparing and notices in memory, for a day of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from domain.errors import InvariantBroken
from domain.fees import Schedule, ServiceFee, fee_on, rate_of
from domain.ids import RunId, UserId, VenueAccountName
from domain.leases import Scope
from domain.ledger.model import AccountKind, Cause
from domain.market.capacity import Capacity, Place
from domain.market.model import Pair
from domain.market.runs import ACTIVE, GOING, MarketView, Run, RunKind, RunState
from domain.money import ZERO, Coin
from domain.ports.reconciliation import Standing
from domain.ports.runs import AccountState, Halt
from domain.reconciliation.model import FINE, Round
from handlers.notices import NOTICES
from tests.fakes.fees import FakeFees
from tests.fakes.reconciliation import FakeReconciliations
from tests.fakes.treasury import Treasury
from tests.simulation.day.ledger import DayLedger
from tests.simulation.day.tables import Journal, Noted

_WORKED_FOR = ACTIVE - {RunState.FUNDING}


class DayAccounts:
    """Venue accounts by name, what their workers saw, and why they are halted."""

    def __init__(self, journal: Journal) -> None:
        self.rows: Noted[VenueAccountName, AccountState] = Noted(journal)
        self.seen: Noted[tuple[VenueAccountName, Pair], MarketView] = Noted(journal)
        self.stopped: Noted[tuple[VenueAccountName, str], Halt] = Noted(journal)
        self.per_second: dict[VenueAccountName, int] = {}
        self.lifted: Noted[tuple[VenueAccountName, str], bool] = Noted(journal)

    async def register(self, name: VenueAccountName, venue: str, orders_per_second: int) -> None:
        self.per_second[name] = orders_per_second
        self.rows.setdefault(name, AccountState(name, venue, opened=False, halted=""))

    async def capacity(self, name: VenueAccountName) -> Capacity:
        places = {
            view.pair: Place.of(view.rules, view.mid) for (at, _), view in self.seen.items() if at == name
        }
        return Capacity(self.per_second.get(name, 0), places)

    async def alone(self, name: VenueAccountName) -> None:
        """Be alone: a transaction here is."""

    async def find(self, name: VenueAccountName) -> AccountState | None:
        return self.rows.get(name)

    async def mark_opened(self, name: VenueAccountName) -> None:
        self.rows[name] = replace(self.rows[name], opened=True)

    async def halt(self, name: VenueAccountName, reason: str) -> bool:
        before = self.rows[name]
        self.rows[name] = replace(before, halted=before.halted or reason)
        if (name, reason) in self.stopped:
            return False
        at = datetime(2026, 3, 1, tzinfo=UTC)
        self.stopped[name, reason] = Halt(len(self.stopped) + 1, name, reason, at)
        return True

    async def looked_at(self, name: VenueAccountName, reason: str) -> bool:
        return (name, reason) in self.lifted

    async def halts(self) -> list[Halt]:
        return sorted(self.stopped.values(), key=lambda halt: halt.account)

    async def lift(self, halts: Sequence[Halt], by: UserId, at: datetime) -> bool:
        """Let accounts go on."""
        for halt in halts:
            self.stopped.pop((halt.account, halt.reason), None)
            self.lifted[halt.account, halt.reason] = True
            self.rows[halt.account] = replace(self.rows[halt.account], halted="")
        return True

    async def see(self, views: Sequence[MarketView]) -> None:
        for view in views:
            self.seen[view.account, view.pair] = view

    async def views(self) -> list[MarketView]:
        return [view for (name, _), view in self.seen.items() if not self.rows[name].halted]

    async def want(self, name: VenueAccountName, coin: Coin, amount: Decimal, at: datetime) -> None:
        """Note nothing: nobody moves coins to venues here."""


class DayRuns:
    """Runs by id, by person and by account, as ``domain.ports.runs.RunStore``."""

    def __init__(self, journal: Journal) -> None:
        self.rows: Noted[RunId, Run] = Noted(journal)
        self._active: defaultdict[VenueAccountName, Noted[RunId, bool]] = defaultdict(lambda: Noted(journal))
        self._mine: defaultdict[UserId, Noted[RunId, bool]] = defaultdict(lambda: Noted(journal))

    async def add(self, run: Run) -> Run:
        mine = self._mine[run.user_id]
        run = replace(run, number=run.number or len(mine) + 1)
        mine[run.id] = True
        self._put(run)
        return run

    async def find(self, user_id: UserId, number: int) -> Run | None:
        mine = (self.rows[run_id] for run_id in self._mine[user_id])
        return next((run for run in mine if run.number == number), None)

    async def get(self, run_id: RunId) -> Run:
        return self.rows[run_id]

    async def list(self, user_id: UserId) -> Sequence[Run]:
        mine = [self.rows[run_id] for run_id in reversed(self._mine[user_id])]
        return sorted(mine, key=lambda run: run.state not in ACTIVE)

    def running(self) -> Sequence[Run]:
        """Return the runs at work."""
        return [run for run in self.rows.values() if run.state is RunState.RUNNING]

    async def going(self) -> Sequence[Run]:
        return [run for run in self.rows.values() if run.kind is RunKind.STRATEGY and run.state in GOING]

    async def active(self, account: VenueAccountName) -> Sequence[Run]:
        return self.of_account(account)

    async def move(self, run_id: RunId, was: RunState, to: RunState, at: datetime) -> bool:
        run = self.rows[run_id]
        if run.state is not was:
            return False
        self._put(replace(run, state=to, stopped_at=at if to is RunState.STOPPED else None))
        return True

    async def stop(self, run_id: RunId) -> bool:
        run = self.rows[run_id]
        if run.state not in GOING:
            return False
        self._put(replace(run, state=RunState.STOPPING))
        return True

    async def change(self, run: Run, preset: str, config: Mapping[str, str]) -> bool:
        now = self.rows[run.id]
        if now.config_version != run.config_version or now.state not in GOING:
            return False
        changed = {"preset": preset, "config": dict(config), "config_version": run.config_version + 1}
        self._put(replace(now, **changed))  # type: ignore[arg-type]  # fields by name
        return True

    def of_account(self, account: VenueAccountName) -> Sequence[Run]:
        """Return the runs that have begun at an account and not stopped."""
        return [self.rows[run_id] for run_id in self._active[account]]

    def halt(self, account: VenueAccountName) -> None:
        """Halt the runs at work there: the account was taken over."""
        for run in self.of_account(account):
            if run.state is RunState.RUNNING:
                self._put(replace(run, state=RunState.HALTED))

    async def anchor(self, run_id: RunId, at: datetime) -> None:
        run = self.rows[run_id]
        self._put(replace(run, anchored_at=run.anchored_at or at))

    async def end(self, run_id: RunId, base: Decimal, quote: Decimal, seen_since: datetime) -> None:
        self._put(replace(self.rows[run_id], base_end=base, quote_end=quote))

    async def trouble(self, run_ids: Sequence[RunId], reason: str) -> Sequence[Run]:
        changed = [run for run_id in run_ids if (run := self.rows[run_id]).trouble != reason]
        for run in changed:
            self._put(replace(run, trouble=reason))
        return changed

    async def untold_fills(self, account: VenueAccountName, told_before: datetime) -> Sequence[Run]:
        """Return nothing: nobody is told of fills."""
        return []

    def _put(self, run: Run) -> None:
        self.rows[run.id] = run
        active = self._active[run.account]
        if run.state in _WORKED_FOR:
            active.setdefault(run.id, True)
        else:
            active.pop(run.id, None)


class DayFees(FakeFees):
    """Fees by cause, and what runs have paid."""

    def __init__(self, journal: Journal) -> None:
        self.schedule: list[Schedule] = []
        self.noted: Noted[Cause, ServiceFee] = Noted(journal)
        self._of_run: Noted[tuple[str, Coin], Decimal] = Noted(journal)

    async def schedules(self) -> Sequence[Schedule]:
        return self.schedule

    async def note(self, *fees: ServiceFee | None) -> None:
        for fee in fees:
            if fee is None:
                continue
            right = fee_on(fee.kind, abs(fee.basis), rate_of(self.schedule, fee.version, fee.kind))
            if fee.cause in self.noted or fee.amount != right.copy_sign(fee.basis):
                raise InvariantBroken("fee_wrong", cause=fee.cause)
            self.noted[fee.cause] = fee
            if fee.run_id:
                paid = self._of_run.get((fee.run_id, fee.coin), ZERO)
                self._of_run[fee.run_id, fee.coin] = paid + fee.amount

    async def paid_by_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Mapping[Coin, Decimal]]:
        """Return nothing: nobody looks at what they paid."""
        return {}

    async def collected_at(self, account: VenueAccountName, coin: Coin, since: datetime) -> Decimal:
        return sum((paid for (_, of), paid in self._of_run.items() if of == coin), ZERO)

    def charged(self) -> Mapping[tuple[UserId, Coin], Decimal]:
        """Return what each person has paid us, by coin."""
        charged: defaultdict[tuple[UserId, Coin], Decimal] = defaultdict(Decimal)
        for fee in self.noted.values():
            charged[fee.user_id, fee.coin] += fee.amount
        return charged

    def unbooked(self, ledger: DayLedger) -> list[str]:
        """Return where fees that were collected and fees that were noted differ: nothing, ever."""
        collected = {
            cause: sum((p.amount for p in transfer.postings if p.destination.kind is AccountKind.FEES), ZERO)
            for cause, transfer in ledger.transfers.items()
        }
        noted = {cause: fee.amount for cause, fee in self.noted.items()}
        return [str(each) for each in {c: a for c, a in collected.items() if a}.items() ^ noted.items()]


class DayRounds(FakeReconciliations):
    """The newest rounds of each place, and how many found what."""

    def __init__(self, journal: Journal, ledger: DayLedger, treasury: Treasury) -> None:
        super().__init__(cast("Any", SimpleNamespace(rows=ledger)), treasury)
        self._latest: Noted[Scope, Round] = Noted(journal)
        self._seen: Noted[Scope, Round] = Noted(journal)
        self._fine: Noted[Scope, datetime] = Noted(journal)
        self._deep: Noted[Scope, datetime] = Noted(journal)
        self.outcomes: Counter[str] = Counter()

    async def add(self, found: Round) -> None:
        self._latest[found.scope] = found
        self.outcomes[found.outcome] += 1
        if not found.moving:
            self._seen[found.scope] = found
        if found.outcome in FINE:
            self._fine[found.scope] = found.at
        if found.deep:
            self._deep[found.scope] = found.at

    async def last(self, scope: Scope) -> Round | None:
        return self._seen.get(scope)

    async def deep_at(self, scope: Scope) -> datetime | None:
        return self._deep.get(scope)

    async def standings(self) -> Sequence[Standing]:
        return self.standing()

    def standing(self) -> Sequence[Standing]:
        """Return how every place stands."""
        return [Standing(self._latest[scope], self._fine.get(scope)) for scope in sorted(self._latest)]

    async def contradictions(self) -> Sequence[str]:
        """Return nothing: the judge adds up the whole ledger."""
        return []


class DayNotices:
    """What people are told, once per kind and cause: how often each kind."""

    def __init__(self, journal: Journal) -> None:
        self.rows: Noted[tuple[UserId, str, str], Mapping[str, str]] = Noted(journal)

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        assert kind in NOTICES, f"nobody can say {kind}"
        self.rows.setdefault((user_id, kind, cause), params)

    def counted(self) -> Counter[str]:
        """Return how many notices of each kind there are."""
        return Counter(kind for _, kind, _ in self.rows)
