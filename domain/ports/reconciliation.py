"""Rounds of comparing, as stored, and what they read of the books; calls join the ambient transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId, VenueAccountName
from domain.leases import Scope
from domain.market.orders import Fill
from domain.money import Coin
from domain.reconciliation.in_wallet import WalletBooks
from domain.reconciliation.model import InFlight, Round


@dataclass(frozen=True, slots=True)
class Standing:
    """How one place stands: its newest round, and when one was fine last; ``None``: never."""

    latest: Round
    fine_at: datetime | None


class ReconciliationStore(Protocol):
    """Rounds, written once, and the words of people who want one now."""

    async def add(self, found: Round) -> None:
        """Store a round."""
        ...

    async def last(self, scope: Scope) -> Round | None:
        """Return the newest round of a place in which something could be seen."""
        ...

    async def deep_at(self, scope: Scope) -> datetime | None:
        """Return when the trades of two days were read again last, ``None`` when they never were."""
        ...

    async def standings(self) -> Sequence[Standing]:
        """Return how every place stands that was ever looked at, by its name."""
        ...

    async def ask(self, by: UserId) -> int:
        """Note that somebody wants a round of every place now; return the number of their word."""
        ...

    async def asked(self) -> int:
        """Return the number of the newest word, zero when there was none."""
        ...

    async def wallet_books(self) -> WalletBooks:
        """Return what the books say of the wallet's approved tokens, as of one instant."""
        ...

    async def rounded_fills(self, account: VenueAccountName, seq: int) -> tuple[Sequence[Fill], int]:
        """Return fills after a number that were told in no whole units, and the newest fill's number."""
        ...

    async def unsaid_fees(self, account: VenueAccountName, since: datetime) -> Sequence[Fill]:
        """Return the fills since an instant whose fee the venue has not said yet."""
        ...

    async def fee_coins(self, account: VenueAccountName) -> set[Coin]:
        """Return the coins outside their pairs in which fees of the latest fills were taken."""
        ...

    async def contradictions(self) -> Sequence[str]:
        """Return where the ledger's own figures contradict each other (I4, I5, I7): nothing, ever."""
        ...


class OnTheWay(Protocol):
    """Whoever moves coins from one place to another."""

    async def at(self, scope: Scope) -> Sequence[InFlight]:
        """Return what is open between this place and another, and by how much it may differ here for it."""
        ...


class NothingOnTheWay:
    """Nobody moves coins."""

    async def at(self, scope: Scope) -> Sequence[InFlight]:
        """Return nothing."""
        return ()
