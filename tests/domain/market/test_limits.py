"""Hard limits hold whatever is asked of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.market.limits import LimitKeeper, Limits
from domain.market.model import Pair, Side
from domain.market.orders import LimitOrder

PAIR = Pair.parse("BTC/USDT")
REFERENCE = Decimal(60_000)


def order(price: str = "60000", quantity: str = "0.01") -> LimitOrder:
    return LimitOrder("mm1", PAIR, Side.BUY, Decimal(price), Decimal(quantity))


def code_of(
    keeper: LimitKeeper, wanted: LimitOrder, reference: Decimal | None = REFERENCE, now_s: float = 0
) -> str:
    with pytest.raises(Refused) as refusal:
        keeper.admit(wanted, reference, now_s)
    return refusal.value.code


def test_order_within_all_limits_is_admitted() -> None:
    LimitKeeper(Limits()).admit(order(), REFERENCE, 0)


@pytest.mark.parametrize("price", ["48000", "72000"])
def test_price_at_the_edge_of_the_band_is_admitted_and_beyond_refused(price: str) -> None:
    keeper = LimitKeeper(Limits(price_band_bps=2_000))
    keeper.admit(order(price), REFERENCE, 0)
    outside = "47999.99" if price == "48000" else "72000.01"
    assert code_of(keeper, order(outside)) == "limit_price_band"


def test_nothing_is_admitted_without_a_reference_price() -> None:
    assert code_of(LimitKeeper(Limits()), order(), reference=None) == "limit_price_band"


def test_notional_of_an_order_is_capped() -> None:
    keeper = LimitKeeper(Limits(max_notional=Decimal(600)))
    keeper.admit(order(quantity="0.01"), REFERENCE, 0)
    assert code_of(keeper, order(quantity="0.010001")) == "limit_notional"


def test_notional_of_a_day_is_capped_and_forgotten_after_a_day() -> None:
    keeper = LimitKeeper(Limits(max_daily_notional=Decimal(1_200)))
    keeper.admit(order(), REFERENCE, 0)
    keeper.admit(order(), REFERENCE, 100)  # not of the same minute
    assert code_of(keeper, order(), now_s=86_399) == "limit_daily_notional"
    keeper.admit(order(), REFERENCE, 86_400)
    assert code_of(keeper, order(), now_s=86_400.5) == "limit_daily_notional"


def test_refused_order_is_not_counted() -> None:
    keeper = LimitKeeper(Limits(orders_per_second=1, burst=1))
    assert code_of(keeper, order("1")) == "limit_price_band"
    keeper.admit(order(), REFERENCE, 0)


@given(st.lists(st.floats(0, 0.5), min_size=30, max_size=200))
def test_runaway_loop_never_sends_more_than_burst_plus_rate(pauses: list[float]) -> None:
    limits = Limits(orders_per_second=5, burst=10)
    keeper, now_s, sent = LimitKeeper(limits), 0.0, 0
    for pause in pauses:
        now_s += pause
        try:
            keeper.admit(order(quantity="0.0001"), REFERENCE, now_s)
        except Refused:
            continue
        sent += 1
    assert sent <= limits.burst + limits.orders_per_second * now_s + 1e-6


def test_a_day_of_orders_is_remembered_in_little_space() -> None:
    keeper = LimitKeeper(Limits(max_daily_notional=Decimal(10**9)))
    for second in range(0, 2 * 86_400, 10):
        keeper.admit(order(quantity="0.001"), REFERENCE, float(second))
    assert len(keeper._day) <= 1_441
    assert keeper._sent_today <= 60 * (8_640 + 6)
