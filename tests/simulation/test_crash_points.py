"""T1: a process dies at each crash point of a money flow, in turn; nothing is lost or doubled."""

from dataclasses import replace

import pytest

from tests.assurance import Assure
from tests.simulation.conftest import Simulate
from tests.simulation.crash_points import CrashPoints
from tests.simulation.simulation import Plan
from tests.simulation.turns import Passed

PARTS = 4
SCENARIOS = ("paying_in", "taking_out", "having_it_back", "gathering", "taking_fees", "making_a_market")


@pytest.fixture
def points(play: Simulate, scenario: str) -> list[Passed]:
    """Give the crash points of a scenario that none before it has met."""
    all_points = CrashPoints()
    for each in SCENARIOS:
        undisturbed = play(Plan(seed=1, scenario=each))
        assert not undisturbed.violations, undisturbed.complain()
        points = all_points.of(undisturbed.log, undisturbed.effects)
        if each == scenario:
            return points
    raise AssertionError(f"no scenario {scenario}")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_crash_at_any_point_loses_and_doubles_nothing(
    play: Simulate, assure: Assure, points: list[Passed], scenario: str, part: int
) -> None:
    assert len(points) > 20, "the scenario has hardly begun"
    plan = Plan(seed=1, scenario=scenario)
    verdicts = [
        play(replace(plan, die_at={point.process: frozenset({point.number})}))
        for point in points[part::PARTS]
    ]
    broken = [verdict for verdict in verdicts if verdict.violations]
    assure("T1", len(verdicts), len(broken))
    assert all(verdict.deaths == 1 for verdict in verdicts)
    assert not broken, "\n".join(verdict.complain() for verdict in broken)
