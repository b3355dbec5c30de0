"""Whether a run that was taken over goes on by itself: the owner's choice, within a limit that is nobody's.

A choice is a class with one pure method. The owner's own one is named in the settings (docs/operations.md has
an example).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from domain.market.runs import Run

MOST_AN_HOUR = 3
"""How often a run is brought back by itself within an hour: what falls again and again is let be (AN12)."""

AN_HOUR = timedelta(hours=1)

TOO_OFTEN = "recovered_too_often"
BY_HAND = "recovery_by_hand"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A run that was taken over, now that books and venue agree again.

    ``base`` and ``quote`` are what it has, everything booked; ``mid`` is the market's now, ``None`` where it
    cannot be seen. ``recovered`` counts how often it was brought back by itself within the last hour.
    """

    run: Run
    base: Decimal
    quote: Decimal
    mid: Decimal | None
    recovered: int


@dataclass(frozen=True, slots=True)
class Resume:
    """It goes on: it quotes anew, from the prices of now."""


LONGEST_REASON = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """Its person is asked; ``reason`` is a code, which they are told in words or as it is."""

    reason: str

    def __post_init__(self) -> None:
        """Refuse what nobody could be told.

        Raises:
            ValueError: it is no text of 1 to 100 characters that can be shown.
        """
        told = self.reason
        if not (isinstance(told, str) and told.isprintable() and 0 < len(told.strip()) <= LONGEST_REASON):
            raise ValueError("a reason is a code of 1 to 100 characters")


Decision = Resume | Ask


class Choice(Protocol):
    """How the owner wants runs to be brought back."""

    def decide(self, held: HeldBack) -> Decision:
        """Return what becomes of one run; pure."""
        ...


class Automatic:
    """Lets every run go on that its person had not stopped."""

    def decide(self, held: HeldBack) -> Decision:
        """Resume."""
        return Resume()


class Manual:
    """Asks each person."""

    def decide(self, held: HeldBack) -> Decision:
        """Ask."""
        return Ask(BY_HAND)


BUILT_IN: Mapping[str, type[Choice]] = {"automatic": Automatic, "manual": Manual}
"""By the name they have in the settings."""


def decide(choice: Choice, held: HeldBack) -> Decision:
    """Return what becomes of a run: the owner's choice, unless it was brought back too often already.

    Raises:
        TypeError: the choice is neither to resume nor to ask: whoever forgot to say has not said yes.
    """
    decision: object = choice.decide(held)
    if isinstance(decision, Ask):
        return decision
    if not isinstance(decision, Resume):
        raise TypeError(f"{type(decision).__name__} is no decision")
    return Ask(TOO_OFTEN) if held.recovered >= MOST_AN_HOUR else decision
