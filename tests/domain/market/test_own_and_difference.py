"""Our own orders: taken out of the book, kept where they serve, never met by each other."""

from datetime import UTC, datetime
from fractions import Fraction
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market.difference import Difference, Resting, difference
from domain.market.model import Book, Level, Pair, Quote, Side
from domain.market.own import others, uncrossed

AT = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = Pair.parse("BTC/USDT")
QUOTES = st.builds(Quote, st.sampled_from(Side), st.integers(1, 200), st.integers(1, 50))
RESTING = st.builds(Resting, st.uuids().map(str), QUOTES, st.booleans())


def test_the_market_is_seen_without_our_orders() -> None:
    book = Book(PAIR, (Level(99, 5), Level(98, 7)), (Level(101, 5), Level(102, 9)), AT)
    own = [Quote(Side.BUY, 99, 5), Quote(Side.SELL, 101, 2), Quote(Side.SELL, 101, 1)]
    seen = others(book, own)
    assert seen.bids == (Level(98, 7),)
    assert seen.asks == (Level(101, 2), Level(102, 9))
    assert others(book, []) is book


@given(st.lists(QUOTES), st.lists(QUOTES))
def test_nothing_we_place_can_meet_an_order_of_our_own(wanted: list[Quote], own: list[Quote]) -> None:
    resting_bids = [q.ticks for q in own if q.side is Side.BUY]
    resting_asks = [q.ticks for q in own if q.side is Side.SELL]
    for quote in uncrossed(wanted, own):
        if quote.side is Side.BUY:
            assert all(quote.ticks < ask for ask in resting_asks)
            resting_bids.append(quote.ticks)
        else:
            assert all(quote.ticks > bid for bid in resting_bids)
            resting_asks.append(quote.ticks)


@given(st.lists(QUOTES), st.lists(QUOTES))
def test_keeping_apart_only_widens(wanted: list[Quote], own: list[Quote]) -> None:
    moved = uncrossed(wanted, own)
    assert sum(q.lots for q in moved) <= sum(q.lots for q in wanted)
    highest = max((q.ticks for q in wanted if q.side is Side.BUY), default=0)
    assert all(q.ticks <= highest for q in moved if q.side is Side.BUY)


@given(st.lists(QUOTES, max_size=8), st.lists(RESTING, max_size=8), st.integers(0, 100))
def test_each_wanted_quote_is_kept_or_placed_once(
    wanted: list[Quote], resting: list[Resting], tolerance: int
) -> None:
    diff = difference(wanted, resting, tolerance)
    kept = len(wanted) - len(diff.place)
    gone = {r.client_order_id for r in diff.cancel}
    uncertain = sum(not r.cancellable for r in resting)
    assert 0 <= kept <= len(resting) - len(gone)
    assert len(resting) - len(gone) <= kept + uncertain  # what stays serves, or cannot be cancelled yet
    assert all(r.cancellable for r in diff.cancel)


def test_what_stands_close_enough_keeps_its_place_in_the_queue() -> None:
    resting = [Resting("a", Quote(Side.BUY, 10_000, 10)), Resting("b", Quote(Side.SELL, 10_010, 10))]
    wanted = [Quote(Side.BUY, 10_002, 10), Quote(Side.SELL, 10_013, 10)]
    diff = difference(wanted, resting, 2)
    assert [r.client_order_id for r in diff.cancel] == ["b"]
    assert diff.place == (wanted[1],)


def test_an_order_without_an_answer_counts_as_resting() -> None:
    diff = difference([Quote(Side.BUY, 500, 10)], [Resting("a", Quote(Side.BUY, 100, 1), False)], 1)
    assert diff == difference([], [], 1)


def serves(there: Quote, wanted: Quote, tolerance: int) -> bool:
    """What is close enough, said once more in fractions."""
    near = Fraction(abs(there.ticks - wanted.ticks), wanted.ticks) <= Fraction(tolerance, 10_000)
    return there.side is wanted.side and near and Fraction(1, 2) <= Fraction(there.lots, wanted.lots) <= 2


def fewest_changes(wanted: list[Quote], resting: list[Resting], tolerance: int) -> int:
    """How many cancels and places it takes at least, by trying every way to keep orders."""
    most = 0
    padded = [*wanted, *([None] * len(resting))]
    for choice in set(permutations(range(len(padded)), len(resting))):
        pairs = [(r, padded[n]) for r, n in zip(resting, choice, strict=True)]
        if all(w is None or serves(r.quote, w, tolerance) for r, w in pairs):
            most = max(most, sum(w is not None for _, w in pairs))
    return len(wanted) + len(resting) - 2 * most


def matched(wanted: list[Quote], standing: list[Quote], tolerance: int) -> bool:
    """Whether each standing order can be given a wanted quote of its own, and none is left over."""
    if len(wanted) != len(standing):
        return False
    return any(
        all(serves(there, want, tolerance) for there, want in zip(standing, order, strict=True))
        for order in permutations(wanted)
    )


CLOSE = st.builds(Quote, st.sampled_from(Side), st.integers(9_990, 10_010), st.integers(4, 20))
CERTAIN = st.builds(Resting, st.uuids().map(str), CLOSE)


@settings(max_examples=150)
@given(st.lists(CLOSE, max_size=3), st.lists(CERTAIN, max_size=3), st.integers(0, 20))
def test_the_plan_makes_the_book_what_is_wanted_by_the_fewest_changes(
    wanted: list[Quote], resting: list[Resting], tolerance: int
) -> None:
    diff = difference(wanted, resting, tolerance)
    gone = {r.client_order_id for r in diff.cancel}
    after = [r.quote for r in resting if r.client_order_id not in gone] + list(diff.place)
    assert matched(wanted, after, tolerance)
    assert len(diff.cancel) + len(diff.place) == fewest_changes(wanted, resting, tolerance)


@given(st.lists(CLOSE, max_size=6), st.lists(RESTING, max_size=6), st.integers(0, 20))
def test_what_was_planned_and_done_leaves_nothing_to_do(
    wanted: list[Quote], resting: list[Resting], tolerance: int
) -> None:
    diff = difference(wanted, resting, tolerance)
    gone = {r.client_order_id for r in diff.cancel}
    after = [r for r in resting if r.client_order_id not in gone]
    after += [Resting(f"new {n}", quote) for n, quote in enumerate(diff.place)]
    again = difference(wanted, after, tolerance)
    assert again.place == ()
    uncertain = sum(not r.cancellable for r in after)
    assert len(again.cancel) <= uncertain, "only what stood in for somebody uncertain may be too much"


def test_of_two_that_serve_the_one_in_front_stays() -> None:
    resting = [Resting("older", Quote(Side.SELL, 10_000, 10)), Resting("newer", Quote(Side.SELL, 10_000, 10))]
    diff = difference([Quote(Side.SELL, 10_000, 10)], resting, 0)
    assert [r.client_order_id for r in diff.cancel] == ["newer"]


def test_an_order_moves_on_to_another_quote_where_that_keeps_one_more() -> None:
    resting = [Resting("wide", Quote(Side.SELL, 10_000, 10)), Resting("narrow", Quote(Side.SELL, 10_001, 18))]
    wanted = [Quote(Side.SELL, 10_000, 10), Quote(Side.SELL, 10_001, 6)]
    assert difference(wanted, resting, 1) == Difference((), ())
