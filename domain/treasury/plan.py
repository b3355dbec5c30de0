"""Which coins should lie elsewhere: facts in, proposals out.

People who wait for their withdrawals come first, then runs that lack coins, then the targets that keep both
from waiting the next time. Nothing is proposed that would make anybody else wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.ids import VenueAccountName
from domain.money import ZERO, Token
from domain.treasury.model import Direction


@dataclass(frozen=True, slots=True)
class AtVenue:
    """One coin at one venue account.

    ``free`` is what neither runs claim nor anything promises. ``keep`` is the target that the owner set;
    ``wanted`` is what people lacked when they wanted to start runs; ``coming`` and ``leaving`` are under way.
    ``busy``: a transfer of it has not ended, or its transfers are stopped.
    """

    account: VenueAccountName
    free: Decimal
    keep: Decimal = ZERO
    wanted: Decimal = ZERO
    coming: Decimal = ZERO
    leaving: Decimal = ZERO
    busy: bool = False


@dataclass(frozen=True, slots=True)
class CoinFacts:
    """One coin: what of it the Mixin wallet can pay, what people wait for there, and where else it lies.

    ``worth`` is the least that is worth a transfer's fee: whoever wants less, or waits for less, gets so much
    moved, so that nobody makes us pay fees for crumbs.
    """

    token: Token
    at_mixin: Decimal
    waiting: Decimal
    venues: Sequence[AtVenue]
    keep: Decimal = ZERO
    worth: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Proposal:
    """So much of a coin should arrive; at most ``most`` may leave for it, with fees and least amounts."""

    direction: Direction
    account: VenueAccountName
    token: Token
    amount: Decimal
    most: Decimal


def plan(facts: CoinFacts) -> list[Proposal]:
    """Return what should move of one coin; never both ways at once.

    A venue is filled up to its target when it has fallen below half of it, so that little is not moved often.
    """
    missing = facts.waiting - facts.at_mixin - sum((one.leaving for one in facts.venues), ZERO)
    if missing > 0:
        return _bring(facts, missing)
    below = facts.at_mixin - facts.waiting < facts.keep / 2
    if below and (found := _top_up(facts, facts.keep - facts.at_mixin + facts.waiting)):
        return found
    return _supply(facts)


def _bring(facts: CoinFacts, missing: Decimal) -> list[Proposal]:
    """Return what brings people their money: from where most is free, whatever the targets say."""
    found = []
    for one in sorted(facts.venues, key=lambda v: (-v.free, v.account)):
        amount = min(one.free, max(missing, facts.worth))
        if missing > 0 and amount > 0 and not one.busy:
            found.append(Proposal(Direction.TO_MIXIN, one.account, facts.token, amount, one.free))
            missing -= amount
    return found


def _top_up(facts: CoinFacts, missing: Decimal) -> list[Proposal]:
    """Return what brings the wallet to its target, of what venues have beyond theirs."""
    found = []
    missing -= sum((one.leaving for one in facts.venues), ZERO)
    for one in sorted(facts.venues, key=lambda v: (-v.free, v.account)):
        beyond = one.free - one.keep - one.wanted
        amount = min(beyond, missing)
        if amount > 0 and amount >= facts.worth and not one.busy:
            found.append(Proposal(Direction.TO_MIXIN, one.account, facts.token, amount, beyond))
            missing -= amount
    return found


def _supply(facts: CoinFacts) -> list[Proposal]:
    """Return what venues lack, of what the wallet has beyond its own target and all who wait."""
    spare = facts.at_mixin - facts.waiting - facts.keep
    found = []
    for one in sorted(facts.venues, key=lambda v: (-v.wanted, v.account)):
        there, target = one.free + one.coming, one.wanted + one.keep
        if one.busy or there >= one.wanted + one.keep / 2:
            continue
        amount = min(max(target - there, facts.worth), spare)
        if amount > 0 and amount >= facts.worth:
            found.append(Proposal(Direction.TO_VENUE, one.account, facts.token, amount, amount))
            spare -= amount
    return found
