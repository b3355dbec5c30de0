"""Looks at accounts in memory, and a venue that tells of a key what it is told to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import Unavailable
from domain.ids import VenueAccountName
from domain.ports.account_looks import AccountLook, KeyPower


@dataclass
class FakeAccountLooks:
    """As ``domain.ports.account_looks.AccountLooks``."""

    rows: dict[VenueAccountName, AccountLook] = field(default_factory=dict)

    async def note(self, look: AccountLook) -> None:
        self.rows[look.account] = look

    async def list(self) -> Sequence[AccountLook]:
        return [self.rows[name] for name in sorted(self.rows)]


@dataclass
class FakeKeyTeller:
    """As ``domain.ports.account_looks.KeyTeller``; counts how often it was asked."""

    told: frozenset[KeyPower] | None = None
    silent: bool = False
    asked: int = 0

    async def powers(self) -> frozenset[KeyPower] | None:
        self.asked += 1
        if self.silent:
            raise Unavailable("venue_silent")
        return self.told
