"""The end of an instance: announced, then everybody is paid; and what is left to do of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import UserId
from domain.money import Coin
from domain.ports.freezes import CLOSING


class ClosingState(StrEnum):
    """How far a closing is."""

    ANNOUNCED = "announced"  # nothing new begins; people have time to do as they like
    PAYING = "paying"  # all has been told to stop; what comes back is paid to whose it is
    CLOSED = "closed"  # nobody is owed what can be paid; what comes in late is paid too
    CALLED_OFF = "called_off"
    REOPENED = "reopened"


CLOSING_EDGES: dict[ClosingState, frozenset[ClosingState]] = {
    ClosingState.ANNOUNCED: frozenset({ClosingState.PAYING, ClosingState.CALLED_OFF}),
    ClosingState.PAYING: frozenset({ClosingState.CLOSED}),
    ClosingState.CLOSED: frozenset({ClosingState.REOPENED}),
    ClosingState.CALLED_OFF: frozenset(),
    ClosingState.REOPENED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Closing:
    """One closing; nobody is made to leave before ``begins_at``."""

    id: int
    state: ClosingState
    announced_by: UserId
    announced_at: datetime
    begins_at: datetime

    @property
    def cause(self) -> str:
        """Return what its notices and its freeze go by."""
        return f"{CLOSING}:{self.id}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person may spend of a coin."""

    user_id: UserId
    coin: Coin
    free: Decimal


@dataclass(frozen=True, slots=True)
class CoinLeft:
    """What is owed of a coin beside what runs hold, to how many; dust is what no payment can carry."""

    coin: Coin
    people: int
    owed: Decimal
    dust: Decimal


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do: coins owed, runs of all kinds that hold coins, payouts on their way.

    ``stuck`` are claims of a frozen person or coin, and those of which a payment was refused of late.
    ``kept`` are payments kept aside, which the owner sends back by ``/suspense``.
    """

    coins: Sequence[CoinLeft]
    runs: int
    payouts: int
    stuck: int
    kept: int

    @property
    def nothing(self) -> bool:
        """Tell whether nobody is owed anything that a payment can carry."""
        return not (self.runs or self.payouts or any(each.owed > each.dust for each in self.coins))


class ClosingStore(Protocol):
    """The closings table, and what people have in all; calls join the ambient transaction."""

    async def current(self) -> Closing | None:
        """Return the closing that is not over, if there is one."""
        ...

    async def add(self, by: UserId, at: datetime, begins_at: datetime) -> Closing | None:
        """Announce; ``None`` when there is one already."""
        ...

    async def move(self, closing: Closing, to: ClosingState, at: datetime) -> bool:
        """Change the state if it is still as given; return whether it was."""
        ...

    async def tell_holders(self, kind: str, cause: str, params: Mapping[str, str]) -> int:
        """Tell all who have a balance or a run and have not been told; return how many those were."""
        ...

    async def tell_told(self, told: str, kind: str, cause: str, params: Mapping[str, str]) -> int:
        """Tell all who were told ``told`` for this cause; return how many that were."""
        ...

    async def payable(self, coins: Sequence[Coin], refused_since: datetime, limit: int) -> Sequence[Claim]:
        """Return what can be promised to people now, in these coins, by person and coin.

        Left out: dust, who or what is frozen, and those whom a payment of the coin was refused since then.
        """
        ...

    async def left(self, coins: Sequence[Coin], refused_since: datetime) -> Left:
        """Return what is left to do."""
        ...
