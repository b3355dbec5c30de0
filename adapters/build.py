"""Which release this is: a digest of its sources, and the newest migration it knows."""

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
_OURS = (
    "adapters",
    "angel",
    "bot",
    "conversations",
    "domain",
    "handlers",
    "listener",
    "migrations",
    "webapp",
    "workers",
)


def build_name() -> str:
    """Return what this build is called: ``MRMARKET_BUILD``, or a digest of its sources."""
    return os.environ.get("MRMARKET_BUILD") or build_of_sources()


def build_of_sources(root: Path = ROOT) -> str:
    """Return a digest of every Python file of the product: equal sources, equal build."""
    digest = hashlib.sha256()
    for path in sorted(path for package in _OURS for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def schema_version(root: Path = ROOT) -> int:
    """Return the number of the newest migration in the tree."""
    return max(int(path.name.split("_")[0]) for path in (root / "migrations" / "models").glob("[0-9]*_*.py"))
