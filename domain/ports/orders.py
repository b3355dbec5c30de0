"""Order intents and fills, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair
from domain.market.orders import Fill, Intent
from domain.market.runs import FillTotals
from domain.money import ZERO, Coin, round_up


class OrderStore(Protocol):
    """Order intents."""

    async def unsettled(
        self, account: VenueAccountName, pairs: Sequence[Pair] | None = None
    ) -> Sequence[Intent]:
        """Return the account's intents that are not settled, oldest first; of some pairs, or of all."""
        ...

    async def unclear(self, account: VenueAccountName) -> Sequence[Intent]:
        """Return those of them that do not just rest: without a clear answer, or ended; oldest first."""
        ...

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        """Return the pairs on which the account has intents that are not settled."""
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

    async def sent_since(
        self, account: VenueAccountName, since: datetime
    ) -> Sequence[tuple[datetime, Decimal]]:
        """Return what may have been sent since an instant, by minute: until when, and its notional (OR9)."""
        ...


@dataclass(frozen=True, slots=True)
class Orphan:
    """A fill whose order is not known (yet), and since when we have been looking."""

    fill: Fill
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """A fill in our books as the venue last described it: in which version, and whether it was bust.

    ``run_id`` is ``None`` for a trade that nobody here ordered.
    """

    fill: Fill
    version: int
    run_id: RunId | None
    busted: bool


class VersionKind(StrEnum):
    """What a venue changed about a trade."""

    FEE = "fee"
    TRADE = "trade"  # price or quantity
    BUST = "bust"  # it never was


@dataclass(frozen=True, slots=True)
class Version:
    """What the venue says of a trade now; ``borne`` is what the instance bore of a later fee, in its coin."""

    fill: Fill
    version: int
    kind: VersionKind
    borne: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Charge:
    """What a fee in a coin that is none of the pair's costs its run, in the quote asset (FL5).

    ``fee`` is what this version of the fill adds to the fees before it, negative for a rebate; ``price`` is
    what one coin of it cost then, ``None`` while nobody knows. ``charged`` is what was posted, and what it
    lacks of ``due`` the instance bears.
    """

    pair: Pair
    trade_id: str
    version: int
    run_id: RunId
    coin: Coin
    fee: Decimal
    price: Decimal | None = None
    charged: Decimal = ZERO

    @property
    def due(self) -> Decimal:
        """Return what it costs in quote, rounded up; nothing while no price is known."""
        return ZERO if self.price is None else round_up(self.fee * self.price)


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

    async def booked_since(self, account: VenueAccountName, pair: Pair, since: datetime) -> Sequence[Booked]:
        """Return the fills of a pair from an instant on, as last described, oldest first."""
        ...

    async def unknown_fee_since(
        self, account: VenueAccountName, pair: Pair, since: datetime
    ) -> datetime | None:
        """Return when the oldest fill after an instant traded whose fee the venue has not said yet (FL6)."""
        ...

    async def unknown_fees(self, run_id: RunId) -> int:
        """Return of how many fills of a run the venue has not said the fee yet."""
        ...

    async def add_version(self, account: VenueAccountName, version: Version) -> None:
        """Store what the venue says of a trade now.

        Raises:
            InvariantBroken: there is such a version already.
        """
        ...

    async def add_charges(self, account: VenueAccountName, charges: Sequence[Charge]) -> None:
        """Store what fees in a third coin cost; one without a price waits for it."""
        ...

    async def charges(self, account: VenueAccountName, pair: Pair, trade_id: str) -> Sequence[Charge]:
        """Return what the fees of a fill cost its run, by version; those given up are left out."""
        ...

    async def waiting_charges(self, account: VenueAccountName) -> Sequence[Charge]:
        """Return the charges that wait for a price, oldest first."""
        ...

    async def settle_charge(self, account: VenueAccountName, charge: Charge) -> bool:
        """Note price and charge of one that waited; return whether it still did."""
        ...

    async def forgo_charges(self, run_id: RunId, pair: Pair, trade_id: str = "") -> int:
        """Give up what waits for a price, of one fill or of the whole run; return how many did."""
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
