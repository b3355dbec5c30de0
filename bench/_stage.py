"""Many runs on one account: our real code on a real Postgres, a venue that answers at once, and no socket."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count

from adapters.build import build_name, schema_version
from adapters.clock import SystemClock, WallMarketClock
from adapters.db.chat import PostgresOutbox
from adapters.db.conversions import PostgresConversions
from adapters.db.fees import PostgresFees
from adapters.db.fills import PostgresFills
from adapters.db.leases import Claimant, PostgresFence, PostgresLeases
from adapters.db.ledger import PostgresLedger
from adapters.db.order_writing import PostgresOrderWriting
from adapters.db.orders import PostgresOrders
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from domain.errors import Refused
from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.ledger.model import Cause, Posting, Transfer, available, mixin
from domain.ledger.model import run as run_account
from domain.market.limits import LimitKeeper, Limits
from domain.market.model import Book, Level, Pair, TradingRules
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import Fill, LimitOrder, OrderState, VenueOrder
from domain.market.runs import Run, RunState
from domain.money import Coin, Token
from domain.services.desk import Desk, ExecutionPolicy
from domain.services.execution import ExecutionService
from domain.services.lease_keeping import LeaseKeeper
from domain.strategies.base import show
from domain.strategies.pure_market_making import BALANCED
from tests.fakes.one_at_a_time import OneAtATime

ACCOUNT = VenueAccountName("bench-1")
USDT = Coin("USDT")
RULES = TradingRules(
    *(Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001")), Decimal(5), Decimal(2), Decimal(5), 10_000
)
MID = 6_000_000  # ticks
RUNS_OF_ONE = 10
_NO_LIMITS = Limits(10**9, 10**9, Decimal(10) ** 9, Decimal(10) ** 15, 10**6)
_STEP = MID * 8 // 10_000  # 8 bps: beyond the tolerance of every preset
_DEEP = 20


def pair(number: int) -> Pair:
    """Return the pair of a number."""
    return Pair(Coin(f"C{number:04}"), USDT)


@cache
def levels(middle: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return twenty bids and twenty asks around a price."""
    bids = tuple(Level(middle - 50 - n, 100_000) for n in range(_DEEP))
    return bids, tuple(Level(middle + 50 + n, 100_000) for n in range(_DEEP))


@dataclass(slots=True)
class Heard:
    """One market event: when its book came, and when the requests that follow from it left (seconds)."""

    came_s: float
    cancels: list[float] = field(default_factory=list)
    places: list[float] = field(default_factory=list)


