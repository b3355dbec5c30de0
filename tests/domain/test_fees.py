"""What is charged: exact, never too much, in versions that give notice."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fees import (
    CAP_BPS,
    NOTICE,
    PLACES,
    FeeKind,
    Rate,
    Schedule,
    coming,
    fair_deposit_rate,
    fee_on,
    in_force,
    lowest_rate,
    nothing_yet,
    proposal,
    rate_of,
    service_fee,
)
from domain.ids import UserId
from domain.ledger.model import Cause
from domain.money import Coin

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ALICE, USDT = UserId("alice"), Coin("USDT")

KINDS = st.sampled_from(FeeKind)
AMOUNTS = st.integers(2, 10**26).map(lambda units: Decimal(units).scaleb(-8))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given one


def bps_of(kind: FeeKind) -> st.SearchStrategy[int]:
    return st.integers(0, CAP_BPS[kind])


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), bps_of(kind))), AMOUNTS)
def test_a_fee_is_its_share_rounded_up_in_its_last_place(asked: tuple[FeeKind, int], amount: Decimal) -> None:
    kind, bps = asked
    fee = fee_on(kind, amount, Rate(1, bps))
    share = Fraction(amount) * bps / 10_000
    assert 0 <= Fraction(fee) - share < Fraction(1, 10 ** PLACES[kind])
    assert fee == fee.quantize(Decimal(1).scaleb(-PLACES[kind]))


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), bps_of(kind))), AMOUNTS)
def test_fee_and_rest_are_the_amount_and_something_is_left(
    asked: tuple[FeeKind, int], amount: Decimal
) -> None:
    kind, bps = asked
    charged = service_fee(kind, Cause("deposit", "x"), Rate(1, bps), ALICE, USDT, amount)
    fee = charged.amount if charged else Decimal(0)
    assert (charged is None) == (bps == 0)
    assert fee + (amount - fee) == amount
    assert amount - fee > 0


@given(KINDS, AMOUNTS, AMOUNTS, st.integers(0, 100), st.integers(0, 100))
def test_more_of_anything_never_costs_less(kind: FeeKind, a: Decimal, b: Decimal, p: int, q: int) -> None:
    low, high = sorted((a, b))
    cheap, dear = sorted((p, q))
    assert fee_on(kind, low, Rate(1, cheap)) <= fee_on(kind, high, Rate(1, dear))


@given(
    st.lists(
        st.tuples(KINDS, st.integers(0, 100), st.timedeltas(timedelta(0), timedelta(days=3))), max_size=8
    )
)
def test_versions_follow_each_other_and_give_notice(changes: list[tuple[FeeKind, int, timedelta]]) -> None:
    now, schedules = NOW, [Schedule(1, 0, 10, 0, NOW, "settings")]
    for kind, bps, pause in changes:
        now += pause
        before = {at: in_force(schedules, at) for at in (now, now + NOTICE)}
        schedules.append(proposal(schedules, kind, bps, now, "owner"))
        assert {at: in_force(schedules, at) for at in before} == before, "an announcement changed the present"
        assert now + NOTICE < schedules[-1].effective_at
        assert schedules[-1].effective_at >= schedules[-2].effective_at
    assert [s.version for s in schedules] == list(range(1, len(schedules) + 1))
    assert in_force(schedules, schedules[-1].effective_at) == schedules[-1]


def test_a_change_begins_at_a_full_hour_with_time_to_confirm() -> None:
    assert proposal([], FeeKind.TRADING, 5, NOW, "o").effective_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    late = NOW.replace(minute=55)
    assert proposal([], FeeKind.TRADING, 5, late, "o").effective_at == datetime(2026, 3, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("night", [(2026, 3, 8), (2026, 4, 4), (2026, 10, 3), (2026, 11, 1)])
def test_a_change_begins_at_a_full_hour_of_utc_wherever_the_host_is(
    zone: str, night: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        begins = datetime(*night, tzinfo=UTC)
        for quarter in range(4 * 36):
            now = datetime.fromtimestamp(begins.timestamp() + 900 * quarter, UTC)
            wanted = proposal([], FeeKind.TRADING, 5, now, "o").effective_at
            assert wanted.timestamp() % 3600 == 0
            assert NOTICE < wanted - now < NOTICE + timedelta(hours=2)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("now", "hour"),
    [
        (NOW.replace(minute=50), 10),  # with notice and leeway it is a full hour already
        (NOW.replace(minute=50, microsecond=1), 11),
        (NOW.replace(minute=49, second=59, microsecond=999_999), 10),
    ],
)
def test_a_change_begins_at_the_first_full_hour_to_the_moment(now: datetime, hour: int) -> None:
    assert proposal([], FeeKind.TRADING, 5, now, "o").effective_at == datetime(2026, 3, 2, hour, tzinfo=UTC)


def test_a_change_names_who_proposed_it() -> None:
    assert proposal([], FeeKind.TRADING, 5, NOW, ALICE).created_by == ALICE


def test_a_change_keeps_the_other_rates_of_the_latest_version() -> None:
    first = Schedule(1, 1, 2, 3, NOW, "settings")
    second = proposal([first], FeeKind.DEPOSIT, 9, NOW, "o")
    third = proposal([first, second], FeeKind.TRADING, 8, NOW, "o")
    assert (third.deposit_bps, third.withdrawal_bps, third.trading_bps) == (9, 2, 8)


def test_what_is_replaced_before_its_time_does_not_come() -> None:
    first = Schedule(1, 0, 0, 0, NOW, "settings")
    second = proposal([first], FeeKind.DEPOSIT, 9, NOW, "o")
    third = proposal([first, second], FeeKind.DEPOSIT, 0, NOW, "o")
    assert coming([first, second, third], NOW) == [third]
    assert in_force([first, second, third], third.effective_at) == third
    assert coming([first, second, third], third.effective_at) == []


def test_before_the_first_version_nothing_is_charged() -> None:
    first = Schedule(1, 5, 5, 5, NOW, "settings")
    before = NOW - timedelta(seconds=1)
    assert in_force([first], before) == nothing_yet(before)
    assert rate_of([first], 0, FeeKind.TRADING) == Rate(0, 0)
    assert rate_of([first], 1, FeeKind.TRADING) == Rate(1, 5)


@pytest.mark.parametrize(
    ("shown", "standing", "fair"),
    [(None, 7, 7), (Rate(1, 5), 7, 5), (Rate(1, 9), 7, 7), (Rate(1, 7), 7, 7)],
)
def test_a_deposit_pays_the_lower_of_what_was_shown_and_what_holds(
    shown: Rate | None, standing: int, fair: int
) -> None:
    assert fair_deposit_rate(shown, Rate(2, standing)).bps == fair


@given(KINDS, INSTANTS)
def test_a_confirmation_is_bound_to_every_rate_and_the_day(kind: FeeKind, now: datetime) -> None:
    first = Schedule(1, 1, 2, 3, now, "settings")
    other = proposal([first], kind, 50, now, "o")
    assert len({tuple(s.params.items()) for s in (first, other, proposal([first], kind, 51, now, "o"))}) == 3


def test_the_lowest_rate_of_a_while_is_that_of_any_moment_in_it() -> None:
    versions = [
        Schedule(number, bps, 0, 0, NOW + timedelta(days=day), "o")
        for number, (day, bps) in enumerate([(1, 30), (2, 10), (3, 50)], start=1)
    ]
    for since, until, bps in ((0, 3, 0), (1, 1, 30), (1, 2, 10), (1, 3, 10), (2, 9, 10), (3, 9, 50)):
        span = NOW + timedelta(days=since), NOW + timedelta(days=until)
        assert lowest_rate(versions, FeeKind.DEPOSIT, *span).bps == bps, (since, until)


def test_the_version_before_the_first_is_all_zeros_and_nobodys() -> None:
    before = nothing_yet(NOW)
    assert before == Schedule(0, 0, 0, 0, NOW, "")
    assert {before.rate(kind) for kind in FeeKind} == {Rate(0, 0)}


def test_a_rate_that_stayed_the_same_is_the_one_that_was_shown() -> None:
    assert fair_deposit_rate(Rate(1, 50), Rate(2, 50)) == Rate(1, 50)
