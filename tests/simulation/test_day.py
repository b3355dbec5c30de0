"""T5: a day of fifty people, two hundred runs and six venues with a fault a minute, and a day without any."""

import os
from dataclasses import replace

import pytest

from tests.assurance import Assure
from tests.simulation.day.day import Size, Verdict, live

HOURS = float(os.environ.get("DAY_HOURS", "0"))
SEED = int(os.environ.get("DAY_SEED", "1"))

MINUTES = Size(180, people=4, runs=12, workers=3, fault_every_s=6, refresh_s=(5, 10, 20), market_every_s=3)
"""What runs on every push: minutes in which more goes wrong and is decided than in an hour of the day."""

DAY = Size(seconds=3600 * HOURS, people=50, runs=200, workers=2) if HOURS else MINUTES


def lived(size: Size) -> Verdict:
    verdict = live(size, SEED)
    refresh = " ".join(map(str, size.refresh_s))
    again = (
        f"python -m tests.simulation.day --seed {SEED} --hours {size.seconds / 3600} --people {size.people}"
        f" --runs {size.runs} --workers {size.workers} --fault-every-s {size.fault_every_s}"
        f" --refresh-s {refresh} --market-every-s {size.market_every_s}"
    )
    assert not verdict.violations, "\n".join([again, *verdict.violations[:50]])
    return verdict


@pytest.mark.timeout(7200)
def test_a_day_with_a_fault_a_minute_loses_nothing_and_is_live_again_soon(assure: Assure) -> None:
    verdict = lived(DAY)
    assure("T5 chaos", 1, 0, **verdict.figures)
    assert verdict.figures["faults"] >= 20
    assert verdict.figures["orders"] > 2 * DAY.runs


@pytest.mark.timeout(7200)
def test_a_day_without_faults_is_taken_over_by_nobody(assure: Assure) -> None:
    verdict = lived(replace(DAY, fault_every_s=0))
    assure("T5 control", 1, 0, **verdict.figures)
    assert verdict.figures["takeovers"] <= 1
    assert verdict.figures["by_workers"] == 0
    assert verdict.figures["orders"] > 2 * DAY.runs
