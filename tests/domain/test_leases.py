"""The arithmetic of leases: when we stop is counted from before we asked."""

import pytest

from domain.errors import Refused
from domain.leases import WALLET, Grip, LeaseTiming
from tests.fakes.clock import FakeClock

TIMING = LeaseTiming()


def test_defaults_are_the_ones_of_the_safety_plan() -> None:
    assert (TIMING.ttl_s, TIMING.renew_s, TIMING.timeout_s, TIMING.margin_s) == (10, 2, 2, 2)
    assert TIMING.deadline_s(100.0) == 108.0


@pytest.mark.parametrize(
    "times", [(7.9, 2, 2, 2), (10, 4.1, 2, 2), (10, 2, 3.1, 2), (10, 0, 2, 2), (10, 2, 0, 2), (10, 2, 2, 0)]
)
def test_timing_in_which_one_lost_renewal_loses_the_lease_is_refused(times: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        LeaseTiming(*times)


def test_timing_on_the_edge_is_allowed() -> None:
    assert LeaseTiming(8, 2, 2, 2).deadline_s(0) == 6


def test_gate_closes_at_the_deadline_itself_and_not_before() -> None:
    clock = FakeClock()
    grip = Grip(WALLET, clock.monotonic)
    with pytest.raises(Refused, match="lease_lost"):
        grip.require()
    grip.tighten(3, clock.monotonic(), TIMING)
    clock.advance(7.999)
    grip.require()
    assert (grip.held, grip.alone) == (True, True)
    clock.advance(0.001)
    assert clock.monotonic() == grip.deadline_s
    assert (grip.held, grip.alone) == (False, True), "nobody else may act yet: there is time to clear up"
    with pytest.raises(Refused, match="lease_lost"):
        grip.require()
    clock.advance(2)
    assert not grip.alone


def test_gate_closes_at_a_failed_renewal_and_opens_at_the_next_one() -> None:
    clock = FakeClock()
    grip = Grip(WALLET, clock.monotonic)
    grip.tighten(1, 0, TIMING)
    grip.wavering = True
    assert grip.held
    with pytest.raises(Refused, match="lease_lost"):
        grip.require()
    grip.tighten(1, clock.monotonic(), TIMING)
    grip.require()
    grip.drop()
    assert (grip.held, grip.alone, grip.left_s) == (False, False, 0.0)
