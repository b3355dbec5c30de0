"""The part of an ``Exchange`` that takes many orders in one request, of a venue that takes none so."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import MrMarketError
from domain.market.model import Pair
from domain.market.orders import LimitOrder, VenueOrder


class OneAtATime:
    """Nobody may ask it for many."""

    places_at_once = 1
    cancels_at_once = 1

    async def place_many(
        self, orders: Sequence[LimitOrder], not_after: datetime
    ) -> Sequence[VenueOrder | MrMarketError]:
        raise AssertionError("one at a time")

    async def cancel_many(
        self, pair: Pair, client_order_ids: Sequence[str]
    ) -> Mapping[str, VenueOrder | None]:
        raise AssertionError("one at a time")
