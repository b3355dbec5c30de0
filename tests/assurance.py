"""What the bars of the safety plan came to: notes of single tests, summed up in ``reports/assurance.json``.

The report says for each bar what its last run was: cases, violations, seconds, commit, and figures of its
own. A bar that has not been run is not in it. Git ignores it.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOTES = ROOT / "reports" / "assurance.jsonl"
REPORT = ROOT / "reports" / "assurance.json"

_FIRST = ("cases", "violations")

Assure = Callable[..., None]
"""``assure(bar, cases, violations, **figures)``: figures of one bar are summed up."""


FAILED = pytest.StashKey[bool]()
"""Set on a test that failed: what it noted is a violation then, whatever it counted before."""


@pytest.fixture
def assure(request: pytest.FixtureRequest) -> Iterator[Assure]:
    """Give the means to note what a test contributes to a bar; noted when the test ends, however it does."""
    began_s = time.monotonic()
    notes: list[dict[str, Any]] = []

    def note(bar: str, cases: int, violations: int, **figures: int) -> None:
        seconds = round(time.monotonic() - began_s, 1)
        notes.append({"bar": bar, "cases": cases, "violations": violations, "seconds": seconds, **figures})

    yield note
    if FAILED in request.node.stash:
        notes = [{**each, "violations": max(1, each["violations"])} for each in notes]
    NOTES.parent.mkdir(exist_ok=True)
    with NOTES.open("a") as file:
        file.writelines(f"{json.dumps(each)}\n" for each in notes)


def forget() -> None:
    """Begin anew: notes of an earlier run are none of this one."""
    NOTES.unlink(missing_ok=True)


def report() -> None:
    """Sum up the notes of this run, and put them in the place of what the report said of the same bars."""
    if not NOTES.exists():
        return
    notes = [json.loads(line) for line in NOTES.read_text().splitlines()]
    commit, bars = _commit(), _before()
    for bar in sorted({note["bar"] for note in notes}):
        bars[bar] = {**_sums([note for note in notes if note["bar"] == bar]), "commit": commit}
    REPORT.write_text(json.dumps(bars, indent=2, sort_keys=True) + "\n")


def table() -> str:
    """Return the report as lines to read: bar, cases, violations, and what else was counted."""
    lines = []
    for bar, figures in sorted(_before().items()):
        more = ", ".join(f"{name} {figure}" for name, figure in figures.items() if name not in _FIRST)
        lines.append(f"{bar}: {figures['cases']} cases, {figures['violations']} violations, {more}")
    return "\n".join(lines)


def _sums(notes: list[Mapping[str, Any]]) -> dict[str, Any]:
    sums: Counter[str] = Counter()
    for note in notes:
        sums.update({name: figure for name, figure in note.items() if isinstance(figure, int | float)})
    return dict(sums) | {"seconds": round(sums["seconds"], 1)}


def _before() -> dict[str, Any]:
    bars: dict[str, Any] = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    return bars


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
