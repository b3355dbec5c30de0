"""One subscription for each pair, and books that are given away only while they can be believed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.book_watch import BookWatch, BrokenStreamError
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.exchange_data import ExchangeData, VenueStreams
from domain.ids import VenueAccountName
from domain.market.model import Pair
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.leases import unasked

SYMBOL = "BTC/USDT"


def book(bid: float = 99, ask: float = 101, **facts: Any) -> dict[str, Any]:
    return {"bids": [[bid, 1.0]], "asks": [[ask, 1.0]], "nonce": None, "timestamp": None, **facts}


class FakeClient:
    """A ccxt client whose streams give what the test says, and which counts what it is asked."""

    def __init__(self) -> None:
        self.has = dict.fromkeys(["watchOrderBook", "unWatchOrderBook"], True)
        self.asked: list[str] = []
        self.news: asyncio.Queue[Any] = asyncio.Queue()

    async def watch_order_book(self, symbol: str) -> Any:
        self.asked.append(f"watch {symbol}")
        return await self._next()

    async def un_watch_order_book(self, symbol: str) -> None:
        self.asked.append(f"unwatch {symbol}")

    async def close(self) -> None:
        self.asked.append("close")

    async def _next(self) -> Any:
        said = await self.news.get()
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture
async def data() -> AsyncIterator[ExchangeData]:
    given = ExchangeData("binance", FakeClient())
    yield given
    await given.close()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_pair_is_subscribed_to_once_however_often_it_is_asked_for(data: ExchangeData) -> None:
    for _ in range(10):
        assert data.book(SYMBOL) is None
    await settle()
    assert data.client.asked == [f"watch {SYMBOL}"]
    data.client.news.put_nowait(book())
    await settle()
    seen = data.book(SYMBOL)
    assert seen is not None
    assert seen.raw["bids"] == [[99, 1.0]]


async def test_a_venue_without_streams_is_never_asked_for_one(data: ExchangeData) -> None:
    data.client.has["watchOrderBook"] = False
    assert data.book(SYMBOL) is None
    await settle()
    assert data.client.asked == []


async def test_a_book_that_came_too_long_ago_is_not_given(data: ExchangeData) -> None:
    data.book(SYMBOL)
    data.client.news.put_nowait(book())
    await settle()
    assert data.book(SYMBOL) is not None
    data.fresh_s = -1.0
    assert data.book(SYMBOL) is None


async def test_a_crossed_book_ends_the_subscription_and_begins_another(data: ExchangeData) -> None:
    data.book(SYMBOL)
    data.client.news.put_nowait(book())
    await settle()
    data.client.news.put_nowait(book(bid=102))
    await settle()
    assert data.book(SYMBOL) is None
    data.client.news.put_nowait(book())
    await asyncio.sleep(0.3)
    assert data.book(SYMBOL) is not None
    watch = f"watch {SYMBOL}"
    assert data.client.asked[:5] == [watch, watch, f"unwatch {SYMBOL}", watch, watch]


async def test_a_stream_that_breaks_tells_nothing_and_begins_afresh(data: ExchangeData) -> None:
    data.book(SYMBOL)
    data.client.news.put_nowait(book(nonce=7))
    await settle()
    data.client.news.put_nowait(OSError("gone"))
    await settle()
    assert data.book(SYMBOL) is None
    data.client.news.put_nowait(book(nonce=1))  # numbers of another subscription begin anew
    await asyncio.sleep(0.3)
    assert data.book(SYMBOL) is not None


async def test_a_subscription_that_nobody_asks_for_is_given_up(data: ExchangeData) -> None:
    data.book(SYMBOL)
    await data.drop_unused()
    assert data.subscribed == {SYMBOL}
    data.unused_s = -1.0
    await data.drop_unused()
    assert data.subscribed == frozenset()
    assert f"unwatch {SYMBOL}" in data.client.asked
    data.book(SYMBOL)
    assert data.subscribed == {SYMBOL}


async def test_who_asks_while_a_subscription_is_given_up_has_one_that_goes_on(data: ExchangeData) -> None:
    data.book(SYMBOL)
    await settle()
    data.unused_s = -1.0
    giving_up = asyncio.create_task(data.drop_unused())
    await asyncio.sleep(0)
    data.book(SYMBOL)
    await giving_up
    data.client.news.put_nowait(book())
    await settle()
    assert data.book(SYMBOL) is not None
    assert data.subscribed == {SYMBOL}


def test_a_book_older_than_the_one_before_breaks_the_stream() -> None:
    watch = BookWatch()
    watch.take(book(nonce=5), 1.0)
    with pytest.raises(BrokenStreamError, match="4 after 5"):
        watch.take(book(nonce=4), 1.1)


def test_a_book_that_comes_later_than_usual_is_not_believed_whatever_the_clocks_say() -> None:
    watch = BookWatch()
    for second in range(5):  # the venue's clock is an hour ahead of ours
        watch.take(book(timestamp=(3_600 + second) * 1000), second + 0.1)
        assert watch.last is not None
    watch.take(book(timestamp=3_605_000), 8.0)
    assert watch.last is None
    watch.take(book(timestamp=3_608_400), 8.6)
    assert watch.last is not None


async def test_accounts_of_one_venue_share_its_streams_on_the_wire(tmp_path: Path) -> None:
    world = tmp_path / "world.json"
    keys = [{"name": n, "api_key": n, "secret": n, "balances": {"USDT": "1"}} for n in ("a", "b")]
    world.write_text(json.dumps({"venue": {"accounts": keys}}))
    streams = VenueStreams()
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as urls:
        accounts = [
            VenueAccount(VenueAccountName(n), "binance", VenueKey(Secret(n), Secret(n)), urls) for n in "ab"
        ]
        exchanges = [CcxtExchange(each, WallClock(), unasked, streams.of(each)) for each in accounts]
        data = streams.of(accounts[0])
        assert streams.of(accounts[1]) is data
        for _ in range(100):
            for exchange in exchanges:
                assert (await exchange.book(Pair.parse(SYMBOL))).sane
            if data.book(SYMBOL):
                break
            await asyncio.sleep(0.05)
        assert data.book(SYMBOL) is not None
        assert data.subscribed == {SYMBOL}
        for exchange in exchanges:
            await exchange.close()
        assert data.subscribed  # they are not any account's
        await streams.close()
