"""A run's quotes among the best prices of others, as rungs of one ladder."""

from dataclasses import dataclass
from decimal import Decimal

from domain.ports.live_runs import LiveOrder, LiveRun

_AT_ONE_PRICE = ("sell", "best_ask", "best_bid", "buy")


@dataclass(frozen=True, slots=True)
class Rung:
    """A price, and the order there; ``kind`` is its side, or which price of others it is."""

    kind: str
    price: Decimal
    order: LiveOrder | None = None


def rungs_of(run: LiveRun) -> list[Rung]:
    """Return the rungs, the dearest first: an old book may lie anywhere among newer orders."""
    mine = [Rung(order.side, order.price, order) for order in run.orders]
    book = (("best_ask", run.ask), ("best_bid", run.bid))
    others = [Rung(kind, price) for kind, price in book if price is not None]
    return sorted([*mine, *others], key=lambda rung: (-rung.price, _AT_ONE_PRICE.index(rung.kind)))
