"""What a venue says that we did not ask for, or does not say that it should: never an untranslated error."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.limits import Limits
from domain.market.model import Pair, Side
from domain.market.orders import LimitOrder
from domain.secrets import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.leases import unasked

BTC = Pair.parse("BTC/USDT")
MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"],
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01", "minPrice": "0.01", "maxPrice": "1000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001", "minQty": "0.00001", "maxQty": "9000"},
        {"filterType": "NOTIONAL", "minNotional": "5"},
    ],
}
OURS = {
    "symbol": "BTCUSDT",
    "orderId": 11,
    "clientOrderId": "mmk0001",
    "price": "59000.00",
    "origQty": "0.00100000",
    "executedQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT_MAKER",
    "side": "BUY",
    "time": 1,
    "updateTime": 1,
}
BY_HAND = {**OURS, "orderId": 12, "clientOrderId": "web_1", "type": "STOP_LOSS", "price": "0.00000000"}
"""A stop that its owner laid by hand: it rests, and has no price."""

TRADE = {
    "id": "7",
    "order": "11",
    "side": "buy",
    "price": "59000.00",
    "amount": "0.001",
    "cost": "59.00",
    "fee": {"cost": "0.000001", "currency": "BTC"},
    "takerOrMaker": "maker",
    "timestamp": 1,
    "info": {},
}


def answers(client: Any, **raw: Any) -> None:
    """Let raw calls of the venue's interface answer so; what ccxt makes of it is its own."""

    def always(answer: Any) -> Any:
        async def call(*_: Any, **__: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    for name, answer in raw.items():
        setattr(client, name, always(answer))


@pytest.fixture
async def exchange() -> AsyncIterator[CcxtExchange]:
    """Give the adapter of a venue that answers what a test lets it."""
    key = VenueKey(Secret("k"), Secret("s"))
    wide = Limits(price_band_bps=10**6)
    settings = VenueAccount(VenueAccountName("one"), "binance", key, {}, limits=wide, lockstep=True)
    exchange = CcxtExchange(settings, FakeClock(datetime.now(UTC)), unasked)
    client: Any = exchange._client
    answers(
        client,
        public_get_exchangeinfo={"symbols": [MARKET]},
        publicGetExchangeInfo={"symbols": [MARKET]},
        fetch_trading_fee={"maker": "0.001", "taker": "0.001"},
        fetch_order_book={"bids": [[59_999.0, 1.0]], "asks": [[60_001.0, 1.0]]},
    )
    yield exchange
    await exchange.close()


async def listed(exchange: CcxtExchange, *orders: dict[str, Any]) -> list[str]:
    raw = list(orders)
    answers(exchange._client, private_get_openorders=raw, privateGetOpenOrders=raw)
    return [order.client_order_id for order in await exchange.open_orders(BTC)]


async def test_an_order_of_somebody_else_that_cannot_be_read_hides_none_of_ours(
    exchange: CcxtExchange,
) -> None:
    assert await listed(exchange, BY_HAND, OURS) == ["mmk0001"]
    assert await listed(exchange, {**OURS, "clientOrderId": "web_2"}) == ["web_2"]


async def test_an_order_of_ours_that_cannot_be_read_is_not_called_absent(exchange: CcxtExchange) -> None:
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await listed(exchange, OURS, {**BY_HAND, "clientOrderId": "mmk0002"})


async def sent(exchange: CcxtExchange, answer: Any) -> Any:
    order = LimitOrder("mmk0001", BTC, Side.BUY, Decimal("59000.00"), Decimal("0.001"))
    await exchange.book(BTC)
    answers(exchange._client, private_post_order=answer, privatePostOrder=answer)
    return await exchange.place(order, exchange._clock.now() + timedelta(seconds=5))


@pytest.mark.parametrize("missing", ["origQty", "side", "status", "orderId"])
async def test_an_order_that_was_accepted_in_part_of_the_words_may_rest(
    exchange: CcxtExchange, missing: str
) -> None:
    answer = {name: value for name, value in OURS.items() if name != missing}
    with pytest.raises(OutcomeUnknown, match="no_clear_answer"):
        await sent(exchange, answer)


async def test_an_order_that_was_accepted_without_its_price_may_rest(exchange: CcxtExchange) -> None:
    with pytest.raises(OutcomeUnknown, match="no_clear_answer"):
        await sent(exchange, {**OURS, "price": "0.00000000"})


@pytest.mark.parametrize(
    "error",
    [AttributeError("x"), IndexError(), ZeroDivisionError(), KeyError("x")],
    ids=lambda e: type(e).__name__,
)
async def test_an_answer_that_ccxt_itself_stumbles_over_proves_nothing(
    exchange: CcxtExchange, error: Exception
) -> None:
    with pytest.raises(OutcomeUnknown):
        await sent(exchange, error)
    answers(exchange._client, fetch_order_book=error, fetch_order=error)
    with pytest.raises(Unavailable):
        await exchange.book(BTC)
    with pytest.raises(Unavailable):
        await exchange.find_order(BTC, "mmk0001")


@pytest.mark.parametrize(
    "book",
    [
        {"bids": [[None, 1.0]], "asks": [[60_001.0, 1.0]]},
        {"bids": [[59_999.0]], "asks": []},
        {"bids": [[59_999.0, float("nan")]], "asks": []},
        {"bids": [[float("inf"), 1.0]], "asks": []},
        {"bids": None, "asks": []},
        {"asks": []},
        None,
    ],
)
async def test_a_book_that_cannot_be_read_is_not_there_now(exchange: CcxtExchange, book: Any) -> None:
    answers(exchange._client, fetch_order_book=book)
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await exchange.book(BTC)


@pytest.mark.parametrize(
    "odd", [{"id": "x1"}, {"id": None}, {"price": None}, {"info": None}, {"timestamp": None}]
)
async def test_one_trade_that_cannot_be_read_makes_the_page_incomplete(
    exchange: CcxtExchange, odd: dict[str, Any]
) -> None:
    answers(exchange._client, fetch_my_trades=[TRADE])
    assert [f.trade_id for f in await exchange.fills_since(BTC, "1", datetime.now(UTC))] == ["7"]
    answers(exchange._client, fetch_my_trades=[TRADE, {**TRADE, "id": "8", **odd}])
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await exchange.fills_since(BTC, "1", datetime.now(UTC))


@pytest.mark.parametrize("raw", [{"total": {"BTC": None}}, {"total": {"BTC": "1e5"}}, {}, None])
async def test_balances_that_cannot_be_read_are_not_there_now(exchange: CcxtExchange, raw: Any) -> None:
    answers(exchange._client, fetch_balance=raw)
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await exchange.balances()


@pytest.mark.parametrize("raw", [None, "soon", {}])
async def test_a_time_that_cannot_be_read_is_not_there_now(exchange: CcxtExchange, raw: Any) -> None:
    answers(exchange._client, fetch_time=raw)
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await exchange.time()


async def test_a_pair_without_rules_is_not_offered(exchange: CcxtExchange) -> None:
    answers(exchange._client, fetch_trading_fee={"maker": None, "taker": "0.001"})
    with pytest.raises(Refused, match="rules_not_understood"):
        await exchange.rules(BTC)


# A pair that the venue lists no more


async def test_a_pair_that_the_venue_calls_unknown_is_refused_and_not_called_silent(
    exchange: CcxtExchange,
) -> None:
    gone = ccxt.BadSymbol('binance {"code":-1121,"msg":"Invalid symbol."}')
    answers(exchange._client, fetch_open_orders=gone, fetch_my_trades=gone, fetch_order=gone)
    answers(exchange._client, fetch_order_book=gone, cancel_order=gone)
    for ask in (
        lambda: exchange.open_orders(BTC),
        lambda: exchange.fills_since(BTC, "1", datetime.now(UTC)),
        lambda: exchange.find_order(BTC, "mmk0001"),
        lambda: exchange.book(BTC),
    ):
        with pytest.raises(Refused, match="pair_not_traded"):
            await ask()
    assert await exchange.cancel(BTC, "mmk0001") is None


async def test_a_pair_that_was_never_listed_is_refused_in_every_read(exchange: CcxtExchange) -> None:
    doge = Pair.parse("DOGE/USDT")
    for ask in (
        lambda: exchange.open_orders(doge),
        lambda: exchange.fills_since(doge, None, datetime.now(UTC)),
        lambda: exchange.find_order(doge, "mmk0001"),
    ):
        with pytest.raises(Refused, match="pair_not_traded"):
            await ask()
