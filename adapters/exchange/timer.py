"""A venue's own dead-man timer, through ccxt (D5, safety §1.2)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from adapters.exchange.contract import DeadMan, VenueContract

Write = Callable[..., Awaitable[Any]]
"""Sends one write: what it is about, the call, and what it is called with."""


@dataclass(frozen=True, slots=True)
class CcxtDeadManTimer:
    """``DeadManTimer`` of one account; every request to set it passes the gate of the lease."""

    client: Any
    contract: VenueContract
    harmless: bool
    write: Write

    @property
    def least_s(self) -> int:
        """Return the shortest time it can be set to."""
        return self.contract.timer.least_s

    @property
    def most_s(self) -> int:
        """Return the longest time it can be set to."""
        return self.contract.timer.most_s

    async def set(self, seconds: int) -> None:
        """Have it strike after so many seconds; 0: never."""
        timer = self.contract.timer
        if timer.kind is DeadMan.UNIFIED:
            await self.write("timer", self.client.cancel_all_orders_after, seconds * 1000)
        else:
            await self.write("timer", getattr(self.client, timer.call), {"timeout": seconds})


def has_timer(contract: VenueContract) -> bool:
    """Tell whether there is a timer at this venue that one request sets, for orders like ours."""
    return contract.timer.kind is not DeadMan.NONE and contract.timer.usable
