"""What a venue tells of minutes and hours, asked in the lane of reads: all that trades goes first."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes
from adapters.exchange.translate import as_time, understood
from domain.market.candles import Candle, Interval
from domain.market.model import Pair

PATIENCE_S = 10.0

_FIGURE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,40})?", re.ASCII)


class CcxtCandles:
    """The candles of one venue over an account's client, as ``domain.ports.candles.CandleSource``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def candles(self, pair: Pair, interval: Interval, since: datetime, most: int) -> Sequence[Candle]:
        """Return candles that open from ``since`` on, in their order; the last one may not be over.

        Raises:
            Refused: ``pair_not_traded``.
            Unavailable: it did not answer in time, or not so that it can be read.
        """
        assert_outside_transaction()
        since_ms = int(since.timestamp() * 1000)
        try:
            async with asyncio.timeout(PATIENCE_S):
                rows = await self._client.fetch_ohlcv(str(pair), interval.value, since_ms, most)
        except outcomes.failures() as e:
            raise outcomes.of_read(e, "candles") from e
        with understood("candles"):
            return [_candle(row, interval) for row in rows if int(row[0]) >= since_ms]


def _candle(row: Sequence[Any], interval: Interval) -> Candle:
    opens_at = as_time(row[0])
    if interval.begun(opens_at) != opens_at:
        raise ValueError(f"a candle of {interval} opens at {opens_at}")
    return Candle(opens_at, *(_figure(text) for text in row[1:6]))


def _figure(text: Any) -> Decimal:
    """Return a number as it is written: prices of small coins and volumes have more digits than money."""
    if not (isinstance(text, str) and _FIGURE.fullmatch(text)):
        raise ValueError(f"not a figure: {str(text)[:40]}")
    return Decimal(text)
