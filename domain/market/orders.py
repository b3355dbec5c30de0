"""Orders and fills: an intent first, then what the venue says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.ids import RunId, VenueAccountName
from domain.market.model import Pair, Side
from domain.money import Coin


class OrderState(StrEnum):
    """The life of an order intent (safety §2.3)."""

    PREPARED = "prepared"  # committed with its hold; no byte has left
    SENDING = "sending"  # bytes may have left
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    ABANDONED = "abandoned"  # proven never sent or never accepted
    REJECTED = "rejected"
    UNKNOWN = "unknown"  # no clear answer; looked up until there is evidence


TERMINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.ABANDONED, OrderState.REJECTED}
)

OF_THE_KEY = frozenset({"venue_key_refused", "venue_key_forbidden"})
"""Codes with which a venue refuses what our key asks for: only the owner can take away the cause."""

_ENDS = {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED}

ORDER_EDGES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PREPARED: frozenset({OrderState.SENDING, OrderState.ABANDONED}),
    OrderState.SENDING: frozenset(
        {OrderState.OPEN, OrderState.PARTIAL, OrderState.REJECTED, OrderState.UNKNOWN, OrderState.ABANDONED}
        | _ENDS
    ),
    OrderState.UNKNOWN: frozenset(
        {OrderState.OPEN, OrderState.PARTIAL, OrderState.REJECTED, OrderState.ABANDONED} | _ENDS
    ),
    OrderState.OPEN: frozenset({OrderState.PARTIAL} | _ENDS),
    OrderState.PARTIAL: frozenset(_ENDS),
    # A late fill may follow a cancel; the venue's terminal word wins over an earlier one.
    OrderState.CANCELLED: frozenset({OrderState.FILLED}),
    OrderState.EXPIRED: frozenset({OrderState.FILLED}),
    OrderState.FILLED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.ABANDONED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """What we ask a venue to rest on its book; price and quantity exactly as sent.

    An ``immediate`` one takes what is there at its price or a better one, and never rests.
    """

    client_order_id: str
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool = True
    immediate: bool = False


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """What a venue says of one order.

    ``state`` is one of OPEN, PARTIAL, FILLED, CANCELLED, EXPIRED, REJECTED; ``filled`` is the base
    quantity executed so far by the venue's count.
    """

    client_order_id: str
    order_id: str
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal
    state: OrderState


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution, as the venue reports it; ``trade_id`` is the venue's and unique per account and pair.

    ``fee`` is positive for a charge, negative for a rebate, in ``fee_coin``; while ``fee_known`` is false the
    venue has not said it yet, and it counts as nothing. ``client_order_id`` is empty where the venue's
    report of trades does not carry it.
    """

    trade_id: str
    order_id: str
    client_order_id: str
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_coin: Coin
    maker: bool
    at: datetime
    fee_known: bool = True


@dataclass(frozen=True, slots=True)
class Intent:
    """An order we mean to send or have sent; the row exists, with its hold, before a byte leaves.

    ``filled`` is the venue's count, ``booked`` and ``booked_quote`` the sums of fills in our books.
    ``absent_since`` is when a look-up first showed nothing of it. ``settled`` means: ended by the venue's
    word, every fill booked, and the hold given back.
    """

    id: str
    client_order_id: str
    run_id: RunId
    account: VenueAccountName
    epoch: int
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool
    not_after: datetime
    state: OrderState = OrderState.SENDING
    order_id: str = ""
    filled: Decimal = Decimal(0)
    booked: Decimal = Decimal(0)
    booked_quote: Decimal = Decimal(0)
    absent_since: datetime | None = None
    settled: bool = False
    immediate: bool = False

    @property
    def order(self) -> LimitOrder:
        """Return what is sent."""
        return LimitOrder(
            *(self.client_order_id, self.pair, self.side, self.price, self.quantity),
            post_only=self.post_only,
            immediate=self.immediate,
        )

    @property
    def pays(self) -> Coin:
        """Return the coin this order spends."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base

    @property
    def cost(self) -> Decimal:
        """Return the most this order can spend of the coin it pays, fees apart."""
        return self.price * self.quantity if self.side is Side.BUY else self.quantity

    @property
    def spent(self) -> Decimal:
        """Return what booked fills have spent of it."""
        return self.booked_quote if self.side is Side.BUY else self.booked

    @property
    def uncertain(self) -> bool:
        """Tell whether the venue's word on it is still missing."""
        return self.state in (OrderState.PREPARED, OrderState.SENDING, OrderState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class AskedOrder:
    """An order of a leg that the worker of its leader's account asks for, under the epoch of that account.

    Whoever holds ``account`` sends it as an intent with this very id, or never: that id is there once. Its
    price is this one, or a better one where it would meet orders of our own.
    """

    id: str
    run_id: RunId
    account: VenueAccountName
    asker: VenueAccountName
    epoch: int
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool
    immediate: bool
    not_after: datetime


def may_become(state: OrderState, told: OrderState) -> bool:
    """Tell whether an order in one state may be told to be in another (I11)."""
    return told is state or told in ORDER_EDGES[state]


def heard(intent: Intent, word: VenueOrder) -> Intent:
    """Return the intent after the venue's word on it; an older word changes nothing.

    What is filled only grows, and a state moves along an edge or stays. Of one that is settled only the
    venue's id is news: should it have lived on, its trades tell the rest.
    """
    if intent.settled:
        return replace(intent, order_id=word.order_id or intent.order_id)
    return replace(
        intent,
        state=word.state if may_become(intent.state, word.state) else intent.state,
        order_id=word.order_id or intent.order_id,
        filled=max(intent.filled, word.filled),
        absent_since=None,
    )


def with_fills(intent: Intent, fills: Sequence[Fill]) -> Intent:
    """Return the intent after fills were booked for it: a trade is the venue's word too."""
    booked = intent.booked + sum((fill.quantity for fill in fills), Decimal(0))
    told = OrderState.FILLED if booked >= intent.quantity else OrderState.PARTIAL
    return replace(
        intent,
        state=told if may_become(intent.state, told) else intent.state,
        order_id=fills[0].order_id if fills else intent.order_id,
        filled=max(intent.filled, booked),
        booked=booked,
        booked_quote=intent.booked_quote + sum((fill.quote_quantity for fill in fills), Decimal(0)),
        absent_since=None,
    )


def settles(intent: Intent) -> bool:
    """Tell whether an intent has ended and every fill the venue counts is booked (FL4)."""
    return intent.state in TERMINAL and intent.booked == intent.filled
