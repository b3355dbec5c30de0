"""What simulations need: a machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.db.grants import Role
from adapters.db.roles import Names
from sandbox.postgres import Postgres, create_database, drop_database
from tests.simulation.machine import Machine
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.simulation import Plan, Verdict, simulate

_NAME = "simulation"

Simulate = Callable[[Plan], Verdict]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage here: it would cost minutes, and other tests look at the same code closely."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def machine(cluster: Postgres, template: str) -> Iterator[Machine]:
    """Give the machine that all simulations of a test process use, one after the other."""
    admin_url = create_database(cluster, _NAME, template)
    machine = Machine(cluster.url(_NAME, Names().of(Role.APP)), admin_url)
    yield machine
    machine.close()
    drop_database(cluster, _NAME)


@pytest.fixture
def play(machine: Machine, tmp_path: Path) -> Simulate:
    """Give the means to play a plan."""

    def once(plan: Plan) -> Verdict:
        return simulate(plan, SCENARIOS[plan.scenario], machine, tmp_path)

    return once
