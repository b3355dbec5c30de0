"""The line of withdrawals that wait for money: who may go ahead of whom.

A large withdrawal must not hold up small ones for ever, and small ones must not starve it. So for each
that waits a part of its amount is set aside, which grows evenly from nothing to the whole within six
hours. What is there beyond that may be paid to somebody further back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from domain.ids import WithdrawalId
from domain.money import MIXIN_PLACES, ZERO, round_up

GROWS_FOR = timedelta(hours=6)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One withdrawal in the line; ``funded`` when its money is there and only being merged."""

    id: WithdrawalId
    pays: Decimal
    since: datetime
    funded: bool = False


def set_aside(ahead: Iterable[Waiting], now: datetime) -> Decimal:
    """Return what those ahead keep from everybody behind them."""
    return sum((_share(one, now) for one in ahead), ZERO)


def _share(one: Waiting, now: datetime) -> Decimal:
    waited, full = (now - one.since) // _SECOND, GROWS_FOR // _SECOND
    if one.funded or waited >= full:
        return one.pays
    return round_up(one.pays * max(waited, 0) / full, MIXIN_PLACES)
