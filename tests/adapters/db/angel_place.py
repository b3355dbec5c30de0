"""A run with orders on the book, a worker that has its account, and Angels at the one door."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.build import build_name, schema_version
from adapters.db.angel import PostgresAngelStore
from adapters.db.asking import Asking
from adapters.db.grants import Role
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.store import PostgresStore
from domain.angel.entries import Deed, Entry, word
from domain.ids import VenueAccountName
from domain.leases import venue_scope
from domain.market.orders import OrderState
from domain.market.runs import Run
from domain.money import ZERO
from domain.ports.angel import Answer
from tests.domain.services.trading_world import World
from tests.fakes.leases import move_lease_clock

ACCOUNT = VenueAccountName("fake-1")
SCOPE = venue_scope(ACCOUNT)


@dataclass
class Place:
    """A run with orders on the book, a worker that has the account, and Angels by name."""

    world: World
    run: Run
    angel: PostgresAngelStore
    epoch: int
    admin: Any

    def entry(self, deed: Deed, epoch: int | None = None, name: str = "angel:a", **facts: Any) -> Entry:
        return Entry(str(uuid.uuid4()), self.world.time.now(), name, SCOPE, epoch, deed, facts)

    def take(self, seen: int, *, preempt: bool = False, name: str = "angel:a") -> Entry:
        return self.entry(Deed.TAKE, name=name, seen=seen, preempt=preempt, stuck=False, reason="x")

    async def taken(self) -> int:
        """Let the lease end, and have the Angel take the account."""
        await move_lease_clock(self.admin, 301)
        answer = await self.angel.act(self.take(self.epoch))
        assert answer == Answer(True, self.epoch + 1)
        return self.epoch + 1

    async def cleared(self, epoch: int) -> None:
        """Take everything off the book, and tell the store."""
        orders = await self.world.orders.unsettled(ACCOUNT)
        for resting in self.world.venue.orders:
            resting.order = replace(resting.order, state=OrderState.CANCELLED)
        said = [word(i.client_order_id, "", OrderState.CANCELLED, ZERO) for i in orders]
        assert (await self.angel.act(self.entry(Deed.HEARD, epoch, orders=said))).ours

    def leases(self, name: str = "next") -> PostgresLeases:
        return PostgresLeases(self.world.store, Claimant(name, build_name(), schema_version()))


@pytest.fixture
async def place(store: PostgresStore, admin: Any, url_of: Callable[[Role], str]) -> AsyncIterator[Place]:
    world = World(store)
    await world.person(BTC="1", USDT="50000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 2)
    assert world.venue.resting()
    own = Asking(url_of(Role.ANGEL))
    yield Place(world, run, PostgresAngelStore(own), worker.desk.epoch, admin)
    await own.close()
