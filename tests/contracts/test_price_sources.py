"""What a source of prices promises, in memory, over HTTP to a small CoinGecko, and to the sandbox's Mixin."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.marketdata.coingecko import CoinGecko
from adapters.mixin.prices import MixinPrices
from domain.ids import AssetId
from domain.money import Coin, Token
from domain.ports.prices import PriceSource
from domain.services.tokens import ApprovedToken, Tokens
from sandbox import world as seeded
from tests.adapters.marketdata.gecko import coingecko
from tests.adapters.mixin.conftest import running
from tests.clocks import WallClock
from tests.fakes.prices import FakePrices

BTC, USDT = Coin("BTC"), Coin("USDT")
KINDS = ("memory", "coingecko", "mixin")


@pytest.fixture(params=KINDS)
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PriceSource]:
    """Give a source that says 60,000 dollars for a bitcoin and one for a tether."""
    match request.param:
        case "memory":
            fake = FakePrices("memory", WallClock())
            fake.says("BTC", "60000")
            fake.says("USDT", "1")
            yield fake
        case "coingecko":
            async with coingecko() as gecko:
                source = CoinGecko(gecko.url, WallClock())
                yield source
                await source.close()
        case _:
            tokens = Tokens(
                ApprovedToken(Token(AssetId(asset), coin, "any"), Decimal(1))
                for asset, coin in ((seeded.BTC, BTC), (seeded.USDT, USDT))
            )
            async with running(tmp_path) as mixin:
                yield MixinPrices(mixin.http, tokens)


async def test_coins_are_priced_in_dollars_at_an_instant_that_is_news(source: PriceSource) -> None:
    said = await source.readings([BTC, USDT])
    assert {coin: reading.price for coin, reading in said.items()} == {BTC: 60_000, USDT: 1}
    assert all(reading.fresh(datetime.now(UTC)) for reading in said.values())
    assert {reading.source for reading in said.values()} == {source.name}


async def test_a_coin_that_is_unknown_is_left_out(source: PriceSource) -> None:
    assert set(await source.readings([BTC, Coin("NOSUCHCOIN")])) == {BTC}


async def test_nothing_asked_is_nothing_said(source: PriceSource) -> None:
    assert await source.readings([]) == {}


async def test_asking_again_says_the_same(source: PriceSource) -> None:
    first = await source.readings([BTC])
    assert (await source.readings([BTC]))[BTC].price == first[BTC].price
