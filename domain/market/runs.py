"""Runs: one person's instance of a strategy, and the states of its life."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.ids import RunId, UserId, VenueAccountName
from domain.market.model import Book, Level, Pair, TradingRules


class RunState(StrEnum):
    """The life of a run."""

    FUNDING = "funding"  # waits for coins to reach its venue
    RUNNING = "running"
    HALTED = "halted"  # its account was taken over because nobody attended to it
    RECOVERING = "recovering"  # books and venue agree again: it is being brought back
    AWAITING_USER = "awaiting_user"  # it did not go on by itself: its person says whether it shall
    PAUSED = "paused"  # nothing on the book, its coins stay in it until it is resumed or stopped
    STOPPING = "stopping"  # cancels, waits for the venue's last word and the last fills
    STOPPED = "stopped"


RUN_EDGES: dict[RunState, frozenset[RunState]] = {
    RunState.FUNDING: frozenset({RunState.RUNNING, RunState.STOPPING}),
    RunState.RUNNING: frozenset({RunState.PAUSED, RunState.HALTED, RunState.STOPPING}),
    RunState.HALTED: frozenset({RunState.RECOVERING, RunState.STOPPING}),
    RunState.RECOVERING: frozenset({RunState.RUNNING, RunState.AWAITING_USER, RunState.STOPPING}),
    RunState.AWAITING_USER: frozenset({RunState.RUNNING, RunState.HALTED, RunState.STOPPING}),
    RunState.PAUSED: frozenset({RunState.RUNNING, RunState.STOPPING}),
    RunState.STOPPING: frozenset({RunState.STOPPED}),
    RunState.STOPPED: frozenset(),
}


class RunKind(StrEnum):
    """Whose orders a run's coins are for."""

    STRATEGY = "strategy"
    CONVERSION = "conversion"  # its id is that of a conversion, which says what it may do
    LEG = "leg"  # the other account of a strategy's run, whose worker asks for its orders


HELD_BACK = frozenset({RunState.HALTED, RunState.RECOVERING, RunState.AWAITING_USER})
"""Taken over, and not brought back yet: nothing of these may be placed (safety §2.9)."""

GOING = frozenset({RunState.FUNDING, RunState.RUNNING, RunState.PAUSED}) | HELD_BACK
"""Not told to stop yet: these can be stopped, left and changed."""

ACTIVE = GOING | {RunState.STOPPING}


@dataclass(frozen=True, slots=True)
class Run:
    """One person's instance of a strategy; ``number`` counts that person's runs from one.

    ``config`` are the strategy's parameters as texts, in version ``config_version``. ``anchored_at`` is
    the market's time at its first tick, from which all its ticks count; it is set by the worker that
    adopts the run. ``trouble`` is the code of what keeps it from trading now, or empty. ``fee_bps`` is what
    we charge of what its fills bring in, by the version of the schedule it was started under (FE2). The
    ``kind`` says whether a strategy trades for it or a conversion does. A leg has the number of its
    ``leader``, and lives as that does.
    """

    id: RunId
    number: int
    user_id: UserId
    account: VenueAccountName
    pair: Pair
    strategy: str
    preset: str  # empty: the person's own settings
    config: Mapping[str, str]
    config_version: int
    state: RunState
    base_start: Decimal
    quote_start: Decimal
    started_at: datetime
    anchored_at: datetime | None = None
    stopped_at: datetime | None = None
    trouble: str = ""
    base_end: Decimal | None = None
    quote_end: Decimal | None = None
    mid_end: Decimal | None = None  # the mid at its stop: a result is not rewritten by later prices
    fee_version: int = 0
    fee_bps: int = 0
    kind: RunKind = RunKind.STRATEGY
    leader: RunId | None = None

    def anchored(self, at: datetime) -> "Run":
        """Return the run with the instant from which its ticks count."""
        return replace(self, anchored_at=at)


FRESH = timedelta(minutes=2)
"""How old a worker's view of a market may be; an older one means that nobody trades there now."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the account's worker last saw of a pair it trades, for those who only read the database.

    ``bids`` and ``asks`` are the best levels without our own orders, best first.
    """

    account: VenueAccountName
    pair: Pair
    rules: TradingRules
    mid: Decimal
    seen_at: datetime
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    @property
    def book(self) -> Book:
        """Return the book as it was seen."""
        return Book(self.pair, self.bids, self.asks, self.seen_at)


@dataclass(frozen=True, slots=True)
class FillTotals:
    """What a run has traded: how many fills, how much base bought and sold, how much quote they moved."""

    fills: int
    volume: Decimal  # quote quantity of all fills
    bought: Decimal
    sold: Decimal
