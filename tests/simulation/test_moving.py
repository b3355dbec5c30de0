"""T2 for the treasury: coins go to the exchange and come back, whatever weather, whoever dies whenever.

The exchange takes a repeated withdrawal in one of its ways, lists it at once or late, and loses questions and
answers; the owner approves addresses, and has asked for again what is surely not there. A seed takes as long
as eight others: `make chaos` plays forty, and a push none.
"""

import os
import random

import pytest

from tests.assurance import Assure
from tests.simulation.conftest import Simulate
from tests.simulation.simulation import Plan

SEEDS = int(os.environ.get("MOVING_SEEDS", "0"))
FIRST = int(os.environ.get("MOVING_FIRST_SEED", "4"))


def plan_of(seed: int) -> Plan:
    """Return what happens under a seed: how many workers there are, and when whom to kill."""
    dice = random.Random(f"moving {seed}")
    die_at = {
        "bot": frozenset(dice.sample(range(20, 1_200), 1)),
        "workers": frozenset(dice.sample(range(200, 4_000), 3)),
    }
    two = ("workers-2",) if dice.random() < 0.25 else ()
    return Plan(seed, "moving_in_a_storm", die_at, "swarm", ("bot", "workers", *two))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_no_coin_is_sent_twice_or_lost_on_its_way(play: Simulate, assure: Assure, seed: int) -> None:
    verdict = play(plan_of(seed))
    assure("T2 treasury", 1, bool(verdict.violations), deaths=verdict.deaths)
    assert not verdict.violations, verdict.complain()
    assert verdict.deaths >= 2
