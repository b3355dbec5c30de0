"""The median of what is fresh, and an honest word when sources differ."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market.prices import USD, Price, Reading, agreed, median, rounded
from domain.money import Coin

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BTC = Coin("BTC")
prices = st.decimals("0.000000000001", "10000000", places=12)


def reading(price: str | Decimal, age_s: float = 0, *, source: str = "a", change: str = "0") -> Reading:
    at = NOW - timedelta(seconds=age_s)
    return Reading(source, Decimal(price), at, timedelta(seconds=60), Decimal(change))


def told(*readings: Reading) -> Price:
    return agreed(BTC, USD, readings, NOW)


@given(st.lists(prices, min_size=1, max_size=7))
def test_the_median_has_as_many_below_as_above(numbers: list[Decimal]) -> None:
    middle = median(numbers)
    assert sum(n < middle for n in numbers) <= len(numbers) / 2 >= sum(n > middle for n in numbers)


@given(st.lists(prices, min_size=3, max_size=7), st.data())
def test_one_liar_never_moves_a_price_beyond_what_the_others_say(
    honest: list[Decimal], data: st.DataObject
) -> None:
    lie = data.draw(prices)
    value = median([*honest, lie])
    assert min(honest) <= value <= max(honest)


@pytest.mark.parametrize(("age_s", "counts"), [(0, True), (60, True), (61, False), (-59, True), (-61, False)])
def test_only_what_is_fresh_counts_and_nothing_of_the_future(age_s: float, counts: bool) -> None:
    price = told(reading("100", age_s))
    assert (price.value is not None) is counts
    assert bool(price.stale) is not counts


def test_sources_that_differ_are_said_to() -> None:
    price = told(reading("100"), reading("103", source="b"), reading("101", source="c"))
    assert (price.value, price.spread_bps, price.disputed) == (Decimal(101), 298, True)
    assert not told(reading("100"), reading("101", source="b")).disputed


def test_nobody_fresh_means_no_price() -> None:
    price = told(reading("100", 3_600))
    assert (price.value, price.spread_bps, price.change) == (None, 0, None)


@pytest.mark.parametrize("price", ["0", "-1", "NaN"])
def test_what_is_no_price_is_none(price: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        reading(price)


def test_a_crossed_price_is_as_old_as_the_older_and_news_only_while_both_are() -> None:
    crossed = reading("60000", 10).times(reading("0.999", 50))
    assert (crossed.price, crossed.at) == (Decimal("59940.000"), NOW - timedelta(seconds=50))
    assert crossed.fresh(NOW + timedelta(seconds=10))
    assert not crossed.fresh(NOW + timedelta(seconds=11))


def test_a_change_is_that_of_both() -> None:
    assert reading("2", change="0.1").over(reading("4", change="0.1")).change == 0
    assert reading("2", change="0.1").times(reading("4", change="0.1")).change == Decimal("0.21")
    assert reading("2").over(reading("4", change="-1")).change is None


@given(prices)
def test_a_shown_price_is_off_by_less_than_a_billionth(price: Decimal) -> None:
    assert abs(rounded(price) - price) <= price * Decimal("1e-9")
