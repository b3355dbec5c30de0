"""What one account has room for: how many orders may rest on a pair, and how many may be sent in an hour."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.errors import Refused
from domain.market.model import Pair, TradingRules

_HOUR_S = 3_600
_KEPT_ORDERS = 20  # one in so many resting orders is kept for those who leave by a conversion
_KEPT_REQUESTS = 10  # one in so many is the Angel's, as ``Allowance`` has it


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run may ask of its account: orders that rest at once, and orders it usually sends in an hour."""

    orders: int = 0
    hourly: int = 0


NO_ROOM = ("no_room_for_orders", "no_room_for_requests", "no_room_for_any_request")
"""Why a claim may not join."""

NOTHING = Claim()

CONVERTING = Claim(orders=1)
"""A conversion has one order at a time, and sends the next when that has ended."""


def quoting(most_orders: int, refresh_s: int) -> Claim:
    """Return the claim of a strategy that looks every so many seconds and mostly replaces one order then.

    On a recording of a lively day it was 1.0 to 1.4. Where markets move more, quotes wait for each other;
    cancels never do.
    """
    return Claim(most_orders, -(-_HOUR_S // refresh_s))


@dataclass(frozen=True, slots=True)
class Place:
    """What a pair takes: so many resting orders, each of so much of the quote asset at least, at a mid."""

    most: int
    least: Decimal
    mid: Decimal

    @classmethod
    def of(cls, rules: TradingRules, mid: Decimal) -> "Place":
        """Return what the venue's rules make of a pair at this price."""
        return cls(rules.max_open_orders, max(rules.min_notional, rules.min_quantity * mid), mid)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an account takes: orders in a second, zero while nobody has told, and what its pairs do."""

    per_second: int = 0
    places: Mapping[Pair, Place] = field(default_factory=dict)

    @property
    def hourly(self) -> int:
        """Return how many orders an hour runs may claim together; zero: nobody has told."""
        all_of_it = self.per_second * _HOUR_S
        return all_of_it - -(-all_of_it // _KEPT_REQUESTS)

    def orders(self, pair: Pair) -> int | None:
        """Return how many resting orders of a pair runs may claim together; ``None``: nobody has told."""
        place = self.places.get(pair)
        return None if place is None else place.most - -(-place.most // _KEPT_ORDERS)

    def within(self, claim: Claim, pair: Pair, base: Decimal, quote: Decimal) -> Claim:
        """Return the claim with no more orders than these funds make of the smallest there are.

        Nobody keeps others away with orders that they could not fill.
        """
        place = self.places.get(pair)
        if place is None or not place.least:
            return claim
        return Claim(min(claim.orders, int((base * place.mid + quote) / place.least)), claim.hourly)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the runs of an account claim together, and what there is."""

    capacity: Capacity
    hourly: int
    orders: Mapping[Pair, int]

    @classmethod
    def of(cls, capacity: Capacity, claims: Iterable[tuple[Pair, Claim]]) -> "Claimed":
        """Return the sums of all claims."""
        hourly, orders = 0, dict[Pair, int]()
        for pair, claim in claims:
            hourly += claim.hourly
            orders[pair] = orders.get(pair, 0) + claim.orders
        return cls(capacity, hourly, orders)

    def fullness(self, pair: Pair) -> float:
        """Return how full the account is for a pair, by whichever is scarcer; one is full."""
        most = self.capacity.orders(pair)
        of_orders = self.orders.get(pair, 0) / most if most else 0.0
        return max(of_orders, self.hourly / self.capacity.hourly if self.capacity.hourly else 0.0)

    def require(self, pair: Pair, wanted: Claim, was: Claim = NOTHING) -> None:
        """Let a claim join those of all others; one that does not grow always may.

        Raises:
            Refused: ``no_room_for_orders`` with how many are wanted and left; ``no_room_for_requests`` with
                the least seconds between two looks that would fit; ``no_room_for_any_request``.
        """
        most = self.capacity.orders(pair)
        if most is not None and wanted.orders > was.orders:
            left = max(0, most - self.orders.get(pair, 0))
            if wanted.orders > left:
                raise Refused("no_room_for_orders", pair=pair, wanted=wanted.orders, left=left)
        if self.capacity.hourly and wanted.hourly > was.hourly:
            left = max(0, self.capacity.hourly - self.hourly)
            if not left:
                raise Refused("no_room_for_any_request")
            if wanted.hourly > left:
                raise Refused("no_room_for_requests", seconds=-(-_HOUR_S // left))
