"""A replay over the wire: it waits for us, moves while we sleep, and ends alike each time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.venue.app import Options, serve
from tests.sandbox.venue.conftest import ccxt_client
from tests.sandbox.venue.test_replay import REAL, Tape, needs_recording

PAIR = "BTC/USDT"
SPAN_MS = 40_000


async def post(session: aiohttp.ClientSession, url: str, body: Any) -> Any:
    async with session.post(url, json=body) as answer:
        return await answer.json()


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()


async def make_market(urls: dict[str, str]) -> Any:
    """Quote 2 bps around the middle every second of market time; return what the venue remembers."""
    client, control = ccxt_client(urls), urls["control"]
    async with aiohttp.ClientSession() as session:
        await client.load_markets()
        start = now = (await get(session, f"{control}/clock"))["now_ms"]
        while now < start + SPAN_MS:
            for order in await client.fetch_open_orders(PAIR):
                await client.cancel_order(order["id"], PAIR)
            book = await client.fetch_order_book(PAIR, 5)
            middle = (book["bids"][0][0] + book["asks"][0][0]) / 2
            for side, sign in (("buy", -1), ("sell", 1)):
                price = client.price_to_precision(PAIR, middle * (1 + sign * 0.0002))
                params = {"postOnly": True, "clientOrderId": f"{side}{now}"}
                await client.create_order(PAIR, "limit", side, "0.005", price, params)
            now = (await post(session, f"{control}/clock/sleep", {"until_ms": now + 1000}))["now_ms"]
        books = await get(session, f"{control}/books")
    await client.close()
    return books


@needs_recording
async def test_two_lockstep_runs_over_the_wire_are_alike(tmp_path: Path, world: Path) -> None:
    runs = []
    for n in range(2):
        options = Options(tmp_path / f"run{n}", 0, world, replay=REAL, pace="lockstep", fees="zero")
        async with serve(options) as urls:
            runs.append(await make_market(urls))
    assert runs[0] == runs[1]
    assert any(trade["recordedTradeId"] for trade in runs[0]["trades"])
    assert {trade["role"] for trade in runs[0]["trades"]} == {"maker"}
    assert set(runs[0]["missing"].values()) == {"0.00000000"}


async def test_before_the_first_order_no_market_time_passes(tmp_path: Path, world: Path) -> None:
    path = a_quiet_tape().write(tmp_path / "r.txt")
    for pace in ("market", "lockstep"):
        options = Options(tmp_path / pace, 0, world, replay=path, pace=pace)
        async with serve(options) as urls, aiohttp.ClientSession() as session:
            before = await get(session, f"{urls['control']}/clock")
            until = before["now_ms"] + 200
            assert await post(session, f"{urls['control']}/clock/sleep", {"until_ms": until}) == before
            assert (await get(session, f"{urls['control']}/replay"))["started"] is False


def a_quiet_tape() -> Tape:
    tape = Tape().trade("100.0", "0.001", hits_bids=True).delta([], [])
    tape.snapshot([["100.0", "2"]], [["100.1", "2"]])
    for _ in range(20):
        tape.at += 90
        tape.trade("100.0", "0.5", hits_bids=True)
    return tape


async def test_two_sleepers_take_turns_and_the_end_is_told(tmp_path: Path, world: Path) -> None:
    options = Options(
        tmp_path / "state", 0, world, replay=a_quiet_tape().write(tmp_path / "r.txt"), pace="lockstep"
    )
    async with serve(options) as urls, aiohttp.ClientSession() as session:
        client, control, seen = ccxt_client(urls), urls["control"], []
        await client.load_markets()
        await client.create_order(PAIR, "limit", "buy", "0.1", "99.0")
        start = (await get(session, f"{control}/clock"))["now_ms"]

        async def loop(step_ms: int) -> None:
            for n in range(1, 1 + 2400 // step_ms):
                body = {"until_ms": start + n * step_ms, "name": f"every {step_ms}"}
                seen.append((await post(session, f"{control}/clock/sleep", body))["now_ms"] - start)

        await asyncio.gather(loop(300), loop(800))
        status = await get(session, f"{control}/replay")
        await client.close()
    assert seen == sorted(seen)
    assert set(seen) == {*range(300, 2401, 300), 800, 1600}
    assert (status["ended"], status["trades"]) == (True, 20)


async def test_market_pace_follows_the_wall(tmp_path: Path, world: Path) -> None:
    options = Options(
        tmp_path / "state", 0, world, replay=a_quiet_tape().write(tmp_path / "r.txt"), fees="zero"
    )
    async with serve(options) as urls:
        client = ccxt_client(urls)
        await client.load_markets()
        order = await client.create_order(PAIR, "limit", "buy", "0.7", "100.0", {"postOnly": True})
        began = client.milliseconds()
        for _ in range(60):
            if (await client.fetch_order(order["id"], PAIR))["status"] == "closed":
                break
            await asyncio.sleep(0.05)
        fills = await client.fetch_my_trades(PAIR, began - 1000)
        await client.close()
    assert sum(float(fill["amount"]) for fill in fills) == 0.7
    assert 400 < fills[-1]["timestamp"] - began < 1200  # 2.7 traded, half a coin each tenth of a second


async def test_an_unusable_sleep_is_refused(urls: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        assert "error" in await post(session, f"{urls['control']}/clock/sleep", {"until": 1})
        assert "error" in await get(session, f"{urls['control']}/replay")


async def test_a_speed_stretches_or_shortens_the_wait_and_changes_nothing_else(
    tmp_path: Path, world: Path
) -> None:
    path, fills, took = a_quiet_tape().write(tmp_path / "r.txt"), [], []
    for speed in (0, 4):
        options = Options(
            tmp_path / str(speed), 0, world, replay=path, pace="lockstep", speed=speed, fees="zero"
        )
        async with serve(options) as urls, aiohttp.ClientSession() as session:
            client, control = ccxt_client(urls), urls["control"]
            await client.load_markets()
            await client.create_order(PAIR, "limit", "buy", "0.7", "100.0", {"clientOrderId": "one"})
            start, began = (await get(session, f"{control}/clock"))["now_ms"], time.monotonic()
            for n in range(1, 5):
                await post(session, f"{control}/clock/sleep", {"until_ms": start + n * 500})
            took.append(time.monotonic() - began)
            fills.append((await get(session, f"{control}/books"))["trades"])
            await client.close()
    assert fills[0] == fills[1]
    assert fills[0]
    assert took[1] >= 0.5  # two seconds, four times as fast
