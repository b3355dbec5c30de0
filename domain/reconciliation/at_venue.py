"""What may be under way at a venue: fills that are not booked yet, fees that were not told (I8, I12)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from domain.market.model import Side
from domain.market.orders import TERMINAL, Fill, Intent, VenueOrder
from domain.money import ZERO, Coin
from domain.reconciliation.compare import moved
from domain.reconciliation.model import InFlight, Stray, StrayOrder

MOST_FEE = Decimal("0.01")
"""Of what a trade moves a venue takes no more; a rebate is no larger."""

MOST_BETTER = 2
"""By how many times its own limit an order that takes may sell: nobody has seen more than a few percent."""

SETTLES_WITHIN = timedelta(seconds=60)
"""So long after an order was to be sent it may not be listed without anything being wrong."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One consistent look at an account: nothing was traded between its first read and its last.

    ``shown`` are its open orders by our id, on every pair; ``looks`` is how often it took.
    """

    balances: Mapping[Coin, Decimal]
    shown: Mapping[str, VenueOrder]
    looks: int
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Underway:
    """What our books know of an account that the venue may not have told whole.

    ``fee_coins``: what each coin outside the pairs, in which the venue takes fees, has in the books.
    """

    intents: Sequence[Intent]
    orphans: Sequence[Fill] = ()
    unsaid: Sequence[Fill] = ()
    fee_coins: Mapping[Coin, Decimal] = field(default_factory=dict)


def in_flight(cut: Cut, known: Underway) -> list[InFlight]:
    """Return everything that may explain a difference at a venue, by its id."""
    found: list[InFlight] = []
    for intent in known.intents:
        if unbooked := _unbooked(intent, cut.shown.get(intent.client_order_id)):
            found += _of_intent(intent, unbooked, known.fee_coins)
    for fill in known.orphans:
        found += [InFlight(f"trade {fill.trade_id}", c, by, by) for c, by in moved(fill).items() if by]
    for fill in known.unsaid:
        found += _of_fee(fill, known.fee_coins)
    return found


def _unbooked(intent: Intent, shown: VenueOrder | None) -> Decimal:
    """Return how much of an order may have been filled without our knowing, in its base asset.

    An order that should rest and is not listed may be filled whole: the venue has not said.
    """
    if shown is None and intent.state not in TERMINAL:
        return intent.quantity - intent.booked
    return max(intent.filled, shown.filled if shown else ZERO) - intent.booked


def _of_intent(intent: Intent, unbooked: Decimal, fee_coins: Mapping[Coin, Decimal]) -> Iterator[InFlight]:
    """Yield what a fill of so much may move: what it pays, what it brings, and the fee in any coin."""
    name, pair, value = f"order {intent.client_order_id}", intent.pair, unbooked * intent.price
    fee = MOST_FEE * value
    if intent.side is Side.BUY:
        yield InFlight(name, pair.base, ZERO, unbooked)
        yield InFlight(name, pair.quote, -value - fee, ZERO)
    else:
        best = value if intent.post_only else MOST_BETTER * value
        yield InFlight(name, pair.base, -unbooked * (1 + MOST_FEE), ZERO)
        yield InFlight(name, pair.quote, ZERO, best)
    yield from _in_a_coin_of_its_own(name, fee_coins)


def _of_fee(fill: Fill, fee_coins: Mapping[Coin, Decimal]) -> Iterator[InFlight]:
    """Yield what a fee that the venue has not said yet may have taken, or a rebate brought."""
    name = f"fee of trade {fill.trade_id}"
    for coin, amount in ((fill.pair.base, fill.quantity), (fill.pair.quote, fill.quote_quantity)):
        yield InFlight(name, coin, -MOST_FEE * amount, MOST_FEE * amount)
    yield from _in_a_coin_of_its_own(name, fee_coins)


def _in_a_coin_of_its_own(name: str, fee_coins: Mapping[Coin, Decimal]) -> Iterator[InFlight]:
    """Yield that a fee may be in another coin: of its price we know nothing, and it is nobody's but ours."""
    for coin, there in fee_coins.items():
        yield InFlight(name, coin, -there, MOST_FEE * there)


def strays(cut: Cut, intents: Iterable[Intent], prefix: str, now: datetime) -> tuple[StrayOrder, ...]:
    """Return open orders of ours without an intent, and open intents without an order (I12).

    ``intents`` are those that are not settled. What was just sent, or has no clear answer yet, is not missed.
    """
    live = {each.client_order_id: each for each in intents}
    ours = sorted(name for name in cut.shown if name.startswith(prefix))
    found = [StrayOrder(Stray.ORDER, name) for name in ours if name not in live]
    found += [
        StrayOrder(Stray.INTENT, each.client_order_id)
        for each in live.values()
        if each.client_order_id not in cut.shown
        and each.state not in TERMINAL
        and not each.uncertain
        and now - each.not_after > SETTLES_WITHIN
    ]
    return tuple(found)
