"""One account as the Angel reaches it, and how far it is with it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.angel.entries import Deed
from domain.angel.watch import Trip, Window
from domain.errors import Unavailable
from domain.ids import VenueAccountName
from domain.leases import Grip, LeaseTiming
from domain.market.model import Pair
from domain.ports.exchange import Exchange
from domain.services.angel_log import AngelLog


async def no_other_time() -> float:
    """Return that both clocks are the same."""
    return 0.0


@dataclass(slots=True)
class AngelDesk:
    """One account as the Angel reaches it; ``pairs`` are those known of it without the store.

    ``grip`` is what lets an order pass right before the socket; ``prefix`` tells our orders from others'.
    """

    exchange: Exchange
    grip: Grip
    pairs: Sequence[Pair]
    window: Window
    timing: LeaseTiming
    prefix: str
    at_once: int = 16
    most_notional: Decimal = Decimal("Infinity")  # of one order; what is more goes in pieces
    keep_time: Callable[[], Awaitable[float]] = no_other_time
    """Has requests bear the venue's time where ours is far off; returns by how many seconds, else 0."""
    apart_s: float = 0.0

    async def look_at_clock(self) -> None:
        """Note how far the venue's clock is from ours; one that does not answer changes nothing."""
        try:
            self.apart_s = await self.keep_time()
        except Unavailable:
            return

    @property
    def account(self) -> VenueAccountName:
        """Return the account's name."""
        return self.exchange.account


@dataclass(slots=True)
class Sweep:
    """How far an account is; ``since_s`` is when its epoch changed, or we began where it cannot."""

    trip: Trip
    since_s: float
    epoch: int | None = None
    empty: int = 0
    cancelled: int = 0
    over: str = ""  # how it ended
    asked_s: float = float("-inf")  # when the store was last asked for the account
    written_s: float = float("-inf")
    clear_s: float | None = None  # since when nothing can come any more
    tried: set[str] = field(default_factory=set)  # runs that were seen to
    pieces: dict[str, int] = field(default_factory=dict)  # by run, how many orders were sent for it
    trouble: str = ""  # the code of what the venue said instead of an answer, the last time
    blocked_s: float | None = None  # since when nothing could be seen or cancelled
    blocked_told: bool = False


async def write(
    log: AngelLog, desk: AngelDesk, sweep: Sweep, deed: Deed, facts: Mapping[str, object]
) -> bool:
    """Write an entry down; tell whether the store has it, so that the account is ours a while longer.

    Raises:
        Refused: ``epoch_lost``, or why an order is not let in.
    """
    asked_s = sweep.written_s = log.clock.monotonic()
    answer = await log.write(sweep.trip.scope, sweep.epoch, deed, facts)
    if answer is None or sweep.epoch is None:
        return False
    desk.grip.tighten(sweep.epoch, asked_s, desk.timing)
    return True
