"""Runs are ticked when it is time and when their market moves; what they need is read when it has changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Unavailable
from domain.ledger.model import AccountKind
from domain.market.limits import Limits
from domain.market.model import Pair, Side
from domain.market.orders import Fill, LimitOrder, OrderState, VenueOrder
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import Worker
from tests.fakes.exchange import PAIR, FakeExchange

FAR, NEAR = 3_000, 300  # ticks: 5 bps, short of our quotes, and half of one


class Counting(FakeExchange):
    """An exchange that remembers what it was asked for, and can be interrupted."""

    def __init__(self, exchange: FakeExchange) -> None:
        super().__init__(exchange._venue, exchange.account, exchange._lease)
        self.trades_read, self.told = 0, list[str]()

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        self.trades_read += 1
        return await super().fills_since(pair, trade_id, since)

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        self.told.append("place")
        return await super().place(order, not_after)


def counting(port: Any) -> Any:
    return Counting(port) if isinstance(port, FakeExchange) else port


async def world_with(runs: int) -> tuple[MemoryWorld, Worker]:
    """Return a world whose venue tells of trades, with runs that have just laid their orders."""
    world = MemoryWorld()
    world.venue.tells = True
    world.policy = replace(world.policy, longest_wait_s=0.5)
    await world.person(BTC="1", USDT="50000")
    worker = world.worker(counting)
    await world.rounds(worker, 2)
    for _ in range(runs):
        await world.start("0.02", "1000")
    await world.rounds(worker, 1)
    return world, worker


def nearest_bid(world: MemoryWorld) -> Decimal:
    return max(order.price for order in world.venue.resting() if order.side is Side.BUY)


async def test_a_market_that_moves_beyond_its_tolerance_is_answered_at_once() -> None:
    world, worker = await world_with(1)
    await world.rounds(worker, 3)
    before, began_s = nearest_bid(world), world.time.monotonic()
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    said = await worker.round()
    assert "ticked 1 runs" in said
    assert nearest_bid(world) > before
    assert world.time.monotonic() - began_s <= 0.5, "long before the five seconds of its refresh"


async def test_a_market_that_moves_within_its_tolerance_waits_for_its_time() -> None:
    world, worker = await world_with(1)
    await world.rounds(worker, 2)
    world.venue.move(world.venue.bid + NEAR, world.venue.ask + NEAR)
    assert not any("ticked" in said for said in await world.rounds(worker, 3))
    assert any("ticked 1 runs" in said for said in await world.rounds(worker, 10))


async def test_one_market_is_answered_once_a_second_at_most() -> None:
    world, worker = await world_with(1)
    worker.desk.policy = replace(worker.desk.policy, react_pause_s=2.0)
    said = []
    for way in (1, -1, 1, 1):
        world.venue.move(world.venue.bid + way * FAR, world.venue.ask + way * FAR)
        said.append(await worker.round())
    assert [("ticked" in each) for each in said] == [True, False, False, False]
    assert "ticked" in "; ".join(await world.rounds(worker, 2)), "what moved meanwhile is answered after that"


async def test_where_the_venue_tells_ticks_read_no_trades_and_a_trade_is_read_when_told() -> None:
    world, worker = await world_with(1)
    worker.desk.policy = replace(worker.desk.policy, sweep_interval_s=1000, reconcile_interval_s=1000)
    await world.rounds(worker, 1)
    exchange: Any = worker.desk.exchange
    read = exchange.trades_read
    assert sum("ticked" in said for said in await world.rounds(worker, 24)) >= 2
    assert exchange.trades_read == read
    world.venue.move(world.venue.bid - 2 * FAR, world.venue.ask - 2 * FAR)
    said = await world.rounds(worker, 2)
    assert any("fills booked" in each for each in said)
    assert exchange.trades_read > read


async def test_nobody_answers_a_market_without_the_lease() -> None:
    world, worker = await world_with(1)
    sent = len(world.venue.sent)
    worker.desk.grip.drop()
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    await worker.beats.react()
    await worker.beats.wait(None)
    assert len(world.venue.sent) == sent


async def test_while_the_exchange_tells_no_trades_nothing_is_placed_and_its_silence_stays_told() -> None:
    world, worker = await world_with(1)
    exchange: Any = worker.desk.exchange

    async def silent(*_: Any) -> Any:
        raise Unavailable("venue_silent")

    exchange.fills_since = silent
    worker.desk.policy = replace(worker.desk.policy, blind_cancel_s=1_000)
    while not worker.failed.count:
        await world.rounds(worker, 1)
    sent = len(world.venue.sent)
    for step in range(12):
        way = 1 if step % 2 else -1
        world.venue.move(world.venue.bid + way * FAR, world.venue.ask + way * FAR)
        await world.rounds(worker, 1)
    assert len(world.venue.sent) == sent, "who does not hear of trades places nothing"
    [run] = world.runs.rows
    assert run.trouble == "venue_silent"
    del exchange.fills_since
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    await world.rounds(worker, 8)
    assert len(world.venue.sent) > sent
    assert world.runs.rows[0].trouble == ""


async def test_what_moves_while_trades_are_read_does_not_wait_for_the_rest() -> None:
    world, worker = await world_with(1)
    before = nearest_bid(world)
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    await worker.beats.react()
    assert nearest_bid(world) > before


async def test_a_pair_is_read_again_only_after_something_was_written_there() -> None:
    world, worker = await world_with(2)
    reads = []
    unsettled = worker.desk.sight.orders.unsettled

    async def watched(account: Any, pairs: Any = None) -> Any:
        reads.append(pairs)
        return await unsettled(account, pairs)

    worker.desk.sight.orders.unsettled = watched  # type: ignore[method-assign]
    runs = await world.runs.active(worker.desk.account)
    await worker.desk.sight.look(runs)
    reads.clear()
    seen = await worker.desk.sight.look(runs)
    assert reads == []
    assert {run.id for run in runs} == set(seen[PAIR].funds)
    with pytest.raises(Unavailable):
        async with worker.desk.transaction([PAIR]):
            raise Unavailable("store_unavailable")
    await worker.desk.sight.look(runs)
    assert reads == [[PAIR]], "a commit that failed may have been one all the same"
    async with worker.desk.transaction(()):
        pass
    await worker.desk.sight.look(runs)
    assert len(reads) == 1
    async with worker.desk.transaction():
        pass
    await worker.desk.sight.look(runs)
    assert len(reads) == 2


async def test_a_run_that_is_new_on_a_pair_is_read_with_the_others() -> None:
    world, worker = await world_with(1)
    await worker.desk.sight.look(await world.runs.active(worker.desk.account))
    await world.start("0.02", "1000")
    runs = await world.runs.active(worker.desk.account)
    assert {run.id for run in runs} == set((await worker.desk.sight.look(runs))[PAIR].funds)


async def test_the_first_runs_orders_leave_before_the_others_are_stored() -> None:
    world, worker = await world_with(3)
    exchange: Any = worker.desk.exchange
    exchange.told.clear()
    add_all = world.orders.add_all

    async def told(intents: Any) -> Any:
        if intents:
            exchange.told.append(f"stored {len(intents)}")
        return await add_all(intents)

    world.orders.add_all = told  # type: ignore[method-assign]
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    await worker.round()
    first, *_, last = [n for n, each in enumerate(exchange.told) if each.startswith("stored")]
    assert exchange.told[first + 1 : last] == ["place"] * (last - first - 1)
    assert last - first > 1
    assert set(exchange.told[last + 1 :]) == {"place"}


async def test_what_the_venue_said_is_stored_where_nothing_follows_from_it() -> None:
    """A halting refusal of the first run's orders keeps the others back; cancels are stored all the same."""
    world, worker = await world_with(3)
    worker.desk.exchange._limits.limits = Limits(10**6, 10**6, Decimal(10) ** 9, Decimal(1), 10**6)  # type: ignore[attr-defined]
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    await worker.round()
    orders = [resting.order for resting in world.venue.orders]
    gone = {order.client_order_id for order in orders if order.state is OrderState.CANCELLED}
    stored = {i.client_order_id: i for i in world.orders.rows.values()}
    assert gone
    assert all(stored[each].state is OrderState.CANCELLED and stored[each].settled for each in gone)
    state = await world.accounts.find(worker.desk.account)
    assert state
    assert state.halted == "limit_daily_notional"


async def test_funds_that_others_took_refuse_no_more_than_what_they_lack() -> None:
    """What is seen may be old: the store refuses what is not there, and the rest is sent one by one."""
    world, worker = await world_with(1)
    sight, runs = worker.desk.sight, await world.runs.active(worker.desk.account)
    seen = (await sight.look(runs))[PAIR]
    [run] = runs
    rich = {coin: replace(balance, total=balance.total * 3) for coin, balance in seen.funds[run.id].items()}
    sight._seen[PAIR] = replace(seen, funds={run.id: rich})
    world.venue.move(world.venue.bid + FAR, world.venue.ask + FAR)
    assert "ticked 1 runs: 6 cancelled" in await worker.round()
    balances = await world.ledger.balances(AccountKind.RUN, run.id)
    assert all(balance.free >= 0 for balance in balances.values())
    assert world.venue.resting()
