"""One worker's place at one venue account: what everything that acts for the account shares."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from domain.ids import Ids, VenueAccountName
from domain.leases import Grip
from domain.ledger.model import Cause, Hold
from domain.ledger.model import run as run_account
from domain.market.model import Pair
from domain.market.orders import Intent, settles
from domain.market.runs import Run, RunKind
from domain.money import LEDGER_PLACES, ZERO, round_up
from domain.ports.account_looks import Watching
from domain.ports.asked_orders import AskedOrderStore
from domain.ports.candles import CandleSource
from domain.ports.clock import Clock, MarketClock
from domain.ports.conversions import ConversionStore
from domain.ports.dead_man import DeadManTimer
from domain.ports.exchange import Exchange
from domain.ports.fees import FeeStore
from domain.ports.leases import Fence
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.order_writing import OrderWriting
from domain.ports.orders import FillStore, OrderStore
from domain.ports.recoveries import Recovering
from domain.ports.roles import RoleStore
from domain.ports.runs import RunStore, VenueAccountStore
from domain.ports.store import Store
from domain.ports.tape import TapeSource
from domain.services.admission import Admission
from domain.services.reckoning import Reckoning
from domain.services.sight import Sight


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """Timing and caution of one venue account; seconds unless named otherwise.

    ``venue_expiry_s`` is how late the venue may still accept what we sent; an order without an answer
    cannot appear for the first time after ``send_window_s + venue_expiry_s``.
    """

    order_prefix: str = "mmk"
    send_window_s: float = 1.0
    asked_window_s: float = 5.0  # how long another account's worker may send what it is asked for
    venue_expiry_s: float = 5.0
    unknown_lookup_window_s: float = 30.0
    sweep_interval_s: float = 5.0
    reconcile_interval_s: float = 60.0
    sweep_overlap_s: float = 300.0
    orphan_window_s: float = 60.0
    clock_interval_s: float = 60.0
    clock_again_s: float = 5.0
    most_skew_s: float = 1.0
    stop_settle_s: float = 5.0
    stop_patience_s: float = 60.0  # then people are told what a stop waits for
    fee_patience_s: float = 60.0  # how long a stop waits for a fee that the venue has not said
    stale_book_s: float = 5.0
    blind_cancel_s: float = 10.0
    blind_again_s: float = 5.0  # then a run that could not see its market looks again
    unattended_s: float = 60.0  # then who cannot take its orders off says so, and the Angel may
    untraded_patience_s: float = 900.0  # then the runs of a pair that is not traded are paused
    conversion_patience_s: float = 10.0  # how long a conversion looks at a market that has nothing for it
    most_notional: Decimal = Decimal(50_000)  # of one order, in the quote asset
    view_interval_s: float = 10.0
    fill_notice_interval_s: float = 60.0
    dead_man_s: float = 40.0  # how long the venue waits for us before it takes our orders off
    idle_s: float = 1.0
    longest_wait_s: float = 1.0
    longest_pause_s: float = 10.0
    orders_per_second: int = 10
    beat_s: float = 0.1  # runs that are due by time are ticked together, so often at most
    react_pause_s: float = 1.0  # so often at most are runs ticked because their market moved
    orders_a_commit: int = 50
    sends_at_once: int = 8  # 1 where the order of sending must always be the same


@dataclass(slots=True)
class Desk:
    """Ports, policy, the worker's grip on the account's lease, and the epoch under which it acts.

    The epoch is the one in which the worker last started up: what it knows, it has learned under it. The
    grip may be in a later one already.
    """

    exchange: Exchange
    venue: str
    store: Store
    ledger: Ledger
    clock: Clock
    market: MarketClock
    ids: Ids
    notices: Notices
    accounts: VenueAccountStore
    runs: RunStore
    orders: OrderStore
    writing: OrderWriting
    fills: FillStore
    fees: FeeStore
    conversions: ConversionStore
    policy: ExecutionPolicy
    fence: Fence
    grip: Grip
    roles: RoleStore
    epoch: int = 0
    admission: Admission | None = None
    """Who says whose conversions and which coins' stand still; without it nobody's do."""
    reckoning: Reckoning | None = None
    """What compares this account with the books; without it nobody compares."""
    watching: Watching | None = None
    """Where looks at the account are kept; without it nobody looks."""
    timer: DeadManTimer | None = None
    """The venue's own dead-man timer; without it nobody sets one."""
    candles: CandleSource | None = None
    """Who tells candles of what is traded here; without it nobody keeps any."""
    tapes: TapeSource | None = None
    """Who tells the trades of everybody; without it nobody reads them."""
    asked: AskedOrderStore | None = None
    """Where orders are asked of other accounts' workers; without it nobody asks."""
    recovering: Recovering | None = None
    """How runs are brought back that were taken over; without it nobody does."""
    compared: bool = True
    """Whether books and venue have agreed since the account was taken: until then nothing is sent."""
    sight: Sight = field(init=False)

    def __post_init__(self) -> None:
        """See nothing yet."""
        self.sight = Sight(self.exchange.account, self.orders, self.ledger)

    @property
    def account(self) -> VenueAccountName:
        """Return the name of the venue account."""
        return self.exchange.account

    @asynccontextmanager
    async def transaction(self, pairs: Iterable[Pair] | None = None) -> AsyncIterator[None]:
        """Make all store calls succeed or fail together, and only while nobody else has taken over.

        ``pairs`` are those whose orders or whose runs' funds are written; unsaid, what is seen of all is
        forgotten.

        The epoch is checked first: under it this worker is the only one who writes orders and fills of
        the account, so what was read before the transaction is still true in it.

        Raises:
            Refused: ``epoch_lost``.
        """
        self.sight.forget(pairs)
        async with self.store.transaction():
            await self.fence.guard(self.grip.scope, self.epoch)
            yield

    async def write(self, news: Sequence[Intent], new: Sequence[Intent] = ()) -> Sequence[Intent]:
        """Store what became of intents, and new ones with their holds, in one question; return those let in.

        Orders that settle give their holds back: only when the venue's count of what was filled equals our
        books (FL4, ST5). It is a commit of its own, or part of the transaction it is called in.

        Raises:
            Refused: ``epoch_lost``, or ``insufficient_funds`` for what is new; nothing is written.
        """
        if not news and not new:
            return []
        self.sight.forget({intent.pair for intent in (*news, *new)})
        return await self.writing.write(
            *(self.grip.scope, self.epoch, [as_recorded(intent) for intent in news], _ended(news)),
            [(intent, hold_of(intent)) for intent in new],
        )

    async def trouble(self, runs: Sequence[Run], reason: str) -> None:
        """Note what keeps strategies from trading, and tell people once an hour at most; empty: nothing.

        What keeps a conversion from trading ends it before long, and is told then.
        """
        runs = [run for run in runs if run.kind is RunKind.STRATEGY]
        if not runs or all(run.trouble == reason for run in runs):
            return
        now = self.clock.now()
        async with self.transaction(()):
            for run in await self.runs.trouble([run.id for run in runs], reason):
                if reason:
                    cause = f"run_trouble:{run.id}:{reason}:{now:%Y-%m-%dT%H}"
                    told = {"number": str(run.number), "pair": str(run.pair), "reason": reason}
                    await self.notices.tell(run.user_id, "run_trouble", cause, told)

    async def halt(self, reason: str) -> None:
        """Let nobody place orders from this account until a person has looked; call it inside.

        Those who look after the instance are told why, once until they have lifted it.
        """
        if await self.accounts.halt(self.account, reason):
            cause = f"halted:{self.account}:{reason}:{self.clock.now().isoformat()}"
            await self.tell_keepers("account_halted", cause, {"account": self.account, "reason": reason})

    async def tell_keepers(self, kind: str, cause: str, params: Mapping[str, str]) -> None:
        """Tell those who look after the instance: its owner and admins; call it inside."""
        for keeper in await self.roles.privileged():
            await self.notices.tell(keeper, kind, cause, params)


def as_recorded(intent: Intent) -> Intent:
    """Return an intent as it is stored: settled, once the venue's count of what was filled equals ours."""
    return replace(intent, settled=True) if settles(intent) and not intent.settled else intent


def _ended(intents: Sequence[Intent]) -> list[Cause]:
    return [hold_owner(intent) for intent in intents if settles(intent) and not intent.settled]


def hold_owner(intent: Intent) -> Cause:
    """Return who holds what an order may spend."""
    return Cause("order", intent.id)


def hold_of(intent: Intent) -> Hold:
    """Return the promise behind an order: the most it can spend."""
    account = run_account(intent.run_id, intent.account, intent.pays)
    return Hold(hold_owner(intent), account, round_up(intent.cost, LEDGER_PLACES))


def promised(intent: Intent) -> Decimal:
    """Return what is left of the promise behind an order after what its fills have spent."""
    return max(ZERO, hold_of(intent).amount - min(intent.spent, intent.cost))
