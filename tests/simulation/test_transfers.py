"""T1 and T2 for the treasury: coins go both ways while processes die; every one is somewhere, and once."""

import os
import random

import pytest

from tests.assurance import Assure
from tests.simulation.conftest import Simulate
from tests.simulation.simulation import Plan

SEEDS = int(os.environ.get("TRANSFER_SEEDS", "1"))
FIRST = int(os.environ.get("TRANSFER_FIRST_SEED", "1"))


def plan_of(seed: int) -> Plan:
    """Return a plan in which workers die three times, and the bot once, wherever that is."""
    dice = random.Random(f"transfers {seed}")
    die_at = {
        "workers": frozenset(dice.sample(range(300, 7_500), 3)),
        "bot": frozenset({dice.randint(100, 2_000)}),
    }
    return Plan(seed, "moving_both_ways", die_at)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_coins_that_cross_while_processes_die_are_all_there(
    play: Simulate, assure: Assure, seed: int
) -> None:
    verdict = play(plan_of(seed))
    assure("T2", 1, bool(verdict.violations), deaths=verdict.deaths)
    assert not verdict.violations, verdict.complain()
    assert verdict.deaths >= 3
