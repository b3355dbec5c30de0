"""Orders and fills: an intent first, then what the venue says of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

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
    """What we ask a venue to rest on its book; price and quantity exactly as sent."""

    client_order_id: str
    pair: Pair
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool = True


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

    ``fee`` is positive for a charge, negative for a rebate, in ``fee_coin``. ``client_order_id`` is empty
    where the venue's report of trades does not carry it.
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
