"""Orders that are asked of the worker of another account; calls join the ambient transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import VenueAccountName
from domain.market.orders import AskedOrder


class AskedOrderStore(Protocol):
    """What was asked for; nothing of it is ever changed."""

    async def add_all(self, asked: Sequence[AskedOrder]) -> None:
        """Store orders that are asked for.

        Raises:
            Refused: ``epoch_lost``: another worker acts for the asking account; ``run_not_running``: the leg
                or its leader is not RUNNING, or they are not runs of these two accounts.
        """
        ...

    async def waiting(self, account: VenueAccountName, now: datetime) -> Sequence[AskedOrder]:
        """Return what is asked of an account, not late yet and not made an intent, oldest first."""
        ...
