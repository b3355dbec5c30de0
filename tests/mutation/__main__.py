"""``make mutate``: change the money core line by line, and see that a test notices each time (T28).

What to change and which tests to ask stands in ``pyproject.toml`` (``[tool.mutmut]``); how it is judged, in
``verdict.py``. Arguments name what to change: ``make mutate ARGS="domain.money*"``.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from tests.mutation.verdict import Change, reasons_of, report

ROOT = Path(__file__).parents[2]
REASONS = Path(__file__).with_name("survivors.txt")
LOG = ROOT / "reports" / "mutation.log"
CHILDREN = str(os.cpu_count() or 2)


def main() -> int:
    """Run, print what was noticed and what was not, and return 1 when the bar was missed."""
    began = time.monotonic()
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)  # it remembers what other tests have noticed
    if not _run(sys.argv[1:]):
        print(f"The run broke off; {LOG.relative_to(ROOT)} says why.")
        return 1
    whole = not sys.argv[1:]
    judged = [change for change in _changes() if whole or change.how != "not checked"]
    lines, passed = report(judged, reasons_of(REASONS.read_text()), whole=whole)
    print("\n".join([*lines, f"{(time.monotonic() - began) / 60:.0f} minutes with {CHILDREN} children"]))
    return 0 if passed else 1


def _run(wanted: list[str]) -> bool:
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", CHILDREN, *wanted]
        return subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode == 0


def _changes() -> Iterator[Change]:
    for path in walk_mutatable_files():
        kept = SourceFileMutationData(path=path)
        kept.load()
        for name, code in kept.exit_code_by_key.items():
            yield Change.read(name, status_by_exit_code[code], get_diff_for_mutant(name, path=path))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
