"""What simulations need: a fresh database for each."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.db.grants import Role
from adapters.db.roles import Names
from sandbox.postgres import Postgres, create_database, drop_database
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.simulation import Plan, Verdict, simulate

_numbers = itertools.count(1)

Simulate = Callable[[Plan], Verdict]


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
