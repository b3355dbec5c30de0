"""Who may go ahead of whom in the line of waiting withdrawals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.ids import WithdrawalId
from domain.payouts.line import GROWS_FOR, Waiting, set_aside

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waiting(pays: str, *, hours: float, funded: bool = False) -> Waiting:
    return Waiting(WithdrawalId("w"), Decimal(pays), NOW - timedelta(hours=hours), funded)


@pytest.mark.parametrize(
    ("hours", "share"),
    [(0, "0"), (1.5, "25"), (3, "50"), (6, "100"), (100, "100"), (-1, "0")],
)
def test_the_share_of_who_waits_grows_to_the_whole_within_six_hours(hours: float, share: str) -> None:
    assert set_aside([waiting("100", hours=hours)], NOW) == Decimal(share)


def test_those_ahead_are_added_up_and_merged_money_is_all_theirs() -> None:
    assert set_aside([], NOW) == 0
    line = [waiting("100", hours=3), waiting("8", hours=0, funded=True), waiting("10", hours=9)]
    assert set_aside(line, NOW) == Decimal(50 + 8 + 10)


def test_a_share_never_shrinks_and_is_rounded_in_favour_of_who_waits() -> None:
    shares = [set_aside([waiting("0.00000001", hours=h / 7)], NOW) for h in range(60)]
    assert shares == sorted(shares)
    assert shares[1] == Decimal("0.00000001")
    assert timedelta(hours=6) == GROWS_FOR
