"""Those who say what coins are worth."""

from collections.abc import Collection, Mapping
from typing import Protocol

from domain.market.prices import Reading
from domain.money import Coin


class PriceSource(Protocol):
    """One of them: prices to show, and never to trade on."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    async def readings(self, coins: Collection[Coin]) -> Mapping[Coin, Reading]:
        """Return what each coin is worth in US dollars; one that it does not know is left out.

        It may be asked as often as one likes: a source that counts questions answers from memory.

        Raises:
            Refused, Unavailable: it does not say.
        """
        ...
