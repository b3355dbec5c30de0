"""What everybody trades on a pair: who tells it, and where what it comes to is kept."""

from collections.abc import Mapping
from typing import Protocol

from domain.market.model import Pair
from domain.market.tape import Tape, Traded

Place = tuple[str, Pair]
"""A venue and one of its pairs."""


class TapeSource(Protocol):
    """A venue that tells everybody what is traded there."""

    async def tape(self, pair: Pair) -> Tape:
        """Return the newest trades of a pair, each once and in their order, and from when on none is missing.

        Whoever asks is told by a stream from then on, for as long as somebody asks; what it may have missed
        is read by request, at most every some seconds however many ask.

        Raises:
            Refused: ``pair_not_traded``.
            Unavailable: neither stream nor request tells what is traded now.
        """
        ...


class TradedReader(Protocol):
    """Reads what was traded lately."""

    async def all(self) -> Mapping[Place, Traded]:
        """Return what was told last of each place."""
        ...


class TradedStore(TradedReader, Protocol):
    """Keeps what was told last of each place."""

    async def note(self, told: Mapping[Place, Traded]) -> None:
        """Keep these in place of older ones; what is known to a later instant stays."""
        ...
