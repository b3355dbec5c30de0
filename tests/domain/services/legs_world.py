"""A run with two accounts, in memory or on Postgres: one worker asks, the other sends."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.leases import Grip, venue_scope
from domain.ledger.model import AccountKind, Balance, available, venue
from domain.market.model import Quote, Side
from domain.market.orders import AskedOrder
from domain.market.runs import Run, RunKind
from domain.money import ZERO, Coin
from domain.services.legs import Asking
from domain.services.order_sending import Wanted
from domain.services.trading_strategy import funding
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import FLOAT, Worker, World, unwrapped
from tests.fakes.exchange import RULES, FakeExchange, FakeVenue
from tests.fakes.time import FakeMarketTime

ONE, TWO = VenueAccountName("fake-1"), VenueAccountName("fake-2")
HAS = {Coin("BTC"): Decimal("0.05"), Coin("USDT"): Decimal(3000)}
HIGH, LOW = 6_050_000, 5_990_000  # ticks of a sell that rests, and of one that takes what is there


class Two:
    """A leader at the first account, its leg at the second, and workers at both."""

    def __init__(self, world: Any, venues: dict[VenueAccountName, FakeVenue]) -> None:
        self.world, self.venues = world, venues
        self.store, self.time, self.runs, self.ledger = world.store, world.time, world.runs, world.ledger

    @classmethod
    def in_memory(cls, **policy: Any) -> "Two":
        world = MemoryWorld()
        world.policy = replace(world.policy, **policy)
        return cls(world, {ONE: world.venue, TWO: FakeVenue(world.time, FLOAT)})

    @classmethod
    def on_postgres(cls, store: PostgresStore) -> "Two":
        world = World(store)
        return cls(world, {ONE: world.venue, TWO: FakeVenue(world.time, FLOAT)})

    def worker(self, account: VenueAccountName, wrap: Callable[[Any], Any] = unwrapped) -> Worker:
        """Start a worker process that holds one of the accounts."""
        world: Any = self.world
        grip = Grip(venue_scope(account), self.time.monotonic)
        exchange = wrap(FakeExchange(self.venues[account], account, grip.require))
        if isinstance(world, MemoryWorld):
            return world.put_to_work(world.desk_at(exchange, grip, FakeMarketTime(self.time), wrap))
        desk = replace(world.worker(wrap).desk, exchange=exchange, grip=grip)
        return world.put_to_work(desk)  # type: ignore[no-any-return]

    async def begin(self) -> tuple[Worker, Worker]:
        """Open both accounts, start a run at the first, and give it its leg at the second."""
        await self.world.person(**{coin: str(amount) for coin, amount in HAS.items()})
        first, second = self.worker(ONE), self.worker(TWO)
        for worker in (first, second):
            await self.world.rounds(worker, 2)
        self.leader: Run = await self.world.start("0.02", "1000")
        assert self.leader.account == ONE
        new = RunId(self.world.ids.new_id())
        leg = replace(self.leader, id=new, account=TWO, kind=RunKind.LEG, leader=self.leader.id)
        async with self.store.transaction():
            self.leg: Run = await self.runs.add(leg)
            await self.ledger.post(funding(self.leg))
        return first, second

    async def ask(self, worker: Worker, ticks: int = HIGH, lots: int = 100) -> AskedOrder:
        """Have the leader's worker ask for an order of the leg: a sell that rests, or takes at once."""
        quote = Quote(Side.SELL, ticks, lots)
        wanted = Wanted(self.leg, RULES, quote, post_only=ticks == HIGH, immediate=ticks == LOW)
        assert worker.desk.asked is not None
        [asked] = await Asking(worker.desk, worker.desk.asked).ask([wanted])
        return asked

    async def stop(self, *workers: Worker) -> None:
        """Stop the run at its person's word, until both accounts are at rest."""
        await self.world.desk_of_people.stop(self.world.user, self.leader.number)
        for _ in range(200):
            said = [await worker.round() for worker in workers]
            if not [*await self.runs.active(ONE), *await self.runs.active(TWO)]:
                return
        raise AssertionError(f"still not stopped: {said}")

    async def check_ended(self) -> None:
        """Assert that nothing was sent twice or is left behind, and that all came back to the person."""
        faults: Any = self.ledger.faults()
        assert (faults if isinstance(self.world, MemoryWorld) else await faults) == []
        results = dict.fromkeys(HAS, ZERO)
        for name, far in self.venues.items():
            assert far.resting() == []
            assert len(far.sent) == len(set(far.sent)), "an order was sent twice"
            assert await self.world.orders.unsettled(name) == []
            for coin in results:
                assert (await self.ledger.balance(venue(name, coin))).total == far.total[coin]
                results[coin] += far.total[coin] - Decimal(FLOAT[coin])
        for coin, amount in HAS.items():
            has = await self.ledger.balance(available(self.world.user, coin))
            assert has == Balance(amount + results[coin], ZERO)
        for run in (self.leader, self.leg):
            left = await self.ledger.balances(AccountKind.RUN, run.id)
            assert all(balance == Balance(ZERO, ZERO) for balance in left.values())
