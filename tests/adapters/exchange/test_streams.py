"""The private stream: trades of ours are news, what we asked for is not, and a break may hide some."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.exchange.streams import Streams

HERE, THERE = "BTC/USDT", "ETH/USDT"


class FakeClient:
    """A ccxt client whose stream of orders gives what the test says."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[Any] = asyncio.Queue()

    async def watch_orders(self) -> Any:
        said = await self.news.get()
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    given = Streams(FakeClient(), "main")
    given.watch_orders()
    yield given
    await given.stop()


async def heard(streams: Streams, *said: Any) -> set[str]:
    for each in said:
        streams.client.news.put_nowait(each)
    await streams.wait_for_bell(0.05)
    return streams.take_traded([HERE, THERE])


async def test_only_a_trade_is_news_and_the_stream_counts_from_its_first_word(streams: Streams) -> None:
    before = streams.tell
    assert await heard(streams, [{"symbol": HERE, "filled": "0"}]) == set()
    assert [before, streams.tell] == [False, True]
    assert await heard(streams, [{"symbol": HERE, "filled": "0.1"}, {"symbol": THERE, "filled": "0"}]) == {
        HERE
    }
    assert await heard(streams) == set()


async def test_what_may_have_traded_has(streams: Streams) -> None:
    assert await heard(streams, [{"symbol": THERE, "filled": None}]) == {THERE}
    assert await heard(streams, [{"symbol": None, "filled": "1"}]) == {HERE, THERE}
    assert await heard(streams, [{"symbol": "XRP/USDT:USDT", "filled": "1"}]) == set(), (
        "nothing that we trade"
    )


async def test_a_break_may_have_hidden_a_trade_anywhere_and_is_trusted_no_more(streams: Streams) -> None:
    await heard(streams, [{"symbol": HERE, "filled": "0"}])
    assert await heard(streams, ValueError("torn")) == {HERE, THERE}
    assert not streams.tell
