"""A source of prices that says what the test says."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal

from domain.errors import MrMarketError
from domain.market.prices import Reading
from domain.money import Coin
from domain.ports.clock import Clock


class FakePrices:
    """As ``domain.ports.prices.PriceSource``."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.error: MrMarketError | None = None
        self._clock = clock
        self._rows: dict[Coin, Reading] = {}

    def says(self, coin: str, price: str, change: str | None = None, *, lasts_s: float = 900) -> None:
        """Let it say now that a coin is worth so many dollars."""
        self._rows[Coin(coin)] = Reading(
            self.name,
            Decimal(price),
            self._clock.now(),
            timedelta(seconds=lasts_s),
            Decimal(change) if change else None,
        )

    async def readings(self, coins: Collection[Coin]) -> Mapping[Coin, Reading]:
        if self.error:
            raise self.error
        return {coin: said for coin, said in self._rows.items() if coin in coins}