class LocalVenue(OneAtATime):
    """The ``Exchange`` port without a far side; each request notes when it would have reached its socket."""

    account = ACCOUNT

    def __init__(self, grip: Grip) -> None:
        self._grip = grip
        self._limits = LimitKeeper(_NO_LIMITS)
        self._middles: dict[Pair, int] = {}
        self._orders: dict[str, VenueOrder] = {}
        self._numbers = count(1)
        self._bell = asyncio.Event()
        self._bands: Mapping[Pair, Band] = NOWHERE
        self._moved: dict[Pair, float] = {}
        self.events: dict[Pair, Heard] = {}
        self.float: dict[Coin, Decimal] = {}

    def offer(self, pairs: int) -> None:
        """Trade so many pairs from now on."""
        for number in range(len(self._middles), pairs):
            self._middles[pair(number)] = MID
            self.float[pair(number).base] = Decimal(10**6)
        self.float[USDT] = Decimal(10**12)

    def move(self, number: int) -> Heard:
        """Move a market beyond the tolerance of its runs, to and fro; return what will follow."""
        of = pair(number)
        self._middles[of] = MID if self._middles[of] != MID else MID + _STEP
        heard = self.events[of] = Heard(time.perf_counter())
        if of in self._bands and not self._bands[of].holds(mid := self._mid(of)):
            self._moved[of] = mid
            self._bell.set()
        return heard

    async def time(self) -> datetime:
        return datetime.now(UTC)

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        self._limits.recall([(time.monotonic(), notional) for _, notional in sent])

    async def rules(self, of: Pair) -> TradingRules:
        return RULES

    async def book(self, of: Pair, depth: int = 20) -> Book:
        return Book(of, *levels(self._middles[of]), datetime.now(UTC))

    async def balances(self) -> dict[Coin, Decimal]:
        return self.float

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        self._grip.require()
        if datetime.now(UTC) > not_after:
            raise Refused("order_too_late")
        self._limits.admit(order, RULES.tick * self._middles[order.pair], time.monotonic())
        if heard := self.events.get(order.pair):
            heard.places.append(time.perf_counter())
        word = VenueOrder(
            *(order.client_order_id, str(next(self._numbers)), order.pair, order.side),
            *(order.price, order.quantity, Decimal(0), OrderState.OPEN),
        )
        self._orders[order.client_order_id] = word
        return word

    async def cancel(self, of: Pair, client_order_id: str) -> VenueOrder | None:
        if heard := self.events.get(of):
            heard.cancels.append(time.perf_counter())
        word = self._orders.pop(client_order_id, None)
        return word and VenueOrder(
            *(word.client_order_id, word.order_id, word.pair, word.side, word.price, word.quantity),
            *(word.filled, OrderState.CANCELLED),
        )

    async def find_order(self, of: Pair, client_order_id: str) -> VenueOrder | None:
        return self._orders.get(client_order_id)

    async def open_orders(self, of: Pair) -> list[VenueOrder]:
        return [order for order in self._orders.values() if order.pair == of]

    async def fills_since(self, of: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        return []

    @property
    def tells(self) -> bool:
        return True

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        self._bands = bands
        self._moved = {of: mid for of in bands if not bands[of].holds(mid := self._mid(of))}
        if timeout_s > 0 and not self._moved:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._bell.wait()
        self._bell.clear()
        moved, self._bands = self._moved, NOWHERE
        return News(moved=moved)

    def _mid(self, of: Pair) -> float:
        return float(RULES.tick) * self._middles[of]

    async def close(self) -> None:
        """Let go of nothing."""


@dataclass
class Stage:
    """One worker at one account, with as many runs as were asked for."""

    store: PostgresStore
    venue: LocalVenue = field(init=False)
    execution: ExecutionService = field(init=False)
    keeper: LeaseKeeper = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        store, clock = self.store, SystemClock()
        grip = Grip(venue_scope(ACCOUNT), clock.monotonic)
        self.venue = LocalVenue(grip)
        self.ledger = PostgresLedger(store)
        self.desk = Desk(
            exchange=self.venue,
            venue="local",
            store=store,
            ledger=self.ledger,
            clock=clock,
            market=WallMarketClock(),
            ids=RandomIds(),
            notices=PostgresOutbox(store),
            accounts=PostgresVenueAccounts(store),
            runs=PostgresRuns(store),
            orders=PostgresOrders(store),
            writing=PostgresOrderWriting(store),
            fills=PostgresFills(store),
            fees=PostgresFees(store),
            conversions=PostgresConversions(store),
            policy=ExecutionPolicy(),
            fence=PostgresFence(store),
            grip=grip,
            roles=None,  # type: ignore[arg-type]  # nothing here goes wrong enough to be told
        )
        leases = PostgresLeases(store, Claimant("bench", build_name(), schema_version()))
        self.keeper = LeaseKeeper(leases, clock, LeaseTiming(ttl_s=300, renew_s=60), [grip])

    async def open(self, pairs: int) -> None:
        """Take the account, and book what lies there."""
        self.venue.offer(pairs)
        self.execution = ExecutionService(self.desk, [pair(n) for n in range(pairs)])
        await self.keeper.round()
        await self.execution.round()

    async def add_runs(self, many: int, pairs: int) -> None:
        """Start so many runs, spread over the pairs and over the seconds of a refresh."""
        begin, now = self.count, datetime.now(UTC)
        new = [_run(number, number % pairs, now) for number in range(begin, begin + many)]
        for user in sorted({run.user_id for run in new}):
            await self.store.execute("INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user)
        self.count += many
        for start in range(0, many, 100):
            some = new[start : start + 100]
            await self.ledger.post_all([_deposit(run) for run in some])
            for run in some:
                await self.desk.runs.add(run)
                spread = timedelta(seconds=BALANCED.refresh_s * (int(run.id[4:]) % 97) / 97)
                await self.desk.runs.anchor(run.id, now + spread)
            await self.ledger.post_all([_funding(run) for run in some])
        await self.execution.fills.begin([pair(n) for n in range(pairs)])


def _run(number: int, on: int, now: datetime) -> Run:
    user = UserId(f"00000000-0000-4000-8000-{number // RUNS_OF_ONE:012}")
    return Run(
        id=RunId(f"run-{number:06}"),
        number=0,
        user_id=user,
        account=ACCOUNT,
        pair=pair(on),
        strategy="pure_market_making",
        preset="balanced",
        config=show(BALANCED),
        config_version=1,
        state=RunState.RUNNING,
        base_start=Decimal("0.02"),
        quote_start=Decimal(1000),
        started_at=now,
    )


def _token(coin: Coin) -> Token:
    return Token(AssetId(f"token-{coin}"), coin, "Network")


def _deposit(run: Run) -> Transfer:
    coins = ((run.pair.base, run.base_start), (run.pair.quote, run.quote_start))
    into = [Posting(mixin(_token(c)), available(run.user_id, c), amount) for c, amount in coins]
    return Transfer(Cause("deposit", run.id), tuple(into))


def _funding(run: Run) -> Transfer:
    coins = ((run.pair.base, run.base_start), (run.pair.quote, run.quote_start))
    into = [
        Posting(available(run.user_id, c), run_account(run.id, run.account, c), amount) for c, amount in coins
    ]
    return Transfer(Cause("run_start", run.id), tuple(into))
