"""Stops: what is not paid out until a person has looked."""

from datetime import datetime
from typing import Protocol

from domain.ids import AssetId


class FreezeStore(Protocol):
    """The freezes table; calls join the ambient transaction."""

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        """Stop payouts of a scope (an asset id, or ``wallet``); return whether it was free before."""
        ...

    async def frozen(self, asset_id: AssetId) -> str:
        """Return why payouts of an asset are stopped, or an empty text."""
        ...
