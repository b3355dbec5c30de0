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


NOTHING = Difference((), ())


def difference(wanted: Sequence[Quote], resting: Sequence[Resting], tolerance_bps: int) -> Difference:
    """Return what turns the resting orders into the wanted quotes, keeping places in the queue.

    An order is kept for a wanted quote of its side when it stands within ``tolerance_bps`` of its price
    and has between half and twice its lots left; each keeps at most one, and as many are kept as can be.
    Where not all can, those of the best prices are, and of one price the first in ``resting``, oldest first.
    """
    if _all_serve(wanted, resting, tolerance_bps):
        return NOTHING
    cancel: list[Resting] = []
    place: list[Quote] = []
    for side in Side:
        sign = -1 if side is Side.BUY else 1  # the best bid is the highest, the best ask the lowest
        asked = sorted((q for q in wanted if q.side is side), key=lambda q: sign * q.ticks)
        standing = sorted(
            (r for r in resting if r.quote.side is side),
            key=lambda r: (not r.cancellable, sign * r.quote.ticks),  # the uncertain take what is left
        )
        kept = _kept(asked, standing, tolerance_bps)
        serving = set(kept.values())
        place += [quote for n, quote in enumerate(asked) if n not in kept]
        cancel += [r for n, r in enumerate(standing) if r.cancellable and n not in serving]
    return Difference(tuple(cancel), tuple(place))


def _all_serve(wanted: Sequence[Quote], resting: Sequence[Resting], tolerance_bps: int) -> bool:
    """Tell whether what rests is what is wanted, one by one, as it is at nearly every look."""
    if len(wanted) != len(resting):
        return False
    for order, quote in zip(resting, wanted, strict=True):
        there = order.quote
        if there is quote or there == quote:
            continue
        if there.side is not quote.side or not _serves(order, quote, tolerance_bps):
            return False
    return True


def _kept(asked: Sequence[Quote], standing: Sequence[Resting], tolerance_bps: int) -> dict[int, int]:
    """Return which standing order serves each wanted quote that one does, by their places in the lists.

    Orders are taken in turn; one whose quotes are all served already makes another one move on, where that
    frees one (augmenting paths: the most are kept, and an earlier one never goes for a later one).
    """
    kept: dict[int, int] = {}
    serves = [_served_by(order, asked, tolerance_bps) for order in standing]

    def find_place(order: int, tried: set[int]) -> bool:
        for quote in serves[order]:
            if quote in tried:
                continue
            tried.add(quote)
            if quote not in kept or find_place(kept[quote], tried):
                kept[quote] = order
                return True
        return False

    for order in range(len(standing)):
        find_place(order, set())
    return kept


def _served_by(order: Resting, asked: Sequence[Quote], tolerance_bps: int) -> list[int]:
    """Return the places of the wanted quotes that an order will do for, the nearest first."""
    fitting = [n for n, quote in enumerate(asked) if _serves(order, quote, tolerance_bps)]
    return sorted(fitting, key=lambda n: abs(asked[n].ticks - order.quote.ticks))


def _serves(resting: Resting, wanted: Quote, tolerance_bps: int) -> bool:
    """Tell whether a resting order will do for a wanted quote; an uncertain one always does."""
    if not resting.cancellable:
        return True
    there, ticks, lots = resting.quote, wanted.ticks, wanted.lots
    if abs(there.ticks - ticks) * BPS > tolerance_bps * ticks:
        return False
    return lots <= 2 * there.lots and there.lots <= 2 * lots
