"""What outlives every process of the day: books, leases, Mixin, six venues; and how processes are made."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from adapters.ids import RandomIds
from domain.fees import Schedule
from domain.health.recovery import Automatic
from domain.ids import AssetId, UserId, VenueAccountName
from domain.leases import WALLET, Grip, LeaseTiming, venue_scope
from domain.market.model import Pair
from domain.money import Coin, Token
from domain.ports.recoveries import Recovering
from domain.roles import Role
from domain.services.admission import Admission
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.deposits import DepositService
from domain.services.desk import Desk, ExecutionPolicy
from domain.services.execution import ExecutionService
from domain.services.fencing import FencedStore
from domain.services.incoming import Known
from domain.services.lease_keeping import LeaseKeeper
from domain.services.lease_spreading import Spread
from domain.services.payouts import PayoutService
from domain.services.reckoning import Reckoning
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.trading_strategy import TradingStrategyService
from domain.services.user_balance import UserBalanceService
from domain.services.wallet_comparing import WalletComparing
from domain.services.withdrawals import WithdrawalService
from tests.fakes.conversions import FakeConversions
from tests.fakes.leases import FakeLeases, FakeLeaseTable
from tests.fakes.money import FakeConfirmations, FakeFreezes, FakeUsers
from tests.fakes.order_writing import MemoryOrderWriting
from tests.fakes.reconciliation import FakeTransfersOnTheWay
from tests.fakes.roles import FakeAudit, FakeRoles
from tests.fakes.trading import MemoryFence
from tests.fakes.treasury import FakeDeposits, FakePayouts, Treasury
from tests.fakes.wallet import BOT, FakeWallet
from tests.simulation.day.accounts import DayAccounts, DayFees, DayNotices, DayRounds, DayRuns
from tests.simulation.day.angel import DayAngelStore, angel
from tests.simulation.day.ledger import DayLedger
from tests.simulation.day.orders import DayFills, DayOrders
from tests.simulation.day.process import (
    START,
    DayClock,
    DayMarketClock,
    DayStore,
    DayWallet,
    Door,
    Process,
    Reached,
    Weather,
)
from tests.simulation.day.recoveries import DayRecoveries
from tests.simulation.day.tables import DayTransactions, Journal
from tests.simulation.day.venue import PERSONALITIES, DayExchange, DayVenue
from workers import deposits as deposit_loop
from workers import payouts as payout_loop
from workers import reconcile as reconcile_loop
from workers.payouts import PayoutWorker

OWNER = UserId("00000000-0000-4000-8000-00000000face")
USDT = Coin("USDT")
WITHDRAWAL_BPS, TRADING_BPS = 10, 5
TIMING = LeaseTiming()
POLICY = ExecutionPolicy(idle_s=2, longest_wait_s=2, view_interval_s=30)
"""As in earnest, but that work is looked for half as often, and markets are shown a third as often."""

SLOWER = 5
"""Money is looked for so many times more seldom than in earnest: it needs nobody's haste here."""

KEEPING_S = 1.0
"""How often a worker looks after its leases: half as often as in earnest."""


def _token(number: int, coin: Coin) -> Token:
    return Token(AssetId(f"00000000-0000-4000-8000-0000000a55e{number}"), coin, "Ethereum")


COINS = [USDT, *(Pair.parse(each.pair).base for each in PERSONALITIES)]
TOKENS = {coin: _token(number, coin) for number, coin in enumerate(COINS)}
APPROVED = Tokens([ApprovedToken(token, Decimal("0.00001")) for token in TOKENS.values()])


@dataclass
class Services:
    """What the bot does at a person's word."""

    trading: TradingStrategyService
    changes: RunChangeService
    pauses: RunPauseService
    withdrawals: WithdrawalService


