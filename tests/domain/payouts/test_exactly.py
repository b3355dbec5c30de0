"""What a payout promises, books and spends, said to the letter: whose, where, under which cause."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.fees import Rate
from domain.ledger.model import AccountKind, Cause, Hold, Posting, available, mixin, own
from domain.payouts.fees import quote_withdrawal
from domain.payouts.inputs import MOST_INPUTS, Spendable, Verdict, choose
from domain.payouts.model import promise, settlement
from domain.services.payouts import wait_after
from tests.domain.payouts.test_model import ALICE, PAYOUT, USDT


def test_a_promise_is_on_the_persons_balance_of_the_coin_in_the_payouts_name() -> None:
    assert promise(PAYOUT) == Hold(Cause("withdrawal", "w1"), available(ALICE, USDT.coin), Decimal(10))


def test_a_settlement_names_every_account_and_its_cause() -> None:
    transfer, account = settlement(PAYOUT), available(ALICE, USDT.coin)
    assert transfer.cause == Cause("withdrawal", "w1")
    assert transfer.postings == (
        Posting(account, mixin(USDT), Decimal("9.99")),
        Posting(account, own(AccountKind.FEES, USDT.coin), Decimal("0.01")),
    )
    assert settlement(replace(PAYOUT, fee=Decimal(0))).postings == (
        Posting(account, mixin(USDT), Decimal(10)),
    )


def test_what_smaller_outputs_hold_decides_between_too_many_and_too_little() -> None:
    free = [Spendable(f"o{n:03d}", Decimal(1)) for n in range(MOST_INPUTS)]
    assert choose(free, Decimal(256), rest=Decimal(1)).verdict is Verdict.TOO_MANY
    assert choose(free, Decimal(256), rest=Decimal("0.5")).verdict is Verdict.TOO_LITTLE
    assert choose(free, Decimal(255), rest=Decimal(9)).verdict is Verdict.ENOUGH


def test_outputs_of_one_size_are_spent_by_their_names() -> None:
    free = [Spendable(name, Decimal(1)) for name in ("c", "a", "b")]
    assert [o.output_id for o in choose(free, Decimal(2)).inputs] == ["a", "b"]


def test_a_refusal_says_how_precise_and_how_small_an_amount_may_be() -> None:
    with pytest.raises(Refused) as refused:
        quote_withdrawal(USDT, Decimal("0.000000001"), Rate(1, 10))
    assert refused.value.facts == {"places": 8}
    with pytest.raises(Refused) as refused:
        quote_withdrawal(USDT, Decimal("0.00000001"), Rate(1, 1))
    assert (refused.value.code, refused.value.facts) == ("amount_too_small", {"minimum": "0.00000002"})


def test_the_wait_after_fruitless_tries_doubles_up_to_half_a_minute() -> None:
    waits = [wait_after(tries).total_seconds() for tries in (0, 1, 2, 3, 4, 5, 6, 1000)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
