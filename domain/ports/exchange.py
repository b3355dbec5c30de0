"""One account at one venue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.errors import MrMarketError
from domain.ids import VenueAccountName
from domain.market.model import Book, Pair, TradingRules
from domain.market.news import NOWHERE, Band, News
from domain.market.orders import Fill, LimitOrder, VenueOrder
from domain.money import Coin


class Exchange(Protocol):
    """One account at one venue: reads, and the three writes of a market maker.

    Reads raise ``Unavailable`` and may be repeated. Writes are never repeated by an adapter: a write
    without a clear answer raises ``OutcomeUnknown`` and is looked up by its client order id.
    """

    @property
    def account(self) -> VenueAccountName:
        """Return the name of the account this is."""
        ...

    async def time(self) -> datetime:
        """Return the instant the venue's clock shows: that by which it refuses late requests."""
        ...

    async def recall(self, sent: Sequence[tuple[datetime, Decimal]]) -> None:
        """Count these orders of the last day instead of what was counted: instant and notional, oldest first.

        The daily limit is of the account and not of the process that trades it (OR9).
        """
        ...

    async def rules(self, pair: Pair) -> TradingRules:
        """Return what the venue accepts for a pair, read at most once a day.

        Raises:
            Refused: ``pair_not_traded``.
        """
        ...

    async def book(self, pair: Pair, depth: int = 20) -> Book:
        """Return the order book as fresh as the venue gives it, in whole ticks and lots."""
        ...

    async def balances(self) -> dict[Coin, Decimal]:
        """Return free plus locked per coin, zeros left out."""
        ...

    async def place(self, order: LimitOrder, not_after: datetime) -> VenueOrder:
        """Rest a limit order on the book, or let an immediate one take what is there and end.

        Nothing is sent after ``not_after``, and the venue is asked to refuse late arrivals where it can.

        Raises:
            Refused: the venue definitely declined, or a hard limit did: nothing rests on the book.
            OutcomeUnknown: no clear answer.
        """
        ...

    @property
    def places_at_once(self) -> int:
        """Return how many orders of a pair one request may place; 1: it has none for more."""
        ...

    @property
    def cancels_at_once(self) -> int:
        """Return how many orders of a pair one request may take off; 1: it has none for more."""
        ...

    async def place_many(
        self, orders: Sequence[LimitOrder], not_after: datetime
    ) -> Sequence[VenueOrder | MrMarketError]:
        """Place orders of one pair in one request; return for each in turn what ``place`` returns or raises.

        One may rest and the next be refused; when the answer is lost each is unknown.

        Raises:
            Refused: no byte has left, because of one of them or of all.
        """
        ...

    async def cancel_many(
        self, pair: Pair, client_order_ids: Sequence[str]
    ) -> Mapping[str, VenueOrder | None]:
        """Take orders of one pair off in one request; return those of which the venue says that it did.

        With each its last state, where the venue tells it. Of one that is missing nothing is known: it is to
        be cancelled by itself.

        Raises:
            OutcomeUnknown: no clear answer.
        """
        ...

    async def cancel(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Take an order off the book; return its last state, ``None`` when no such order is open.

        A return of ``None`` is no proof of any end: look the order up.

        Raises:
            OutcomeUnknown: no clear answer.
        """
        ...

    async def find_order(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id, open or ended, or ``None`` when the venue shows none (yet)."""
        ...

    async def open_orders(self, pair: Pair) -> list[VenueOrder]:
        """Return all resting orders of this account for a pair, ours or not."""
        ...

    async def fills_since(self, pair: Pair, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        """Return own executions after a trade id (or from an instant when there is none), oldest first.

        Complete: pages until a short page. The caller books each trade id once, so overlap is harmless.
        """
        ...

    @property
    def tells(self) -> bool:
        """Tell whether trades of ours are news by themselves at present; if not, they are to be asked for."""
        ...

    async def wait_for_news(
        self, pairs: Sequence[Pair], timeout_s: float, bands: Mapping[Pair, Band] = NOWHERE
    ) -> News:
        """Return what is new at once when there is something, else what comes before the timeout.

        News are trades of ours on these ``pairs``, and markets that are outside of their band. Only a
        hint that saves waiting: what changed is read by the calls above.
        """
        ...

    async def close(self) -> None:
        """Let go of sockets."""
        ...
