"""Unmodified ccxt drives every call that spot trading needs."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

PAIR = "BTC/USDT"


async def far_bid(client: Any, client_id: str, amount: str = "0.001") -> Any:
    return await client.create_order(
        PAIR, "limit", "buy", amount, "50000", {"clientOrderId": client_id, "postOnly": True}
    )


async def test_markets_tell_ticks_lots_and_networks(client: Any) -> None:
    market = client.market(PAIR)
    steps = [Decimal(market["precision"][name]) for name in ("price", "amount")]
    assert steps == [Decimal("0.01"), Decimal("0.00001")]
    assert Decimal(market["limits"]["cost"]["min"]) == 5
    assert set(client.currencies["USDT"]["networks"]) == {"ERC20", "TRC20"}


async def test_public_figures_are_sane(client: Any) -> None:
    book = await client.fetch_order_book(PAIR, 100)
    ticker, trades = await client.fetch_ticker(PAIR), await client.fetch_trades(PAIR)
    assert len(book["bids"]) >= 50
    assert len(book["asks"]) >= 50
    assert 0 < book["asks"][0][0] / book["bids"][0][0] - 1 < 0.005
    assert Decimal(ticker["low"]) <= Decimal(ticker["last"]) <= Decimal(ticker["high"])
    assert len(trades) > 10
    assert (await client.fetch_status())["status"] == "ok"
    assert abs(await client.fetch_time() - client.milliseconds()) < 5000
    assert Decimal((await client.fetch_trading_fee(PAIR))["maker"]) == Decimal("0.0002")


async def test_an_order_lives_and_is_cancelled_by_either_id(client: Any) -> None:
    placed = await far_bid(client, "life1")
    assert (placed["status"], placed["clientOrderId"]) == ("open", "life1")
    balance = await client.fetch_balance()
    assert Decimal(balance["USDT"]["used"]) == 50
    assert [o["id"] for o in await client.fetch_open_orders(PAIR)] == [placed["id"]]
    assert [o["id"] for o in await client.fetch_open_orders()] == [placed["id"]]
    assert (await client.fetch_order(None, PAIR, {"clientOrderId": "life1"}))["id"] == placed["id"]
    await client.cancel_order(None, PAIR, {"clientOrderId": "life1"})
    gone = await client.fetch_order(placed["id"], PAIR)
    assert (gone["status"], gone["clientOrderId"]) == ("canceled", "life1")
    again = await far_bid(client, "life1")
    assert again["id"] != placed["id"]
    await client.cancel_order(again["id"], PAIR)
    assert (await client.fetch_order(None, PAIR, {"clientOrderId": "life1"}))["id"] == again["id"]
    assert Decimal((await client.fetch_balance())["USDT"]["free"]) == 100_000
    assert len(await client.fetch_closed_orders(PAIR)) == 0
    assert len(await client.fetch_orders(PAIR)) == 2


async def test_a_market_order_trades_and_pays_its_fee_in_what_it_receives(client: Any) -> None:
    order = await client.create_order(PAIR, "market", "buy", "0.01")
    fills = await client.fetch_my_trades(PAIR)
    balance = await client.fetch_balance()
    cost = sum(Decimal(fill["cost"]) for fill in fills)
    fee = sum(Decimal(fill["fee"]["cost"]) for fill in fills)
    assert order["status"] == "closed"
    assert {fill["fee"]["currency"] for fill in fills} == {"BTC"}
    assert {fill["takerOrMaker"] for fill in fills} == {"taker"}
    assert 0 < fee <= Decimal("0.01") * Decimal("0.0004")
    assert Decimal(balance["USDT"]["total"]) == 100_000 - cost
    assert Decimal(balance["BTC"]["total"]) == 2 + Decimal("0.01") - fee
    assert Decimal(order["cost"]) == cost


async def test_own_trades_are_listed_from_an_id_and_within_a_day(client: Any) -> None:
    for _ in range(3):
        await client.create_order(PAIR, "market", "buy", "0.002")
    fills = await client.fetch_my_trades(PAIR)
    later = await client.fetch_my_trades(PAIR, None, 1000, {"fromId": fills[1]["id"]})
    now = client.milliseconds()
    assert [f["id"] for f in later] == [f["id"] for f in fills[1:]]
    assert len(await client.fetch_my_trades(PAIR, now - 60_000, 2)) == 2
    assert await client.fetch_my_trades(PAIR, now - 3 * 86_400_000) == []


async def test_cancel_all_empties_the_book_and_then_has_nothing_to_do(client: Any) -> None:
    for n in range(3):
        await far_bid(client, f"all{n}")
    await client.cancel_all_orders(PAIR)
    assert await client.fetch_open_orders(PAIR) == []
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_all_orders(PAIR)


@pytest.mark.parametrize(
    ("kind", "amount", "price", "params", "error"),
    [
        ("limit", "100", "50000", {}, ccxt.InsufficientFunds),
        ("limit", "0.001", "90000", {"postOnly": True}, ccxt.OrderImmediatelyFillable),
        (
            "limit",
            "0.00005",
            "50000",
            {},
            ccxt.BadRequest,
        ),  # below the minimum notional: ccxt's general table
        ("limit", "0.001", "900000", {}, ccxt.InvalidOrder),  # too far away
        ("limit", "0.001", "50000", {"clientOrderId": "ends with ünicode"}, ccxt.BadRequest),
    ],
)
async def test_the_venue_refuses_as_binance_does(
    client: Any, kind: str, amount: str, price: str, params: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.create_order(PAIR, kind, "buy", amount, price, params)
    assert await client.fetch_open_orders(PAIR) == []


async def test_a_duplicate_of_an_open_id_is_refused(client: Any) -> None:
    await far_bid(client, "twice")
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        await far_bid(client, "twice")


async def test_unknown_orders_symbols_and_keys_are_refused(client: Any, make_client: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order("999999999", PAIR)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("999999999", PAIR)
    with pytest.raises(ccxt.BadSymbol):
        await client.publicGetDepth({"symbol": "DOGEUSDT"})
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    client.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()


async def test_an_old_timestamp_is_refused(client: Any) -> None:
    client.options["timeDifference"] = 60_000
    with pytest.raises(ccxt.InvalidNonce):
        await client.fetch_balance()


async def test_another_account_sees_nothing_of_ours(client: Any, make_client: Any) -> None:
    placed = await far_bid(client, "mine")
    other = await make_client("other")
    assert await other.fetch_open_orders(PAIR) == []
    with pytest.raises(ccxt.OrderNotFound):
        await other.cancel_order(placed["id"], PAIR)


async def test_the_watched_book_is_the_book(client: Any) -> None:
    for _ in range(5):
        watched = await client.watch_order_book(PAIR)
    assert watched["bids"][0][0] < watched["asks"][0][0]
    bid = watched["bids"][0][0] * 0.98
    price = client.price_to_precision(PAIR, bid)
    await client.create_order(PAIR, "limit", "buy", "0.00777", price)
    for _ in range(5):
        watched = await client.watch_order_book(PAIR)
    assert float(price) in [level[0] for level in watched["bids"]]


async def test_public_trades_are_watched(client: Any) -> None:
    trades = await client.watch_trades(PAIR)
    assert trades[0]["side"] in ("buy", "sell")


async def test_own_orders_trades_and_balances_are_watched(client: Any) -> None:
    async def first_trade() -> Any:
        return await client.watch_my_trades(PAIR)

    async def until_filled() -> Any:
        while True:
            orders = await client.watch_orders(PAIR)
            if any(order["status"] == "closed" for order in orders):
                return orders

    waiting = [asyncio.create_task(first_trade()), asyncio.create_task(until_filled())]
    waiting.append(asyncio.create_task(client.watch_balance()))
    await asyncio.sleep(0.5)
    order = await client.create_order(PAIR, "market", "sell", "0.005")
    trades, orders, balance = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert {trade["order"] for trade in trades} == {order["id"]}
    assert orders[-1]["id"] == order["id"]
    assert Decimal(balance["BTC"]["total"]) == Decimal("1.995")


async def test_a_quote_near_the_middle_is_filled_by_others(client: Any) -> None:
    book = await client.fetch_order_book(PAIR, 5)
    ask = client.price_to_precision(PAIR, book["asks"][0][0] * 0.99995)
    order = await client.create_order(PAIR, "limit", "sell", "0.001", ask, {"postOnly": True})
    for _ in range(200):
        if (await client.fetch_order(order["id"], PAIR))["status"] == "closed":
            break
        await asyncio.sleep(0.1)
    fills = await client.fetch_my_trades(PAIR)
    assert sum(Decimal(fill["amount"]) for fill in fills) == Decimal("0.001")
    assert {fill["takerOrMaker"] for fill in fills} == {"maker"}
