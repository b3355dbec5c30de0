"""Just enough of runs in memory for people to talk about: views of markets, runs, and what they traded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.ids import RunId, UserId, VenueAccountName
from domain.market.capacity import Capacity, Place
from domain.market.model import Level, Pair, TradingRules
from domain.market.runs import ACTIVE, GOING, FillTotals, MarketView, Run, RunKind, RunState
from domain.money import Coin
from domain.ports.runs import AccountState, Halt

ACCOUNT = VenueAccountName("binance-1")

RULES = TradingRules(
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker_fee_bps=Decimal(1),
    taker_fee_bps=Decimal(10),
)


class FakeViews:
    """What a worker would have seen of the markets."""

    def __init__(self) -> None:
        self.rows: list[MarketView] = []
        self.per_second = 0
        self.wanted: dict[tuple[VenueAccountName, Coin], tuple[Decimal, datetime]] = {}

    def see(self, pair: str, mid: str, at: datetime) -> None:
        """Let a worker see a pair at a price."""
        parsed = Pair.parse(pair)
        self.rows = [view for view in self.rows if view.pair != parsed]
        ticks = RULES.ticks_down(Decimal(mid))
        bids, asks = (Level(ticks - 1, 10**9),), (Level(ticks + 1, 10**9),)
        self.rows.append(MarketView(ACCOUNT, parsed, RULES, Decimal(mid), at, bids, asks))

    async def views(self) -> list[MarketView]:
        return list(self.rows)

    async def find(self, name: VenueAccountName) -> AccountState | None:
        return AccountState(name, "binance", opened=True, halted="")

    async def capacity(self, name: VenueAccountName) -> Capacity:
        places = {view.pair: Place.of(view.rules, view.mid) for view in self.rows if view.account == name}
        return Capacity(self.per_second, places)

    async def alone(self, name: VenueAccountName) -> None:
        """Be alone: transactions in memory are, one after the other."""

    async def want(self, name: VenueAccountName, coin: Coin, amount: Decimal, at: datetime) -> None:
        before, _ = self.wanted.get((name, coin), (amount, at))
        self.wanted[name, coin] = max(amount, before), at

    async def wants(self, since: datetime) -> dict[tuple[VenueAccountName, Coin], Decimal]:
        return {where: amount for where, (amount, at) in self.wanted.items() if at >= since}

    async def sent_for(self, name: VenueAccountName, coin: Coin) -> None:
        self.wanted.pop((name, coin), None)


class FakeHalts:
    """Why accounts are halted, oldest first."""

    def __init__(self) -> None:
        self.rows: list[Halt] = []
        self.lifted: set[tuple[VenueAccountName, str]] = set()

    def add(self, account: str, reason: str, at: datetime) -> None:
        self.rows.append(Halt(len(self.rows) + 1, VenueAccountName(account), reason, at))

    async def halt(self, name: VenueAccountName, reason: str) -> bool:
        if (name, reason) in {(row.account, row.reason) for row in self.rows}:
            return False
        self.add(name, reason, datetime(2026, 3, 1, tzinfo=UTC))
        return True

    async def looked_at(self, name: VenueAccountName, reason: str) -> bool:
        return (name, reason) in self.lifted

    async def halts(self) -> list[Halt]:
        return sorted(self.rows, key=lambda halt: halt.account)

    async def lift(self, halts: Sequence[Halt], by: UserId, at: datetime) -> bool:
        if list(halts) != [halt for halt in self.rows if halt.account == halts[0].account]:
            return False
        self.lifted |= {(halt.account, halt.reason) for halt in halts}
        self.rows = [halt for halt in self.rows if halt not in halts]
        return True


class FakeRuns:
    """Runs in order."""

    def __init__(self) -> None:
        self.rows: list[Run] = []

    async def add(self, run: Run) -> Run:
        of_kind = [other for other in self.rows if (other.user_id, other.kind) == (run.user_id, run.kind)]
        self.rows.append(replace(run, number=run.number or len(of_kind) + 1))
        return self.rows[-1]

    async def active(self, account: VenueAccountName) -> Sequence[Run]:
        going = ACTIVE - {RunState.FUNDING}
        return [run for run in self.rows if run.account == account and run.state in going]

    async def find(self, user_id: UserId, number: int) -> Run | None:
        mine = (run for run in self._strategies(user_id) if run.number == number)
        return next(mine, None)

    async def list(self, user_id: UserId) -> Sequence[Run]:
        mine = list(reversed(self._strategies(user_id)))
        return sorted(mine, key=lambda run: run.state not in ACTIVE)

    def _strategies(self, user_id: UserId) -> Sequence[Run]:
        return [run for run in self.rows if (run.user_id, run.kind) == (user_id, RunKind.STRATEGY)]

    async def going(self) -> Sequence[Run]:
        return [run for run in self.rows if run.kind is RunKind.STRATEGY and run.state in GOING]

    async def move(self, run_id: RunId, was: RunState, to: RunState, at: datetime) -> bool:
        for n, run in enumerate(self.rows):
            if (run.id, run.state) == (run_id, was):
                self.rows[n] = replace(run, state=to, stopped_at=at if to is RunState.STOPPED else None)
                return True
        return False

    async def stop(self, run_id: RunId) -> bool:
        for n, run in enumerate(self.rows):
            if run.id == run_id and run.state in GOING:
                self.rows[n] = replace(run, state=RunState.STOPPING)
                return True
        return False

    async def change(self, run: Run, preset: str, config: Mapping[str, str]) -> bool:
        if run not in self.rows or run.state not in GOING:
            return False
        version = run.config_version + 1
        changed = replace(run, preset=preset, config=dict(config), config_version=version)
        self.rows = [changed if other == run else other for other in self.rows]
        return True

    def alter(self, number: int, **facts: Any) -> None:
        """Let a worker change the run of this number."""
        self.rows = [replace(run, **facts) if run.number == number else run for run in self.rows]


class FakeFills:
    """What runs have traded."""

    def __init__(self) -> None:
        self.rows: dict[RunId, FillTotals] = {}
        self.open: dict[RunId, int] = {}

    async def totals(self, run_ids: Sequence[RunId]) -> Mapping[RunId, FillTotals]:
        return {run_id: self.rows[run_id] for run_id in run_ids if run_id in self.rows}

    async def open_orders(self, run_ids: Sequence[RunId]) -> Mapping[RunId, int]:
        return {run_id: self.open[run_id] for run_id in run_ids if run_id in self.open}
