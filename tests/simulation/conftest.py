"""What simulations need: a fresh database for each, and a place for their figures."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.db.grants import Role
from adapters.db.roles import Names
from sandbox.postgres import Postgres, create_database, drop_database
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.simulation import ROOT, Plan, Verdict, simulate

_numbers = itertools.count(1)

Simulate = Callable[[Plan], Verdict]
Assure = Callable[..., None]


@pytest.fixture
def play(cluster: Postgres, template: str, tmp_path: Path) -> Simulate:
    """Give the means to play a plan on a database of its own."""

    def once(plan: Plan) -> Verdict:
        name = f"simulation_{os.getpid()}_{next(_numbers)}"
        admin_url = create_database(cluster, name, template)
        try:
            app_url = cluster.url(name, Names().of(Role.APP))
            return simulate(plan, SCENARIOS[plan.scenario], app_url, admin_url, tmp_path)
        finally:
            drop_database(cluster, name)

    return once


@pytest.fixture
def assure() -> Iterator[Assure]:
    """Give the means to note what a bar of the safety plan came to, in ``reports/``, which git ignores."""
    began = time.monotonic()
    lines: list[str] = []

    def note(bar: str, cases: int, violations: int, **more: object) -> None:
        seconds = round(time.monotonic() - began, 1)
        lines.append(
            json.dumps({"bar": bar, "cases": cases, "violations": violations, "seconds": seconds, **more})
        )

    yield note
    reports = ROOT / "reports"
    reports.mkdir(exist_ok=True)
    with (reports / "assurance.jsonl").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
