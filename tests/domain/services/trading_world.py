"""Everything trading needs, on a real Postgres, with a venue in memory and time that we move."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.build import build_name, schema_version
from adapters.db.asked_orders import PostgresAskedOrders
from adapters.db.chat import PostgresOutbox
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.conversions import PostgresConversions
from adapters.db.fees import PostgresFees
from adapters.db.fills import PostgresFills
from adapters.db.freezes import PostgresFreezes
from adapters.db.leases import Claimant, PostgresFence, PostgresLeases
from adapters.db.ledger import PostgresLedger
from adapters.db.order_writing import PostgresOrderWriting
from adapters.db.orders import PostgresOrders
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.recoveries import PostgresRecoveries
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from domain.fees import Schedule
from domain.health.recovery import Automatic
from domain.ids import AssetId, UserId, VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.ledger.model import (
    AccountKind,
    Balance,
    Cause,
    Posting,
    Transfer,
    available,
    mixin,
    venue,
)
from domain.market.runs import Run
from domain.money import ZERO, Coin, Token
from domain.ports.recoveries import Recovering
from domain.services.admission import Admission
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.conversions import ConversionService
from domain.services.desk import Desk, ExecutionPolicy
from domain.services.execution import ExecutionService
from domain.services.lease_keeping import LeaseKeeper
from domain.services.reckoning import Reckoning
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.run_preview import NewRun
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.trading_strategy import TradingStrategyService
from tests.fakes.exchange import PAIR, FakeExchange, FakeVenue
from tests.fakes.money import FakeConfirmations
from tests.fakes.reconciliation import FakeTransfersOnTheWay
from tests.fakes.roles import owned_by
from tests.fakes.time import FakeMarketTime, FakeTime

ALICE = UserId("00000000-0000-4000-8000-0000000000a1")
OWNER = UserId("00000000-0000-4000-8000-00000000face")
BTC, USDT, BNB = Coin("BTC"), Coin("USDT"), Coin("BNB")
TOKENS = {
    BTC: Token(AssetId("c6d0c728-2624-429b-8e0d-d9d19b6592fa"), BTC, "Bitcoin"),
    USDT: Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), USDT, "Ethereum"),
}
FLOAT = {"BTC": "5", "USDT": "500000"}
QUICK = ExecutionPolicy(
    venue_expiry_s=1,
    unknown_lookup_window_s=5,
    sweep_interval_s=2,
    reconcile_interval_s=20,
    sweep_overlap_s=60,
    orphan_window_s=10,
    stop_settle_s=1,
    sends_at_once=1,
)

LEASES = LeaseTiming(ttl_s=300, renew_s=100)
"""By the database's clock, which runs on while ours is moved by hand."""

Wrap = Callable[[Any], Any]


class Worker(ExecutionService):
    """A worker process of one loop, which looks after its lease before each round."""

    keeper: LeaseKeeper

    async def round(self) -> str:
        await self.keeper.round()
        return await super().round()


def unwrapped(port: Any) -> Any:
    return port


