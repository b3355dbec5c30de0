"""Attempts to bring runs back that were taken over, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.health.recovery import Choice
from domain.ids import RunId, VenueAccountName


class Outcome(StrEnum):
    """What became of an attempt."""

    RESUMED = "resumed"
    ASKED = "asked"
    STOPPED = "stopped"  # its person was faster


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, under the epoch of whoever began it; those of one account and instant go together."""

    run_id: RunId
    account: VenueAccountName
    epoch: int
    began_at: datetime


class Recoveries(Protocol):
    """One open attempt for a run at most, and what became of earlier ones."""

    async def begin(self, attempts: Sequence[Attempt]) -> None:
        """Store attempts.

        Raises:
            InvariantBroken: one of the runs has an open one.
        """
        ...

    async def open(self, account: VenueAccountName) -> Sequence[Attempt]:
        """Return the attempts of an account that have not ended, oldest first."""
        ...

    async def end(self, run_id: RunId, outcome: Outcome, reason: str, at: datetime) -> None:
        """End a run's open attempt.

        Raises:
            InvariantBroken: it has none: an attempt ends once.
        """
        ...

    async def resumed(self, run_ids: Sequence[RunId], since: datetime) -> Mapping[RunId, int]:
        """Return how often runs were brought back since an instant; what the owner forgave is not counted."""
        ...

    async def tally(self, account: VenueAccountName, began_at: datetime) -> Mapping[Outcome | None, int]:
        """Return how many attempts that began together ended in which way; ``None``: not yet."""
        ...

    async def forgive(self, run_ids: Sequence[RunId]) -> None:
        """Count no earlier attempt of these runs any more."""
        ...


@dataclass(frozen=True, slots=True)
class Recovering:
    """How the owner wants runs to be brought back, and where it is kept what became of each."""

    choice: Choice
    attempts: Recoveries
