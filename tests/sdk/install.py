"""Mixin's SDK for Node, installed once beside its lock; git does not see it."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
OLDEST_NODE = 20
_NPM = (
    "npm",
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retry-mintimeout=500",
    "--fetch-retry-maxtimeout=2000",
)
_OURS = (
    "EUSAGE",
    "EINTEGRITY",
    "EJSONPARSE",
)  # our lock is wrong, or its bytes were exchanged: not to be skipped


class NotToBeHad(Exception):
    """The SDK cannot be installed on this machine; the text says what is missing."""


def install() -> None:
    """Install what the lock names, unless it is there already; only one process at a time does so.

    Raises:
        NotToBeHad: there is no fit node, no npm, or no registry in reach.
    """
    _check_tools()
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = HERE / "node_modules" / f".installed-{hashlib.sha256(lock.read()).hexdigest()[:16]}"
        if not done.exists():
            _run_npm()
            done.touch()


def _check_tools() -> None:
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        raise NotToBeHad(f"there is no {' and no '.join(missing)}")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(said.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise NotToBeHad(f"node is {said}, and the SDK wants {OLDEST_NODE} or later")


def _run_npm() -> None:
    try:
        ran = subprocess.run(_NPM, cwd=HERE, capture_output=True, text=True, timeout=150, check=False)
    except subprocess.TimeoutExpired as e:
        raise NotToBeHad("npm ci took too long: is a registry in reach?") from e
    if ran.returncode == 0:
        return
    codes = [line.split()[-1] for line in ran.stderr.splitlines() if line.startswith("npm error code")]
    assert not set(codes) & set(_OURS), f"npm ci refuses our lock: {ran.stderr}"
    raise NotToBeHad(f"npm ci failed ({' '.join(codes) or 'no code'}): is a registry in reach?")
