"""T5: a day of fifty people, two hundred runs and six venues with a fault a minute, and a day without any."""

import os

import pytest

from tests.assurance import Assure
from tests.simulation.day.day import Size, Verdict, live

HOURS = float(os.environ.get("DAY_HOURS", "0.1"))
PEOPLE = int(os.environ.get("DAY_PEOPLE", "6"))
RUNS = int(os.environ.get("DAY_RUNS", "18"))
SEED = int(os.environ.get("DAY_SEED", "1"))
WHOLE = HOURS >= 24
"""The whole day; what runs on every push is minutes of one in which things go wrong more often."""


def lived(fault_every_s: float) -> Verdict:
    size = Size(3600 * HOURS, PEOPLE, RUNS, 2 if WHOLE else 3, fault_every_s)
    verdict = live(size, SEED)
    again = (
        f"python -m tests.simulation.day --seed {SEED} --hours {HOURS} --people {PEOPLE} --runs {RUNS}"
        f" --workers {size.workers} --fault-every-s {fault_every_s}"
    )
    assert not verdict.violations, "\n".join([again, *verdict.violations[:50]])
    return verdict


@pytest.mark.timeout(7200)
def test_a_day_with_a_fault_a_minute_loses_nothing_and_is_live_again_soon(assure: Assure) -> None:
    verdict = lived(60.0 if WHOLE else 12.0)
    assure("T5 chaos", 1, 0, **verdict.figures)
    assert verdict.figures["faults"] >= 15
    assert verdict.figures["trades"] > RUNS


@pytest.mark.timeout(7200)
def test_a_day_without_faults_is_taken_over_by_nobody(assure: Assure) -> None:
    verdict = lived(0.0)
    assure("T5 control", 1, 0, **verdict.figures)
    assert verdict.figures["takeovers"] == 0
    assert verdict.figures["orders"] > RUNS
