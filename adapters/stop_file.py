"""The halt file: one small JSON file, or any file at all that somebody put there by hand."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import Unavailable
from domain.ids import UserId
from domain.ports.stops import BY_FILE, Stop

_LONGEST = 4_096
_ID, _LONGEST_NAME = re.compile(r"[a-z0-9-]{1,64}"), 36


class HaltFile:
    """As ``domain.ports.stops.StopFile``; what cannot be read as a stop of ours stops all the same."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stands(self) -> bool:
        """Tell whether there is anything, as far as one can see."""
        try:
            return self._path.exists()
        except OSError:
            return False

    def read(self) -> Stop | None:
        """Return the stop that stands there; of a file made by hand its time is its name."""
        try:
            changed_ns = self._path.stat().st_mtime_ns
        except OSError:
            return None
        try:
            with self._path.open(encoding="utf-8") as file:
                told = json.loads(file.read(_LONGEST))
            return _stop(told["id"], told["by"], datetime.fromisoformat(told["at"]))
        except Exception:  # whatever is wrong with it, it stops
            return Stop(f"file-{changed_ns}", BY_FILE, datetime.fromtimestamp(changed_ns / 1e9, UTC))

    def trouble(self) -> str:
        """Return why nothing could be written here, or nothing."""
        return "" if os.access(self._path.parent, os.W_OK) else "the halt file cannot be written"

    def write(self, stop: Stop) -> None:
        """Write it, whole or not at all, readable to all who honour it.

        Raises:
            Unavailable: ``halt_file_unwritable``.
        """
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            with draft.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o644)  # who could not read it would take it for one made by hand
                json.dump({"id": stop.id, "by": stop.by, "at": stop.at.isoformat()}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise self._unwritable(error) from error

    def remove(self, stop: Stop) -> None:
        """Take this very stop away; another one stays.

        Raises:
            Unavailable: ``halt_file_unwritable``.
        """
        if self.read() != stop:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Unavailable:
        return Unavailable("halt_file_unwritable", path=str(self._path), why=str(error.strerror))


def _stop(name: object, by: object, at: datetime) -> Stop:
    """Return the stop of these facts.

    Raises:
        ValueError, OverflowError: the database would not take them.
    """
    who = str(by)
    if not _ID.fullmatch(str(name)) or not 0 < len(who) <= _LONGEST_NAME or at.tzinfo is None:
        raise ValueError("no stop of ours")
    if not who.isprintable():
        raise ValueError("no name of ours")
    return Stop(str(name), UserId(who), at.astimezone(UTC))
