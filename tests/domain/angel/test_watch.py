"""When the Angel acts, and above all when it does not (AN1, AN3-AN7, AN13)."""

import os
import random
from dataclasses import replace

import pytest

from domain.angel.watch import Patience, Sign, Standing, Trip, Watch, Window
from domain.leases import WALLET, Scope

ONE, TWO, SEAT = Scope("venue:one"), Scope("venue:two"), Scope("seat:1")
US = "angel:a"


def watch() -> Watch:
    return Watch(Patience(), US, began_s=0.0)


def held(scope: Scope = ONE, ago_s: float = 1.0, *, epoch: int = 1, ill: str = "") -> Sign:
    return Sign(scope, epoch, "worker", Standing.HELD, ago_s, 10 - ago_s, ill)


def looks(eye: Watch, *signs: list[Sign], began_s: float = 0.0) -> list[list[Trip]]:
    """Look every two seconds at what is given for each look."""
    return [list(eye.look(seen, began_s + 2 * n).trips) for n, seen in enumerate(signs)]


def test_what_is_renewed_is_let_alone() -> None:
    seen = [[replace(held(scope), renewed_at_s=2.0 * n) for scope in (ONE, WALLET, SEAT)] for n in range(20)]
    assert looks(watch(), *seen) == [[]] * 20


def test_no_renewal_for_three_looks_and_three_renewals_trips() -> None:
    seen = [[held(ago_s=ago)] for ago in (1.0, 3.0, 5.0, 7.0)]
    trips = looks(watch(), *seen)
    assert trips[:3] == [[]] * 3
    assert [(t.scope, t.seen, t.preempt, t.stuck, t.blind) for t in trips[3]] == [
        (ONE, 1, True, False, False)
    ]


def test_three_bad_looks_before_three_renewals_are_too_early() -> None:
    eye = watch()
    for n, ago_s in enumerate((2.6, 3.1, 3.6, 4.1, 4.6, 5.1, 5.9)):
        assert eye.look([held(ago_s=ago_s)], 0.5 * n).healthy


def test_one_renewal_begins_the_count_anew() -> None:
    seen = [[held(ago_s=ago)] for ago in (3.0, 5.0, 0.5, 6.5, 8.5)]
    assert looks(watch(), *seen) == [[]] * 5


def test_another_worker_that_renews_anything_keeps_the_account_for_the_workers() -> None:
    """One worker dies: the others take its accounts when its leases end, and are left the time for it."""
    dead = [held(ONE, ago_s=1.0 + 2 * n) for n in range(5)]
    other = held(SEAT, ago_s=1.0)
    assert looks(watch(), *[[sign, other] for sign in dead]) == [[]] * 5
    eye = watch()
    over = Sign(ONE, 1, "worker", Standing.HELD, 11.0, -0.5)
    assert eye.look([over, other], 0.0).healthy
    assert eye.look([held(ONE, epoch=2), other], 2.0).healthy, "it was taken"


def test_lease_that_is_over_and_that_nobody_takes_trips_after_two_seconds_of_our_own() -> None:
    eye, other = watch(), held(SEAT)
    over = Sign(ONE, 4, "worker", Standing.HELD, 700.0, -690.0)
    assert eye.look([over, other], 0.0).healthy, "however long it was over before we came"
    assert eye.look([over, other], 1.9).healthy
    [trip] = eye.look([over, other], 2.0).trips
    assert (trip.seen, trip.preempt) == (4, False)


def test_lease_that_is_not_renewed_trips_however_far_the_stores_clock_was_put_back() -> None:
    """CK3, T31: by the store's clock it was renewed an hour from now, and lasts an hour and more."""
    eye, other = watch(), held(SEAT)
    for n in range(6):
        back = Sign(ONE, 3, "worker", Standing.HELD, -3600.0 + 2 * n, 3610.0 - 2 * n, renewed_at_s=7200.0)
        seat = replace(other, renewed_at_s=3600.0 + 2 * n)
        assert eye.look([back, seat], 2.0 * n).healthy, n
    [trip] = eye.look([back, seat], 12.0).trips
    assert (trip.scope, trip.seen, trip.preempt) == (ONE, 3, True)
    eye.silence(14.0)
    assert eye.look([back, seat], 20.0).healthy, "what we did not see, we do not count"


def test_orders_left_where_a_worker_gave_back_are_seen_to_when_no_other_comes() -> None:
    eye = watch()
    behind = Sign(ONE, 4, "worker", Standing.RELEASED, 90.0, -80.0, left_behind=True)
    assert eye.look([behind], 0.0).healthy
    assert eye.look([behind], 59.0).healthy
    [trip] = eye.look([behind], 60.0).trips
    assert (trip.seen, trip.behind, trip.preempt) == (4, True, False)
    assert eye.look([replace(behind, left_behind=False)], 62.0).healthy
    assert eye.look([behind], 64.0).healthy, "counted anew"
    assert [t.scope for t in eye.silence(76.0).trips] == [ONE], "and without a store like any other"


def test_what_was_given_back_with_an_empty_book_is_nobodys_business() -> None:
    """A clean stop leaves leases that were given back: that is no death."""
    back = Sign(ONE, 1, "worker", Standing.RELEASED, 9_000.0, -8_000.0)
    assert looks(watch(), *([[back]] * 10)) == [[]] * 10
    eye = watch()
    eye.look([back], 0.0)
    assert eye.silence(9_000.0).healthy, "without a store neither"


