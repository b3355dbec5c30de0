"""What a venue accepts for each pair, and noticing soon that it accepts nothing any more."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.exchange import translate
from adapters.exchange.contract import VenueContract
from domain.errors import Refused, Unavailable
from domain.market.model import Pair, TradingRules
from domain.ports.clock import Clock

MARKETS_AGE = timedelta(hours=1)
FEES_AGE = timedelta(days=1)
CLOSED_FOR = timedelta(minutes=1)
"""How long a refused pair counts as closed before its venue is asked again; also how soon a failed look is
tried again: either way the markets are asked for once a minute at most."""

Read = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class PairRules:
    """Trading rules by pair: one request for all pairs once an hour, fees once a day.

    A pair whose order the venue refused as closed is closed for a minute and then looked at anew. While the
    markets cannot be read again, what is known of them counts for a day.
    """

    client: Any
    contract: VenueContract
    clock: Clock
    read: Read
    _read_at: datetime | None = None
    _tried_at: datetime | None = None
    _fees: dict[Pair, tuple[datetime, Mapping[str, Any]]] = field(default_factory=dict)
    _rules: dict[Pair, TradingRules] = field(default_factory=dict)
    _closed_until: dict[Pair, datetime] = field(default_factory=dict)

    async def of(self, pair: Pair) -> TradingRules:
        """Return what the venue accepts for a pair.

        Raises:
            Refused: ``pair_not_traded``, ``rules_not_understood``.
            Unavailable: the venue does not tell.
        """
        now = self.clock.now()
        if now < self._closed_until.get(pair, now):
            raise Refused("pair_not_traded", pair=pair)
        await self._look(now, doubted=pair if pair in self._closed_until else None)
        self._closed_until.pop(pair, None)
        if pair not in self._rules or self._fees_are_old(pair, now):
            self._rules[pair] = await self._told(pair, now)
        return self._rules[pair]

    def closed(self, pair: Pair) -> None:
        """Note that the venue refused an order because nobody can trade the pair there now."""
        self._closed_until[pair] = self.clock.now() + CLOSED_FOR

    def _fees_are_old(self, pair: Pair, now: datetime) -> bool:
        return self.contract.tells_fees and (pair not in self._fees or now - self._fees[pair][0] >= FEES_AGE)

    async def _look(self, now: datetime, doubted: Pair | None) -> None:
        """Read the markets of all pairs if it is time to, or if one has been doubted."""
        age = now - self._read_at if self._read_at else None
        if age is not None and age < (CLOSED_FOR if doubted else MARKETS_AGE):
            return
        bearable = age is not None and age < FEES_AGE and not doubted
        if bearable and self._tried_at and now - self._tried_at < CLOSED_FOR:
            return
        self._tried_at = now
        try:
            await self.read("markets", self.client.load_markets, self._read_at is not None)
        except Unavailable:
            if bearable:
                return
            if doubted:
                self.closed(doubted)
            raise
        self._read_at, self._rules = now, {}

    async def _told(self, pair: Pair, now: datetime) -> TradingRules:
        market = self.client.markets.get(str(pair))
        if not market or not market.get("active", True):
            raise Refused("pair_not_traded", pair=pair)
        fees = await self._fees_of(pair, market, now)
        return translate.as_rules(pair, market, fees, self.contract.most_open_orders)

    async def _fees_of(self, pair: Pair, market: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        if not self.contract.tells_fees:
            return {side: str(market[side]) for side in ("maker", "taker")}  # what everybody pays
        if self._fees_are_old(pair, now):
            self._fees[pair] = now, await self.read("fees", self.client.fetch_trading_fee, str(pair))
        return self._fees[pair][1]
