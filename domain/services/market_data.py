"""What coins are worth, from several sources side by side; what is said to people waits for none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.market.candles import Interval, Series, Stretch
from domain.market.model import Pair
from domain.market.prices import USD, Price, Reading, agreed, rounded
from domain.market.runs import MarketView
from domain.market.tape import Traded
from domain.money import Coin
from domain.ports.candles import CandleReader
from domain.ports.clock import Clock
from domain.ports.prices import PriceSource
from domain.ports.runs import AccountState
from domain.ports.tape import Place, TradedReader
from domain.services.tokens import Tokens

DAY, DAY_LASTS = timedelta(days=1), timedelta(minutes=10)
"""What is told of a pair's past, and how long ago it may end."""

TRADED_LASTS = timedelta(minutes=1)
"""How old what was traded lately may be: a loop notes it every ten seconds."""

SEEN_LASTS = timedelta(seconds=30)
"""How long what a worker saw of a market is news."""


class Views(Protocol):
    """What of the store of venue accounts is needed here."""

    async def views(self) -> list[MarketView]:
        """Return the newest view of every pair."""
        ...

    async def find(self, name: VenueAccountName) -> AccountState | None:
        """Return an account's state."""
        ...


@dataclass(frozen=True, slots=True)
class Market:
    """The best prices of a pair that can be traded here, without our own orders, as a worker saw them."""

    venue: str
    view: MarketView
    day: Stretch | None = None  # the last 24 hours, or as much of them as is known
    traded: Traded | None = None  # the last minutes, where a venue tells what is traded now

    @property
    def pair(self) -> Pair:
        """Return the pair."""
        return self.view.pair

    @property
    def best(self) -> tuple[Decimal | None, Decimal | None]:
        """Return best bid and best ask, where there are any."""
        tick = self.view.rules.tick
        bid, ask = (tick * side[0].ticks if side else None for side in (self.view.bids, self.view.asks))
        return bid, ask

    def reading(self) -> Reading:
        """Return the mid as a reading in the quote coin."""
        return Reading(self.venue, self.view.mid, self.view.seen_at, SEEN_LASTS)


@dataclass(slots=True)
class MarketDataService:
    """Keeps what sources said of the coins we know, and answers from that and from what workers see.

    ``refresh`` is for a loop: it alone asks anybody, so that no person's word makes us ask.
    """

    sources: Sequence[PriceSource]
    seen: Views
    candles: CandleReader
    traded: TradedReader
    tokens: Tokens
    clock: Clock
    _said: dict[str, Mapping[Coin, Reading]] = field(default_factory=dict)  # by source, in US dollars

    async def refresh(self) -> str:
        """Ask every source about all coins; one that does not say keeps what it said before."""
        coins, told = await self.coins(), []
        for source in self.sources:
            try:
                self._said[source.name] = await source.readings(coins)
                told.append(f"{source.name}: {len(self._said[source.name])} prices")
            except (Refused, Unavailable) as error:
                told.append(f"{source.name}: {error.code}")
        return "; ".join(told) or "nobody to ask for prices"

    async def coins(self) -> list[Coin]:
        """Return every coin that can be paid in or traded here."""
        return sorted(self._known(await self.markets()))

    async def markets(self) -> list[Market]:
        """Return what can be traded here, the newest view of each pair at each venue."""
        newest: dict[tuple[str, Pair], Market] = {}
        venues: dict[VenueAccountName, str] = {}
        for view in sorted(await self.seen.views(), key=lambda view: view.seen_at):
            if view.account not in venues:
                state = await self.seen.find(view.account)
                venues[view.account] = state.venue if state else view.account
            newest[venues[view.account], view.pair] = Market(venues[view.account], view)
        return [newest[key] for key in sorted(newest, key=str)]

    async def price(self, coin: Coin, currency: Coin | None = None) -> tuple[Price, Sequence[Market]]:
        """Return what a coin is worth, and the markets of it.

        Where no currency is named these are US dollars, or a coin it trades against when nobody knows
        dollars.

        Raises:
            Refused: ``price_coin_unknown``.
        """
        markets = await self.markets()
        known = self._known(markets)
        for asked in (coin, currency or USD):
            if asked not in {*known, USD} or coin == currency:
                raise Refused("price_coin_unknown", coin=asked, known=", ".join(sorted(known)))
        traded = await self.traded.all()
        concerned = [m for m in markets if _concerns(m.pair, coin, currency)]
        offered = [self._with_traded(await self._with_day(market), traded) for market in concerned]
        price = self._price(coin, currency or USD, markets)
        if currency is None and price.value is None:
            quotes = [m.pair.quote for m in offered if m.pair.base == coin]
            others = (self._price(coin, quote, markets) for quote in quotes)
            price = next((other for other in others if other.value is not None), price)
        return price, offered

    async def _with_day(self, market: Market) -> Market:
        now = self.clock.now()
        series = Series(market.venue, market.pair, Interval.MINUTE)
        day = await self.candles.stretch(series, Interval.MINUTE.begun(now) - DAY, now)
        return replace(market, day=day) if day and now - day.until <= DAY_LASTS else market

    def _with_traded(self, market: Market, told: Mapping[Place, Traded]) -> Market:
        traded = told.get((market.venue, market.pair))
        fresh = traded is not None and self.clock.now() - traded.until <= TRADED_LASTS
        return replace(market, traded=traded) if fresh else market

    def _known(self, markets: Sequence[Market]) -> set[Coin]:
        traded = {coin for market in markets for coin in (market.pair.base, market.pair.quote)}
        return traded | {token.coin for token in self.tokens.list()}

    def _price(self, coin: Coin, currency: Coin, markets: Sequence[Market]) -> Price:
        told = self._in_dollars(coin, markets) if currency == USD else self._in_coin(coin, currency, markets)
        return agreed(coin, currency, told, self.clock.now())

    def _in_dollars(self, coin: Coin, markets: Sequence[Market]) -> list[Reading]:
        """Return what others say in dollars, and mids priced by what others say of the quote coin."""
        told = self._said_of(coin)
        for market in markets:
            quote = self._agreed_dollars(market.pair.quote)
            if market.pair.base == coin and quote is not None:
                crossed = market.reading().times(quote)
                told.append(replace(crossed, source=f"{market.venue} ({market.pair.quote})"))
        return told

    def _agreed_dollars(self, coin: Coin) -> Reading | None:
        price = agreed(coin, USD, self._said_of(coin), self.clock.now())
        if price.value is None:
            return None
        oldest = min(price.fresh, key=lambda reading: reading.at)
        return replace(oldest, price=price.value, change=None)

    def _in_coin(self, coin: Coin, currency: Coin, markets: Sequence[Market]) -> list[Reading]:
        """Return mids, the right way round, and what each of the others says of both."""
        both = [said for said in self._said.values() if coin in said and currency in said]
        told = [said[coin].over(said[currency]) for said in both]
        for market in markets:
            if market.pair == Pair(coin, currency):
                told.append(market.reading())
            elif market.pair == Pair(currency, coin):
                told.append(replace(market.reading(), price=rounded(1 / market.view.mid)))
        return told

    def _said_of(self, coin: Coin) -> list[Reading]:
        return [said[coin] for said in self._said.values() if coin in said]


def _concerns(pair: Pair, coin: Coin, currency: Coin | None) -> bool:
    if currency is None or currency == USD:
        return coin in (pair.base, pair.quote)
    return {coin, currency} == {pair.base, pair.quote}