@dataclass
class Instance:
    """The far sides and the tables; ``unforeseen`` is what went wrong as nobody foresaw."""

    seed: int
    unforeseen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the books and the venues."""
        dice = random.Random(f"instance {self.seed}")
        self.clock = DayClock()
        self.database = Weather(random.Random(dice.getrandbits(64)), 0.001, 0.003, patience_s=1.0)
        self.mixin = Weather(random.Random(dice.getrandbits(64)), 0.05, 0.2)
        self.ids = RandomIds(dice.getrandbits, lambda: int(self.clock.monotonic() * 1000))
        self.wallet = FakeWallet(at=START)
        self.venues = {VenueAccountName(f"{each.name}-1"): DayVenue(each, dice) for each in PERSONALITIES}
        self._open_books()
        self.wallet.guard = self._outside

    def _open_books(self) -> None:
        journal = Journal()
        self.trading, self.money = DayTransactions(journal), DayTransactions(journal)
        self.leases = FakeLeaseTable(self.clock)
        self.ledger, self.notices = DayLedger(journal), DayNotices(journal)
        self.accounts, self.runs, self.fees = DayAccounts(journal), DayRuns(journal), DayFees(journal)
        self.orders = DayOrders(journal, self.runs, self.accounts, self.leases)
        self.recoveries = DayRecoveries(journal)
        self.fills, self.conversions = DayFills(journal), FakeConversions()
        self.confirmations, self.users = FakeConfirmations(), FakeUsers()
        self.treasury = Treasury(cast("Any", self.money), APPROVED.list())
        self.freezes, audit = FakeFreezes(), FakeAudit()
        self.money.tables += [self.freezes, self.confirmations]
        self.roles = FakeRoles(self.money, audit)
        self.roles.plant(OWNER, Role.OWNER)
        self.rounds = DayRounds(journal, self.ledger, self.treasury)
        self.fees.schedule.append(Schedule(1, 0, WITHDRAWAL_BPS, TRADING_BPS, START, "settings"))
        self.on_the_way = FakeTransfersOnTheWay()
        self.takeovers: list[str] = []
        self.angels = DayAngelStore(self)

    def _outside(self) -> None:
        assert not self.money.is_open, "nobody outside may be asked within a transaction"

    @property
    def pairs(self) -> list[Pair]:
        """Return what can be traded, by account."""
        return [venue.pair for venue in self.venues.values()]

    # Processes.

    def process(self, name: str) -> Process:
        """Begin a life."""
        return Process(name, self.unforeseen)

    def reached(self, process: Process, table: Any) -> Any:
        """Return a table as a process reaches it."""
        return Reached(table, process, self.database)

    def worker(self, name: str) -> Process:
        """Start a worker process: it keeps leases, trades, books what comes in and pays."""
        process = self.process(name)
        clock = process.clock
        wallet_grip = Grip(WALLET, clock.monotonic)
        executions = [
            ExecutionService(self._desk(process, account), [venue.pair])
            for account, venue in self.venues.items()
        ]
        grips = [wallet_grip, *(each.desk.grip for each in executions)]
        leases = Door(FakeLeases(self.leases, name), process, self.database)
        keeper = LeaseKeeper(_Counted(leases, self), clock, TIMING, grips, Spread(clock.monotonic))
        process.keeper = keeper
        process.grips = grips
        process.repeat(KEEPING_S, keeper.round)
        for execution in executions:
            process.repeat(0.0, execution.round)
            self.angels.works[name, execution.desk.grip.scope] = execution
        self._handle_money(process, wallet_grip)
        return process

    def _desk(self, process: Process, account: VenueAccountName) -> Desk:
        grip = Grip(venue_scope(account), process.clock.monotonic)

        def reach(table: Any) -> Any:
            return self.reached(process, table)

        store, fence = DayStore(self.trading, process, self.database), reach(MemoryFence(self.leases))
        orders, ledger = reach(self.orders), reach(self.ledger)
        return Desk(
            exchange=DayExchange(self.venues[account], account, process, grip.require),
            venue=self.venues[account].personality.name,
            store=store,
            ledger=ledger,
            clock=process.clock,
            market=DayMarketClock(process.clock),
            ids=self.ids,
            notices=reach(self.notices),
            accounts=reach(self.accounts),
            runs=reach(self.runs),
            orders=orders,
            writing=MemoryOrderWriting(store, fence, orders, ledger),
            fills=reach(self.fills),
            fees=reach(self.fees),
            conversions=reach(self.conversions),
            policy=POLICY,
            fence=fence,
            grip=grip,
            admission=Admission(reach(self.freezes)),
            roles=reach(self.roles),
            reckoning=self._reckoning(process),
            recovering=Recovering(Automatic(), reach(self.recoveries)),
        )

    def _reckoning(self, process: Process) -> Reckoning:
        def reach(table: Any) -> Any:
            return self.reached(process, table)

        return Reckoning(
            *(reach(self.rounds), reach(self.freezes), reach(self.accounts), reach(self.notices)),
            *(reach(self.roles), process.clock, APPROVED, self.on_the_way),
        )

    def _handle_money(self, process: Process, grip: Grip) -> None:
        def reach(table: Any) -> Any:
            return self.reached(process, table)

        clock, ledger, notices, roles = process.clock, reach(self.ledger), reach(self.notices), self.roles
        store = DayStore(self.money, process, self.database)
        fenced = FencedStore(store, reach(MemoryFence(self.leases)), grip)
        wallet: Any = DayWallet(self.wallet, process, self.mixin)
        deposits, payouts = reach(FakeDeposits(self.treasury)), reach(FakePayouts(self.treasury))
        freezes, fees = reach(self.freezes), reach(self.fees)
        paying = PayoutService(
            fenced, ledger, wallet, notices, clock, self.ids, payouts, freezes, fees, BOT, roles
        )
        booking = DepositService(
            *(store, ledger, wallet, notices, clock, self.ids, deposits, freezes, fees),
            *(Known(BOT, APPROVED), roles),
        )
        worker = PayoutWorker(self._withdrawals(process, paying), paying, grip, clock.monotonic)
        comparing = WalletComparing(fenced, self._reckoning(process), wallet, deposits, grip)
        process.repeat(SLOWER * deposit_loop.EVERY_S, booking.collect)
        process.repeat(SLOWER * payout_loop.EVERY_S, worker.round)
        process.repeat(SLOWER * reconcile_loop.EVERY_S, comparing.round)

    def _withdrawals(self, process: Process, paying: PayoutService) -> WithdrawalService:
        def reach(table: Any) -> Any:
            return self.reached(process, table)

        store, ledger = DayStore(self.money, process, self.database), reach(self.ledger)
        return WithdrawalService(
            *(store, ledger, process.clock, self.ids, reach(FakePayouts(self.treasury)), paying),
            UserBalanceService(ledger, reach(self.users)),
            ConfirmationService(store, reach(self.confirmations), process.clock, self.ids),
            *(APPROVED, reach(self.fees), Admission(reach(self.freezes))),
        )

    def angel(self, name: str) -> Process:
        """Start an Angel: it looks whether anybody acts for the accounts, and clears what was left.

        Its name as a holder is that of its place, whichever life this is.
        """
        return angel(self, self.process(name), f"angel:{name.partition('.')[0]}")

    @property
    def time(self) -> DayClock:
        """Return the database's clock, as the Angel's store asks for it."""
        return self.clock

    @property
    def store(self) -> DayTransactions:
        """Return the transactions, as the Angel's store asks for them."""
        return self.trading

    @property
    def timing(self) -> LeaseTiming:
        """Return how long leases last."""
        return TIMING

    def bot(self, name: str) -> tuple[Process, Services]:
        """Start the process that people talk to."""
        process = self.process(name)

        def reach(table: Any) -> Any:
            return self.reached(process, table)

        clock, ids, ledger, notices = process.clock, self.ids, reach(self.ledger), reach(self.notices)
        store, runs, accounts = (
            DayStore(self.money, process, self.database),
            reach(self.runs),
            reach(self.accounts),
        )
        fees, admission = reach(self.fees), Admission(reach(self.freezes))
        confirming = ConfirmationService(store, reach(self.confirmations), clock, ids)
        nobodys = FencedStore(store, reach(MemoryFence(self.leases)), Grip(WALLET, clock.monotonic))
        paying = PayoutService(
            *(nobodys, ledger, cast("Any", DayWallet(self.wallet, process, self.mixin)), notices, clock, ids),
            *(reach(FakePayouts(self.treasury)), reach(self.freezes), fees, BOT, self.roles),
        )
        services = Services(
            TradingStrategyService(
                *(store, ledger, clock, ids, notices, accounts, runs, reach(self.fills), confirming),
                *(fees, admission),
            ),
            RunChangeService(store, runs, accounts, notices, confirming),
            RunPauseService(store, runs, notices, clock, admission, CapacityService(accounts, runs)),
            self._withdrawals(process, paying),
        )
        return process, services


class _Counted:
    """The leases of a worker, and which of them it took from one who had not given them back."""

    def __init__(self, leases: Door, instance: Instance) -> None:
        self._leases, self._instance = leases, instance
        self.renew, self.release, self.all = leases.renew, leases.release, leases.all

    async def take(self, scopes: Any, ttl_s: float) -> Any:
        table = self._instance.leases
        left = {
            scope: table.rows[scope].holder
            for scope in scopes
            if scope in table.rows and table.rows[scope].live
        }
        taken = await self._leases.take(scopes, ttl_s)
        self._instance.takeovers += [f"{scope} from {left[scope]}" for scope in taken if scope in left]
        return taken
