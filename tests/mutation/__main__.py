"""``make mutate``: change the money core line by line, and see that a test notices each time (T28).

What to change and which tests to ask stands in ``pyproject.toml`` (``[tool.mutmut]``). A change that no test
notices must stand in ``survivors.txt`` with the reason why it may; any other one fails the run, and so does a
score below the bar. The tests that need Postgres share one cluster, which makes a run ten times as fast.
Arguments name what to change: ``make mutate ARGS="domain.money*"``.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.postgres import start_postgres
from tests.conftest import SHARED_CLUSTER, make_template
from tests.memory import in_memory

ROOT = Path(__file__).parents[2]
REASONS = Path(__file__).with_name("survivors.txt")
LOG = ROOT / "reports" / "mutation.log"
LEAST_KILLED_PERCENT = 90

KILLED = frozenset({"killed", "timeout", "segfault", "caught by type check"})

_RESULT = re.compile(r"^\s+(\S+): (.+)$")
_NUMBER = re.compile(r"\.x_|__mutmut_\d+$")


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed: where, what the line was, and what it became."""

    function: str
    was: str
    became: str

    def __str__(self) -> str:
        """Return it as ``survivors.txt`` names it."""
        return f"{self.function}: {self.was} => {self.became}"


def main() -> int:
    """Run, print score and survivors, and return 1 when the bar was missed or a survivor has no reason."""
    LOG.parent.mkdir(exist_ok=True)
    with in_memory() as state:
        cluster = start_postgres(state, durable=False)
        try:
            make_template(cluster)
            _run({SHARED_CLUSTER: json.dumps({"port": cluster.port, "password": cluster.password})})
        finally:
            cluster.stop()
    results = {name: how for name, how in _results() if how != "not checked"}
    ended = Counter(results.values())
    killed = sum(count for how, count in ended.items() if how in KILLED)
    survivors = [_describe(name) for name, how in results.items() if how not in KILLED]
    reasons = _reasons()
    unexplained = [survivor for survivor in survivors if str(survivor) not in reasons]
    percent = 100 * killed / len(results) if results else 0.0
    print(f"{len(results)} changes, {killed} noticed: {percent:.1f} % ({dict(ended)})")
    for survivor in survivors:
        print(f"  {survivor}   # {reasons.get(str(survivor), 'NO REASON GIVEN')}")
    for gone in sorted(set(reasons) - set(map(str, survivors))):
        print(f"  is noticed now, so take it off the list: {gone}")
    return 1 if unexplained or percent < LEAST_KILLED_PERCENT else 0


def _run(more: dict[str, str]) -> None:
    command = [*_mutmut(), "run", "--max-children", str(os.cpu_count() or 2), *sys.argv[1:]]
    with LOG.open("wb") as log:
        subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, stdout=log, stderr=log, check=False)


def _results() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        [*_mutmut(), "results", "--all", "true"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for line in listed.stdout.splitlines():
        if found := _RESULT.match(line):
            yield found[1], found[2]


def _describe(name: str) -> Survivor:
    shown = subprocess.run(
        [*_mutmut(), "show", name], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    was, became = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
    return Survivor(_NUMBER.sub(lambda found: "." if found[0] == ".x_" else "", name), was, became)


def _reasons() -> dict[str, str]:
    """Return why each known survivor may live: lines of ``survivor   # reason``."""
    lines = [line for line in REASONS.read_text().splitlines() if line and not line.startswith("#")]
    return {survivor.strip(): reason for survivor, _, reason in (line.partition("   # ") for line in lines)}


def _mutmut() -> list[str]:
    return [sys.executable, "-m", "mutmut"]


if __name__ == "__main__":
    sys.exit(main())
