"""Orders written together over stores in memory: the same steps as the database's function, in its order."""

from collections.abc import Sequence
from typing import Protocol

from domain.leases import Scope
from domain.ledger.model import Cause, Hold
from domain.market.orders import Intent
from domain.ports.leases import Fence
from domain.ports.ledger import Ledger
from domain.ports.orders import OrderStore
from domain.ports.store import Store


class OrderTable(OrderStore, Protocol):
    """Where orders are kept in memory; it lets in what the database would."""

    async def add_all(self, intents: Sequence[Intent]) -> Sequence[Intent]: ...

    async def save_all(self, intents: Sequence[Intent]) -> None: ...


class MemoryOrderWriting:
    """``domain.ports.order_writing.OrderWriting``, put together from other ports."""

    def __init__(self, store: Store, fence: Fence, orders: OrderTable, ledger: Ledger) -> None:
        self._store, self._fence, self._orders, self._ledger = store, fence, orders, ledger

    async def write(
        self,
        scope: Scope,
        epoch: int,
        news: Sequence[Intent],
        ended: Sequence[Cause],
        new: Sequence[tuple[Intent, Hold]],
    ) -> Sequence[Intent]:
        async with self._store.transaction():
            await self._fence.guard(scope, epoch)
            await self._ledger.release_all(ended)
            await self._orders.save_all(news)
            let_in = await self._orders.add_all([intent for intent, _ in new])
            ids = {intent.id for intent in let_in}
            await self._ledger.hold_all([hold for intent, hold in new if intent.id in ids])
        return let_in
