"""Stops: what is not paid out until a person has looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import AssetId, UserId

WALLET = "wallet"
"""The scope of a freeze that stops all payouts."""

INSTANCE = "instance"
"""The scope of a freeze that stops everything: nothing is credited, paid or traded."""


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
        """Stop payouts of a scope (an asset id, or ``wallet``); return whether it was free before."""
        ...

    async def looked_at(self, scope: str, reason: str) -> bool:
        """Tell whether a person has lifted a freeze of this scope for this very reason before."""
        ...

    async def frozen(self, asset_id: AssetId) -> str:
        """Return why payouts of an asset are stopped, or an empty text."""
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
