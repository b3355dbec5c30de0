"""Killed in the middle of everything, the venue stands by what it said."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import ccxt
import pytest

from sandbox.venue.app import Options, serve
from tests.sandbox.venue.conftest import ccxt_client
from tests.sandbox.venue.test_replay import REAL, needs_recording

PAIR = "BTC/USDT"
ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def venue_process(
    state: Path, world: Path, *more: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Any]]:
    """Run the venue as its own process on a free port; kill it -9 at the end."""
    fixed = ("--state", str(state), "--port", "0", "--world", str(world), "--seed", "3")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.venue", *fixed, *more, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["urls"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def books(urls: dict[str, str]) -> Any:
    async with aiohttp.ClientSession() as session, session.get(urls["control"] + "/books") as answer:
        return await answer.json()


class Witness:
    """Trades at random and remembers all that it was told."""

    def __init__(self, client: Any, seed: int) -> None:
        self.client, self.dice, self.count = client, random.Random(seed), seed * 100_000
        self.told: dict[str, dict[str, Any]] = {}  # by order id, the latest answer
        self.fills: dict[tuple[str, str], dict[str, Any]] = {}

    async def trade(self) -> None:
        """Go on until the venue is gone."""
        try:
            while True:
                await self.step()
        except ccxt.NetworkError:
            return

    async def step(self) -> None:
        book = await self.client.fetch_order_book(PAIR, 5)
        middle = (book["bids"][0][0] + book["asks"][0][0]) / 2
        side, away = self.dice.choice(["buy", "sell"]), self.dice.uniform(-0.0003, 0.001)
        price = self.client.price_to_precision(PAIR, middle * (1 - away if side == "buy" else 1 + away))
        self.count += 1
        params = {"clientOrderId": f"w{self.count}"}
        order = await self.client.create_order(PAIR, "limit", side, "0.0011", price, params)
        self.told[order["id"]] = order
        if self.dice.random() < 0.5:
            victim = self.dice.choice([*self.told])
            try:
                self.told[victim] = await self.client.cancel_order(victim, PAIR)
            except ccxt.OrderNotFound:
                self.told[victim] = await self.client.fetch_order(victim, PAIR)
        for fill in await self.client.fetch_my_trades(PAIR):
            self.fills[fill["id"], fill["order"]] = fill

    async def check(self, client: Any) -> None:
        """Compare what was said with what is said now."""
        for order_id, said in self.told.items():
            now = await client.fetch_order(order_id, PAIR)
            assert Decimal(now["filled"]) >= Decimal(said["filled"])
            if said["status"] != "open":
                assert (now["status"], now["filled"]) == (said["status"], said["filled"])
        listed = await client.fetch_my_trades(PAIR, None, 1000, {"fromId": 0})
        known = {(fill["id"], fill["order"]): fill["info"] for fill in listed}
        for key, fill in self.fills.items():
            assert known[key] == fill["info"]


def check_sums(picture: Any) -> None:
    assert set(picture["missing"].values()) == {"0.00000000"}
    promised = {"USDT": Decimal(0), "BTC": Decimal(0)}
    for order in picture["open_orders"]:
        left = Decimal(order["origQty"]) - Decimal(order["executedQty"])
        if order["side"] == "BUY":
            promised["USDT"] += left * Decimal(order["price"])
        else:
            promised["BTC"] += left
    for asset, amount in promised.items():
        assert Decimal(picture["accounts"]["mm"][asset]["locked"]) == amount


async def kill_and_look(state: Path, world: Path, *more: str) -> None:
    """Trade with several witnesses at once, kill -9, start again, look; three times over."""
    witnesses: list[Witness] = []
    newest_order = newest_trade = 0
    for turn in range(3):
        async with venue_process(state, world, *more) as (process, urls):
            client = ccxt_client(urls)
            await client.load_markets()
            check_sums(before := await books(urls))
            for witness in witnesses:
                await witness.check(client)
            fresh = [Witness(client, 10 * turn + n + 1) for n in range(3)]
            trading = [asyncio.create_task(witness.trade()) for witness in fresh]
            await asyncio.sleep(1.3)
            process.send_signal(signal.SIGKILL)
            await asyncio.gather(*trading)
            await client.close()
        witnesses += fresh
        numbers = [int(number) for witness in fresh for number in witness.told]
        assert min(numbers) > newest_order
        newest_order = max(numbers)
        trades = [int(trade) for witness in fresh for trade, _ in witness.fills]
        assert len(before["trades"]) == 0 or max(trades, default=0) >= newest_trade
        newest_trade = max(trades, default=newest_trade)
    async with venue_process(state, world, *more) as (_, urls):
        client = ccxt_client(urls)
        await client.load_markets()
        for witness in witnesses:
            await witness.check(client)
        check_sums(await books(urls))
        if await client.fetch_open_orders(PAIR):
            await client.cancel_all_orders(PAIR)
        balance = await client.fetch_balance()
        await client.close()
        assert Decimal(balance["USDT"]["used"]) == Decimal(balance["BTC"]["used"]) == 0


async def test_killed_under_load_it_keeps_its_promises(tmp_path: Path, world: Path) -> None:
    await kill_and_look(tmp_path / "state", world)


@needs_recording
async def test_killed_in_a_replay_it_keeps_its_promises(tmp_path: Path, world: Path) -> None:
    await kill_and_look(tmp_path / "state", world, "--replay", str(REAL), "--fees", "zero")


@needs_recording
async def test_a_replay_goes_on_where_it_was_killed(tmp_path: Path, world: Path) -> None:
    more = ("--replay", str(REAL), "--pace", "lockstep")
    states: list[Any] = []
    for _ in range(2):
        async with venue_process(tmp_path / "state", world, *more) as (_, urls):
            client = ccxt_client(urls)
            await client.load_markets()
            if not states:
                book = await client.fetch_order_book(PAIR, 5)
                await client.create_order(PAIR, "limit", "buy", "0.01", str(book["bids"][0][0]))
                async with aiohttp.ClientSession() as session:
                    body = {"until_ms": 1723161255319 + 5000}
                    await session.post(urls["control"] + "/clock/sleep", json=body)
                far = await client.create_order(PAIR, "limit", "buy", "0.01", "61000")
            book = await client.fetch_order_book(PAIR, 100)
            states.append((book["bids"], book["asks"], (await client.fetch_order(far["id"], PAIR))["info"]))
            await client.close()
    assert states[0] == states[1]


async def test_the_state_of_another_market_is_refused(tmp_path: Path, world: Path) -> None:
    async with serve(Options(tmp_path / "state", 0, world)):
        pass
    connection = sqlite3.connect(tmp_path / "state" / "venue.db")
    connection.execute("UPDATE notes SET value = 'replay of x' WHERE name = 'market'")
    connection.commit()
    connection.close()
    with pytest.raises(SystemExit, match="choose another --state"):
        async with serve(Options(tmp_path / "state", 0, world)):
            pass


async def test_it_stops_when_told(tmp_path: Path, world: Path) -> None:
    async with venue_process(tmp_path / "state", world) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
