"""A conversion: what a person has confirmed, and the states of its life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.ids import RunId, UserId, VenueAccountName
from domain.market.model import Pair, Side
from domain.money import ZERO, Coin


class ConversionState(StrEnum):
    """The life of a conversion."""

    WAITING = "waiting"  # for the run whose coins it takes to have stopped
    CONVERTING = "converting"  # has its coins and may send orders
    FINISHING = "finishing"  # sends nothing more, waits for the venue's last word and the last fills
    DONE = "done"  # everything it had is its person's again


CONVERSION_EDGES: Mapping[ConversionState, frozenset[ConversionState]] = {
    ConversionState.WAITING: frozenset({ConversionState.CONVERTING, ConversionState.DONE}),
    ConversionState.CONVERTING: frozenset({ConversionState.FINISHING}),
    ConversionState.FINISHING: frozenset({ConversionState.DONE}),
    ConversionState.DONE: frozenset(),
}


class Ending(StrEnum):
    """Why a conversion sends nothing more; any other reason is the code of what was refused."""

    ALL = "all"
    TOO_LITTLE = "too_little"  # what is left is below what the venue takes
    CAP = "cap"  # nothing to be had at the worst price or a better one
    STALE = "market_stale"
    EMPTY = "market_empty"
    HALTED = "account_halted"
    TIME = "time"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Conversion:
    """An order of a person to trade one coin for another; all but the last line is as it was confirmed.

    ``id`` is that of the run that works with its coins: orders, fills and fees are that run's. ``leaves`` is
    the run whose coins it takes when that has stopped, or empty. ``amount`` is how much of the coin it pays
    with it was given, zero until then; ``quantity`` how much base asset is wanted, zero: as much as that
    gives. ``worst`` is the price that no order of it may be worse than. A ``resting`` one lays one order
    there until it is filled; any other takes what is there, for ``patience`` at most. ``fee_bps`` is what we
    charge of what its fills bring in, by the version of the schedule that was shown (FE2).
    """

    id: RunId
    number: int
    user_id: UserId
    leaves: RunId | None
    account: VenueAccountName
    pair: Pair
    side: Side
    resting: bool
    worst: Decimal
    amount: Decimal
    quantity: Decimal
    patience: timedelta
    fee_version: int
    fee_bps: int
    created_at: datetime
    state: ConversionState = ConversionState.CONVERTING
    reason: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    spent: Decimal = field(default=ZERO)
    received: Decimal = field(default=ZERO)

    @property
    def pays(self) -> Coin:
        """Return the coin it spends."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base

    @property
    def gets(self) -> Coin:
        """Return the coin it is for."""
        return self.pair.base if self.side is Side.BUY else self.pair.quote

    def is_over_at(self, now: datetime) -> bool:
        """Tell whether its time has run out; an order that rests has all the time there is."""
        return not self.resting and self.began_at is not None and now >= self.began_at + self.patience
