"""``mrmarket candles VENUE PAIR``: what a pair traded at, minute by minute or by the hour, for back-tests.

Each as the venue told it last; ``told`` above 1 says that it had told it otherwise before. Minutes of which
the venue told nothing are not there.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from adapters.cli.command import CannotDo, Command
from adapters.clock import SystemClock
from adapters.db.candles import PostgresCandles
from adapters.db.store import PostgresStore
from adapters.settings import load_settings
from domain.market.candles import Candle, Interval, Series
from domain.market.history import Wanted
from domain.market.model import Pair
from domain.services.sheets import Shape, sheet

COLUMNS = ("opens_at", "open", "high", "low", "close", "volume", "told")
AT_ONCE = 1_000

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def pair(text: str) -> Pair:
    """Return the pair that a word names."""
    try:
        return Pair.parse(text.upper())
    except ValueError as error:
        raise argparse.ArgumentTypeError("a pair is written as BTC/USDT") from error


async def written(
    store: PostgresStore, series: Series, since: datetime, until: datetime, shape: Shape
) -> AsyncIterator[str]:
    """Yield the candles between two instants, the oldest first, piece by piece as they are read.

    Raises:
        CannotDo: none of the series is kept.
    """
    candles = PostgresCandles(store)
    if await candles.newest(series) is None:
        raise CannotDo(f"No candles of {series} are kept. /price names the exchanges and pairs there are.")
    async for piece in sheet(COLUMNS, _pages(candles, series, since, until), shape):
        yield piece


async def _pages(
    candles: PostgresCandles, series: Series, since: datetime, until: datetime
) -> AsyncIterator[Sequence[Candle]]:
    while page := await candles.list(series, since, until, AT_ONCE):
        yield page
        since = page[-1].opens_at + series.interval.lasts


async def answer(dsn: str, series: Series, wanted: Wanted, shape: Shape) -> int:
    """Write the candles, and return the exit code."""
    since, until = wanted.since or _BEGINNING, wanted.until or SystemClock().now()
    async with PostgresStore(dsn, connections=1) as store:
        async for piece in written(store, series, since, until, shape):
            sys.stdout.write(piece)
    return 0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take which candles are asked for."""
    parser.add_argument("venue", metavar="VENUE", help="the exchange, such as binance")
    parser.add_argument("pair", type=pair, metavar="PAIR", help="such as BTC/USDT")
    parser.add_argument("--interval", type=Interval, choices=list(Interval), default=Interval.MINUTE)
    parser.add_argument(
        "--from", dest="since", default="", metavar="DAY", help="2026-11-01, or an instant; UTC"
    )
    parser.add_argument(
        "--to", dest="until", default="", metavar="DAY", help="that day with it, or an instant"
    )
    parser.add_argument("--shape", type=Shape, choices=list(Shape), default=Shape.CSV, help="of the table")


def run(asked: argparse.Namespace) -> int:
    """Write the candles of one pair at one exchange."""
    wanted = Wanted.read({"from": asked.since, "to": asked.until})
    series = Series(asked.venue, asked.pair, asked.interval)
    dsn = os.environ.get("MRMARKET_DATABASE_URL") or load_settings(holds_keys=False).database_url.reveal()
    return asyncio.run(answer(dsn, series, wanted, asked.shape))


COMMAND = Command("candles", "write what a pair traded at, by minute or hour", run, arguments)
