"""The venue's door and words, seen without ccxt in between."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from yarl import URL

from sandbox.venue.app import Options, serve
from sandbox.venue.gatekeeper import ApiKey, Gatekeeper
from sandbox.venue.model import RefusedByVenue, text, units
from tests.sandbox.venue.conftest import ccxt_client

PAIR = "BTC/USDT"
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
BID = BUY | {"quantity": "0.001", "price": "50000"}


def without(params: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if name not in names}


def signed(params: dict[str, Any]) -> str:
    payload = urlencode({"timestamp": time.time_ns() // 1_000_000} | params)
    signature = hmac.new(b"mm-secret", payload.encode(), hashlib.sha256).hexdigest()
    return f"{payload}&signature={signature}"


async def ask(urls: dict[str, str], method: str, path: str, raw: str, key: str = "mm-key") -> Any:
    headers = {"X-MBX-APIKEY": key, "Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url, body = f"{urls['rest']}/{path}", raw if method == "POST" else None
        target = URL(url if body else f"{url}?{raw}", encoded=True)
        async with session.request(method, target, data=body) as answer:
            return await answer.json()


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("order", without(BID, "price"), -1102),
        ("order", without(BID, "quantity"), -1102),
        ("order", without(BID, "timeInForce"), -1102),
        ("order", BID | {"side": "HOLD"}, -1117),
        ("order", BID | {"type": "STOP"}, -1116),
        ("order", BID | {"timeInForce": "DAY"}, -1115),
        ("order", BID | {"symbol": "DOGEUSDT"}, -1121),
        ("order", BID | {"price": "50000.001"}, -1013),
        ("order", BID | {"quantity": "0.0010001"}, -1013),
        ("order", BID | {"quantity": "0"}, -1013),
        ("order", BID | {"price": "1e5"}, -1100),
        ("order", BID | {"price": "-1"}, -1100),
        ("order", BID | {"price": "1.123456789"}, -1111),
        ("order", BID | {"type": "LIMIT_MAKER"}, -1106),
        ("order", BID | {"newClientOrderId": "x" * 37}, -1100),
        ("order", without(BID, "price", "timeInForce") | {"type": "MARKET", "quantity": "0.00001"}, -1013),
        ("order", BID | {"type": "MARKET"}, -1106),
    ],
)
async def test_a_bad_order_is_refused_in_words(
    urls: dict[str, str], path: str, params: dict[str, str], code: int
) -> None:
    answer = await ask(urls, "POST", path, signed(params))
    assert answer["code"] == code
    assert answer["msg"]


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("GET", "order", {"symbol": "BTCUSDT"}, -1102),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "x"}, -1100),
        ("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "none"}, -2011),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "5"}, -1128),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "startTime": "5", "endTime": "90000000"}, -1127),
        ("GET", "account", {"recvWindow": "70000"}, -1131),
        ("GET", "account", {"timestamp": "soon"}, -1102),
        ("GET", "account", {"timestamp": str(time.time_ns() // 1_000_000 + 90_000)}, -1021),
    ],
)
async def test_a_bad_question_is_refused(
    urls: dict[str, str], method: str, path: str, params: dict[str, str], code: int
) -> None:
    assert (await ask(urls, method, path, signed(params)))["code"] == code


async def test_the_signature_covers_the_raw_text(urls: dict[str, str]) -> None:
    raw = signed(BID)
    assert (await ask(urls, "POST", "order", raw.replace("0.001", "0.002")))["code"] == -1022
    assert (await ask(urls, "POST", "order", raw.partition("&signature")[0]))["code"] == -1102
    assert (await ask(urls, "POST", "order", raw, key=""))["code"] == -2014
    assert (await ask(urls, "POST", "order", raw, key="stranger"))["code"] == -2015
    assert (await ask(urls, "POST", "order", raw))["status"] == "NEW"


async def test_an_unknown_route_shouts(urls: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    assert "no route" in (await ask(urls, "GET", "nowhere", ""))["msg"]
    assert "UNKNOWN ROUTE GET /api/v3/nowhere" in caplog.text


async def test_market_orders_may_name_what_they_spend_or_receive(urls: dict[str, str]) -> None:
    market = {"symbol": "BTCUSDT", "type": "MARKET", "quoteOrderQty": "300"}
    bought = await ask(urls, "POST", "order", signed(market | {"side": "BUY"}))
    sold = await ask(urls, "POST", "order", signed(market | {"side": "SELL"}))
    assert 299 < float(bought["cummulativeQuoteQty"]) <= 300
    assert 298 < float(sold["cummulativeQuoteQty"]) <= 300


async def test_lists_begin_at_an_id_or_a_time(urls: dict[str, str]) -> None:
    placed = [await ask(urls, "POST", "order", signed(BID | {"newClientOrderId": f"n{n}"})) for n in range(3)]
    now = time.time_ns() // 1_000_000
    by_id = {"symbol": "BTCUSDT", "orderId": placed[1]["orderId"]}
    by_time = {"symbol": "BTCUSDT", "startTime": now - 60_000, "limit": 2}
    gone = {"symbol": "BTCUSDT", "endTime": now - 60_000}
    assert [o["clientOrderId"] for o in await ask(urls, "GET", "allOrders", signed(by_id))] == ["n1", "n2"]
    assert len(await ask(urls, "GET", "allOrders", signed(by_time))) == 2
    assert await ask(urls, "GET", "allOrders", signed(gone)) == []
    trades = await ask(urls, "GET", "aggTrades", "symbol=BTCUSDT&limit=3")
    later = await ask(urls, "GET", "aggTrades", f"symbol=BTCUSDT&fromId={trades[1]['a']}&limit=2")
    assert [trade["a"] for trade in later] == [trades[1]["a"], trades[2]["a"]]
    assert len(await ask(urls, "GET", "trades", "symbol=BTCUSDT&limit=4")) == 4
    assert len(await ask(urls, "GET", "ticker/24hr", "")) == 2
    assert await ask(urls, "GET", "ping", "") == {}


def make_door() -> Gatekeeper:
    return Gatekeeper({"k": ApiKey("mm", "k", "s")}, lambda: 1_000_000)


def test_weight_and_orders_are_limited() -> None:
    door = make_door()
    door.weigh(6000)
    with pytest.raises(RefusedByVenue, match="Too much request weight") as refused:
        door.weigh(1)
    assert (refused.value.code, refused.value.http) == (-1003, 429)
    for _ in range(100):
        door.count_order("mm")
    with pytest.raises(RefusedByVenue, match="Too many new orders"):
        door.count_order("mm")
    assert door.count_order("other") == 1


async def test_the_websocket_answers_nonsense_in_words(urls: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(urls["ws"] + "/0") as ws:
        for sent, words in (
            ("not json", "malformed"),
            ('{"method": "SUBSCRIBE", "params": ["dogeusdt@trade"], "id": 1}', "Invalid request"),
            ('{"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}', '"result":null'),
            ('{"method": "LIST_SUBSCRIPTIONS", "id": 3}', "btcusdt@trade"),
            ('{"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 4}', '"result":null'),
        ):
            await ws.send_str(sent)
            answer = await ws.receive_str()
            while '"e":"trade"' in answer:
                answer = await ws.receive_str()
            assert words in answer


async def test_the_websocket_api_checks_who_asks(urls: dict[str, str]) -> None:
    now = time.time_ns() // 1_000_000
    params: dict[str, Any] = {"apiKey": "mm-key", "timestamp": now, "returnRateLimits": False}
    payload = f"apiKey=mm-key&returnRateLimits=false&timestamp={now}"
    signature = hmac.new(b"mm-secret", payload.encode(), hashlib.sha256).hexdigest()
    subscribe = "userDataStream.subscribe.signature"
    async with aiohttp.ClientSession() as session, session.ws_connect(urls["ws_api"]) as ws:

        async def call(method: str, sent: Any = None) -> Any:
            await ws.send_str(json.dumps({"id": method, "method": method, "params": sent}))
            return json.loads(await ws.receive_str())

        assert (await call(subscribe, params | {"signature": "bad"}))["error"]["code"] == -1022
        assert (await call(subscribe, params | {"signature": signature}))["result"] == {"subscriptionId": 0}
        assert "already active" in (await call(subscribe, params | {"signature": signature}))["error"]["msg"]
        assert (await call("time"))["result"]["serverTime"] >= now
        assert (await call("ping"))["status"] == 200
        assert (await call("userDataStream.unsubscribe"))["status"] == 200
        assert (await call("order.place"))["error"]["code"] == -1000
        await ws.send_str("[]")
        assert json.loads(await ws.receive_str())["status"] == 400


async def test_a_calm_restart_remembers_everything(tmp_path: Path, world: Path) -> None:
    said: list[Any] = []
    for _ in range(2):
        async with serve(Options(tmp_path / "state", 0, world)) as urls:
            client = ccxt_client(urls)
            await client.load_markets()
            if not said:
                await client.create_order(PAIR, "market", "buy", "0.01")
                resting = await client.create_order(PAIR, "limit", "buy", "0.01", "40000")
            order = (await client.fetch_order(resting["id"], PAIR))["info"]
            fills = [fill["info"] for fill in await client.fetch_my_trades(PAIR)]
            balances = (await client.fetch_balance())["info"]["balances"]
            said.append((order, fills, balances))
            await client.close()
    assert said[0] == said[1]


def test_amounts_are_exact_texts() -> None:
    assert [text(units(x)) for x in ("0.00000001", "12.5")] == ["0.00000001", "12.50000000"]
    assert text(-150_000_000) == "-1.50000000"
    with pytest.raises(ValueError, match="more than 8 places"):
        units("0.000000001")
