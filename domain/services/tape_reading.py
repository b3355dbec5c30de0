"""Keeps what everybody traded in the last minutes on what is traded here, for who only reads the database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.leases import Grip
from domain.market.model import Pair
from domain.market.tape import Traded
from domain.ports.clock import Clock
from domain.ports.runs import RunStore
from domain.ports.tape import Place, TapeSource, TradedStore

SPAN = timedelta(minutes=5)
"""Of how much of the past it is told."""

LONGEST_ROUND_S = 5.0
"""A round asks about no more pairs after that: a venue's silence keeps no loop from being heard of."""


@dataclass(frozen=True, slots=True)
class TapeFeed:
    """Who tells the trades of one venue account's pairs; asked only while this process holds it."""

    account: VenueAccountName
    venue: str
    pairs: Sequence[Pair]
    source: TapeSource
    grip: Grip


@dataclass(slots=True)
class TapeReading:
    """Reads the tape of each pair that is offered or traded here, the longest unread first."""

    feeds: Sequence[TapeFeed]
    traded: TradedStore
    runs: RunStore
    clock: Clock
    _turn: Counter[Place] = field(default_factory=Counter)

    async def round(self) -> str:
        """Note what was traded lately on each pair; say of how many, and whose venue does not tell."""
        began_s, told, silent = self.clock.monotonic(), dict[Place, Traded](), list[str]()
        for place, source in await self._places():
            if self.clock.monotonic() - began_s > LONGEST_ROUND_S:
                break
            self._turn[place] += 1
            try:
                told[place] = (await source.tape(place[1])).traded(SPAN)
            except (Refused, Unavailable) as error:
                silent.append(f"{place[0]} {place[1]}: {error.code}")
        await self.traded.note(told)
        return "; ".join([f"{len(told)} tapes read", *silent])

    async def _places(self) -> list[tuple[Place, TapeSource]]:
        """Return every pair once, whoever may ask for it."""
        found = dict[Place, TapeSource]()
        for feed in (feed for feed in self.feeds if feed.grip.held):
            trading = {run.pair for run in await self.runs.active(feed.account)}
            for pair in sorted({*feed.pairs, *trading}, key=str):
                found.setdefault((feed.venue, pair), feed.source)
        return sorted(found.items(), key=lambda each: self._turn[each[0]])
