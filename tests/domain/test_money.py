"""Amounts: one grammar, exact arithmetic, shares that lose nothing."""

import decimal
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.money import (
    MONEY,
    exact,
    fee_of,
    parse_amount,
    plain,
    round_down,
    round_up,
    split,
    use_money_context,
)
from tests.corpus import NASTY_AMOUNTS

amounts = st.decimals(min_value=0, max_value=10**17, places=8, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("text", ["1", "0.5", "1000", "999999999999999999", "0.00000001", "21.10000000"])
def test_amount_in_the_grammar_is_understood(text: str) -> None:
    assert parse_amount(text) == Decimal(text)


@pytest.mark.parametrize("text", NASTY_AMOUNTS)
def test_amount_outside_the_grammar_is_refused_quickly(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(Refused) as refusal:
        parse_amount(text)
    codes = {"amount_not_understood", "amount_too_precise", "amount_not_positive"}
    assert refusal.value.code in codes
    assert time.thread_time() - began < 0.05


def test_amount_too_precise_for_its_use_is_refused_with_the_places_it_may_have() -> None:
    with pytest.raises(Refused) as refusal:
        parse_amount("0.123456789")
    assert (refusal.value.code, refusal.value.facts) == ("amount_too_precise", {"places": 8})
    assert parse_amount("0.123456789", places=18) == Decimal("0.123456789")


@pytest.mark.parametrize("text", ["0", "0.0", "0.00000000"])
def test_amount_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"^amount_not_positive$"):
        parse_amount(text)


@pytest.mark.parametrize("text", ["", "1e3", "-1", "NaN", "01"])
def test_amount_not_of_the_grammar_is_not_understood(text: str) -> None:
    with pytest.raises(Refused, match=r"^amount_not_understood$"):
        parse_amount(text)


def test_numbers_from_machines_may_be_negative_but_nothing_else() -> None:
    assert exact("-0.5") == Decimal("-0.5")
    for text in ("--1", "1e3", "NaN", "+1", "", "-"):
        with pytest.raises(Refused, match=r"^number_not_understood") as refusal:
            exact(text)
        assert refusal.value.facts == {"text": text}


@pytest.mark.parametrize("odd", [None, 1, 0.5, b"1", ["1"], Decimal(1)])
def test_what_a_machine_does_not_send_as_text_is_no_number(odd: object) -> None:
    with pytest.raises(Refused, match=r"^number_not_understood") as refusal:
        exact(odd)
    assert refusal.value.facts == {"kind": type(odd).__name__}


def test_a_long_number_is_shown_in_part_only() -> None:
    with pytest.raises(Refused) as refusal:
        exact("9" * 5_000)
    assert refusal.value.facts == {"text": "9" * 40}


def test_every_thread_counts_money_alike() -> None:
    kept = decimal.getcontext().copy()
    try:
        decimal.setcontext(decimal.Context(prec=3))
        use_money_context()
        here = decimal.getcontext()
        assert (here.prec, here.traps) == (MONEY.prec, MONEY.traps)
        with ThreadPoolExecutor(1) as pool:
            there = pool.submit(decimal.getcontext).result()
        assert (there.prec, there.traps) == (MONEY.prec, MONEY.traps)
    finally:
        decimal.setcontext(kept)


@given(amounts)
def test_plain_text_reads_back_as_the_same_number(amount: Decimal) -> None:
    text = plain(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert not (("." in text) and text.endswith("0"))


def test_plain_text_of_zeros_has_no_sign() -> None:
    assert [plain(Decimal(zero)) for zero in ("0", "-0", "0.000", "-0.0", "0E+5")] == ["0"] * 5


@given(amounts, st.integers(0, 10_000))
def test_fee_is_never_less_than_its_share_and_less_than_one_unit_more(amount: Decimal, bps: int) -> None:
    fee = fee_of(amount, bps)
    assert 0 <= fee - amount * bps / 10_000 < Decimal("1e-8")


@given(st.decimals(min_value=0, max_value=10**9, places=12))
def test_rounding_brackets_the_amount(amount: Decimal) -> None:
    assert round_down(amount) <= amount <= round_up(amount)
    assert round_up(amount) - round_down(amount) in (0, Decimal("1e-8"))


def test_rounding_goes_by_units_of_the_last_place() -> None:
    assert (round_down(Decimal("0.000000015")), round_up(Decimal("0.000000011"))) == (
        Decimal("0.00000001"),
        Decimal("0.00000002"),
    )
    assert (round_down(Decimal("1.99"), 1), round_up(Decimal("1.91"), 1)) == (Decimal("1.9"), Decimal("2.0"))
    assert fee_of(Decimal("1.11"), 1_000, places=2) == Decimal("0.12")
    assert round_down(Decimal("1.5"), 2).as_tuple().exponent == -2


def test_the_largest_remainder_gets_the_odd_unit_and_ties_go_to_the_first() -> None:
    assert split(Decimal("0.10"), [6, 3, 1], places=2) == [Decimal(t) for t in ("0.06", "0.03", "0.01")]
    assert split(Decimal("0.05"), [69, 31], places=2) == [Decimal("0.03"), Decimal("0.02")]
    assert split(Decimal("0.01"), [1, 1, 1], places=2) == [Decimal(t) for t in ("0.01", "0", "0")]
    assert split(Decimal("0.07"), [50, 26, 24], places=2) == [Decimal(t) for t in ("0.03", "0.02", "0.02")]


@given(amounts, st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_split_loses_nothing_and_is_fair_to_one_unit(amount: Decimal, weights: list[int]) -> None:
    shares = split(amount, weights)
    assert sum(shares) == amount
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - amount * weight / total) < Decimal("1e-8")


@pytest.mark.parametrize("weights", [[0], [1, -1], [2, -1]])
def test_split_refuses_weights_that_mean_nothing(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^weights must"):
        split(Decimal(1), weights)


def test_split_refuses_an_amount_finer_than_its_places() -> None:
    with pytest.raises(ValueError, match="more than 8 places"):
        split(Decimal("0.000000001"), [1])