def test_worker_that_renews_and_does_no_work_is_dead_after_three_looks() -> None:
    ill = held(ill="has ended no round for 25 s")
    trips = looks(watch(), [ill], [ill], [held()], [ill], [ill], [ill])
    assert trips[:5] == [[]] * 5
    [trip] = trips[5]
    assert (trip.preempt, trip.stuck) == (True, True)


def test_worker_that_is_cut_off_from_its_exchange_is_relieved_once_an_hour() -> None:
    cut = replace(held(ill="cannot take off 4 orders"), waits_for="venue_silent")
    eye = watch()
    [*_, [trip]] = looks(eye, *([[cut]] * 3))
    assert (trip.stuck, trip.cut_off) == (True, True)
    eye.look([Sign(ONE, 2, US, Standing.ANGEL, 0.0, 10.0)], 6.0)
    assert looks(eye, *([[replace(cut, epoch=3)]] * 1_790), began_s=8.0)[-1] == []
    [*_, [trip]] = looks(eye, *([[replace(cut, epoch=3)]] * 10), began_s=3_600.0)
    assert trip.cut_off


def test_wallet_and_seats_are_never_taken() -> None:
    eye = watch()
    for n in range(20):
        dead = [Sign(scope, 1, "w", Standing.HELD, 50.0, -40.0, "ill") for scope in (WALLET, SEAT)]
        assert eye.look(dead, 2.0 * n).healthy


@pytest.mark.parametrize(
    ("holder", "left_s", "trips"), [(US, 9.0, 1), ("angel:b", 9.0, 0), ("angel:b", -1, 1)]
)
def test_what_an_angel_began_is_gone_on_with_by_itself_or_by_who_outlives_it(
    holder: str, left_s: float, trips: int
) -> None:
    taken = Sign(ONE, 5, holder, Standing.ANGEL, 1.0, left_s)
    assert len(watch().look([taken], 0.0).trips) == trips


def test_silent_store_is_waited_for_as_long_as_a_lease_may_last() -> None:
    eye = watch()
    eye.look([held(ONE), held(TWO)], 100.0)
    assert eye.silence(111.9).healthy
    verdict = eye.silence(112.0)
    assert [(t.scope, t.blind) for t in verdict.trips] == [(ONE, True), (TWO, True)]
    assert eye.silence(112.0, store_answers_others=True).healthy, "it is we who are cut off"


def test_after_a_stop_a_silent_store_is_not_waited_for() -> None:
    eye = watch()
    eye.look([held(ONE), held(TWO)], 100.0)
    verdict = eye.silence(102.0, stop_said=True)
    assert [(t.scope, t.blind) for t in verdict.trips] == [(ONE, True), (TWO, True)]
    assert "STOP" in verdict.said
    assert eye.silence(102.0, store_answers_others=True, stop_said=True).healthy, "workers carry it out"


def test_silent_store_from_the_start_is_judged_by_what_was_kept() -> None:
    eye = watch()
    assert eye.silence(100.0).healthy, "of nothing known nothing can be said"
    eye.remember([held(ONE), Sign(TWO, 1, "w", Standing.RELEASED, 1.0, 1.0)])
    assert eye.silence(11.9).healthy
    assert [t.scope for t in eye.silence(12.0).trips] == [ONE]


def test_after_a_silence_workers_have_their_time_again() -> None:
    eye, over = watch(), Sign(ONE, 1, "worker", Standing.HELD, 700.0, -690.0)
    eye.look([held()], 0.0)
    eye.silence(700.0)
    assert eye.look([over], 702.0).healthy
    assert eye.look([over], 703.9).healthy
    assert not eye.look([over], 704.0).healthy


def test_impatience_that_would_rob_who_renews_is_refused() -> None:
    with pytest.raises(ValueError, match="three renewals"):
        Patience(renew_s=4.0, ttl_s=10.0)
    with pytest.raises(ValueError, match="three renewals"):
        Patience(threshold=0)


def test_window_is_the_sum_of_all_that_can_delay_a_request() -> None:
    assert Window().last_s == 11.5


@pytest.mark.parametrize("seed", range(int(os.environ.get("ANGEL_DAYS", "1"))))
def test_fault_free_day_with_a_slow_store_sees_no_trip(seed: int) -> None:
    """AN13: two workers renew for a day; one renewal in fifty is lost, one look in fifty comes late."""
    dice, eye, now_s = random.Random(seed), watch(), 0.0
    renewed_s = dict.fromkeys((ONE, TWO, SEAT), 0.0)
    next_s = dict.fromkeys(renewed_s, 0.0)
    while now_s < 24 * 3600:
        now_s += 2.0 + (dice.uniform(0, 4) if dice.random() < 0.02 else dice.uniform(0, 0.1))
        for scope in renewed_s:
            while next_s[scope] <= now_s:
                if dice.random() >= 0.02:
                    renewed_s[scope] = next_s[scope]
                next_s[scope] += 2.0 + dice.uniform(0, 0.6)
        seen = [replace(held(scope, now_s - at), renewed_at_s=at) for scope, at in renewed_s.items()]
        assert eye.look(seen, now_s).healthy
