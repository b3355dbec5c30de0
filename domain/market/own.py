"""Our own orders on the book: the market without them, and how not to trade with ourselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.market.model import Book, Level, Quote, Side


def others(book: Book, own: Iterable[Quote]) -> Book:
    """Return the book without our own resting lots: a price of our own making is no news to us."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for quote in own:
        mine = bids if quote.side is Side.BUY else asks
        mine[quote.ticks] = mine.get(quote.ticks, 0) + quote.lots
    if not (bids or asks):
        return book
    return Book(book.pair, _without(book.bids, bids), _without(book.asks, asks), book.at)


def _without(levels: tuple[Level, ...], mine: dict[int, int]) -> tuple[Level, ...]:
    """Return levels without our own lots; what we share in no way is passed on as it is."""
    left = []
    for level in levels:
        lots = mine.get(level.ticks, 0)
        if not lots:
            left.append(level)
        elif level.lots > lots:
            left.append(Level(level.ticks, level.lots - lots))
    return tuple(left)


@dataclass(slots=True)
class Standing:
    """All that an account has on the book of one pair, whosever runs it belongs to, and what joins it.

    Only the outermost prices matter: a bid below every ask of ours and an ask above every bid meet none.
    """

    count: int = 0
    lowest_ask: int | None = None
    highest_bid: int | None = None

    @classmethod
    def of(cls, own: Iterable[Quote]) -> "Standing":
        """Return what these orders make together."""
        standing = cls()
        for quote in own:
            standing.add(quote)
        return standing

    def add(self, quote: Quote) -> None:
        """Count an order that is on the book, or may be."""
        self.count += 1
        if quote.side is Side.BUY:
            self.highest_bid = max(quote.ticks, self.highest_bid or quote.ticks)
        else:
            self.lowest_ask = min(quote.ticks, self.lowest_ask or quote.ticks)

    def apart(self, quote: Quote) -> Quote | None:
        """Return the quote, moved away by as many ticks as it takes not to meet an order of our own (OR8).

        It is ``None`` for a bid that would have to go below one tick.
        """
        ticks = quote.ticks
        if quote.side is Side.BUY:
            if self.lowest_ask is not None and ticks >= self.lowest_ask:
                ticks = self.lowest_ask - 1
        elif self.highest_bid is not None and ticks <= self.highest_bid:
            ticks = self.highest_bid + 1
        if ticks == quote.ticks:
            return quote
        return Quote(quote.side, ticks, quote.lots) if ticks > 0 else None

    def admit(self, quotes: Iterable[Quote], most: int) -> list[Quote]:
        """Return the quotes that may join, kept apart from all and from each other, while there is room.

        ``most`` is how many orders the venue lets rest; each quote that is returned counts from now on.
        """
        joined = []
        for quote in quotes:
            if self.count >= most:
                break
            if moved := self.apart(quote):
                self.add(moved)
                joined.append(moved)
        return joined


def uncrossed(quotes: Iterable[Quote], own: Iterable[Quote]) -> list[Quote]:
    """Return the quotes, kept apart from all live orders of the account for the pair and from each other."""
    quotes = list(quotes)
    if not quotes:
        return quotes
    standing = Standing.of(own)
    return standing.admit(quotes, standing.count + len(quotes))
