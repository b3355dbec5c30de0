"""What ``pip install .`` brings: all of the product, its texts, pages and migrations, and nothing else."""

import shutil
import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from adapters.build import _OURS, build_of_sources, schema_version

ROOT = Path(__file__).parents[1]
PAPERS = ("pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of a copy and unpack it, as an installer would."""
    there = tmp_path_factory.mktemp("wheel")
    for package in _OURS:
        shutil.copytree(ROOT / package, there / "src" / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PAPERS:
        shutil.copy(ROOT / name, there / "src")
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(there)]
    subprocess.run(command, cwd=there / "src", check=True, capture_output=True)
    [wheel] = there.glob("*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(there / "site")
    return there / "site"


def files(root: Path) -> set[str]:
    """Return every file of the product below a directory."""
    found = (path for package in _OURS for path in (root / package).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found if path.suffix not in (".pyc", ".md")}


def test_every_file_of_the_product_comes_along(installed: Path) -> None:
    assert files(installed) == files(ROOT)
    assert build_of_sources(installed) == build_of_sources(ROOT), "an installed release is the deployed one"
    assert schema_version(installed) == schema_version(ROOT)


def test_nothing_else_comes_along(installed: Path) -> None:
    beside = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert beside == set(_OURS)
    [about] = installed.glob("*.dist-info")
    metadata = Parser().parsestr((about / "METADATA").read_text())
    assert {"sandbox", "dev"} <= set(metadata.get_all("Provides-Extra") or [])
    assert (about / "licenses" / "LICENSE").exists()


@pytest.mark.parametrize("words", [["--help"], ["keys", "--help"]])
def test_the_command_line_starts_from_there(installed: Path, tmp_path: Path, words: list[str]) -> None:
    [about] = installed.glob("*.dist-info")
    assert "mrmarket = adapters.cli.__main__:main" in (about / "entry_points.txt").read_text()
    script = "import sys; sys.argv[0] = 'mrmarket'; from adapters.cli.__main__ import main; sys.exit(main())"
    asked = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("usage: mrmarket")
