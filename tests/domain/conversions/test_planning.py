"""What a conversion would send: never beyond its worst price, never beyond its funds, whatever the book."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.conversions.model import CONVERSION_EDGES, ConversionState, Ending
from domain.conversions.planning import (
    Task,
    at_worst,
    cap,
    estimate,
    in_the_way,
    resting_of,
    slice_of,
    smallest,
    within,
)
from domain.market.model import Book, Level, Pair, Quote, Side, TradingRules
from domain.money import LEDGER_PLACES, ZERO, round_up

BOOKS = 10_000

PAIR = Pair.parse("BTC/USDT")
AT = datetime(2026, 3, 1, tzinfo=UTC)
RULES = TradingRules(
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    min_notional=Decimal(5),
    maker_fee_bps=Decimal(2),
    taker_fee_bps=Decimal(5),
)
PLENTY = Decimal(10) ** 12


def book(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> Book:
    return Book(PAIR, tuple(Level(*each) for each in bids), tuple(Level(*each) for each in asks), AT)


def selling(funds: str, worst: int, lots: int | None = None, most: Decimal = PLENTY) -> Task:
    return Task(Side.SELL, worst, Decimal(funds), lots, most)


def buying(funds: str, worst: int, lots: int | None = None, most: Decimal = PLENTY) -> Task:
    return Task(Side.BUY, worst, Decimal(funds), lots, most)


def test_a_slice_takes_all_within_its_depth_at_the_last_price_it_needs() -> None:
    there = book([(6_000_000, 100), (5_999_000, 400), (5_000_000, 9_000)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("0.003", 5_900_000)) == Quote(Side.SELL, 5_999_000, 300)


def test_a_slice_leaves_what_is_worse_than_the_worst_price() -> None:
    there = book([(6_000_000, 100), (5_000_000, 9_000)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("0.5", 5_900_000)) == Quote(Side.SELL, 6_000_000, 100)


def test_nothing_within_the_worst_price_is_told_as_such() -> None:
    there = book([(5_000_000, 9_000)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("0.5", 5_900_000)) is Ending.CAP


def test_less_than_the_venues_smallest_order_stays_as_it_lies() -> None:
    there = book([(6_000_000, 9_000)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("0.00008", 5_900_000)) is Ending.TOO_LITTLE
    assert slice_of(there, RULES, selling("0.000009", 5_900_000)) is Ending.ALL


def test_the_smallest_order_is_sent_where_less_is_to_be_had() -> None:
    there = book([(6_000_000, 1)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("0.5", 5_900_000)) == Quote(Side.SELL, 6_000_000, 9)


def test_one_order_moves_no_more_than_the_last_function_lets_through() -> None:
    there = book([(6_000_000, 10**9)], [(6_000_100, 1)])
    assert slice_of(there, RULES, selling("5", 5_900_000, most=Decimal(50_000))) == Quote(
        Side.SELL, 6_000_000, 83_333
    )


def test_a_wish_for_so_much_base_asset_buys_no_more() -> None:
    there = book([(5_999_000, 1)], [(6_000_000, 10**9)])
    assert slice_of(there, RULES, buying("700", 6_060_000, lots=1_000)) == Quote(Side.BUY, 6_000_000, 1_000)
    assert slice_of(there, RULES, buying("700", 6_060_000, lots=0)) is Ending.ALL


def test_an_order_that_rests_stands_at_its_price_for_all_that_is_left() -> None:
    assert resting_of(RULES, buying("600", 5_000_000)) == Quote(Side.BUY, 5_000_000, 1_200)
    assert resting_of(RULES, buying("4", 5_000_000)) is Ending.TOO_LITTLE


def test_the_cap_is_rounded_towards_the_market() -> None:
    assert (cap(Side.BUY, 6_000_049, 100), cap(Side.SELL, 6_000_051, 100)) == (6_060_049, 5_940_051)
    assert cap(Side.SELL, 1, 100) == 1


def test_own_orders_in_the_way_are_those_it_would_trade_with() -> None:
    own = [Quote(Side.BUY, 100, 1), Quote(Side.BUY, 99, 1), Quote(Side.SELL, 101, 1)]
    assert in_the_way(Quote(Side.SELL, 100, 5), own) == own[:1]
    assert in_the_way(Quote(Side.BUY, 101, 5), own) == own[2:]


def test_an_estimate_is_what_remains_after_both_fees() -> None:
    there = book([(6_000_000, 100), (5_990_000, 100)], [(6_000_100, 1)])
    told = estimate(there, RULES, selling("0.002", 5_900_000), Decimal(5), 10)
    assert (told.spends, told.price) == (Decimal("0.002"), Decimal(59_950))
    assert told.receives == Decimal("119.9") - told.venue_fee - told.our_fee
    assert (told.venue_fee, told.our_fee) == (Decimal("0.05995"), Decimal("0.1199"))


def test_an_estimate_of_nothing_is_nothing() -> None:
    there = book([(5_000_000, 100)], [(6_000_100, 1)])
    told = estimate(there, RULES, selling("0.002", 5_900_000), Decimal(5), 10)
    assert (told.spends, told.receives, told.price) == (ZERO, ZERO, ZERO)


def test_no_state_of_a_conversion_leads_back() -> None:
    order = list(ConversionState)
    assert all(order.index(to) > order.index(was) for was, tos in CONVERSION_EDGES.items() for to in tos)
    assert CONVERSION_EDGES[ConversionState.DONE] == frozenset()


@dataclass
class Market:
    """A book that moves between a look and the order, and what it has given."""

    dice: random.Random
    rules: TradingRules
    mid: int

    def book(self) -> Book:
        """Return a book around the mid: empty sides and gaps included."""
        self.mid = max(2, self.mid + self.dice.randint(-1, 1) * self.dice.randrange(1 + self.mid // 200))
        sides: list[list[tuple[int, int]]] = []
        for sign in (-1, 1):
            ticks, levels = self.mid, list[tuple[int, int]]()
            for _ in range(self.dice.randrange(6)):
                ticks += sign * self.dice.randint(1, 1 + self.mid // 300)
                if ticks > 0:
                    levels.append((ticks, int(10 ** self.dice.uniform(0, 6))))
            sides.append(levels)
        return book(*sides)

    def take(self, there: Book, order: Quote) -> tuple[Decimal, Decimal]:
        """Return base and quote that an order takes at once, at prices it allows."""
        base, quote, left = ZERO, ZERO, order.lots
        for level in there.asks if order.side is Side.BUY else there.bids:
            if not within(order.side, level.ticks, order.ticks):
                break
            lots = min(left, level.lots)
            base += self.rules.quantity(lots)
            quote += self.rules.quantity(lots) * self.rules.price(level.ticks)
            left -= lots
        return base, quote


def a_task(dice: random.Random, rules: TradingRules, mid: int) -> Task:
    side = dice.choice(list(Side))
    worst = cap(side, mid, dice.choice((0, 10, 100, 500)))
    lots = int(10 ** dice.uniform(0, 7))
    funds = rules.quantity(lots)
    if side is Side.BUY:
        funds = round_up(funds * rules.price(worst), 8)
    wish = dice.choice((None, max(1, lots // dice.randint(1, 3))))
    return Task(side, worst, funds, wish, dice.choice((PLENTY, Decimal(1_000))))


def some_rules(dice: random.Random) -> TradingRules:
    return replace(
        RULES,
        tick=dice.choice((Decimal("0.01"), Decimal("0.000001"), Decimal(5))),
        lot=dice.choice((Decimal("0.00001"), Decimal("0.1"), Decimal(1))),
        min_notional=dice.choice((ZERO, Decimal(5))),
    )


@pytest.mark.parametrize("part", range(4))
def test_no_book_makes_a_conversion_break_its_cap_or_its_funds(part: int) -> None:
    """CV1, CV2: what an order may cost is there before it is sent, and no price is beyond the worst."""
    slices = 0
    for seed in range(part, BOOKS, 4):
        dice = random.Random(seed)
        market = Market(dice, some_rules(dice), dice.choice((100, 10_000, 6_000_000)))
        rules, task = market.rules, a_task(dice, market.rules, market.mid)
        given, wanted = task.funds, task.lots
        for _ in range(6):
            order = slice_of(market.book(), rules, task)
            if isinstance(order, Ending):
                continue
            slices += 1
            assert within(task.side, order.ticks, task.worst), seed
            assert order.lots >= smallest(rules, order.ticks), seed
            quantity, price = rules.quantity(order.lots), rules.price(order.ticks)
            cost = round_up(price * quantity, LEDGER_PLACES) if task.side is Side.BUY else quantity
            assert cost <= task.funds, seed
            assert price * quantity <= task.most_notional, seed
            base, quote = market.take(market.book(), order)  # the book has moved since the look
            spent = quote if task.side is Side.BUY else base
            assert spent <= cost, seed
            left = None if task.lots is None else task.lots - rules.lots_down(base)
            task = replace(task, funds=task.funds - spent, lots=left)
        assert ZERO <= task.funds <= given, seed
        assert task.lots is None or (wanted is not None and 0 <= task.lots <= wanted), seed
    assert slices > BOOKS // 4


def test_what_is_taken_at_once_is_what_was_estimated() -> None:
    for seed in range(BOOKS // 10):
        dice = random.Random(seed)
        market = Market(dice, RULES, 6_000_000)
        there = market.book()
        task = replace(a_task(dice, RULES, market.mid), most_notional=PLENTY)
        told, order = estimate(there, RULES, task, Decimal(5), 10), slice_of(there, RULES, task)
        if isinstance(order, Ending):
            continue
        base, quote = market.take(there, order)
        spent, got = (quote, base) if task.side is Side.BUY else (base, quote)
        assert spent <= task.funds
        if spent == told.spends:  # an order is bounded by its limit, the estimate by each level's price
            assert got - told.venue_fee - told.our_fee == told.receives, seed
        full = at_worst(RULES, task, Decimal(5), 10)
        if told.spends == full.spends:
            assert told.receives >= full.receives, seed