@dataclass
class World:
    """One venue account, one person, and as many worker processes as a test cares to start."""

    store: PostgresStore
    account: str = "fake-1"
    user: UserId = ALICE
    policy: ExecutionPolicy = QUICK
    time: FakeTime = field(default_factory=FakeTime)
    venue: FakeVenue = field(init=False)
    seed: int = 1
    reconciles: bool = False
    """Whether workers compare the account with the books, and trade only when they agree."""
    fee_bps: int = 0
    """What we charge of fills, where the database has no schedule yet."""

    def __post_init__(self) -> None:
        self.venue = FakeVenue(self.time, FLOAT)
        self.ledger = PostgresLedger(self.store)
        self.accounts = PostgresVenueAccounts(self.store)
        self.runs = PostgresRuns(self.store)
        self.orders = PostgresOrders(self.store)
        self.fills = PostgresFills(self.store)
        self.asked = PostgresAskedOrders(self.store)
        self.fees = PostgresFees(self.store)
        self.conversions = PostgresConversions(self.store)
        self.outbox = PostgresOutbox(self.store)
        self.rounds_store = PostgresReconciliations(self.store)
        self.on_the_way = FakeTransfersOnTheWay()
        bits = random.Random(f"{self.account} {self.seed}")
        self.ids = RandomIds(bits.getrandbits, lambda: int(self.time.now().timestamp() * 1000))
        self.freezes = PostgresFreezes(self.store)
        admission = Admission(self.freezes)
        self.desk_of_people = TradingStrategyService(
            self.store,
            self.ledger,
            self.time,
            self.ids,
            self.outbox,
            self.accounts,
            self.runs,
            self.fills,
            ConfirmationService(self.store, FakeConfirmations(), self.time, self.ids),
            self.fees,
            admission,
        )

        confirming = ConfirmationService(self.store, PostgresConfirmations(self.store), self.time, self.ids)
        self.people = ConversionService(
            *(self.store, self.ledger, self.time, self.ids, self.outbox, self.accounts, self.runs),
            *(self.conversions, confirming, self.fees, admission),
        )
        self.changes = RunChangeService(self.store, self.runs, self.accounts, self.outbox, confirming)
        self.pauses = RunPauseService(
            *(self.store, self.runs, self.outbox, self.time, admission),
            CapacityService(self.accounts, self.runs),
        )

    async def person(self, **coins: str) -> None:
        """Let the person exist and deposit coins, where something is charged for fills or nothing."""
        if self.fee_bps:
            await self.fees.begin(Schedule(1, 0, 0, self.fee_bps, self.time.now(), "settings"))
        await self.store.execute("INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING", self.user)
        for coin, amount in coins.items():
            source, account = mixin(TOKENS[Coin(coin)]), available(self.user, Coin(coin))
            cause = Cause("deposit", f"{self.user} {coin}")
            await self.ledger.post(Transfer(cause, (Posting(source, account, Decimal(amount)),)))

    def worker(self, wrap: Wrap = unwrapped, name: str = "worker") -> Worker:
        """Start a worker process; ``wrap`` may put something between it and its ports.

        Two of one name take the lease from each other at any time; of two names, one waits for the other.
        """
        grip = Grip(venue_scope(VenueAccountName(self.account)), self.time.monotonic)
        desk = Desk(
            exchange=wrap(FakeExchange(self.venue, self.account, grip.require)),
            venue="fake",
            store=wrap(self.store),
            ledger=self.ledger,
            clock=self.time,
            market=FakeMarketTime(self.time),
            ids=self.ids,
            notices=self.outbox,
            accounts=self.accounts,
            runs=self.runs,
            orders=self.orders,
            writing=PostgresOrderWriting(wrap(self.store)),
            fills=self.fills,
            fees=self.fees,
            conversions=self.conversions,
            policy=self.policy,
            fence=PostgresFence(self.store),
            grip=grip,
            asked=self.asked,
            admission=Admission(self.freezes),
            roles=owned_by(OWNER),
            reckoning=self.reckoning() if self.reconciles else None,
            recovering=Recovering(Automatic(), PostgresRecoveries(self.store)),
        )
        return self.put_to_work(desk, name)

    def reckoning(self) -> Reckoning:
        """Return what keeps rounds of comparing."""
        approved = Tokens([ApprovedToken(token, Decimal(1)) for token in TOKENS.values()])
        return Reckoning(
            *(self.rounds_store, PostgresFreezes(self.store), self.accounts, self.outbox, owned_by(OWNER)),
            *(self.time, approved, self.on_the_way),
        )

    def put_to_work(self, desk: Desk, name: str = "worker") -> Worker:
        """Start a worker process at a desk."""
        worker = Worker(desk, [PAIR])
        leases = PostgresLeases(self.store, Claimant(name, build_name(), schema_version()))
        worker.keeper = LeaseKeeper(leases, desk.clock, LEASES, [desk.grip])
        return worker

    async def start(
        self, base: str = "0.02", quote: str = "1000", preset: str = "balanced", **answers: str
    ) -> Run:
        """Start a run as the chat does, from a preset or from answers."""
        request = NewRun(
            PAIR, Decimal(base), Decimal(quote), preset="" if answers else preset, answers=answers
        )
        request = (await self.desk_of_people.preview(self.user, request)).request
        token = await self.desk_of_people.confirm(self.user, request)
        return await self.desk_of_people.start(request, self.user, token)

    async def rounds(self, worker: ExecutionService, count: int) -> list[str]:
        return [await worker.round() for _ in range(count)]

    async def until_stopped(self, worker: ExecutionService, most: int = 200) -> list[str]:
        """Do rounds until the account has nothing more to do."""
        said = []
        for _ in range(most):
            said.append(await worker.round())
            if not await self.runs.active(VenueAccountName(self.account)):
                return said
        raise AssertionError(f"still not stopped: {said[-3:]}")

    async def notices(self, user: UserId | None = None) -> list[str]:
        """Return the kinds of notices for the person (or another one), in order."""
        sql = "SELECT kind FROM outbox WHERE user_id = $1 ORDER BY seq"
        return [row["kind"] for row in await self.store.fetch(sql, user or self.user)]

    async def check_books(self) -> None:
        """Assert that ledger, holds and fills are what the venue says, exactly."""
        for coin, total in self.venue.total.items():
            booked = (await self.ledger.balance(venue(VenueAccountName(self.account), coin))).total
            assert booked == total, f"{coin}: booked {booked}, the venue has {total}"
        stands = "SELECT trade_id FROM fills_now WHERE account = $1 AND NOT busted"
        ids = [row["trade_id"] for row in await self._mine(stands)]
        assert sorted(ids) == sorted(fill.trade_id for _, fill in self.venue.trades)
        assert len(self.venue.sent) == len(set(self.venue.sent)), "an order was sent twice"
        assert await self.ledger.faults() == []
        assert await PostgresFees(self.store).faults() == []

    async def check_ended(self, deposited: dict[Coin, str]) -> None:
        """Assert that a finished run left nothing behind and gave back all that is the person's."""
        await self.check_books()
        assert self.venue.resting() == []
        assert await self.orders.unsettled(VenueAccountName(self.account)) == []
        assert await self._mine("SELECT FROM orphan_trades WHERE account = $1") == []
        for coin, amount in deposited.items():
            balance = await self.ledger.balance(available(self.user, coin))
            result = self.venue.total[coin] - Decimal(FLOAT[coin]) - await self.paid(coin)
            assert balance == Balance(Decimal(amount) + result, ZERO), f"{coin} {balance} {result}"
        for row in await self._mine("SELECT id FROM runs WHERE account = $1"):
            left = await self.ledger.balances(AccountKind.RUN, row["id"])
            assert all(balance == Balance(ZERO, ZERO) for balance in left.values())

    async def paid(self, coin: Coin) -> Decimal:
        """Return what the runs of this account have paid us in a coin."""
        runs = [row["id"] for row in await self._mine("SELECT id FROM runs WHERE account = $1")]
        return sum((each.get(coin, ZERO) for each in (await self.fees.paid_by_runs(runs)).values()), ZERO)

    async def close_account(self) -> None:
        """Let later worlds in the same database offer the same pair."""
        await self.accounts.halt(VenueAccountName(self.account), "closed")

    async def _mine(self, sql: str) -> list[dict[str, Any]]:
        return await self.store.fetch(sql, self.account)
