"""Which outputs a payment spends."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.payouts.inputs import MOST_INPUTS, Spendable, Verdict, choose


def outputs(*amounts: str) -> list[Spendable]:
    return [Spendable(f"o{n:05d}", Decimal(amount)) for n, amount in enumerate(amounts)]


def test_the_largest_outputs_are_spent_first() -> None:
    choice = choose(outputs("1", "5", "3"), Decimal(6))
    assert [o.amount for o in choice.inputs] == [Decimal(5), Decimal(3)]


def test_dust_never_stands_in_the_way() -> None:
    choice = choose(outputs(*["0.00000001"] * 10_000, "100"), Decimal(100))
    assert choice.verdict is Verdict.ENOUGH
    assert len(choice.inputs) == 1


def test_too_many_small_outputs_are_merged_first() -> None:
    choice = choose(outputs(*["1"] * 300), Decimal(256))
    assert choice.verdict is Verdict.TOO_MANY
    assert choice.total == MOST_INPUTS


def test_too_little_is_said_and_nothing_is_chosen() -> None:
    assert choose(outputs("1", "2"), Decimal(4)).verdict is Verdict.TOO_LITTLE
    assert choose([], Decimal(1)).inputs == ()


@given(st.lists(st.integers(1, 10**6), max_size=400), st.integers(1, 10**8))
def test_a_choice_covers_the_amount_with_as_few_as_can_be(amounts: list[int], wanted: int) -> None:
    free = outputs(*map(str, amounts))
    choice = choose(free, Decimal(wanted))
    assert choose(list(reversed(free)), Decimal(wanted)) == choice
    if choice.verdict is Verdict.ENOUGH:
        assert choice.total >= wanted
        assert len(choice.inputs) <= MOST_INPUTS
        assert choice.total - choice.inputs[-1].amount < wanted
    else:
        assert (sum(amounts) >= wanted) == (choice.verdict is Verdict.TOO_MANY)
