"""A run over the real wire: our adapter, the sandbox's venue with its other participants, and Postgres."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from adapters.clock import WallMarketClock
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.ids import RandomIds
from domain.conversions.model import Ending
from domain.ids import VenueAccountName
from domain.leases import Grip, venue_scope
from domain.ledger.model import Balance, available, venue
from domain.market.model import Pair
from domain.money import ZERO
from domain.secrets import Secret
from domain.services.desk import ExecutionPolicy
from domain.services.execution import ExecutionService
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.domain.services.trading_world import ALICE, BTC, USDT, World

PAIR = Pair.parse("BTC/USDT")
FLOAT = {"USDT": "100000", "BTC": "2"}
POLICY = ExecutionPolicy(
    venue_expiry_s=1,
    unknown_lookup_window_s=2,
    sweep_interval_s=0.5,
    reconcile_interval_s=5,
    stop_settle_s=0.5,
)


KEY = VenueKey(Secret("k"), Secret("s"))


@pytest.fixture
async def urls(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Run a venue whose others trade; give its addresses."""
    world = tmp_path / "world.json"
    account = {"name": "mm", "api_key": "k", "secret": "s", "balances": FLOAT}
    world.write_text(json.dumps({"venue": {"accounts": [account]}}))
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as addresses:
        yield addresses


class Traders:
    """Worker processes of one account, as many as die."""

    def __init__(self, world: World, urls: dict[str, str]) -> None:
        self._account = VenueAccount(VenueAccountName("mm"), "binance", KEY, urls)
        self._world = world
        self.clients: list[CcxtExchange] = []

    def start(self) -> ExecutionService:
        clock = WallClock()
        grip = Grip(venue_scope(self._account.name), clock.monotonic)
        self.clients.append(CcxtExchange(self._account, clock, grip.require))
        desk = replace(
            self._world.worker().desk,
            exchange=self.clients[-1],
            venue="binance",
            clock=clock,
            market=WallMarketClock(),
            policy=POLICY,
            grip=grip,
            reckoning=replace(self._world.reckoning(), clock=clock),
        )
        return self._world.put_to_work(desk)

    async def close(self) -> None:
        for client in self.clients:
            await client.close()


async def test_balanced_fills_survives_a_death_and_is_left_in_quote_to_the_last_digit(
    store: PostgresStore, urls: dict[str, str]
) -> None:
    world = World(store, account="mm")
    world.desk_of_people._clock = WallClock()
    world.desk_of_people._confirmations._clock = WallClock()
    world.people._clock = world.people._confirmations._clock = WallClock()
    world.ids = world.desk_of_people._ids = world.people._ids = RandomIds()
    await world.person(BTC="0.02", USDT="1000")
    traders = Traders(world, urls)
    worker = traders.start()
    await world.rounds(worker, 2)
    run = await world.start(order_amount="0.0005")  # so little that neither coin is used up
    for faults in ({}, {"withhold_percent": 20, "only": "/order"}, {}):
        async with aiohttp.ClientSession() as session:
            (await session.post(urls["control"] + "/faults", json=faults)).raise_for_status()
        await _rounds_for(worker, 3)
        await world.rounds_store.ask(ALICE)  # books beside venue, in the middle of it all
        await _rounds_for(worker, 1)
        worker = traders.start()  # the one before is gone, with all it had in mind
    fills = (await world.desk_of_people.get(ALICE, run.number)).fills
    quote = await world.people.quote_leaving(ALICE, run.number, USDT)
    await world.people.start(ALICE, quote.params, await world.people.confirm(ALICE, quote))
    said = await world.until_stopped(worker, most=400)
    assert "stopped with" in said[-1]
    [left] = await world.people.list(ALICE)
    assert left.reason in (Ending.ALL, Ending.TOO_LITTLE)
    assert (await world.ledger.balance(available(ALICE, BTC))).total < Decimal("0.0001")
    await world.rounds_store.ask(ALICE)
    await _rounds_for(worker, 3)
    found = await world.store.fetch("SELECT outcome, lines FROM reconciliations ORDER BY id")
    assert len(found) >= 5
    assert {row["outcome"] for row in found} <= {"good", "moving"}, "no look at a real wire alarms"
    assert all(line["ledger"] == line["outside"] for line in json.loads(found[-1]["lines"]))
    there = await traders.clients[-1].balances()
    assert await traders.clients[-1].open_orders(PAIR) == []
    await traders.close()
    assert fills > 0
    for coin, deposited in ((BTC, "0.02"), (USDT, "1000")):
        assert (await world.ledger.balance(venue(VenueAccountName("mm"), coin))).total == there[coin]
        result = there[coin] - Decimal(FLOAT[coin])
        balance = await world.ledger.balance(available(ALICE, coin))
        assert balance == Balance(Decimal(deposited) + result, ZERO)
    assert await world.ledger.faults() == []


async def _rounds_for(worker: ExecutionService, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                await worker.round()
    except TimeoutError:
        return
