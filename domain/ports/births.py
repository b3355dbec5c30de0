"""Which database this is, and what a machine remembers of it beside it (PG5)."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.leases import Scope
from domain.reconciliation.signs import Birth, Marker


class BirthStore(Protocol):
    """What the database says of itself."""

    async def birth(self) -> Birth:
        """Return which database this is, and when its books began."""
        ...

    async def epoch(self, scope: Scope) -> int:
        """Return how often a scope was taken, zero when it never was."""
        ...

    async def payments(self, transaction_hashes: Sequence[str]) -> Collection[str]:
        """Return those of these transactions that are payments of ours."""
        ...


class MarkerStore(Protocol):
    """A note that is kept where no back-up of the database goes."""

    def read(self) -> Marker | None:
        """Return what was noted last, ``None`` when nothing was.

        Raises:
            Unavailable: there is a note, and it cannot be read.
        """
        ...

    def write(self, marker: Marker) -> None:
        """Note it, whole or not at all.

        Raises:
            Unavailable: it cannot be written.
        """
        ...


class NoMarker:
    """Nobody remembers."""

    def read(self) -> Marker | None:
        """Return nothing."""
        return None

    def write(self, marker: Marker) -> None:
        """Forget it."""
