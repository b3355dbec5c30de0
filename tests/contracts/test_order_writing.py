"""What every ``OrderWriting`` promises: the one in memory and the database's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.leases import venue_scope
from domain.ledger.model import AccountKind
from domain.market.model import Side
from domain.market.orders import Intent, OrderState
from domain.market.runs import Run
from domain.money import Coin
from domain.services.desk import hold_of, hold_owner
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import World
from tests.fakes.exchange import PAIR

USDT = Coin("USDT")


class Place:
    """One run with 1,000 USDT, and the way its worker writes orders."""

    def __init__(self, world: Any, run: Run, worker: Any) -> None:
        self.world, self.run, self.writing = world, run, worker.desk.writing

    def bid(self, quantity: str) -> Intent:
        """Return an order that would spend so many thousand USDT."""
        return Intent(
            id=self.world.ids.new_id(),
            client_order_id=self.world.ids.client_order_id(),
            run_id=self.run.id,
            account=self.run.account,
            epoch=1,
            pair=PAIR,
            side=Side.BUY,
            price=Decimal(1_000),
            quantity=Decimal(quantity),
            post_only=True,
            not_after=self.world.time.now() + timedelta(seconds=1),
        )

    async def write(
        self, *new: Intent, news: tuple[Intent, ...] = (), ended: tuple[Intent, ...] = (), epoch: int = 1
    ) -> list[Intent]:
        scope = venue_scope(self.run.account)
        added = [(intent, hold_of(intent)) for intent in new]
        owners = [hold_owner(intent) for intent in ended]
        return list(await self.writing.write(scope, epoch, news, owners, added))

    async def held(self) -> Decimal:
        held: Decimal = (await self.world.ledger.balances(AccountKind.RUN, self.run.id))[USDT].held
        return held

    async def stored(self) -> list[Intent]:
        return list(await self.world.orders.unsettled(self.run.account))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def url(request: pytest.FixtureRequest) -> str:
    """Give the address of a database, or none."""
    return "" if request.param == "memory" else request.getfixturevalue("migrated_url")


@pytest.fixture
async def place(url: str) -> AsyncIterator[Place]:
    """Give one run and its worker, in memory or on a database."""
    if not url:
        yield await placed(MemoryWorld())
        return
    async with PostgresStore(url) as store:
        yield await placed(World(store))


async def placed(world: Any) -> Place:
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    return Place(world, await world.start("0.02", "1000"), worker)


async def test_orders_enter_with_their_holds_in_their_order(place: Place) -> None:
    orders = [place.bid("0.3"), place.bid("0.2")]
    assert await place.write(*orders) == orders
    assert await place.stored() == orders
    assert await place.held() == 500


async def test_what_ended_orders_held_is_there_for_those_that_follow(place: Place) -> None:
    [old] = await place.write(place.bid("0.9"))
    gone = replace(old, state=OrderState.CANCELLED, order_id="7", settled=True)
    new = place.bid("0.8")
    assert await place.write(new, news=(gone,), ended=(gone,)) == [new]
    assert await place.stored() == [new]
    assert await place.held() == 800
    found = await place.world.orders.find_by_client_ids(place.run.account, [old.client_order_id])
    assert found == {old.client_order_id: gone}


async def test_news_alone_is_stored_as_it_was_heard(place: Place) -> None:
    [old] = await place.write(place.bid("0.5"))
    heard = replace(old, state=OrderState.UNKNOWN, absent_since=place.world.time.now())
    assert await place.write(news=(heard,)) == []
    assert await place.stored() == [heard]
    partial = replace(heard, state=OrderState.PARTIAL, order_id="7", filled=Decimal("0.1"), absent_since=None)
    await place.write(news=(partial,))
    assert await place.stored() == [partial]
    assert await place.held() == 500


async def test_holds_beyond_what_is_free_leave_nothing_written(place: Place) -> None:
    [old] = await place.write(place.bid("0.5"))
    heard = replace(old, state=OrderState.OPEN, order_id="7")
    with pytest.raises(Refused, match="insufficient_funds"):
        await place.write(place.bid("0.3"), place.bid("0.3"), news=(heard,))
    assert await place.stored() == [old]
    assert await place.held() == 500


async def test_orders_of_a_run_that_stops_are_left_out_and_hold_nothing(place: Place) -> None:
    [old] = await place.write(place.bid("0.5"))
    await place.world.desk_of_people.stop(place.world.user, place.run.number)
    heard = replace(old, state=OrderState.OPEN, order_id="7")
    assert await place.write(place.bid("0.1"), news=(heard,)) == []
    assert await place.stored() == [heard]
    assert await place.held() == 500


async def test_orders_of_a_halted_account_are_left_out_and_hold_nothing(place: Place) -> None:
    await place.world.accounts.halt(place.run.account, "looked_odd")
    assert await place.write(place.bid("0.1")) == []
    assert await place.stored() == []
    assert await place.held() == 0


async def test_an_old_epoch_writes_nothing(place: Place) -> None:
    [old] = await place.write(place.bid("0.5"))
    heard = replace(old, state=OrderState.OPEN, order_id="7")
    with pytest.raises(Refused, match="epoch_lost"):
        await place.write(place.bid("0.1"), news=(heard,), epoch=2)
    assert await place.stored() == [old]


async def test_a_state_that_no_edge_leads_to_leaves_nothing_written(place: Place) -> None:
    [old] = await place.write(place.bid("0.5"))
    gone = replace(old, state=OrderState.CANCELLED, order_id="7")
    await place.write(news=(gone,))
    with pytest.raises(InvariantBroken, match="illegal_transition"):
        await place.write(place.bid("0.1"), news=(replace(gone, state=OrderState.OPEN),))
    assert await place.stored() == [gone]
    assert await place.held() == 500


async def test_a_hold_that_is_not_known_leaves_nothing_written(place: Place) -> None:
    with pytest.raises(InvariantBroken, match="hold_unknown"):
        await place.write(place.bid("0.1"), ended=(place.bid("0.2"),))
    assert await place.stored() == []
