"""One contract for the fake venue of our tests and for the adapter on the wire."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import LimitOrder, OrderState
from domain.money import ZERO
from domain.ports.exchange import Exchange
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.exchange import FakeExchange, FakeVenue
from tests.fakes.leases import unasked
from tests.fakes.time import FakeTime

PAIR = Pair.parse("BTC/USDT")
FLOAT = {"USDT": "100000", "BTC": "2"}
LATER = datetime(2999, 1, 1, tzinfo=UTC)


KEY = VenueKey(Secret("k"), Secret("s"))


@pytest.fixture(params=["fake", "wire"])
async def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exchange]:
    """Give one account at a venue: in memory, and over the wire of the sandbox."""
    if request.param == "fake":
        yield FakeExchange(FakeVenue(FakeTime(datetime.now(UTC)), FLOAT), "mm")
        return
    world = tmp_path / "world.json"
    account = {"name": "mm", "api_key": "k", "secret": "s", "balances": FLOAT}
    world.write_text(json.dumps({"venue": {"accounts": [account]}}))
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as urls:
        adapter = CcxtExchange(
            VenueAccount(VenueAccountName("mm"), "binance", KEY, urls), WallClock(), unasked
        )
        yield adapter
        await adapter.close()


async def quote(
    exchange: Exchange, client_order_id: str, side: Side = Side.BUY, percent: int = 10
) -> LimitOrder:
    """Return an order so far from the market that nobody fills it, or (negative) one that would take."""
    rules, book = await exchange.rules(PAIR), await exchange.book(PAIR)
    away = book.twice_mid * percent // 200
    ticks = book.twice_mid // 2 + (-away if side is Side.BUY else away)
    return LimitOrder(client_order_id, PAIR, side, rules.price(ticks), Decimal("0.001"))


async def test_a_book_is_sane_and_best_first(exchange: Exchange) -> None:
    book = await exchange.book(PAIR)
    assert book.sane
    assert [level.ticks for level in book.bids] == sorted((level.ticks for level in book.bids), reverse=True)
    assert [level.ticks for level in book.asks] == sorted(level.ticks for level in book.asks)


async def test_balances_are_what_is_free_and_what_is_locked(exchange: Exchange) -> None:
    before = await exchange.balances()
    assert before == {"USDT": Decimal(100_000), "BTC": Decimal(2)}
    await exchange.place(await quote(exchange, "mmklocked"), LATER)
    assert await exchange.balances() == before


@pytest.mark.parametrize("side", list(Side))
async def test_an_order_rests_is_found_and_ends_by_our_id(exchange: Exchange, side: Side) -> None:
    order = await quote(exchange, "mmk1", side)
    placed = await exchange.place(order, LATER)
    assert (placed.client_order_id, placed.side, placed.state) == ("mmk1", side, OrderState.OPEN)
    assert (placed.price, placed.quantity, placed.filled) == (order.price, order.quantity, ZERO)
    assert placed.order_id
    assert await exchange.open_orders(PAIR) == [placed]
    assert await exchange.find_order(PAIR, "mmk1") == placed
    cancelled = await exchange.cancel(PAIR, "mmk1")
    assert cancelled
    assert (cancelled.client_order_id, cancelled.order_id) == ("mmk1", placed.order_id)
    assert cancelled.state is OrderState.CANCELLED
    assert await exchange.open_orders(PAIR) == []
    assert await exchange.cancel(PAIR, "mmk1") is None
    found = await exchange.find_order(PAIR, "mmk1")
    assert found
    assert found.state is OrderState.CANCELLED


async def test_what_never_was_is_not_found(exchange: Exchange) -> None:
    await exchange.rules(PAIR)
    assert await exchange.find_order(PAIR, "mmknever") is None
    assert await exchange.cancel(PAIR, "mmknever") is None


async def test_what_would_take_is_refused_when_it_must_not(exchange: Exchange) -> None:
    with pytest.raises(Refused, match="order_would_take"):
        await exchange.place(await quote(exchange, "mmktakes", Side.BUY, percent=-1), LATER)
    assert await exchange.find_order(PAIR, "mmktakes") is None


async def test_what_the_account_cannot_pay_is_refused(exchange: Exchange) -> None:
    order = await quote(exchange, "mmkdear", Side.SELL)
    dear = LimitOrder("mmkdear", PAIR, Side.SELL, order.price, Decimal("2.5"))
    with pytest.raises(Refused):
        await exchange.place(dear, LATER)
    assert await exchange.open_orders(PAIR) == []


async def test_nothing_is_sent_after_its_deadline(exchange: Exchange) -> None:
    late = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(Refused, match="order_too_late"):
        await exchange.place(await quote(exchange, "mmklate"), late)
    assert await exchange.find_order(PAIR, "mmklate") is None


async def test_a_pair_that_is_not_traded_is_refused(exchange: Exchange) -> None:
    with pytest.raises(Refused, match="pair_not_traded"):
        await exchange.rules(Pair.parse("DOGE/USDT"))


async def test_an_account_that_has_not_traded_has_no_fills(exchange: Exchange) -> None:
    await exchange.rules(PAIR)
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert list(await exchange.fills_since(PAIR, None, since)) == []
    assert list(await exchange.fills_since(PAIR, "0", since)) == []
