"""What a conversion would send next, and what it would bring: pure functions of one look at the book.

Nothing here goes beyond the worst price that was shown, nor beyond the funds: an order's own limit is what
it may cost, and its whole cost is there before it is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.conversions.model import Ending
from domain.market.model import Book, Level, Quote, Side, TradingRules
from domain.money import BPS, LEDGER_PLACES, ZERO, fee_of, round_down, round_up


@dataclass(frozen=True, slots=True)
class Task:
    """What is left to do: ``funds`` of the coin it pays with, and (``lots`` not ``None``) no more than these.

    ``worst`` is in ticks; ``most_notional`` what one order may move of the quote asset.
    """

    side: Side
    worst: int
    funds: Decimal
    lots: int | None
    most_notional: Decimal


@dataclass(frozen=True, slots=True)
class Estimate:
    """What taking from a book would bring: ``receives`` after the venue's fee and ours.

    ``price`` is the average, zero where there is nothing to be had.
    """

    spends: Decimal
    receives: Decimal
    venue_fee: Decimal
    our_fee: Decimal
    price: Decimal


def within(side: Side, ticks: int, worst: int) -> bool:
    """Tell whether a price is the worst one that was shown, or a better one."""
    return ticks <= worst if side is Side.BUY else ticks >= worst


def cap(side: Side, best: int, bps: int) -> int:
    """Return the worst price so many basis points from the best one, in ticks, rounded towards that."""
    if side is Side.BUY:
        return max(1, best * (BPS + bps) // BPS)
    return max(1, -(-best * (BPS - bps) // BPS))


def worst_ticks(rules: TradingRules, side: Side, price: Decimal) -> int:
    """Return a worst price in whole ticks, rounded towards what is better for who trades."""
    return rules.ticks_down(price) if side is Side.BUY else rules.ticks_up(price)


def opposite(book: Book, side: Side) -> Sequence[Level]:
    """Return the levels that an order of a side would take, best first."""
    return book.asks if side is Side.BUY else book.bids


def slice_of(book: Book, rules: TradingRules, task: Task) -> Quote | Ending:
    """Return the order that takes most of what is to be had now, or why there is none.

    Its limit is the price of the last level that it needs. It is a whole order by the venue's rules: where
    less than the smallest is to be had, the smallest is sent and filled in part. What is left of ``funds``
    afterwards may be too little for another: then the task is over.
    """
    if over := ending_of(rules, task):
        return over
    best, there = Quote(task.side, task.worst, 0), 0
    for level in opposite(book, task.side):
        if not within(task.side, level.ticks, task.worst):
            break
        there += level.lots
        lots = min(largest(rules, task, level.ticks), max(there, smallest(rules, level.ticks)))
        if lots > best.lots and lots >= smallest(rules, level.ticks):
            best = Quote(task.side, level.ticks, lots)
        if there >= largest(rules, task, level.ticks):
            break
    return best if best.lots else Ending.CAP


def resting_of(rules: TradingRules, task: Task) -> Quote | Ending:
    """Return the order that rests at the worst price for all that is left, or why there is none."""
    over = ending_of(rules, task)
    return over or Quote(task.side, task.worst, largest(rules, task, task.worst))


def ending_of(rules: TradingRules, task: Task) -> Ending | None:
    """Return why a task is over whatever the market does, or ``None`` where the venue takes more of it.

    All is done where not even one lot's worth is left; less than the venue takes at the worst price is too
    little, though at a better one it might just do.
    """
    one_lot = round_up(rules.price(task.worst) * rules.lot, LEDGER_PLACES)
    if task.lots == 0 or task.funds < (one_lot if task.side is Side.BUY else rules.lot):
        return Ending.ALL
    return Ending.TOO_LITTLE if largest(rules, task, task.worst) < smallest(rules, task.worst) else None


def largest(rules: TradingRules, task: Task, ticks: int) -> int:
    """Return how many lots funds, wish and limits allow at a price."""
    price = rules.price(ticks)
    affordable = task.funds / price if task.side is Side.BUY else task.funds
    lots = min(rules.lots_down(affordable), rules.lots_down(task.most_notional / price))
    if task.side is Side.BUY:  # what an order holds is rounded up: it must be there
        while lots and round_up(price * rules.quantity(lots), LEDGER_PLACES) > task.funds:
            lots -= 1
    return lots if task.lots is None else min(lots, task.lots)


def smallest(rules: TradingRules, ticks: int) -> int:
    """Return the fewest lots that the venue takes at a price."""
    least = max(rules.min_quantity, rules.min_notional / rules.price(ticks), rules.lot)
    lots = rules.lots_down(least)
    return lots if rules.quantity(lots) >= least else lots + 1


def estimate(
    book: Book, rules: TradingRules, task: Task, taker_fee_bps: Decimal, our_fee_bps: int
) -> Estimate:
    """Return what taking from the book, down to the worst price, would bring at once."""
    base = quote = ZERO
    left, lots_left = task.funds, task.lots
    for level in opposite(book, task.side):
        rest = Task(task.side, task.worst, left, lots_left, task.most_notional)
        lots = min(level.lots, _affordable(rules, rest, level.ticks))
        if not within(task.side, level.ticks, task.worst) or not lots:
            break
        took = rules.quantity(lots)
        base += took
        quote += took * rules.price(level.ticks)
        left = task.funds - (quote if task.side is Side.BUY else base)
        lots_left = None if lots_left is None else lots_left - lots
    return estimated(task.side, base, quote, taker_fee_bps, our_fee_bps)


def at_worst(rules: TradingRules, task: Task, taker_fee_bps: Decimal, our_fee_bps: int) -> Estimate:
    """Return what the whole task would bring if every lot of it were traded at the worst price."""
    base = rules.quantity(_affordable(rules, task, task.worst))
    return estimated(task.side, base, base * rules.price(task.worst), taker_fee_bps, our_fee_bps)


def estimated(
    side: Side, base: Decimal, quote: Decimal, taker_fee_bps: Decimal, our_fee_bps: int
) -> Estimate:
    """Return what so much base against so much quote comes to after fees, which are of what comes in."""
    spends, gets = (quote, base) if side is Side.BUY else (base, quote)
    venue_fee = round_up(gets * taker_fee_bps / BPS, LEDGER_PLACES) if taker_fee_bps > 0 else ZERO
    ours = fee_of(gets, our_fee_bps, LEDGER_PLACES)
    receives = round_down(max(ZERO, gets - venue_fee - ours), LEDGER_PLACES)
    return Estimate(spends, receives, venue_fee, ours, quote / base if base else ZERO)


def _affordable(rules: TradingRules, task: Task, ticks: int) -> int:
    """Return how many lots funds and wish allow at a price, in however many orders."""
    funds = task.funds / rules.price(ticks) if task.side is Side.BUY else task.funds
    lots = rules.lots_down(funds)
    return lots if task.lots is None else min(lots, task.lots)


def in_the_way(quote: Quote, own: Iterable[Quote]) -> list[Quote]:
    """Return which of our own orders an order would trade with (OR8)."""
    return [
        each for each in own if each.side is not quote.side and within(quote.side, each.ticks, quote.ticks)
    ]
