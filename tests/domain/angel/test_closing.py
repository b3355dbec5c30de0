"""What is traded for a run whose worker is gone: back to its mix, within the cap, on a real book."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.angel.closing import (
    BUILT_IN,
    Bounds,
    CancelOnly,
    CloseAll,
    Left,
    Liquidate,
    Market,
    Stranded,
    Trade,
)
from domain.angel.reckoning import with_orders
from domain.ids import RunId, VenueAccountName
from domain.market.model import Book, Level, Side
from domain.market.orders import Intent, OrderState
from tests.fakes.exchange import PAIR, RULES

AT = datetime(2026, 1, 1, tzinfo=UTC)
BOUNDS = Bounds(slippage_bps=50, stale_s=5.0)
ALL = CloseAll(BOUNDS)


def market(bid: int = 5_999_950, ask: int = 6_000_050, age_s: float = 1.0) -> Market:
    book = Book(PAIR, (Level(bid, 100_000),), (Level(ask, 100_000),), AT)
    return Market(RULES, book, age_s)


def stranded(base: str, quote: str = "1000", start: str = "0.02", **facts: Decimal) -> Stranded:
    has = Decimal(base), Decimal(quote)
    run = Stranded(RunId("r"), VenueAccountName("a"), PAIR, Decimal(start), Decimal(1000), *has, *has)
    return replace(run, **facts)  # type: ignore[arg-type]  # fields by name


def test_what_was_bought_is_sold_and_what_was_sold_is_bought_back() -> None:
    assert ALL.close(stranded("0.025"), market()) == Trade(Side.SELL, 5_970_000, 500)
    assert ALL.close(stranded("0.015"), market()) == Trade(Side.BUY, 6_030_000, 500)


def test_run_at_its_mix_is_left() -> None:
    assert ALL.close(stranded("0.02"), market()) == Left("near_enough")
    assert ALL.close(stranded("0.02001"), market()) == Left("near_enough"), (
        "less than the venue lets one trade"
    )


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (market(age_s=5.1), "book_stale"),
        (market(bid=6_000_050, ask=6_000_050), "book_crossed"),
        (Market(RULES, Book(PAIR, (), (), AT), 0.0), "book_crossed"),
        (market(bid=5_900_000, ask=6_100_000), "beyond_slippage"),
    ],
)
def test_book_that_is_no_price_is_not_traded_on(seen: Market, reason: str) -> None:
    for failsafe in (ALL, Liquidate(BOUNDS)):
        assert failsafe.close(stranded("0.025"), seen) == Left(reason)


def test_no_more_is_spent_than_the_books_let_it() -> None:
    poor = stranded("0.01", "1000", free_quote=Decimal(100))
    assert ALL.close(poor, market()) == Trade(Side.BUY, 6_030_000, 165)
    assert ALL.close(replace(poor, free_quote=Decimal(1)), market()) == Left("no_funds")
    held = stranded("0.03", free_base=Decimal("0.001"))
    assert ALL.close(held, market()) == Trade(Side.SELL, 5_970_000, 100)


def test_run_with_an_order_of_unknown_end_is_left() -> None:
    assert ALL.close(stranded("0.03", uncertain=True), market()) == Left("order_uncertain")  # type: ignore[arg-type]


def test_liquidate_sells_all_and_cancel_only_nothing() -> None:
    assert Liquidate(BOUNDS).close(stranded("0.02"), market()) == Trade(Side.SELL, 5_970_000, 2_000)
    assert CancelOnly(BOUNDS).close(stranded("0.02"), market()) == Left("cancel_only")
    assert set(BUILT_IN) == {"close_all", "cancel_only", "liquidate"}


@given(
    st.integers(1, 10_000_000),
    st.integers(1, 5_000),
    st.integers(1, 500),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_no_price_is_worse_than_the_cap_and_no_trade_beyond_the_mix_or_the_funds(
    bid: int, spread: int, cap: int, lots: int, start: int
) -> None:
    seen, run = market(bid, bid + spread), stranded("0")
    run = replace(
        run, base=RULES.quantity(lots), base_start=RULES.quantity(start), free_base=RULES.quantity(lots)
    )
    closing = CloseAll(Bounds(cap, 5.0)).close(run, seen)
    if isinstance(closing, Left):
        return
    mid, price = RULES.price(2 * bid + spread) / 2, RULES.price(closing.ticks)
    worse = price - mid if closing.side is Side.BUY else mid - price
    assert worse * 10_000 <= mid * cap
    assert closing.lots <= abs(lots - start)
    assert closing.side is (Side.BUY if start > lots else Side.SELL)
    if closing.side is Side.BUY:
        assert price * RULES.quantity(closing.lots) <= run.free_quote


def intent(side: Side, filled: str, booked: str = "0", name: str = "i") -> Intent:
    return Intent(
        *(name, name, RunId("r"), VenueAccountName("a"), 1, PAIR, side, Decimal(60_000), Decimal("0.01")),
        *(True, AT, OrderState.CANCELLED),
        filled=Decimal(filled),
        booked=Decimal(booked),
    )


def test_what_has_traded_and_is_not_booked_counts() -> None:
    orders = [intent(Side.BUY, "0.003", "0.001"), intent(Side.SELL, "0.001", name="j")]
    run = with_orders(stranded("0.02"), orders, {"j"})
    assert (run.base, run.quote, run.uncertain) == (Decimal("0.021"), Decimal(940), True)
    assert (run.free_base, run.free_quote) == (Decimal("0.02"), Decimal(1000)), (
        "it may be spent when it is booked"
    )
