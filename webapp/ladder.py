"""A run's quotes among the best prices of others, as rungs of one ladder."""

from dataclasses import dataclass
from decimal import Decimal

from domain.market.model import Side
from domain.market.runs import RunState
from domain.ports.live_runs import LiveOrder, LiveRun

_BOOK = ("best_ask", "best_bid")
_AT_ONE_PRICE = ("sell", "best_ask", "best_bid", "buy")


@dataclass(frozen=True, slots=True)
class Rung:
    """A price, and the order there; ``kind`` is its side, or which price of others it is."""

    kind: str
    price: Decimal
    order: LiveOrder | None = None


def rungs_of(run: LiveRun) -> list[Rung]:
    """Return the rungs, the dearest first; a book that is older than the orders has no place among them."""
    mine = [Rung(order.side, order.price, order) for order in run.orders]
    book = () if outdated(run) or run.state is RunState.STOPPED else _BOOK
    best = {"best_ask": run.ask, "best_bid": run.bid}
    others = [Rung(kind, price) for kind in book if (price := best[kind]) is not None]
    return sorted([*mine, *others], key=lambda rung: (-rung.price, _AT_ONE_PRICE.index(rung.kind)))


def outdated(run: LiveRun) -> bool:
    """Tell whether orders of the run would trade at once with the book that was seen last.

    They rest, so the market has moved since: it is looked at every few seconds, and orders change between.
    """
    return any(
        run.bid is not None and order.price <= run.bid
        if order.side is Side.SELL
        else run.ask is not None and order.price >= run.ask
        for order in run.orders
    )
