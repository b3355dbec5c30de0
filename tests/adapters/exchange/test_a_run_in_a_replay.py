"""Runs of one recording decide alike: the whole path, from the book to the fills, in lockstep."""

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.clock import LockstepMarketClock
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.ids import RandomIds
from domain.ids import UserId, VenueAccountName
from domain.leases import Grip, venue_scope
from domain.ledger.model import available, venue
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from tests.adapters.exchange.test_a_run_at_the_sandbox_venue import PAIR, POLICY
from tests.clocks import WallClock
from tests.domain.services.trading_world import BTC, USDT, World
from tests.sandbox.venue.test_replay import REAL, needs_recording

SPAN_S = 40
AS_IT_WAS_S = 8  # as slowly as it was recorded
Decisions = Sequence[tuple[object, ...]]


KEY = VenueKey(Secret("k"), Secret("s"))


async def play(
    store: PostgresStore,
    folder: Path,
    number: int,
    spoken: str = "binance",
    span_s: float = SPAN_S,
    speed: float = 0,
    reconnects: bool = False,
) -> tuple[Decisions, Decisions]:
    """Play the recording's first seconds with a run of 2 bps; return its orders and its fills, in order."""
    name, user = f"mm-{number}", UserId(f"00000000-0000-4000-8000-{number:012x}")
    world_file = folder / f"world-{number}.json"
    world_file.write_text(
        '{"venue": {"accounts": [{"name": "mm", "api_key": "k", "secret": "s",'
        ' "balances": {"USDT": "100000", "BTC": "2"}}]}}'
    )
    options = Options(folder / name, 0, world_file, replay=REAL, pace="lockstep", speed=speed, fees="zero")
    world = World(store, account=name, user=user)
    clock = WallClock()
    world.desk_of_people._clock = world.desk_of_people._confirmations._clock = clock
    world.ids = world.desk_of_people._ids = RandomIds()
    await world.person(BTC="0.02", USDT="1000")
    async with serve(options) as urls:
        account = VenueAccount(VenueAccountName(name), spoken, KEY, urls, lockstep=True)
        grip = Grip(venue_scope(account.name), clock.monotonic)
        exchange = CcxtExchange(account, clock, grip.require)
        market = LockstepMarketClock(urls["control"] + "/clock")
        desk = replace(
            world.worker().desk, exchange=exchange, venue=spoken, clock=clock, market=market, grip=grip
        )
        desk = replace(desk, policy=replace(POLICY, sends_at_once=1, sweep_interval_s=2))
        worker = world.put_to_work(desk)
        await world.rounds(worker, 2)
        start = await market.now()
        run = await world.start(
            half_spread_bps="2", min_edge_bps="0", refresh_s="2", tolerance_bps="1", levels="2"
        )
        while (played_s := (await market.now() - start).total_seconds()) < span_s:
            if reconnects and played_s > span_s / 2:
                reconnects = False
                await exchange.close()
                exchange = CcxtExchange(account, clock, grip.require)
                worker = world.put_to_work(replace(desk, exchange=exchange))
            await worker.round()
        orders = await _rows(
            store, "SELECT side, price, quantity FROM order_intents WHERE account = $1 ORDER BY seq", name
        )
        fills = await _rows(
            store, "SELECT side, price, quantity, at FROM fills WHERE account = $1 ORDER BY seq", name
        )
        await world.desk_of_people.stop(user, run.number)
        await world.until_stopped(worker, most=400)
        there = await exchange.balances()
        for coin, deposited, had in ((BTC, "0.02", "2"), (USDT, "1000", "100000")):
            assert (await world.ledger.balance(venue(VenueAccountName(name), coin))).total == there[coin]
            owed = await world.ledger.balance(available(user, coin))
            assert owed.total == Decimal(deposited) + there[coin] - Decimal(had)
        assert await exchange.open_orders(PAIR) == []
        await exchange.close()
        await market.close()
    await world.close_account()
    return orders, fills


async def _rows(store: PostgresStore, sql: str, *args: object) -> Decisions:
    return [tuple(row.values()) for row in await store.fetch(sql, *args)]


@needs_recording
@pytest.mark.timeout(180)
async def test_plays_of_one_recording_decide_alike(store: PostgresStore, tmp_path: Path) -> None:
    """At full speed, at the speed it had, at another exchange, and for a worker that came in its middle."""
    first = await play(store, tmp_path, 1)
    assert len(first[0]) > 8
    assert first[1], "nothing was filled by a recorded trade"
    assert await play(store, tmp_path, 2, "gate", reconnects=True) == first
    began = time.monotonic()
    orders, fills = await play(store, tmp_path, 3, span_s=AS_IT_WAS_S, speed=1)
    assert time.monotonic() - began > AS_IT_WAS_S
    assert len(orders) >= 4
    assert orders == first[0][: len(orders)]
    assert fills == first[1][: len(fills)]
