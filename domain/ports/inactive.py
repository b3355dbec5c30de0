"""People who have coins here and have done nothing for long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import UserId
from domain.money import Coin


@dataclass(frozen=True, slots=True)
class Inactive:
    """What a person can take out, and when they last wrote, paid in, took out or had a run stop."""

    user_id: UserId
    since: datetime
    coins: Mapping[Coin, Decimal]


class InactiveStore(Protocol):
    """What tells of people's doings; calls join the ambient transaction."""

    async def inactive(self, before: datetime, after: str, limit: int) -> Sequence[Inactive]:
        """Return people with coins and without a run who did nothing since ``before``, by id, after one.

        What no payment can carry counts for nothing.
        """
        ...
