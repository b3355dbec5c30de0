"""What was traded at a venue, as it comes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade that everybody may see: when, at what price, how much of the base."""

    at: datetime
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Traded:
    """What a reader of a tape gets, oldest first, and the place to go on from.

    Nothing that was traded since ``whole_since`` is missing; ``None``: nobody knows what is missing.
    """

    trades: tuple[Trade, ...]
    place: int
    whole_since: datetime | None
