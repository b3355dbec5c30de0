"""Which outputs a payment spends: the largest first, so dust never stands in the way (DP7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.money import ZERO

MOST_INPUTS = 255
"""A transaction takes 256; one is kept in reserve."""


@dataclass(frozen=True, slots=True)
class Spendable:
    """An output that no payment has reserved."""

    output_id: str
    amount: Decimal


class Verdict(StrEnum):
    """Whether the free outputs can make a payment."""

    ENOUGH = "enough"
    TOO_MANY = "too_many"  # the sum suffices, but not in one transaction
    TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True)
class Choice:
    """The outputs to spend, or to merge first when they are too many; empty when too little is there."""

    verdict: Verdict
    inputs: tuple[Spendable, ...]

    @property
    def total(self) -> Decimal:
        """Return what the chosen outputs hold."""
        return sum((o.amount for o in self.inputs), ZERO)


def choose(free: Sequence[Spendable], amount: Decimal, rest: Decimal = ZERO) -> Choice:
    """Return the fewest outputs that cover the amount; ties go by output id, so a choice repeats.

    ``rest`` is what further free outputs hold, each of them smaller than those given.
    """
    ranked = sorted(free, key=lambda o: (-o.amount, o.output_id))
    covered = ZERO
    for count, output in enumerate(ranked[:MOST_INPUTS], start=1):
        covered += output.amount
        if covered >= amount:
            return Choice(Verdict.ENOUGH, tuple(ranked[:count]))
    if covered + sum((o.amount for o in ranked[MOST_INPUTS:]), rest) >= amount:
        return Choice(Verdict.TOO_MANY, tuple(ranked[:MOST_INPUTS]))
    return Choice(Verdict.TOO_LITTLE, ())
