"""Candles: where they are kept, and who tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.market.candles import Candle, Interval, Series, Stretch
from domain.market.model import Pair


@dataclass(frozen=True, slots=True)
class Noted:
    """How many candles were new, and how many are told otherwise than before."""

    new: int = 0
    changed: int = 0


class CandleReader(Protocol):
    """Reads candles that are over; each as the venue told it last."""

    async def list(self, series: Series, since: datetime, until: datetime, most: int) -> Sequence[Candle]:
        """Return the first ``most`` candles that open from ``since`` on and before ``until``, in their order.

        There is none where the venue told none.
        """
        ...

    async def stretch(self, series: Series, since: datetime, until: datetime) -> Stretch | None:
        """Return what all candles come to that open from ``since`` on and before ``until``."""
        ...


class CandleStore(CandleReader, Protocol):
    """Keeps every candle that a venue told, and what it told first beside what it says now."""

    async def newest(self, series: Series) -> datetime | None:
        """Return when the newest candle opened."""
        ...

    async def note(self, series: Series, candles: Sequence[Candle], at: datetime) -> Noted:
        """Keep what a venue told at an instant; what is known and the same is not kept twice.

        Raises:
            InvariantBroken: one of them is not over yet.
        """
        ...


class CandleSource(Protocol):
    """A venue that tells candles."""

    async def candles(self, pair: Pair, interval: Interval, since: datetime, most: int) -> Sequence[Candle]:
        """Return candles that open from ``since`` on, in their order; the last one may not be over.

        Of more than ``most`` a venue tells the first ones, or the last ones.

        Raises:
            Refused: ``pair_not_traded``.
            Unavailable: it did not answer, or not so that it can be read.
        """
        ...
