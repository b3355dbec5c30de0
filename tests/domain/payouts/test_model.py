"""The states of a payout and what it books."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import AccountKind, available, mixin, net_of, own
from domain.money import Coin, Token
from domain.payouts.model import (
    ENDED,
    PAYOUT_EDGES,
    Payout,
    PayoutState,
    Purpose,
    fee_of_payout,
    promise,
    settlement,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
ALICE = UserId("0c2f7b6e-0000-4000-8000-00000000a11c")
PAYOUT = Payout(
    WithdrawalId("w1"), Purpose.WITHDRAWAL, ALICE, USDT, Decimal(10), Decimal("0.01"),
    PayoutState.REQUESTED, NOW, NOW, request_id="name at Mixin", fee_version=1,
)  # fmt: skip


def test_a_settlement_takes_what_was_promised_and_not_more() -> None:
    transfer = settlement(PAYOUT)
    account = available(ALICE, USDT.coin)
    assert net_of([transfer], account) == -promise(PAYOUT).amount
    assert net_of([transfer], mixin(USDT)) == -PAYOUT.pays
    assert net_of([transfer], own(AccountKind.FEES, USDT.coin)) == PAYOUT.fee


def test_a_withdrawal_without_fee_has_one_posting() -> None:
    assert len(settlement(replace(PAYOUT, fee=Decimal(0))).postings) == 1


def test_a_fee_of_nothing_or_of_no_version_is_none() -> None:
    assert fee_of_payout(PAYOUT)
    assert fee_of_payout(replace(PAYOUT, fee=Decimal(0))) is None
    assert fee_of_payout(replace(PAYOUT, fee_version=0)) is None


@pytest.mark.parametrize("state", PayoutState)
def test_every_state_leads_to_an_end_and_no_end_leads_on(state: PayoutState) -> None:
    reached, seen = {state}, set[PayoutState]()
    while reached - seen:
        seen |= reached
        reached = seen.union(*(PAYOUT_EDGES[s] for s in seen))
    assert seen & ENDED
    assert (not PAYOUT_EDGES[state]) == (state in ENDED)
