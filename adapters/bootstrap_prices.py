"""Settings in, prices out: what the process that talks needs of those who say what coins are worth."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.bootstrap import World
from adapters.db.runs import PostgresVenueAccounts
from adapters.marketdata.coingecko import CoinGecko
from adapters.mixin.prices import MixinPrices
from domain.ports.prices import PriceSource
from domain.services.market_data import MarketDataService


def market_data(world: World, sources: Sequence[PriceSource] = ()) -> MarketDataService:
    """Return what answers from what workers see, and from what these sources say."""
    return MarketDataService(sources, PostgresVenueAccounts(world.store), world.tokens, world.clock)


@asynccontextmanager
async def open_market_data(world: World) -> AsyncIterator[MarketDataService]:
    """Open Mixin's prices, and CoinGecko's where the settings name it, and close them again."""
    settings = world.settings
    mixin = MixinPrices(world.http, world.tokens)
    if settings.coingecko_url is None:
        yield market_data(world, [mixin])
        return
    coingecko = CoinGecko(settings.coingecko_url, world.clock, settings.coingecko_key())
    try:
        yield market_data(world, [coingecko, mixin])
    finally:
        await coingecko.close()
