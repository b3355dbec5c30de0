"""Play a plan again: ``python -m tests.simulation taking_out --seed 17 --weather swarm --die bot:42``."""

import argparse
import sys
from collections.abc import Sequence

from adapters.db.grants import Role
from adapters.db.roles import Names
from sandbox.postgres import create_database, start_postgres
from tests.conftest import make_template
from tests.memory import in_memory
from tests.simulation.machine import Machine
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.simulation import Plan, Verdict, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is asked for, print the last boundaries and the verdict; return 1 when something is wrong."""
    asked = _parser().parse_args(arguments)
    deaths: dict[str, set[int]] = {}
    for death in asked.die:
        process, _, number = death.partition(":")
        deaths.setdefault(process, set()).add(int(number))
    plan = Plan(
        asked.seed,
        asked.scenario,
        {process: frozenset(numbers) for process, numbers in deaths.items()},
        asked.weather,
        ("bot", "workers", *(("workers-2",) if asked.two_workers else ())),
    )
    verdict = _play(plan)
    print("\n".join(map(str, verdict.log[-asked.last :] if asked.last else ())))
    print(f"fingerprint {verdict.fingerprint}")
    print(
        f"boundaries {verdict.boundaries}, deaths {verdict.deaths}, {verdict.virtual_s:.0f} virtual seconds"
    )
    print(verdict.complain() if verdict.violations else "nothing is wrong")
    return 1 if verdict.violations else 0


def _play(plan: Plan) -> Verdict:
    with in_memory() as state:
        cluster = start_postgres(state, durable=False)
        try:
            admin_url = create_database(cluster, "simulation", make_template(cluster))
            machine = Machine(cluster.url("simulation", Names().of(Role.APP)), admin_url)
            try:
                return simulate(plan, SCENARIOS[plan.scenario], machine, state)
            finally:
                machine.close()
        finally:
            cluster.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("scenario", choices=sorted(SCENARIOS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weather", choices=("calm", "swarm"), default="calm")
    parser.add_argument("--die", action="append", default=[], metavar="PROCESS:BOUNDARY")
    parser.add_argument("--two-workers", action="store_true")
    parser.add_argument("--last", type=int, default=20, help="how many of the last boundaries to print")
    return parser


if __name__ == "__main__":
    sys.exit(main())
