"""Prices from several sources side by side: who counts, and what is said when some do not answer."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.candles import Interval, Series
from domain.market.model import Pair
from domain.money import Coin
from domain.services.market_data import MarketDataService
from domain.services.tokens import ApprovedToken, Tokens
from tests.fakes.candles import FakeCandles, candle
from tests.fakes.clock import FakeClock
from tests.fakes.prices import FakePrices
from tests.fakes.runs import FakeViews
from tests.fakes.tapes import FakeTraded
from tests.handlers.world import BTC as BTC_TOKEN

BTC, USDT, USD = Coin("BTC"), Coin("USDT"), Coin("USD")


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gecko, self.mixin = FakePrices("CoinGecko", self.clock), FakePrices("Mixin", self.clock)
        self.views, self.candles, self.traded = FakeViews(), FakeCandles(), FakeTraded()
        tokens = Tokens([ApprovedToken(BTC_TOKEN, Decimal(1))])
        self.prices = MarketDataService(
            [self.gecko, self.mixin], self.views, self.candles, self.traded, tokens, self.clock
        )

    async def asked(self) -> str:
        return await self.prices.refresh()


@pytest.fixture
def world() -> World:
    world = World()
    world.views.see("BTC/USDT", "60000", world.clock.now())
    for source, btc, usdt in ((world.gecko, "59800", "0.999"), (world.mixin, "60100", "1.001")):
        source.says("BTC", btc, "0.01")
        source.says("USDT", usdt, "0")
    return world


async def test_dollars_are_the_median_of_all_with_mids_priced_by_what_dollars_their_coin_is_worth(
    world: World,
) -> None:
    await world.asked()
    price, markets = await world.prices.price(BTC)
    assert [(r.source, r.price) for r in price.fresh] == [
        ("CoinGecko", Decimal(59800)),
        ("Mixin", Decimal(60100)),
        ("binance (USDT)", Decimal(60000)),
    ]
    assert (price.value, price.change, price.currency) == (Decimal(60_000), Decimal("0.01"), USD)
    assert [str(market.pair) for market in markets] == ["BTC/USDT"]
    assert markets[0].best == (Decimal("59999.99"), Decimal("60000.01"))


async def test_a_pair_counts_mids_as_they_are_and_others_by_what_they_say_of_both(world: World) -> None:
    await world.asked()
    price, _ = await world.prices.price(BTC, USDT)
    assert {r.source: r.price for r in price.fresh} == {
        "CoinGecko": Decimal("59859.85986"),
        "Mixin": Decimal("60039.96004"),
        "binance": Decimal(60000),
    }
    assert price.value == 60_000
    back, _ = await world.prices.price(USDT, BTC)
    assert back.value == Decimal("0.00001666666667")


async def test_without_anybody_who_knows_dollars_it_is_told_in_the_coin_it_trades_against(
    world: World,
) -> None:
    price, _ = await world.prices.price(BTC)
    assert (price.value, price.currency) == (Decimal(60_000), USDT)


async def test_a_mid_is_not_taken_for_dollars_when_nobody_says_what_its_coin_is_worth(world: World) -> None:
    price, _ = await world.prices.price(BTC, USD)
    assert (price.value, price.fresh) == (None, ())


async def test_a_source_that_is_silent_keeps_its_last_word_until_that_is_old(world: World) -> None:
    await world.asked()
    world.gecko.error = Unavailable("prices_silent")
    world.clock.advance(600)
    assert await world.asked() == "CoinGecko: prices_silent; Mixin: 2 prices"
    price, _ = await world.prices.price(BTC)
    assert [r.source for r in price.fresh] == ["CoinGecko", "Mixin"]
    assert [r.source for r in price.stale] == ["binance (USDT)"]  # no worker has looked for ten minutes
    world.clock.advance(600)
    price, _ = await world.prices.price(BTC)
    assert price.value is None
    assert len(price.stale) == 2


async def test_two_accounts_at_one_venue_are_one_source(world: World) -> None:
    await world.asked()
    seen = world.views.rows[0]
    older = replace(seen, account=VenueAccountName("binance-2"), seen_at=seen.seen_at - timedelta(seconds=1))
    world.views.rows.append(older)
    price, markets = await world.prices.price(BTC, USDT)
    assert [r.source for r in price.fresh] == ["CoinGecko", "Mixin", "binance"]
    assert [market.view.account for market in markets] == ["binance-1"]


async def test_a_pair_tells_the_day_that_ends_now_as_far_as_it_is_known(world: World) -> None:
    now = Interval.MINUTE.begun(world.clock.now())
    series = Series("binance", Pair(BTC, USDT), Interval.MINUTE)
    before, first, last = (now - timedelta(minutes=ago) for ago in (1_441, 1_440, 1))
    told = [candle(before, "1"), candle(first, "98"), candle(last, "103")]
    await world.candles.note(series, told, now)
    _, [market] = await world.prices.price(BTC)
    assert market.day is not None
    assert (market.day.low, market.day.high, market.day.change) == tuple(map(Decimal, ("98", "103", "0.03")))
    assert (market.day.since, market.day.until) == (first, now)
    world.clock.advance(11 * 60)
    _, [market] = await world.prices.price(BTC)
    assert market.day is None, "nobody has looked lately"


@pytest.mark.parametrize("asked", [("ABC",), ("BTC", "ABC"), ("BTC", "BTC"), ("USD", "USD")])
async def test_coins_that_nobody_can_have_here_are_not_asked_about(world: World, asked: tuple[str]) -> None:
    with pytest.raises(Refused) as refused:
        await world.prices.price(*map(Coin, asked))
    assert (refused.value.code, refused.value.facts["known"]) == ("price_coin_unknown", "BTC, USDT")
