"""One run as it stands at one instant, read by the pages from what the workers wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import UserId
from domain.market.candles import Candle
from domain.market.history import FillRow
from domain.market.model import Pair, Side
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.money import Coin


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order that may be on the book: its price, and what of it has not traded."""

    side: Side
    price: Decimal
    left: Decimal
    state: OrderState


@dataclass(frozen=True, slots=True)
class LiveTotals:
    """What a run has traded since it began, and paid to us by coin, as of an instant."""

    fills: int
    volume: Decimal
    paid: Mapping[Coin, Decimal]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """A run, its orders (dearest first), its last fills (newest first), and the market its worker saw at
    ``seen_at``; ``bid`` and ``ask`` are the best levels of the book, ``None`` where none was seen.

    ``mid`` is that of the market, or for ever that of its stop.
    """

    number: int
    pair: Pair
    state: RunState
    trouble: str
    preset: str
    base: Decimal
    quote: Decimal
    base_start: Decimal
    quote_start: Decimal
    bid: Decimal | None
    ask: Decimal | None
    mid: Decimal | None
    seen_at: datetime | None
    orders: Sequence[LiveOrder]
    fills: Sequence[FillRow]
    totals: LiveTotals
    started_at: datetime
    stopped_at: datetime | None
    as_of: datetime
    """When all this was so, by the database's clock."""


@dataclass(frozen=True, slots=True)
class RunDay:
    """The minutes of a run's market from ``since`` to ``as_of``, as far as they are known."""

    pair: Pair
    minutes: Sequence[Candle]
    since: datetime
    as_of: datetime


class LiveRunStore(Protocol):
    """Reads one person's run, all of it as of one instant."""

    async def day(self, user_id: UserId, number: int) -> RunDay | None:
        """Return the last 24 hours of the market of a person's run; nothing when there is no such run.

        Raises:
            Unavailable: the database does not answer.
        """
        ...

    async def look(self, user_id: UserId, number: int, before: LiveTotals | None = None) -> LiveRun | None:
        """Return a person's run by its number; nothing when that person has none of it.

        Totals are as dear as a run is old: those ``before`` are kept for ten seconds.

        Raises:
            Unavailable: the database does not answer.
        """
        ...
