"""Who runs here: the lock that says so, and ``run.json`` that tells other programs where everything is."""

import fcntl
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sandbox.children import CannotStart
from sandbox.world import write_private

FORM = "1"
_NOT_LENT = ("MRMARKET_ENV_FILE", "MRMARKET_HEALTH_PORT")


class AlreadyRunning(Exception):
    """Another sandbox holds this state directory; ``facts`` is its run file, if it is up."""

    def __init__(self, facts: dict[str, Any] | None) -> None:
        super().__init__("already running")
        self.facts = facts


@dataclass(slots=True)
class StateDirectory:
    """The directory all state lies in, held by one sandbox at a time."""

    path: Path
    _lock: IO[str] | None = field(default=None, repr=False)

    @property
    def run_file(self) -> Path:
        """Return where other programs find what runs."""
        return self.path / "run.json"

    @property
    def settings_file(self) -> Path:
        """Return where the command line finds the settings of what runs."""
        return self.path / "settings.env"

    def take(self) -> None:
        """Hold the directory until this process ends, however it ends.

        Raises:
            AlreadyRunning: another process holds it.
            CannotStart: it is of another release, or not ours to write.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self.path / "lock").open("w")
        except OSError as error:
            raise CannotStart(f"{self.path} cannot be written: {error.strerror}. Use --state DIR.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise AlreadyRunning(self._read_run_file()) from None
        self.run_file.unlink(missing_ok=True)
        (self.path / "drill").unlink(missing_ok=True)  # of a drill that was cut off
        self._refuse_other_form()

    def keep_market(self, market: str) -> None:
        """Remember which market the venue's state belongs to: the live one, or one recording.

        Raises:
            CannotStart: it belongs to another.
        """
        marker = self.path / "market"
        if not marker.exists():
            marker.write_text(f"{market}\n")
        if (found := marker.read_text().strip()) != market:
            raise CannotStart(
                f"The state in {self.path} belongs to another market ({found}, not {market}). "
                "Give each market a state directory of its own with --state DIR."
            )

    def tell(self, facts: dict[str, Any]) -> None:
        """Write ``run.json``, whole or not at all, for our eyes only: it names passwords."""
        write_private(self.run_file, facts)

    def lend(self, settings: Mapping[str, str]) -> None:
        """Write the workers' settings for ``mrmarket``: ``MRMARKET_ENV_FILE=…/settings.env mrmarket doctor``.

        Each command is a process of its own, so the page of the workers' health is not among them.
        """
        kept = sorted(name for name in settings if name.startswith("MRMARKET_") and name not in _NOT_LENT)
        self.settings_file.unlink(missing_ok=True)
        self.settings_file.touch(mode=0o600)
        self.settings_file.write_text(
            "".join(f"{name}='{settings[name]}'\n" for name in kept), encoding="utf-8"
        )

    def kept_down(self) -> Collection[str]:
        """Return the parts that somebody wants killed and kept down: ``mrmarket drill angel``."""
        try:
            return frozenset((self.path / "drill").read_text(encoding="utf-8").split())
        except OSError:
            return ()

    def leave(self) -> None:
        """Let go: nothing runs here any more."""
        if self._lock and not self._lock.closed:
            self.run_file.unlink(missing_ok=True)
            self.settings_file.unlink(missing_ok=True)
            self._lock.close()

    def _read_run_file(self) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(self.run_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return facts

    def _refuse_other_form(self) -> None:
        marker = self.path / "form"
        if not marker.exists():
            if (self.path / "postgres").exists():
                raise CannotStart(_of_another_release(self.path, "no form"))
            marker.write_text(f"{FORM}\n")
        found = marker.read_text().strip()
        if found != FORM:
            raise CannotStart(_of_another_release(self.path, f"form {found[:20]}"))
        if (self.path / "postgres").exists() and not (self.path / "world.json").exists():
            raise CannotStart(
                f"{self.path} has a database but no world.json: its people are gone. "
                "Put the file back, or move the directory away to begin afresh."
            )


def _of_another_release(path: Path, found: str) -> str:
    return (
        f"The state in {path} has {found}, and this release knows form {FORM}. "
        "Move the directory away to begin afresh, or run the release that made it."
    )
