"""How venue accounts are: what their keys may do, how far clocks are apart, what rests there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.ids import VenueAccountName


class KeyPower(StrEnum):
    """One thing that a key may do at a venue."""

    READ = "read"
    TRADE = "trade"
    WITHDRAW = "withdraw"


class DeadManState(StrEnum):
    """Whether the venue takes our orders off by itself when it hears nothing of us."""

    PROVEN = "proven"  # it was seen to
    CONFIGURED = "configured"
    ABSENT = "absent"  # it cannot, or nobody has asked it to


@dataclass(frozen=True, slots=True)
class AccountLook:
    """What was seen of one account at an instant; what a venue does not tell is ``None``.

    ``open_orders`` rest on the pair that is fullest. ``apart_ms`` is the venue's clock less ours.
    ``refusal`` is the code of why nobody may trade there at all, or empty.
    """

    account: VenueAccountName
    venue: str
    at: datetime
    powers: frozenset[KeyPower] | None = None
    apart_ms: int | None = None
    open_orders: int = 0
    dead_man: DeadManState = DeadManState.ABSENT
    refusal: str = ""


class AccountLooks(Protocol):
    """The newest look at each account."""

    async def note(self, look: AccountLook) -> None:
        """Store a look in place of the one before."""
        ...

    async def list(self) -> Sequence[AccountLook]:
        """Return the newest look at every account, by name."""
        ...


class KeyTeller(Protocol):
    """Whoever asks a venue what our key may do there."""

    async def powers(self) -> frozenset[KeyPower] | None:
        """Return what the key that trades may do, ``None`` where the venue does not tell.

        Raises:
            Unavailable: it was asked and did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Watching:
    """Where looks at an account are kept, and who asks what its key may do."""

    looks: AccountLooks
    keys: KeyTeller
