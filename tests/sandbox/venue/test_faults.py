"""Bad days, switched on one by one."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import ccxt
import pytest

PAIR = "BTC/USDT"


async def control(urls: dict[str, str], path: str, body: Any | None = None) -> Any:
    async with aiohttp.ClientSession() as session:
        method = "GET" if body is None else "POST"
        async with session.request(method, f"{urls['control']}/{path}", json=body) as answer:
            return await answer.json()


async def far_bid(client: Any, client_id: str) -> Any:
    params = {"clientOrderId": client_id, "postOnly": True}
    return await client.create_order(PAIR, "limit", "buy", "0.001", "50000", params)


async def test_a_withheld_answer_still_left_its_order_behind(client: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"only": "POST /api/v3/order", "withhold_percent": 100})
    with pytest.raises(ccxt.NetworkError):
        await far_bid(client, "lost1")
    assert (await client.fetch_order(None, PAIR, {"clientOrderId": "lost1"}))["status"] == "open"
    assert [each["clientOrderId"] for each in await control(urls, "orders")] == ["lost1"]


async def test_a_hanging_answer_is_a_timeout(client: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"only": "POST", "withhold_percent": 100, "withhold_how": "hang"})
    client.timeout = 300
    with pytest.raises(ccxt.RequestTimeout):
        await far_bid(client, "lost2")
    assert len(await client.fetch_open_orders(PAIR)) == 1


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ({"refuse_percent": 100}, ccxt.ExchangeError),
        ({"refuse_percent": 100, "refuse_status": 502}, ccxt.ExchangeNotAvailable),
        ({"refuse_percent": 100, "refuse_status": 500}, ccxt.OperationFailed),
        ({"refuse_percent": 100, "refuse_status": 504}, ccxt.NetworkError),
        ({"limit_percent": 100}, ccxt.DDoSProtection),
    ],
)
async def test_a_refusal_by_fault_does_nothing(
    client: Any, urls: dict[str, str], faults: dict[str, Any], error: type[Exception]
) -> None:
    await control(urls, "faults", {"only": "POST /api/v3/order", **faults})
    with pytest.raises(error):
        await far_bid(client, "never")
    assert await client.fetch_open_orders(PAIR) == []


async def test_a_new_order_hides_for_a_while(client: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"hide_orders_ms": 700})
    order = await far_bid(client, "hidden")
    assert await client.fetch_open_orders(PAIR) == []
    assert (await client.fetch_order(order["id"], PAIR))["status"] == "open"
    await asyncio.sleep(0.8)
    assert len(await client.fetch_open_orders(PAIR)) == 1


async def test_answers_come_late_or_echo_wrongly(client: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"only": "order", "delay_ms": 300, "wrong_echo_percent": 100})
    began = time.monotonic()
    order = await far_bid(client, "echo")
    assert time.monotonic() - began >= 0.3
    assert order["clientOrderId"] == "somebody-else"


async def test_events_come_twice(client: Any, urls: dict[str, str]) -> None:
    waiting = asyncio.create_task(client.watch_orders(PAIR))
    await asyncio.sleep(0.3)
    await control(urls, "faults", {"duplicate_percent": 100})
    await far_bid(client, "double")
    assert (await asyncio.wait_for(waiting, 5))[0]["clientOrderId"] == "double"


async def test_a_lost_delta_is_noticed_by_the_client(client: Any, urls: dict[str, str]) -> None:
    for _ in range(3):
        await client.watch_order_book(PAIR)
    await control(urls, "faults", {"lose_deltas": 1})

    async def watch_on() -> None:
        for _ in range(20):
            await client.watch_order_book(PAIR)

    with pytest.raises(ccxt.ChecksumError):
        await watch_on()
    assert (await client.watch_order_book(PAIR))["bids"]


async def test_cut_sockets_come_back(client: Any, urls: dict[str, str]) -> None:
    await client.watch_order_book(PAIR)
    assert (await control(urls, "cut", {}))["cut"] == 1
    for _ in range(3):
        try:
            assert (await client.watch_order_book(PAIR))["bids"]
        except ccxt.NetworkError:
            continue


async def test_unknown_faults_are_named(urls: dict[str, str]) -> None:
    assert "no fault is called" in (await control(urls, "faults", {"earthquake": 1}))["error"]
    assert "no fault is called" in (await control(urls, "faults", {"delay_ms": "1"}))["error"]
    assert (await control(urls, "faults"))["delay_ms"] == 0
