"""Everything conversions need, in memory: the world of ``trading_world`` without Postgres, and fast."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from adapters.ids import RandomIds
from domain.fees import Schedule
from domain.health.recovery import Automatic, Choice
from domain.ids import UserId, VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.ledger.model import AccountKind, Balance, Cause, Posting, Transfer, available, mixin, venue
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.ports.recoveries import Recovering
from domain.services.admission import Admission
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.conversions import ConversionService
from domain.services.desk import Desk
from domain.services.lease_keeping import LeaseKeeper
from domain.services.run_pauses import RunPauseService
from domain.services.run_preview import NewRun
from domain.services.trading_strategy import TradingStrategyService
from tests.domain.services.trading_world import ALICE, FLOAT, OWNER, QUICK, TOKENS, Worker, unwrapped
from tests.fakes.chat import FakeTransactions
from tests.fakes.conversions import FakeConversions
from tests.fakes.exchange import PAIR, FakeExchange, FakeVenue
from tests.fakes.fees import FakeFees
from tests.fakes.leases import FakeLeases, FakeLeaseTable
from tests.fakes.ledger import FakeLedger
from tests.fakes.money import FakeConfirmations, FakeFreezes
from tests.fakes.order_writing import MemoryOrderWriting
from tests.fakes.recoveries import FakeRecoveries
from tests.fakes.roles import owned_by
from tests.fakes.time import FakeMarketTime, FakeTime
from tests.fakes.trading import (
    MemoryAccounts,
    MemoryAskedOrders,
    MemoryFence,
    MemoryFills,
    MemoryNotices,
    MemoryOrders,
    MemoryRuns,
)


class MemoryWorld:
    """One venue account, one person, and as many worker processes as a test cares to start."""

    def __init__(self, seed: int = 1, fee_bps: int = 0, time: Any = None) -> None:
        self.policy = replace(QUICK, conversion_patience_s=5)
        self.user, self.account, self.time = ALICE, "fake-1", time or FakeTime()
        self.venue = FakeVenue(self.time, FLOAT)
        self.leases = FakeLeaseTable(self.time)
        self.ledger, self.outbox, self.fees = FakeLedger(), MemoryNotices(), FakeFees()
        self.accounts, self.runs, self.fills = MemoryAccounts(), MemoryRuns(), MemoryFills()
        self.conversions, self.confirmations = FakeConversions(), FakeConfirmations()
        self.recoveries = FakeRecoveries()
        self.choice: Choice = Automatic()
        self.orders = MemoryOrders(self.runs, self.accounts, self.conversions, self.leases)
        self.asked = MemoryAskedOrders(self.runs, self.orders, self.leases)
        self.store = FakeTransactions(
            *(self.ledger, self.outbox, self.fees, self.accounts, self.runs, self.fills),
            *(self.conversions, self.confirmations, self.orders, self.asked, self.recoveries),
        )
        bits = random.Random(f"memory {seed}")
        self.ids = RandomIds(bits.getrandbits, lambda: int(self.time.now().timestamp() * 1000))
        self.fees.rows.schedules.append(Schedule(1, 0, 0, fee_bps, self.time.now(), "settings"))
        self.fee_bps = fee_bps
        shared = (self.store, self.ledger, self.time, self.ids, self.outbox, self.accounts, self.runs)
        confirming = ConfirmationService(self.store, self.confirmations, self.time, self.ids)
        self.freezes = FakeFreezes()
        self.store.tables.append(self.freezes)
        admission = Admission(self.freezes)
        known: Any = (*shared, self.conversions, confirming, self.fees, admission)
        self.people = ConversionService(*known)
        known = (*shared, self.fills, confirming, self.fees, admission)
        self.desk_of_people = TradingStrategyService(*known)
        self.pauses = RunPauseService(
            *(self.store, self.runs, self.outbox, self.time, admission),
            CapacityService(cast("Any", self.accounts), self.runs),
        )

    async def person(self, **coins: str) -> None:
        """Let the person deposit coins."""
        for coin, amount in coins.items():
            posting = Posting(mixin(TOKENS[Coin(coin)]), available(self.user, Coin(coin)), Decimal(amount))
            await self.ledger.post(Transfer(Cause("deposit", f"{self.user} {coin}"), (posting,)))

    def worker(self, wrap: Callable[[Any], Any] = unwrapped) -> Worker:
        """Start a worker process; ``wrap`` may put something between it and its ports."""
        grip = Grip(venue_scope(VenueAccountName(self.account)), self.time.monotonic)
        exchange = FakeExchange(self.venue, self.account, grip.require)
        return self.put_to_work(self.desk_at(wrap(exchange), grip, FakeMarketTime(self.time), wrap))

    def put_to_work(self, desk: Desk) -> Worker:
        """Start a worker process at a desk."""
        worker = Worker(desk, [PAIR])
        timing = LeaseTiming(ttl_s=300, renew_s=100)
        worker.keeper = LeaseKeeper(FakeLeases(self.leases, "worker"), self.time, timing, [desk.grip])
        return worker

    def desk_at(self, exchange: Any, grip: Grip, market: Any, wrap: Callable[[Any], Any] = unwrapped) -> Desk:
        """Return a place at an account, over the stores that all share."""
        fence = MemoryFence(self.leases)
        return Desk(
            exchange=exchange,
            venue="fake",
            store=wrap(self.store),
            ledger=self.ledger,
            clock=self.time,
            market=market,
            ids=self.ids,
            notices=self.outbox,
            accounts=cast("Any", self.accounts),
            runs=self.runs,
            orders=self.orders,
            writing=MemoryOrderWriting(wrap(self.store), fence, self.orders, self.ledger),
            fills=cast("Any", self.fills),
            fees=self.fees,
            conversions=self.conversions,
            policy=self.policy,
            fence=fence,
            grip=grip,
            asked=self.asked,
            admission=Admission(self.freezes),
            roles=owned_by(OWNER),
            recovering=Recovering(self.choice, self.recoveries),
        )

    async def start(self, base: str, quote: str) -> Run:
        """Start a run by a preset."""
        request = (
            await self.desk_of_people.preview(self.user, NewRun(PAIR, Decimal(base), Decimal(quote)))
        ).request
        token = await self.desk_of_people.confirm(self.user, request)
        return await self.desk_of_people.start(request, self.user, token)

    async def rounds(self, worker: Worker, count: int) -> list[str]:
        return [await worker.round() for _ in range(count)]

    async def until_stopped(self, worker: Worker, most: int = 200) -> None:
        """Do rounds until the account has nothing more to do."""
        for _ in range(most):
            said = await worker.round()
            if not await self.runs.active(VenueAccountName(self.account)):
                return
        raise AssertionError(f"still not stopped: {said}")

    async def check_ended(self, deposited: dict[Coin, str]) -> None:
        """Assert that nothing is left behind, and that all that is the person's came back."""
        assert self.ledger.faults() == []
        assert self.fees.faults(self.ledger) == []
        assert self.venue.resting() == []
        assert await self.orders.unsettled(VenueAccountName(self.account)) == []
        assert self.fills.rows.orphans == {}
        assert len(self.venue.sent) == len(set(self.venue.sent)), "an order was sent twice"
        assert {key[2] for key in self.fills.rows.fills} == {f.trade_id for _, f in self.venue.trades}
        paid = await self.fees.paid_by_runs([run.id for run in self.runs.rows])
        for coin, amount in deposited.items():
            there = (await self.ledger.balance(venue(VenueAccountName(self.account), coin))).total
            assert there == self.venue.total[coin]
            ours = sum((each.get(coin, ZERO) for each in paid.values()), ZERO)
            result = there - Decimal(FLOAT[coin]) - ours
            has = await self.ledger.balance(available(UserId(self.user), coin))
            assert has == Balance(Decimal(amount) + result, ZERO)
        for run in self.runs.rows:
            left = await self.ledger.balances(AccountKind.RUN, run.id)
            assert all(balance == Balance(ZERO, ZERO) for balance in left.values())
