"""T2: whatever weather, whoever dies whenever, in whatever order: nothing is lost or doubled."""

import os
import random

import pytest

from tests.assurance import Assure
from tests.simulation.conftest import Simulate
from tests.simulation.simulation import Plan

SEEDS = int(os.environ.get("SIMULATED_SEEDS", "200"))
AT_A_TIME = 10
SCENARIOS = (
    "paying_in",
    "taking_out",
    "having_it_back",
    "gathering",
    "waiting_for_float",
    "taking_fees",
    "everybody",
)
FIRST = int(os.environ.get("SIMULATED_FIRST_SEED", "1000"))


def plan_of(seed: int) -> Plan:
    """Return what happens under a seed: who acts, how many workers there are, and when whom to kill."""
    dice = random.Random(f"plan {seed}")
    scenario = dice.choice(SCENARIOS)
    short = scenario == "paying_in"  # whoever is to die must live that long
    die_at = {
        "bot": frozenset(dice.sample(range(20, 90 if short else 220), 2)),
        "workers": frozenset(dice.sample(range(20, 90 if short else 280), dice.choice([2, 3]))),
    }
    two = ("workers-2",) if dice.random() < 0.25 else ()
    return Plan(seed, scenario, die_at, "swarm", ("bot", "workers", *two))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, AT_A_TIME))
def test_no_seed_loses_or_doubles_anything(play: Simulate, assure: Assure, first: int) -> None:
    verdicts = [play(plan_of(seed)) for seed in range(first, min(first + AT_A_TIME, FIRST + SEEDS))]
    broken = [verdict for verdict in verdicts if verdict.violations]
    assure("T2", len(verdicts), len(broken), deaths=sum(verdict.deaths for verdict in verdicts))
    assert not broken, "\n".join(verdict.complain() for verdict in broken)
    assert all(verdict.deaths >= 3 for verdict in verdicts)
