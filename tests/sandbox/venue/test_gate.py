"""Unmodified ccxt trades spot in gate's language."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.sandbox.venue.test_faults import control

PAIR = "BTC/USDT"


async def far_bid(client: Any, client_id: str, amount: str = "0.001") -> Any:
    terms = {"clientOrderId": client_id, "postOnly": True}
    return await client.create_order(PAIR, "limit", "buy", amount, "50000", terms)


async def test_the_market_is_told_as_gate_tells_it(gate: Any) -> None:
    market, book = gate.market(PAIR), await gate.fetch_order_book(PAIR, 20)
    ticker, trades = await gate.fetch_ticker(PAIR), await gate.fetch_trades(PAIR)
    assert [Decimal(market["precision"][n]) for n in ("price", "amount")] == [
        Decimal("0.01"),
        Decimal("0.00001"),
    ]
    assert Decimal(market["limits"]["cost"]["min"]) == 5
    assert [len(book[side]) for side in ("bids", "asks")] == [20, 20]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 1
    assert Decimal(ticker["low"]) <= Decimal(ticker["last"]) <= Decimal(ticker["high"])
    assert trades[0]["side"] in ("buy", "sell")
    assert Decimal((await gate.fetch_trading_fee(PAIR))["maker"]) == Decimal("0.0002")


async def test_an_order_lives_and_is_cancelled_by_either_name(gate: Any) -> None:
    placed = await far_bid(gate, "life1")
    assert (placed["status"], placed["clientOrderId"]) == ("open", "t-life1")
    assert Decimal((await gate.fetch_balance())["USDT"]["used"]) == 50
    assert [o["id"] for o in await gate.fetch_open_orders(PAIR)] == [placed["id"]]
    assert [o["id"] for o in await gate.fetch_open_orders()] == [placed["id"]]
    assert (await gate.fetch_order("t-life1", PAIR))["id"] == placed["id"]
    assert (await gate.cancel_order("t-life1", PAIR))["status"] == "canceled"
    again = await far_bid(gate, "life1")
    assert again["id"] != placed["id"]
    await gate.cancel_order(again["id"], PAIR)
    assert (await gate.fetch_order("t-life1", PAIR))["id"] == again["id"]
    assert Decimal((await gate.fetch_balance())["USDT"]["free"]) == 100_000
    assert {o["status"] for o in await gate.fetch_closed_orders(PAIR)} == {"canceled"}
    with pytest.raises(ccxt.InvalidOrder):
        await gate.cancel_order(again["id"], PAIR)


async def test_many_orders_come_and_go_in_one_request(gate: Any) -> None:
    rows: list[dict[str, Any]] = [
        {"symbol": PAIR, "type": "limit", "side": "buy", "amount": amount, "price": "50000", "params": {}}
        for amount in ("0.001", "100", "0.002")
    ]
    placed = await gate.create_orders(rows)
    assert sorted(order["status"] for order in placed) == ["open", "open", "rejected"]
    first, second = [order["id"] for order in placed if order["status"] == "open"]
    await gate.cancel_orders([first, "999999999"], PAIR)
    assert [o["id"] for o in await gate.fetch_open_orders(PAIR)] == [second]
    await gate.cancel_all_orders(PAIR)
    assert await gate.fetch_open_orders(PAIR) == []
    assert await gate.cancel_all_orders() == []


async def test_trades_pay_their_fee_and_are_listed_by_spans(gate: Any) -> None:
    await gate.create_order(PAIR, "market", "buy", "0.01", "70000")  # gate takes what it may cost
    sold = await gate.create_order(PAIR, "limit", "sell", "0.005", "50000", {"timeInForce": "IOC"})
    fills = await gate.fetch_my_trades(PAIR)
    sale = [fill for fill in fills if fill["order"] == sold["id"]]
    cost = sum(Decimal(fill["cost"]) for fill in sale)
    assert {fill["takerOrMaker"] for fill in fills} == {"taker"}
    assert {fill["fee"]["currency"] for fill in sale} == {"USDT"}
    assert sum(Decimal(fill["fee"]["cost"]) for fill in sale) <= cost * Decimal("0.0004")
    assert (await gate.fetch_order(sold["id"], PAIR))["status"] == "closed"
    now = gate.milliseconds()
    assert len(await gate.fetch_my_trades(PAIR, now - 60_000, 500, {"until": now + 1_000})) == len(fills)
    assert await gate.fetch_my_trades(PAIR, now - 9 * 86_400_000, 500, {"until": now - 86_400_000}) == []
    with pytest.raises(ccxt.BadRequest):
        await gate.fetch_my_trades(PAIR, now - 31 * 86_400_000, 500, {"until": now})


@pytest.mark.parametrize(
    ("kind", "amount", "price", "params", "error"),
    [
        ("limit", "100", "50000", {}, ccxt.InsufficientFunds),
        ("limit", "0.001", "90000", {"postOnly": True}, ccxt.OrderImmediatelyFillable),
        ("limit", "0.00005", "50000", {}, ccxt.BadRequest),
        ("limit", "0.001", "900000", {}, ccxt.InvalidOrder),
        ("limit", "0.001", "50000", {"clientOrderId": "no/slash"}, ccxt.BadRequest),
    ],
)
async def test_gate_refuses_in_its_own_words(
    gate: Any, kind: str, amount: str, price: str, params: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await gate.create_order(PAIR, kind, "buy", amount, price, params)
    assert await gate.fetch_open_orders(PAIR) == []


async def test_what_gate_does_not_know_or_comes_late_is_refused(gate: Any) -> None:
    for asked in (gate.cancel_order("999999999", PAIR), gate.fetch_order("t-nobody", PAIR)):
        with pytest.raises(ccxt.OrderNotFound):
            await asked
    with pytest.raises(ccxt.BadSymbol):
        await gate.publicSpotGetOrderBook({"currency_pair": "DOGE_USDT"})
    await far_bid(gate, "again")
    with pytest.raises(ccxt.InvalidOrder, match="REPEATED_CREATION"):
        await far_bid(gate, "again")
    gate.headers = {"x-gate-exptime": str(gate.milliseconds() - 1)}
    with pytest.raises(ccxt.AuthenticationError, match="REQUEST_EXPIRED"):
        await far_bid(gate, "late")
    gate.headers = {}
    gate.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await gate.fetch_balance()


async def test_the_eleventh_order_of_a_second_is_refused(gate: Any, urls: dict[str, str]) -> None:
    answers = await asyncio.gather(*(far_bid(gate, f"n{n}") for n in range(24)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(answer) for answer in refused} == {ccxt.RateLimitExceeded}
    assert len(await gate.fetch_open_orders(PAIR)) == 24 - len(refused) <= 20  # a second may end in between
    assert gate.last_response_headers["X-Gate-RateLimit-Limit"] == "200"
    assert await control(urls, "limits") == {"refused": {"binance": 0, "gate": len(refused)}}


async def test_trades_are_listed_late_on_bad_days(gate: Any, client: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"hide_fills_ms": 60_000})
    await gate.create_order(PAIR, "limit", "sell", "0.005", "50000", {"clientOrderId": "late"})
    assert [await each.fetch_my_trades(PAIR) for each in (gate, client)] == [[], []]
    await control(urls, "faults", {})
    assert all([await each.fetch_my_trades(PAIR) for each in (gate, client)])


async def test_bad_days_are_alike_in_both_languages(gate: Any, urls: dict[str, str]) -> None:
    await control(urls, "faults", {"only": "POST /api/v4/spot/orders", "withhold_percent": 100})
    with pytest.raises(ccxt.NetworkError):
        await far_bid(gate, "lost")
    await control(urls, "faults", {"only": "POST", "refuse_percent": 100})
    with pytest.raises(ccxt.ExchangeNotAvailable):
        await far_bid(gate, "never")
    await control(urls, "faults", {"only": "POST", "refuse_percent": 100, "refuse_status": 418})
    with pytest.raises(ccxt.RateLimitExceeded):
        await far_bid(gate, "banned")
    await control(urls, "faults", {"hide_orders_ms": 60_000, "wrong_echo_percent": 100})
    assert (await far_bid(gate, "echo"))["clientOrderId"] == "somebody-else"
    assert await gate.fetch_open_orders(PAIR) == []
    await control(urls, "faults", {"skew_ms": 120_000})
    with pytest.raises(ccxt.AuthenticationError, match="REQUEST_EXPIRED"):
        await gate.fetch_balance()
    await control(urls, "faults", {})
    assert {o["clientOrderId"] for o in await gate.fetch_open_orders(PAIR)} == {"t-lost", "t-echo"}


async def test_the_watched_book_is_the_book(gate: Any) -> None:
    await gate.watch_order_book(PAIR)
    price = gate.price_to_precision(PAIR, (await gate.watch_order_book(PAIR))["bids"][0][0] * 0.9999)
    await gate.create_order(PAIR, "limit", "buy", "0.00777", price, {"clientOrderId": "seen"})
    for _ in range(5):
        watched = await gate.watch_order_book(PAIR)
    asked = await gate.fetch_order_book(PAIR, 50)
    assert float(price) in [level[0] for level in watched["bids"]]
    assert watched["bids"][0][0] < watched["asks"][0][0]
    assert len({level[0] for level in watched["bids"]} & {level[0] for level in asked["bids"]}) > 40


async def test_a_lost_delta_of_a_book_is_not_noticed_by_the_client(gate: Any, urls: dict[str, str]) -> None:
    await gate.watch_order_book(PAIR)
    await control(urls, "faults", {"lose_deltas": 2})
    for _ in range(4):
        assert (await gate.watch_order_book(PAIR))["bids"]
    assert (await control(urls, "faults"))["lose_deltas"] == 0


async def test_own_orders_trades_and_balances_are_watched(gate: Any) -> None:
    async def until_filled() -> Any:
        while True:
            orders = await gate.watch_orders()
            if any(order["status"] == "closed" for order in orders):
                return orders

    watched = (gate.watch_trades(PAIR), gate.watch_my_trades(PAIR), gate.watch_balance(), until_filled())
    waiting = [asyncio.create_task(each) for each in watched]
    await asyncio.sleep(0.3)
    order = await gate.create_order(PAIR, "limit", "sell", "0.005", "50000", {"clientOrderId": "heard"})
    public, trades, balance, orders = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert public[0]["side"] in ("buy", "sell")
    assert {trade["order"] for trade in trades} == {order["id"]}
    assert orders[-1]["clientOrderId"] == "t-heard"
    assert Decimal(balance["BTC"]["total"]) <= 2


async def test_a_socket_is_refused_a_stranger_and_comes_back_after_a_cut(
    gate: Any, urls: dict[str, str]
) -> None:
    await gate.watch_order_book(PAIR)
    assert (await control(urls, "cut", {}))["cut"] == 1
    for _ in range(3):
        try:
            assert (await gate.watch_order_book(PAIR))["bids"]
        except ccxt.NetworkError:
            continue
    gate.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await gate.watch_orders(PAIR)
