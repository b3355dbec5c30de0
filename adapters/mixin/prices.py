"""What Mixin says that our tokens are worth (mixin.md §8): good for display, an aggregate of minutes ago."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters.mixin.http import MixinHttp
from adapters.mixin.times import as_time
from domain.errors import Refused
from domain.market.prices import Reading
from domain.money import Coin, exact
from domain.services.tokens import Tokens

NAME = "Mixin"

LASTS = timedelta(minutes=30)

_HIGHEST = Decimal(10) ** 15


class MixinPrices:
    """Prices in US dollars, as ``domain.ports.prices.PriceSource``."""

    name = NAME

    def __init__(self, http: MixinHttp, tokens: Tokens) -> None:
        self._http = http
        self._tokens = tokens

    async def readings(self, coins: Collection[Coin]) -> Mapping[Coin, Reading]:
        """Return what each coin is worth, by asset id and never by symbol; of several networks the newest.

        Raises:
            Refused, Unavailable: as ``MixinHttp.ask``.
        """
        asked = {token.asset_id: token.coin for token in self._tokens.list() if token.coin in coins}
        rows = await self._http.ask("/safe/assets/fetch", sorted(asked)) if asked else []
        said: dict[Coin, Reading] = {}
        for row in rows if isinstance(rows, list) else ():
            coin, reading = _coin(row, asked), _reading(row)
            if coin and reading and (coin not in said or said[coin].at < reading.at):
                said[coin] = reading
        return said


def _coin(row: Any, asked: Mapping[Any, Coin]) -> Coin | None:
    asset_id = row.get("asset_id") if isinstance(row, dict) else None
    return asked.get(asset_id) if isinstance(asset_id, str) else None


def _reading(row: Mapping[str, Any]) -> Reading | None:
    """Return what a row says; zero means that Mixin does not know."""
    price, change, at = (
        _number(row.get("price_usd")),
        _number(row.get("change_usd")),
        as_time(row.get("price_updated_at")),
    )
    if price is None or at is None or not 0 < price < _HIGHEST:
        return None
    return Reading(NAME, price, at, LASTS, change or None)


def _number(text: object) -> Decimal | None:
    try:
        return exact(text)
    except Refused:
        return None
