"""T1: a process dies at each crash point of a money flow, in turn; nothing is lost or doubled."""

from dataclasses import replace

import pytest

from tests.assurance import Assure
from tests.simulation.conftest import Simulate
from tests.simulation.crash_points import REMEMBERED, CrashPoints
from tests.simulation.machine import Machine
from tests.simulation.scenarios import SCENARIOS as PLAYS
from tests.simulation.simulation import Plan, simulate
from tests.simulation.turns import Passed

PARTS = 6
ON_EVERY_PUSH = ("paying_in", "taking_out", "having_it_back", "gathering", "taking_fees", "making_a_market")
SCENARIOS = (*ON_EVERY_PUSH, "leaving_in_quote") if REMEMBERED > 3 else ON_EVERY_PUSH
"""A death at each point of leaving a run in quote is left to ``make chaos``; T2 leaves one on every push."""


@pytest.fixture(scope="session")
def points(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Passed]]:
    """Give the crash points of each scenario that none before it has met."""
    met, points = CrashPoints(), {}
    for scenario in SCENARIOS:
        plan = Plan(seed=1, scenario=scenario)
        undisturbed = simulate(plan, PLAYS[scenario], machine, tmp_path_factory.mktemp(scenario))
        assert not undisturbed.violations, undisturbed.complain()
        points[scenario] = met.of(undisturbed.log, undisturbed.effects)
    return points


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_crash_at_any_point_loses_and_doubles_nothing(
    play: Simulate, assure: Assure, points: dict[str, list[Passed]], scenario: str, part: int
) -> None:
    assert len(points[scenario]) > 20, "the scenario has hardly begun"
    plan = Plan(seed=1, scenario=scenario)
    verdicts = [
        play(replace(plan, die_at={point.process: frozenset({point.number})}))
        for point in points[scenario][part::PARTS]
    ]
    broken = [verdict for verdict in verdicts if verdict.violations]
    assure("T1", len(verdicts), len(broken))
    assert all(verdict.deaths == 1 for verdict in verdicts)
    assert not broken, "\n".join(verdict.complain() for verdict in broken)
