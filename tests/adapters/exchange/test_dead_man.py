"""Dead-man timers: in each venue's own words, and at the sandbox's gate until it strikes."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from adapters.clock import WallMarketClock
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.contract import VenueContract
from adapters.exchange.timer import has_timer
from adapters.exchange.venues import GATE, VENUES
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.orders import OrderState
from domain.ports.account_looks import DeadManState
from domain.services.lease_keeping import LeaseKeeper
from sandbox.venue import countdown
from tests.adapters.exchange.test_on_the_wire import talking
from tests.adapters.exchange.test_sandbox_venue import BTC, account, far_bid, soon, urls
from tests.clocks import WallClock
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import Worker
from tests.fakes.leases import FakeLeases, unasked

__all__ = ["urls"]

SET = {
    "okx": ("POST /api/v5/trade/cancel-all-after", "timeOut", {"code": "0", "data": [{"triggerTime": "1"}]}),
    "kraken": ("POST /0/private/CancelAllOrdersAfter", "timeout", {"error": [], "result": {}}),
    "gate": ("POST /spot/countdown_cancel_all", "timeout", {"triggerTime": "1"}),
    "htx": ("POST /v2/algo-orders/cancel-all-after", "timeout", {"code": 200, "data": {}}),
}
"""What is asked, where the seconds stand, and what is answered; hyperliquid counts in instants."""


def test_every_venue_whose_timer_we_set_is_here() -> None:
    assert {*SET, "hyperliquid"} == {venue for venue, row in VENUES.items() if has_timer(row)}


@pytest.mark.parametrize("venue", SET)
async def test_it_is_set_and_unset_in_the_venues_own_words(venue: str) -> None:
    line, place, answer = SET[venue]
    async with talking(venue, lockstep=False) as (exchange, far, _):
        far.answers = ((line, answer), *far.answers)
        assert exchange.timer
        for seconds in (40, 0):
            await exchange.timer.set(seconds)
            call = far.written()[-1]
            assert f"{call.method} {call.path}" == line
            assert str(call.at(place)) == str(seconds)


async def test_hyperliquid_is_told_the_instant_and_may_say_no() -> None:
    said = {"status": "err", "response": "Cannot set scheduled cancel time until enough volume traded."}
    async with talking("hyperliquid", lockstep=False) as (exchange, far, _):
        assert exchange.timer
        await exchange.timer.set(40)
        action = far.written()[-1].at("action")
        assert action["type"] == "scheduleCancel"
        assert abs(action["time"] - (time.time() + 40) * 1000) < 5_000
        far.answers = (("POST /exchange", said), *far.answers)
        with pytest.raises(Exception, match="no_clear_answer"):
            await exchange.timer.set(40)


async def test_who_has_lost_the_lease_sets_none(urls: dict[str, str]) -> None:
    def lost() -> None:
        raise Refused("lease_lost")

    adapter = CcxtExchange(replace(account(urls), venue="gate"), WallClock(), lost)
    assert adapter.timer
    with pytest.raises(Refused, match="lease_lost"):
        await adapter.timer.set(5)
    await adapter.close()


async def test_venues_without_one_and_recorded_time_have_none(urls: dict[str, str]) -> None:
    for settings in (account(urls), replace(account(urls), venue="gate", lockstep=True)):
        adapter = CcxtExchange(settings, WallClock(), unasked)
        assert adapter.timer is None
        await adapter.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> VenueContract:
    """Let a countdown of one second do, which gate would refuse."""
    monkeypatch.setattr(countdown, "LEAST_S", 1)
    return replace(GATE, timer=replace(GATE.timer, least_s=1))


async def test_gate_wants_five_seconds_and_strikes_when_nobody_sets_it_again(
    urls: dict[str, str], request: pytest.FixtureRequest
) -> None:
    adapter = CcxtExchange(replace(account(urls), venue="gate"), WallClock(), unasked)
    timer: Any = adapter.timer
    await adapter.place(await far_bid(adapter, "mm1"), soon())
    with pytest.raises(Refused):
        await timer.set(4)
    request.getfixturevalue("quick")
    for seconds in (1, 1, 0, 1):
        await timer.set(seconds)
        await asyncio.sleep(0.6)
    assert len(await adapter.open_orders(BTC)) == 1, "it was set again in time"
    await asyncio.sleep(0.8)
    assert await adapter.open_orders(BTC) == []
    found = await adapter.find_order(BTC, "mm1")
    assert found
    assert found.state is OrderState.CANCELLED
    await adapter.close()


async def test_a_worker_killed_at_gate_leaves_nothing_resting_and_its_heir_quotes_again(
    urls: dict[str, str], quick: VenueContract
) -> None:
    world = MemoryWorld(time=WallClock())
    world.policy = replace(world.policy, dead_man_s=1, sweep_interval_s=0.2, longest_wait_s=0.2)
    await world.person(BTC="0.02", USDT="1000")
    settings = replace(account(urls), name=VenueAccountName(world.account), venue="gate")
    watcher = CcxtExchange(settings, WallClock(), unasked)

    def worker(*, harmless: bool = False) -> tuple[Worker, CcxtExchange]:
        grip = Grip(venue_scope(settings.name), world.time.monotonic)
        exchange = CcxtExchange(replace(settings, rehearsal=harmless), WallClock(), grip.require)
        desk = world.desk_at(exchange, grip, WallMarketClock())
        desk.timer = replace(exchange.timer, contract=quick) if exchange.timer else None
        worker = Worker(desk, [BTC])
        leases = FakeLeases(world.leases, "worker")
        worker.keeper = LeaseKeeper(leases, world.time, LeaseTiming(ttl_s=300, renew_s=100), [grip])
        return worker, exchange

    first, killed = worker()
    await world.rounds(first, 3)
    await world.start("0.02", "1000")
    await world.rounds(first, 10)
    resting = {order.client_order_id for order in await watcher.open_orders(BTC)}
    assert resting
    assert first.dead_man.state is DeadManState.CONFIGURED
    await killed.close()
    await asyncio.sleep(1.4)
    assert await watcher.open_orders(BTC) == []
    heir, exchange = worker(harmless=True)
    said = await world.rounds(heir, 8)
    assert "struck: " in " ".join(said), "where nothing is worth anything it is let strike once"
    assert heir.dead_man.state is DeadManState.PROVEN
    await world.rounds(heir, 3)
    again = {order.client_order_id for order in await watcher.open_orders(BTC)}
    assert again
    assert not again & resting
    for each in (exchange, watcher):
        await each.close()
