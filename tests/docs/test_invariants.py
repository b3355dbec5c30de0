"""``docs/invariants.md`` says of every id of the safety plan what holds it and what shows it: held to that.

A name in backticks must exist: a path as a file, a test as a test, any other name somewhere in our sources.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "invariants.md"
OURS = (
    "domain",
    "bot",
    "handlers",
    "conversations",
    "adapters",
    "workers",
    "webapp",
    "sandbox",
    "migrations",
)
MOST = {"DP": 9, "WD": 9, "FE": 5, "FL": 9, "ST": 6, "MS": 12, "OR": 11, "I": 12, "CV": 10, "TX": 9, "EX": 7}
REQUIRED = [f"{family}{number}" for family, most in MOST.items() for number in range(1, most + 1)]

_QUOTED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@cache
def rows() -> dict[str, list[str]]:
    """Return the cells of every row of every table, by id."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    told = [row for row in cells if len(row) >= 5 and row[0] not in ("id", "---")]
    return {invariant: row for row in told for invariant in row[0].split(", ")}


@cache
def sources(*packages: str) -> str:
    """Return the text of all Python of some packages."""
    return "\n".join(
        path.read_text() for package in packages for path in sorted((ROOT / package).rglob("*.py"))
    )


def unknown(cell: str, *packages: str) -> Iterator[str]:
    """Yield the names of a cell that nothing in the repository bears."""
    for name in _QUOTED.findall(cell):
        path, _, member = name.partition("::")
        if "/" in path:
            found = list(ROOT.glob(path))
            if not found or (member and not any(f"{member}" in f.read_text() for f in found if f.is_file())):
                yield name
        elif path.endswith(".py"):
            if not any(ROOT.glob(f"{package}/**/{path}") for package in packages):
                yield name
        elif (word := _WORD.match(path)) and word[0].rpartition(".")[2] not in sources(*packages):
            yield name


@pytest.mark.parametrize("invariant", REQUIRED)
def test_each_id_has_a_row(invariant: str) -> None:
    assert invariant in rows(), f"docs/invariants.md has no row for {invariant}"


@pytest.mark.parametrize("invariant", sorted(rows()))
def test_a_row_names_what_holds_it_and_what_shows_it(invariant: str) -> None:
    row = rows()[invariant]
    held, shown = " ".join(row[2:-1]), row[-1]
    assert _QUOTED.search(held), f"{invariant}: neither database nor code is named"
    assert _QUOTED.search(shown), f"{invariant}: no test is named"
    assert "test" in shown or re.search(r"`[A-Z_]+`", shown), f"{invariant}: {shown} names no test"


@pytest.mark.parametrize("invariant", sorted(rows()))
def test_what_a_row_names_exists(invariant: str) -> None:
    row = rows()[invariant]
    wrong = [*unknown(" ".join(row[2:-1]), *OURS), *unknown(row[-1], *OURS, "tests")]
    assert not wrong, f"{invariant} names what is not there: {', '.join(wrong)}"
