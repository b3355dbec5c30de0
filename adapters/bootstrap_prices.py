"""Settings in, prices out: what the process that talks needs of those who say what coins are worth, and
what the process that trades keeps of markets."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.bootstrap import World
from adapters.db.candles import PostgresCandles
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.traded import PostgresTraded
from adapters.marketdata.coingecko import CoinGecko
from adapters.mixin.prices import MixinPrices
from domain.ports.prices import PriceSource
from domain.services.candle_keeping import CandleFeed, CandleKeeping
from domain.services.execution import ExecutionService
from domain.services.market_data import MarketDataService
from domain.services.tape_reading import TapeFeed, TapeReading


def market_data(world: World, sources: Sequence[PriceSource] = ()) -> MarketDataService:
    """Return what answers from what workers see, and from what these sources say."""
    store = world.store
    return MarketDataService(
        sources,
        PostgresVenueAccounts(store),
        PostgresCandles(store),
        PostgresTraded(store),
        world.tokens,
        world.clock,
    )


def candle_keeping(world: World, executions: Sequence[ExecutionService]) -> CandleKeeping:
    """Return what keeps candles of what these trade, each only while it acts for its account."""
    feeds = [
        CandleFeed(desk.account, desk.venue, execution.offered, desk.candles, desk.grip)
        for execution in executions
        if (desk := execution.desk).candles is not None
    ]
    return CandleKeeping(feeds, PostgresCandles(world.store), PostgresRuns(world.store), world.clock)


def tape_reading(world: World, executions: Sequence[ExecutionService]) -> TapeReading:
    """Return what tells everybody's trades on what these trade, each only while it acts for its account."""
    feeds = [
        TapeFeed(desk.account, desk.venue, execution.offered, desk.tapes, desk.grip)
        for execution in executions
        if (desk := execution.desk).tapes is not None
    ]
    return TapeReading(feeds, PostgresTraded(world.store), PostgresRuns(world.store), world.clock)


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
