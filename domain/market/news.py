"""What a venue tells by itself: hints that save waiting and asking, and never the only word on anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.market.model import Pair
from domain.money import BPS

_LEAST_BPS = 0.1
"""A band is never narrower: mids are floats here, and the last digit of one is no move."""


@dataclass(frozen=True, slots=True)
class Band:
    """Mids between which nobody wants to be told of a market; floats will do for a hint."""

    low: float
    high: float

    def holds(self, mid: float) -> bool:
        """Tell whether a mid is no news."""
        return self.low <= mid <= self.high


NOWHERE: Mapping[Pair, Band] = MappingProxyType({})
"""The bands of one who does not want to be told of markets."""


def band_around(mid: float, bps: int) -> Band:
    """Return the mids that are no further than so many basis points from one."""
    reach = mid * max(bps, _LEAST_BPS) / BPS
    return Band(mid - reach, mid + reach)


def common_band(bands: Iterable[Band]) -> Band:
    """Return the mids that are no news to anybody."""
    bands = list(bands)
    return Band(max(band.low for band in bands), min(band.high for band in bands))


@dataclass(frozen=True, slots=True)
class News:
    """Pairs on which something of ours was traded, or may have been, and markets that left their band."""

    ours: frozenset[Pair] = frozenset()
    moved: Mapping[Pair, float] = field(default_factory=dict)  # the mids where they are now

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.ours or self.moved)
