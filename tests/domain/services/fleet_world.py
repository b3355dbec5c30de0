"""Many workers at many accounts with many runs, in memory: real services as tasks that interleave."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from domain.ids import RunId, VenueAccountName
from domain.leases import WALLET, Grip, LeaseTiming, Scope, venue_scope
from domain.ledger.model import AccountKind, Balance, available, venue
from domain.market.model import Pair
from domain.market.news import NOWHERE, Band, News
from domain.market.runs import Run, RunState
from domain.money import ZERO, Coin
from domain.services.execution import ExecutionService
from domain.services.lease_keeping import LeaseKeeper
from domain.services.lease_spreading import Spread
from domain.services.trading_strategy import funding
from domain.strategies.base import show
from domain.strategies.pure_market_making import TIGHT
from tests.domain.services.memory_trading import MemoryWorld
from tests.fakes.exchange import PAIR, FakeExchange, FakeVenue
from tests.fakes.leases import FakeLeases
from tests.fakes.parked import ParkedClock, ParkedMarket

FLOAT = {"BTC": "50", "USDT": "5000000"}
BASE, QUOTE = Decimal("0.02"), Decimal(1000)
TIMING = LeaseTiming()


class Venue(FakeExchange):
    """An exchange whose news one waits for without moving everybody's time."""

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        if not self._venue.news:
            await self._venue.time.sleep(timeout_s)
        news, self._venue.news = self._venue.news, False
        return News(frozenset(pairs if news else ()))


class Process:
    """A worker process: a keeper of leases and a loop for each account."""

    def __init__(self, fleet: "Fleet", name: str) -> None:
        self._fleet, self.name = fleet, name
        clock = fleet.clock
        self.wallet = Grip(WALLET, clock.monotonic)
        self.executions = []
        for account, far in fleet.venues.items():
            grip = Grip(venue_scope(account), clock.monotonic)
            exchange = Venue(far, account, grip.require)
            desk = fleet.world.desk_at(exchange, grip, ParkedMarket(clock))
            self.executions.append(ExecutionService(desk, [PAIR]))
        grips = [self.wallet, *(each.desk.grip for each in self.executions)]
        spread, leases = Spread(clock.monotonic), FakeLeases(fleet.world.leases, name)
        self.keeper = LeaseKeeper(leases, clock, TIMING, grips, spread)
        self._over = False
        self._loops: list[asyncio.Task[None]] = []
        self.said: list[str] = []

    @property
    def held(self) -> set[Scope]:
        """The accounts it acts for."""
        return {each.desk.grip.scope for each in self.executions if each.desk.grip.held}

    def start(self) -> "Process":
        self._loops = [asyncio.create_task(self._trade(each)) for each in self.executions]
        self._loops.append(asyncio.create_task(self._keep()))
        return self

    async def _trade(self, execution: ExecutionService) -> None:
        while not self._over:
            self.said.append(await execution.round())

    async def _keep(self) -> None:
        while not self._over:
            await self.keeper.round()
            await self._fleet.clock.sleep(0.5)

    async def kill(self) -> None:
        """End it wherever it is: in the middle of a transaction, of a request, of anything."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def stop(self) -> None:
        """End it as a deploy does: rounds that have begun are finished, then the leases go back."""
        self._over = True
        await asyncio.gather(*self._loops)
        await self.keeper.give_back()

    def check(self) -> None:
        """Raise what a loop raised."""
        for loop in self._loops:
            if loop.done() and not loop.cancelled():
                loop.result()


class Fleet:
    """Accounts at venues of their own, whose markets move, and the books that all workers share."""

    shares = 1  # how much of what one run has a person deposits for each

    def __init__(self, accounts: int, seed: int = 1) -> None:
        self.clock = ParkedClock()
        self.world = MemoryWorld(seed=seed, time=self.clock)
        self.world.policy = replace(self.world.policy, sends_at_once=8)
        names = [VenueAccountName(f"fake-{n}") for n in range(1, accounts + 1)]
        self.venues = {name: FakeVenue(self.clock, FLOAT) for name in names}  # type: ignore[arg-type]  # a clock
        self.runs: list[Run] = []
        self._dice = random.Random(seed)

    async def begin(self, runs: int) -> None:
        """Give a person coins and start so many runs, evenly over the accounts; workers have opened them."""
        world = self.world
        self.deposited = {Coin("BTC"): BASE * runs * self.shares, Coin("USDT"): QUOTE * runs * self.shares}
        await world.person(**{coin: str(amount) for coin, amount in self.deposited.items()})
        accounts = list(self.venues)
        for n in range(runs):
            run = await world.runs.add(self._run(accounts[n % len(accounts)]))
            await world.ledger.post(funding(run))
            self.runs.append(run)

    def _run(self, account: VenueAccountName) -> Run:
        facts = ("pure_market_making", "", show(TIGHT), 1, RunState.RUNNING, BASE, QUOTE, self.clock.now())
        return Run(RunId(self.world.ids.new_id()), 0, self.world.user, account, PAIR, *facts)

    async def move_markets(self) -> None:
        """Move every market a little each second, and fill part of what it meets."""
        while True:
            await self.clock.sleep(1)
            for far in self.venues.values():
                bid = far.bid + self._dice.randint(-1_500, 1_500)
                far.move(bid, bid + 100, Decimal(self._dice.choice(("0.3", "1"))))

    async def stop_runs(self) -> None:
        for run in self.runs:
            moved = await self.world.runs.move(run.id, RunState.RUNNING, RunState.STOPPING, self.clock.now())
            assert moved, "one that is not at work yet would go on for ever"

    async def stopped(self) -> bool:
        return not [run for run in self.world.runs.rows if run.state is not RunState.STOPPED]

    async def check_ended(self) -> None:
        """Assert that no order was lost or sent twice, and that all that is the person's came back."""
        world = self.world
        assert world.ledger.faults() == []
        assert world.fills.rows.orphans == {}
        booked = {(key[0], key[2]) for key in world.fills.rows.fills}
        assert booked == {(name, f.trade_id) for name, far in self.venues.items() for _, f in far.trades}
        known = {(intent.account, intent.client_order_id) for intent in world.orders.rows.values()}
        results = dict.fromkeys((Coin("BTC"), Coin("USDT")), ZERO)
        for name, far in self.venues.items():
            assert far.resting() == []
            assert len(far.sent) == len(set(far.sent)), "an order was sent twice"
            assert {(name, sent) for sent in far.sent} <= known, "an order that nobody knows"
            assert await world.orders.unsettled(name) == []
            for coin in results:
                assert (await world.ledger.balance(venue(name, coin))).total == far.total[coin]
                results[coin] += far.total[coin] - Decimal(FLOAT[coin])
        for coin, amount in self.deposited.items():
            has = await world.ledger.balance(available(world.user, coin))
            assert has == Balance(amount + results[coin], ZERO)
        for run in self.runs:
            left = await world.ledger.balances(AccountKind.RUN, run.id)
            assert all(balance == Balance(ZERO, ZERO) for balance in left.values())
