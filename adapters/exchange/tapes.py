"""The trades of everybody at one venue: streamed where they are, and asked for in the lane of reads."""

import asyncio
from collections.abc import Sequence
from typing import Any

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes
from adapters.exchange.contract import MarketTrades
from adapters.exchange.exchange_data import ExchangeData
from adapters.exchange.translate import as_public_trade, understood
from domain.errors import Unavailable
from domain.market.model import Pair
from domain.market.tape import PublicTrade, Tape
from domain.ports.clock import Clock

PATIENCE_S = 10.0
PAGE = 500


class CcxtTapes:
    """Tapes over the venue's public streams and an account's client, as ``domain.ports.tape.TapeSource``."""

    def __init__(self, client: Any, data: ExchangeData, kind: MarketTrades, clock: Clock) -> None:
        self._client = client
        self._data = data
        self._kind = kind
        self._clock = clock

    async def tape(self, pair: Pair) -> Tape:
        """Return the newest trades of a pair, and from when on none is missing.

        Raises:
            Refused: ``pair_not_traded``.
            Unavailable: neither stream nor request tells what is traded now.
        """
        assert_outside_transaction()
        watch = self._data.trades(str(pair), self._kind)
        failed: Unavailable | None = None
        async with watch.asking:
            if watch.wants(_now()):
                leaves_at = self._clock.now()
                try:
                    watch.fill(await self._read(pair), leaves_at)
                except Unavailable as error:
                    failed = error
        tape = watch.tape(self._clock.now(), _now())
        if tape is None:
            raise failed or Unavailable("venue_silent", subject="market trades")
        return tape

    async def _read(self, pair: Pair) -> Sequence[PublicTrade]:
        most = PAGE if self._kind is not MarketTrades.APART else None  # some refuse more than they give
        try:
            async with asyncio.timeout(PATIENCE_S):
                rows = await self._client.fetch_trades(str(pair), None, most)
        except outcomes.failures() as e:
            raise outcomes.of_read(e, "market trades") from e
        with understood("market trades"):
            return [as_public_trade(row) for row in rows]


def _now() -> float:
    return asyncio.get_running_loop().time()
