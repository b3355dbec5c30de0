"""Order intents and fills, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair
from domain.market.orders import Fill, Intent
from domain.market.runs import FillTotals


class OrderStore(Protocol):
    """Order intents."""

    async def add_all(self, intents: Sequence[Intent]) -> Sequence[Intent]:
        """Store intents in one statement; return those the store let in.

        An intent whose run is not RUNNING any more, whose epoch is not that of the account's lease, or whose
        account is halted is left out: the statement itself looks, and locks what it looked at (ST2).
        """
        ...

    async def unsettled(self, account: VenueAccountName) -> Sequence[Intent]:
        """Return the account's intents that are not settled, oldest first."""
        ...

    async def find_by_client_ids(
        self, account: VenueAccountName, client_order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        """Return the account's intents with these client order ids, by client order id."""
        ...

    async def find_by_order_ids(
        self, account: VenueAccountName, pair: Pair, order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        """Return the account's intents with these ids of the venue, by the venue's id."""
        ...

    async def save_all(self, intents: Sequence[Intent]) -> None:
        """Store state, venue id, progress, absence and settlement of intents in one statement.

        Raises:
            InvariantBroken: a state would move along no edge (I11).
        """
        ...


@dataclass(frozen=True, slots=True)
class Orphan:
    """A fill whose order is not known (yet), and since when we have been looking."""

    fill: Fill
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the fills of a pair have been read: after this trade id, or from this instant on."""

    trade_id: str | None
    since: datetime


class FillStore(Protocol):
    """Fills, orphans and cursors of venue accounts."""

    async def add_all(
        self, account: VenueAccountName, fills: Sequence[tuple[Fill, Intent | None]]
    ) -> Sequence[str]:
        """Store fills not stored yet, of an intent or of nobody here; return their trade ids (FL1)."""
        ...

    async def known(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> set[str]:
        """Return which of these trades are stored, as fills or as orphans."""
        ...

    async def add_orphans(self, account: VenueAccountName, fills: Sequence[Fill], seen_at: datetime) -> None:
        """Store fills whose order is not known yet (FL2)."""
        ...

    async def orphans(self, account: VenueAccountName) -> Sequence[Orphan]:
        """Return the fills still without an order, oldest first."""
        ...

    async def remove_orphans(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> None:
        """Forget orphans that found their place."""
        ...

    async def cursors(self, account: VenueAccountName) -> Mapping[Pair, Cursor]:
        """Return how far each pair's fills have been read."""
        ...

    async def save_cursor(self, account: VenueAccountName, pair: Pair, cursor: Cursor) -> None:
        """Store how far a pair's fills have been read."""
        ...

    async def totals(self, run_ids: Sequence[RunId]) -> Mapping[RunId, FillTotals]:
        """Return what runs have traded; a run without fills is left out."""
        ...

    async def open_orders(self, run_ids: Sequence[RunId]) -> Mapping[RunId, int]:
        """Return how many orders of runs may be on the book; a run without is left out."""
        ...
