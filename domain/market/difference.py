"""The smallest set of cancels and places between what rests and what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.market.model import Quote, Side
from domain.money import BPS


@dataclass(frozen=True, slots=True)
class Resting:
    """An order of ours that may be on the book: what is left of it, and whether it may be cancelled now.

    An order without a clear answer cannot be: it is looked up first, and until then counts as resting.
    """

    client_order_id: str
    quote: Quote
    cancellable: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """What to take off the book and what to put on it."""

    cancel: tuple[Resting, ...]
    place: tuple[Quote, ...]


def difference(wanted: Sequence[Quote], resting: Sequence[Resting], tolerance_bps: int) -> Difference:
    """Return what turns the resting orders into the wanted quotes, keeping places in the queue.

    An order is kept for a wanted quote of its side when it stands within ``tolerance_bps`` of its price
    and has between half and twice its lots left; each keeps at most one. Best prices are matched first.
    """
    cancel: list[Resting] = []
    place: list[Quote] = []
    for side in Side:
        sign = -1 if side is Side.BUY else 1  # the best bid is the highest, the best ask the lowest
        left = sorted((r for r in resting if r.quote.side is side), key=lambda r: sign * r.quote.ticks)
        for quote in sorted((q for q in wanted if q.side is side), key=lambda q: sign * q.ticks):
            kept = next((r for r in left if _serves(r, quote, tolerance_bps)), None)
            if kept is None:
                place.append(quote)
            else:
                left.remove(kept)
        cancel += [r for r in left if r.cancellable]
    return Difference(tuple(cancel), tuple(place))


def _serves(resting: Resting, wanted: Quote, tolerance_bps: int) -> bool:
    """Tell whether a resting order will do for a wanted quote; an uncertain one always does."""
    if not resting.cancellable:
        return True
    near = abs(resting.quote.ticks - wanted.ticks) * BPS <= tolerance_bps * wanted.ticks
    return near and wanted.lots <= 2 * resting.quote.lots and resting.quote.lots <= 2 * wanted.lots
