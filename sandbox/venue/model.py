"""What the venue trades and what it remembers, in whole numbers.

Prices are ticks, quantities lots, balances and fees 1e-8 of their asset ("units"): every sum is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

SCALE = 10**8
PUBLIC = ""  # the account of everybody who is not a client of ours: unlimited and anonymous
BPS = 10_000


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def other(self) -> Side:
        """The side it trades against."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Kind(StrEnum):
    """How an order meets the book."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"


class Force(StrEnum):
    """How long an order stands."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Status(StrEnum):
    """Where an order is in its life."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"

    @property
    def is_open(self) -> bool:
        """Whether the order may still trade."""
        return self in (Status.NEW, Status.PARTIALLY_FILLED)


class RefusedByVenue(Exception):
    """The venue declines; nothing happened."""

    def __init__(self, code: int, text: str, http: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.http = code, text, http


@dataclass(frozen=True, slots=True)
class Pair:
    """A market and its rules."""

    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_notional: Decimal
    start: Decimal  # the price the world begins with

    @property
    def symbol(self) -> str:
        """The venue's name of the pair."""
        return self.base + self.quote

    @property
    def base_unit(self) -> int:
        """Units of the base asset in one lot."""
        return int(self.lot * SCALE)

    @property
    def price_unit(self) -> int:
        """Units of price in one tick."""
        return int(self.tick * SCALE)

    @property
    def quote_unit(self) -> int:
        """Units of the quote asset that one lot costs at one tick."""
        return int(self.tick * self.lot * SCALE)

    @property
    def least_value(self) -> int:
        """The minimum notional in units of the quote asset."""
        return int(self.min_notional * SCALE)

    def __post_init__(self) -> None:
        """Refuse a pair whose smallest trade is not a whole number of units."""
        if self.tick * self.lot * SCALE % 1 or self.tick * self.lot * SCALE < 1:
            raise ValueError(f"{self.symbol}: tick times lot is finer than 1e-8")


@dataclass(frozen=True, slots=True)
class Fees:
    """What the venue takes of what one receives, in bps."""

    maker_bps: int
    taker_bps: int


FEES: Mapping[str, Fees] = {
    "zero": Fees(0, 0),
    "standard": Fees(2, 4),
    "maker": Fees(0, 5),  # who only ever makes pays nothing
    "binance": Fees(10, 10),
    "gate": Fees(20, 20),
}


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What an account asks for."""

    account: str
    symbol: str
    side: Side
    kind: Kind
    lots: int
    price: int = 0  # ticks; 0 for market orders
    force: Force = Force.GTC
    client_id: str = ""
    budget: int = 0  # units of quote a market order may use instead of a quantity


@dataclass(slots=True)
class Order:
    """An order the venue knows."""

    id: int
    account: str
    client_id: str
    symbol: str
    side: Side
    kind: Kind
    force: Force
    price: int
    lots: int
    created_ms: int
    updated_ms: int
    filled: int = 0
    value: int = 0  # units of quote traded so far
    locked: int = 0  # units still promised: quote for a buy, base for a sell
    ahead: int = 0  # in a replay: recorded lots that stand before us at our price
    status: Status = Status.NEW
    cancel_id: str = ""

    @property
    def left(self) -> int:
        """Lots not yet traded."""
        return self.lots - self.filled


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution."""

    id: int
    symbol: str
    price: int
    lots: int
    value: int  # units of quote
    at_ms: int
    buyer_is_maker: bool
    recorded_id: int = 0  # in a replay: the recorded trade that filled us


@dataclass(frozen=True, slots=True)
class Fill:
    """One account's side of a trade."""

    trade: Trade
    order_id: int
    account: str
    side: Side
    is_maker: bool
    commission: int
    commission_asset: str


class Execution(StrEnum):
    """What a report is about."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Report:
    """What an account is told about one of its orders: the order as it was then."""

    order: Order
    execution: Execution
    at_ms: int
    fill: Fill | None = None


@dataclass(slots=True)
class Changes:
    """What an action changed and must be written down before anybody hears of it."""

    orders: dict[int, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    balances: set[tuple[str, str]] = field(default_factory=set)
    reports: list[Report] = field(default_factory=list)
    prints: list[Trade] = field(default_factory=list)

    @property
    def must_be_saved(self) -> bool:
        """Whether a promise to a client changed."""
        return bool(self.orders or self.fills or self.balances)


def units(text: str) -> int:
    """Return a decimal text in units; more than eight places is refused."""
    scaled = Decimal(text) * SCALE
    if scaled % 1:
        raise ValueError(f"{text} has more than 8 places")
    return int(scaled)


def text(amount: int) -> str:
    """Return units as the venue writes them, with eight places."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{amount // SCALE}.{amount % SCALE:08d}"
