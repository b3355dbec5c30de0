"""One seed, one run: in another process, with other hashes, on a busy machine."""

import os
import re
import subprocess
import sys

import pytest

from tests.simulation.conftest import Simulate
from tests.simulation.simulation import ROOT, Plan


@pytest.mark.timeout(300)
def test_a_seed_decides_everything(play: Simulate) -> None:
    plan = Plan(3, "everybody", {"bot": frozenset({150}), "workers": frozenset({90, 300})}, "swarm")
    here = play(plan)
    assert here.deaths == 3
    again = (
        "tests.simulation everybody --seed 3 --weather swarm --die bot:150 --die workers:90 --die workers:300"
    )
    there = subprocess.run(
        [sys.executable, "-m", *again.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"fingerprint (\w+)", there.stdout)
    assert found, there.stdout + there.stderr
    assert found[1] == here.fingerprint


def test_another_seed_decides_otherwise(play: Simulate) -> None:
    assert play(Plan(1, "paying_in")).fingerprint != play(Plan(2, "paying_in")).fingerprint
