"""Asking what a coin is worth, by chat."""

from datetime import timedelta

from domain.errors import Unavailable
from domain.market.candles import Interval, Series
from domain.market.model import Pair, Side
from tests.fakes.candles import candle
from tests.fakes.tapes import FakeTapes
from tests.handlers.world import Person, World


async def market() -> tuple[World, Person]:
    world = World()
    world.trade(BTC_USDT="60000")
    world.told.says("BTC", "60030.5", "-0.0377")
    world.told.says("USDT", "1")
    await world.prices.refresh()
    return world, world.person("alice")


async def test_a_price_names_its_sources_and_what_is_offered_here() -> None:
    world, alice = await market()
    world.clock.advance(seconds=7)
    told = await alice.says("/price btc")
    assert "BTC: 60,015.25 USD (-3.77% in 24 hours)" in told
    assert "The median of 2 sources, the oldest from 7 s ago" in told
    assert "CoinGecko: 60,030.5" in told
    assert "BTC/USDT on binance: best bid 59,999.99, best ask 60,000.01 (7 s ago)" in told
    assert "apart" not in told


async def test_a_pair_tells_its_last_hours() -> None:
    world, alice = await market()
    series, now = Series("binance", Pair.parse("BTC/USDT"), Interval.MINUTE), world.clock.now()
    opened = [Interval.MINUTE.begun(now) - timedelta(minutes=ago) for ago in (180, 1)]
    await world.candles.note(series, [candle(opened[0], "96"), candle(opened[1], "98.77")], now)
    assert "in the last 3 h: low 96, high 100, -1.23%" in await alice.says("/price BTC/USDT")


async def test_a_pair_tells_its_last_trade_and_the_last_minutes() -> None:
    world, alice = await market()
    pair, tapes = Pair.parse("BTC/USDT"), FakeTapes(world.clock)
    world.clock.advance(seconds=600)
    tapes.trade(pair, Side.BUY, "0.5", "60001")
    world.clock.advance(seconds=100)
    tapes.trade(pair, Side.SELL, "0.25", "59990")
    world.clock.advance(seconds=12)
    await world.traded.note({("binance", pair): (await tapes.tape(pair)).traded(timedelta(minutes=5))})
    world.clock.advance(seconds=8)
    told = await alice.says("/price BTC")
    assert "as of 8 s ago: the last one 20 s ago, 0.25 BTC at 59,990; 2 within 5 min, 0.75 BTC" in told
    await alice.says("/language 中文")
    told = await alice.says("/价格 BTC")
    assert "成交（截至8 秒前）：最近一笔 0.25 BTC，价格 59,990（20 秒前）；5 分钟内共 2 笔，0.75 BTC" in told
    world.clock.advance(seconds=60)
    assert "成交" not in await alice.says("/价格 BTC"), "what nobody has told lately is not told"


async def test_a_pair_is_priced_in_its_other_coin() -> None:
    _, alice = await market()
    for typed in ("/price BTC/USDT", "/price btc usdt", "price BTC/USDT"):
        assert "BTC: 60,015.25 USDT" in await alice.says(typed)


async def test_sources_that_disagree_are_said_to() -> None:
    world, alice = await market()
    world.told.says("BTC", "66000")
    await world.prices.refresh()
    assert "9.53% apart, so at least one of them is wrong" in await alice.says("/price BTC")


async def test_what_is_too_old_is_named_and_not_counted() -> None:
    world, alice = await market()
    world.told.error = Unavailable("prices_silent")
    world.clock.advance(seconds=3_600)
    told = await alice.says("/price BTC")
    assert "Nobody has told a fresh price of BTC in USD" in told
    assert "too old: CoinGecko (60 min ago)" in told


async def test_an_unknown_coin_is_explained_with_those_that_are_known() -> None:
    _, alice = await market()
    told = await alice.says("/price SHIB")
    assert "I tell no price of SHIB" in told
    assert "BTC, USDT" in told


async def test_nonsense_is_answered_with_an_example() -> None:
    _, alice = await market()
    for typed in ("/price a b c", "/price 比特币", "/price B-T", "/price " + "x" * 50):
        assert "for example /price BTC" in await alice.says(typed)


async def test_no_coin_named_offers_some() -> None:
    _, alice = await market()
    assert "I know: BTC, USDT" in await alice.says("/price")
    assert "BTC: 60,015.25 USD" in await alice.taps("BTC")


async def test_chinese_is_answered_in_chinese() -> None:
    _, alice = await market()
    await alice.says("/language 中文")
    assert "BTC：60,015.25 USD（24 小时 -3.77%）" in await alice.says("/价格 BTC")
