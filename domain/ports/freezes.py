"""Stops: what is not paid out until a person has looked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId
from domain.money import Coin

WALLET = "wallet"
"""The scope of a freeze that stops all payouts."""

INSTANCE = "instance"
"""The scope of a freeze that stops everything: nothing is credited, paid or traded."""


NEW = "new"
"""The scope of a freeze under which nothing new begins, and everybody may take out what they have."""

CLOSING = "closing"
"""The code of the freeze of ``NEW`` that lasts as long as a closing; no other word lifts it."""

BY_HAND = "by_hand"
"""The code of a freeze that a person has asked for; who it was follows it."""


def user_scope(user_id: UserId) -> str:
    """Return the scope of a freeze that stops what one person begins."""
    return f"user:{user_id}"


def coin_scope(coin: Coin) -> str:
    """Return the scope of a freeze that stops a coin on every network, and what is begun with it."""
    return f"coin:{coin}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """One stop that nobody has lifted."""

    id: int
    scope: str
    reason: str
    created_at: datetime


class FreezeStore(Protocol):
    """The freezes table; calls join the ambient transaction."""

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        """Stop a scope (an asset id, ``wallet``, a person, a coin); return whether it was free before."""
        ...

    async def looked_at(self, scope: str, reason: str) -> bool:
        """Tell whether a person has lifted a freeze of this scope for this very reason before."""
        ...

    async def frozen(self, *scopes: str) -> str:
        """Return why payouts of any of these scopes (asset ids above all) are stopped, or an empty text."""
        ...

    async def among(self, scopes: Sequence[str]) -> Collection[str]:
        """Return those of these very scopes that are stopped."""
        ...

    async def new_begins(self) -> bool:
        """Tell whether anything new may begin: ``NEW`` is not stopped.

        Inside a transaction it stays so until that ends: whoever stops ``NEW`` meanwhile waits for it, and
        then sees what has begun.
        """
        ...

    async def frozen_instance(self) -> str:
        """Return why everything is stopped, or an empty text."""
        ...

    async def open(self) -> Sequence[Freeze]:
        """Return all freezes that nobody has lifted, the oldest first."""
        ...

    async def lift(self, freeze: Freeze, by: UserId, at: datetime) -> bool:
        """End a freeze; return whether it had not been ended before."""
        ...
