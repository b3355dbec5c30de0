"""Acting under a lease: every transaction checks the epoch before anything else (TX9, WD5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.leases import Grip
from domain.ports.leases import Fence
from domain.ports.store import Store


@dataclass(frozen=True, slots=True)
class FencedStore:
    """The store in the hands of one who acts for a scope; as ``Store``, and stricter.

    The epoch is the grip's present one. Who reads, waits, and then writes compares what was read in the same
    statement: while it waited the scope may have been somebody else's, and ours again.
    """

    store: Store
    fence: Fence
    grip: Grip

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin or join a transaction in which nobody else can take the scope over.

        Raises:
            Refused: ``epoch_lost``: somebody else acts for the scope, or nobody.
        """
        async with self.store.transaction():
            await self.fence.guard(self.grip.scope, self.grip.epoch)
            yield
