"""What everybody trades on a pair: the newest trades, and what they come to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from domain.market.model import Side
from domain.money import ZERO


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade as a venue tells everybody: base quantity, and the side that took what was on the book.

    ``trade_id`` is empty where the venue names none.
    """

    trade_id: str
    at: datetime
    price: Decimal
    quantity: Decimal
    taker: Side

    def __post_init__(self) -> None:
        """Refuse what nobody can have traded.

        Raises:
            ValueError: price or quantity are not above zero.
        """
        if not (self.price > 0 and self.quantity > 0):
            raise ValueError(f"no trade: {self.quantity} at {self.price}")

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Return what trades are sorted by: when, then the venue's count where it counts."""
        return self.at, int(self.trade_id) if self.trade_id.isdecimal() else 0, self.trade_id


@dataclass(frozen=True, slots=True)
class Traded:
    """What was traded after ``since`` up to ``until``: trades, and base that takers bought and sold.

    ``last`` is the newest trade known, which may be older than ``since``; nothing where none is known.
    """

    since: datetime
    until: datetime
    last: PublicTrade | None
    count: int = 0
    bought: Decimal = ZERO
    sold: Decimal = ZERO

    @property
    def volume(self) -> Decimal:
        """Return the base quantity of all of it."""
        return self.bought + self.sold


@dataclass(frozen=True, slots=True)
class Tape:
    """The newest trades of a pair, the oldest first; after ``since`` and up to ``until`` none is missing.

    Of those at ``since`` itself, or before, some may be.
    """

    trades: tuple[PublicTrade, ...]
    since: datetime
    until: datetime

    def traded(self, span: timedelta) -> Traded:
        """Return what was traded in the last of it, as far back as it is whole."""
        since = max(self.since, self.until - span)
        within = [trade for trade in self.trades if trade.at > since]
        bought, sold = (
            sum((trade.quantity for trade in within if trade.taker is side), ZERO) for side in Side
        )
        last = self.trades[-1] if self.trades else None
        return Traded(since, self.until, last, len(within), bought, sold)
