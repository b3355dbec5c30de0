"""What a machine remembers of its database, in a file of its own: no back-up of the database has it (PG5)."""

import json
import os
from pathlib import Path

from domain.errors import Unavailable
from domain.ledger.chain import Head
from domain.reconciliation.signs import Marker


class MarkerFile:
    """One small JSON file, as ``domain.ports.births.MarkerStore``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Marker | None:
        """Return what was noted last, ``None`` when nothing was."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            head = Head(int(told["number"]), str(told["hash"]))
            return Marker(str(told["database"]), head, int(told["epoch"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable("marker_unreadable", path=str(self._path), why=type(error).__name__) from error

    def write(self, marker: Marker) -> None:
        """Note it, whole or not at all."""
        told = {
            "database": marker.database,
            "number": marker.head.number,
            "hash": marker.head.hash,
            "epoch": marker.epoch,
        }
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump(told, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise Unavailable("marker_unwritable", path=str(self._path), why=str(error.strerror)) from error
