"""What a withdrawal costs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.fees import Rate
from domain.ids import AssetId
from domain.money import Coin, Token
from domain.payouts.fees import SMALLEST, least_withdrawal, quote_withdrawal

USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")


@given(st.integers(10_000, 10**20).map(lambda units: Decimal(units).scaleb(-8)), st.integers(0, 9_998))
def test_a_quote_splits_the_amount_exactly_and_never_undercharges(amount: Decimal, bps: int) -> None:
    quote = quote_withdrawal(USDT, amount, Rate(3, bps))
    assert quote.receives + quote.fee == amount
    assert quote.receives >= SMALLEST
    assert amount * bps / 10_000 <= quote.fee < amount * bps / 10_000 + SMALLEST


@pytest.mark.parametrize(("bps", "least"), [(0, "0.00000001"), (1, "0.00000002"), (9_999, "0.00000002")])
def test_nothing_less_than_the_least_withdrawal_can_be_made(bps: int, least: str) -> None:
    assert least_withdrawal(bps) == Decimal(least)
    with pytest.raises(Refused):
        quote_withdrawal(USDT, least_withdrawal(bps) - SMALLEST, Rate(1, bps))


@pytest.mark.parametrize("bps", [0, 1, 50, 4_999])
def test_the_least_withdrawal_can_be_made(bps: int) -> None:
    assert quote_withdrawal(USDT, least_withdrawal(bps), Rate(3, bps)).receives >= SMALLEST


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("NaN", "amount_not_positive"),
        ("Infinity", "amount_not_positive"),
        ("0.000000001", "amount_too_precise"),
    ],
)
def test_an_amount_that_cannot_be_paid_is_refused(amount: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        quote_withdrawal(USDT, Decimal(amount), Rate(3, 10))
    assert refused.value.code == code


def test_a_fee_that_eats_everything_is_refused_with_the_minimum() -> None:
    with pytest.raises(Refused) as refused:
        quote_withdrawal(USDT, SMALLEST, Rate(3, 1))
    assert refused.value.facts == {"minimum": "0.00000002"}


def test_a_confirmation_is_bound_to_asset_amount_fee_and_version() -> None:
    params = quote_withdrawal(USDT, Decimal("10.50"), Rate(3, 10)).params
    assert params == {"asset_id": USDT.asset_id, "amount": "10.5", "fee": "0.0105", "fee_version": "3"}
