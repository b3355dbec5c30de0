"""What one round of comparing found: a line for each coin, explained by what is under way (I8, I12)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.leases import Scope
from domain.money import ZERO, Coin, plain


class Outcome(StrEnum):
    """What a round came to."""

    GOOD = "good"  # every difference is explained
    SURPLUS = "surplus"  # more lies there than the books say: somebody should look, nobody is short
    SHORT = "short"  # less lies there than the books say
    MOVING = "moving"  # it changed whenever we looked: nothing is known


FINE = frozenset({Outcome.GOOD, Outcome.SURPLUS})
"""After such a round an account may trade, and a freeze may be lifted."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """One thing under way, by its id: by how much it may move what lies there against the books.

    ``least`` and ``most`` are signed and may be equal, where it is known exactly.
    """

    id: str
    coin: Coin
    least: Decimal
    most: Decimal
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One coin at one place: the books, what lies there, and what explains a difference.

    ``asset_id`` names the token in the wallet and is empty at a venue. ``since`` is when an unexplained
    difference to the same side was first seen, without a good look at it in between.
    """

    coin: Coin
    ledger: Decimal
    outside: Decimal
    asset_id: str = ""
    explained: tuple[InFlight, ...] = ()
    tolerance: Decimal = ZERO
    since: datetime | None = None

    @property
    def difference(self) -> Decimal:
        """Return what lies there beyond the books; negative when it is less."""
        return self.outside - self.ledger

    @property
    def unexplained(self) -> Decimal:
        """Return the part of the difference that nothing under way explains; negative: it is short.

        A difference within the tolerance is none; one beyond it counts whole.
        """
        least = sum((each.least for each in self.explained), ZERO)
        most = sum((each.most for each in self.explained), ZERO)
        beyond = self.difference - min(max(self.difference, least), most)
        return ZERO if abs(beyond) <= self.tolerance else beyond

    @property
    def short(self) -> bool:
        """Tell whether less lies there than the books say and anything explains."""
        return self.unexplained < 0

    @property
    def surplus(self) -> bool:
        """Tell whether more lies there than the books say and anything explains."""
        return self.unexplained > 0

    @property
    def subject(self) -> str:
        """Return what the line is about: the token in the wallet, the coin elsewhere."""
        return self.asset_id or self.coin

    def __str__(self) -> str:
        """Return it for a log."""
        facts = f"books {plain(self.ledger)}, there {plain(self.outside)}"
        return f"{self.coin} {plain(self.unexplained)} ({facts})"


class Stray(StrEnum):
    """How an order and its intent do not meet (I12)."""

    ORDER = "order_without_intent"
    INTENT = "intent_without_order"


@dataclass(frozen=True, slots=True)
class StrayOrder:
    """One order that has no intent, or the other way round, by our id."""

    kind: Stray
    client_order_id: str


@dataclass(frozen=True, slots=True)
class Round:
    """One look at one place. ``looks`` is how often it was read until nothing moved meanwhile.

    ``fills_seq`` is how far fills were booked then, ``asked`` the newest word of a person that it answers.
    ``deep``: the trades of two days were read again for it.
    """

    scope: Scope
    at: datetime
    lines: tuple[Line, ...]
    strays: tuple[StrayOrder, ...] = ()
    looks: int = 1
    deep: bool = False
    fills_seq: int = 0
    asked: int = 0
    moving: bool = False

    @property
    def outcome(self) -> Outcome:
        """Return what it came to; less than the books say weighs more than more."""
        if self.moving:
            return Outcome.MOVING
        if any(line.short for line in self.lines):
            return Outcome.SHORT
        return Outcome.SURPLUS if any(line.surplus for line in self.lines) else Outcome.GOOD

    @property
    def fine(self) -> bool:
        """Tell whether nobody is short of anything."""
        return self.outcome in FINE

    def line(self, subject: str) -> Line | None:
        """Return the line about a token or coin."""
        return next((line for line in self.lines if line.subject == subject), None)

    def __str__(self) -> str:
        """Return it for a log: the outcome, and what is not explained."""
        odd = [str(line) for line in self.lines if line.unexplained]
        odd += [f"{stray.kind} {stray.client_order_id}" for stray in self.strays]
        return f"{self.scope} is {self.outcome}" + (f": {'; '.join(odd)}" if odd else "")
