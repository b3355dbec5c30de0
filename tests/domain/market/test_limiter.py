"""What leaves in any window is never more than ours, and no lane takes what is kept for those before it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market.limiter import FLOORS, Allowance, Bucket, Lane

ASKED = st.lists(
    st.tuples(st.sampled_from(Lane), st.sampled_from((0.2, 0.8, 1.0, 4.0)), st.floats(0, 30)), max_size=60
)


@settings(max_examples=150)
@given(ASKED, st.floats(20, 2_000), st.floats(1, 120))
def test_no_window_wherever_it_begins_holds_more_than_ours(
    asked: list[tuple[Lane, float, float]], per_window: float, window_s: float
) -> None:
    bucket, now_s = Bucket(Allowance(per_window, window_s, burst_share=0.3)), 0.0
    left: list[tuple[float, float]] = []
    for lane, cost, pause_s in asked:
        now_s += pause_s / 10
        while wait_s := bucket.wait_s(lane, cost, now_s):
            now_s += wait_s
        bucket.take(cost)
        left.append((now_s, cost))
    for began_s, _ in left:
        in_window = sum(cost for at_s, cost in left if began_s <= at_s < began_s + window_s)
        assert in_window <= per_window * 0.9 + 1e-6, "the rest is the Angel's"


@pytest.mark.parametrize("greedy", [Lane.HEDGE, Lane.QUOTE, Lane.READ])
def test_a_lane_that_took_all_it_may_leaves_what_is_for_those_before_it(greedy: Lane) -> None:
    bucket = Bucket(Allowance(1_000, 60))
    while not bucket.wait_s(greedy, 1, 0.0):
        bucket.take(1)
    kept = FLOORS[greedy] * bucket.allowance.burst
    assert kept <= bucket.level < kept + 1
    for before in range(greedy):
        assert bucket.wait_s(Lane(before), 1, 0.0) == 0


def test_what_costs_more_than_a_lane_ever_has_waits_for_a_full_bucket() -> None:
    bucket = Bucket(Allowance(100, 10))  # nine at once
    assert bucket.wait_s(Lane.READ, 40, 0.0) == 0
    bucket.take(40)
    wait_s = bucket.wait_s(Lane.READ, 40, 0.0)
    assert wait_s == pytest.approx(40 / bucket.allowance.per_second)
    assert bucket.wait_s(Lane.CANCEL, 1, 0.0) < wait_s


@pytest.mark.parametrize("bad", [(0, 1), (1, 0), (1, 1, 0.0), (1, 1, 1.0), (1, 1, 0.1, 1.0)])
def test_an_allowance_of_nothing_is_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="no allowance"):
        Allowance(*bad)
