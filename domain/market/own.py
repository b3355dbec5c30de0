"""Our own orders on the book: the market without them, and how not to trade with ourselves."""

from collections.abc import Iterable

from domain.market.model import Book, Level, Quote, Side


def others(book: Book, own: Iterable[Quote]) -> Book:
    """Return the book without our own resting lots: a price of our own making is no news to us."""
    mine: dict[tuple[Side, int], int] = {}
    for quote in own:
        mine[quote.side, quote.ticks] = mine.get((quote.side, quote.ticks), 0) + quote.lots
    if not mine:
        return book
    return Book(book.pair, _without(book.bids, Side.BUY, mine), _without(book.asks, Side.SELL, mine), book.at)


def _without(levels: tuple[Level, ...], side: Side, mine: dict[tuple[Side, int], int]) -> tuple[Level, ...]:
    left = (Level(level.ticks, level.lots - mine.get((side, level.ticks), 0)) for level in levels)
    return tuple(level for level in left if level.lots > 0)


def uncrossed(quotes: Iterable[Quote], own: Iterable[Quote]) -> list[Quote]:
    """Return the quotes, moved away by as many ticks as it takes not to meet an order of our own (OR8).

    ``own`` are all live orders of the account for the pair, whosever runs they belong to; the quotes
    are kept apart from each other as well. A bid that would have to go below one tick is left out.
    """
    own = list(own)
    lowest_ask = min((q.ticks for q in own if q.side is Side.SELL), default=None)
    highest_bid = max((q.ticks for q in own if q.side is Side.BUY), default=None)
    apart = []
    for quote in quotes:
        ticks = quote.ticks
        if quote.side is Side.BUY:
            if lowest_ask is not None:
                ticks = min(ticks, lowest_ask - 1)
            highest_bid = max(ticks, highest_bid or ticks)
        else:
            if highest_bid is not None:
                ticks = max(ticks, highest_bid + 1)
            lowest_ask = min(ticks, lowest_ask or ticks)
        if ticks > 0:
            apart.append(Quote(quote.side, ticks, quote.lots))
    return apart
