"""The state on disk: one SQLite file, one transaction per answer."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.mixin.core.world import State

_QUIET = {"Token", "Fact", "Ghost", "Draft"}


class Store:
    """Keeps a State and its file equal: what a caller was told is what a restart finds."""

    def __init__(self, directory: Path) -> None:
        self.on_change: Callable[[], None] = lambda: None  # called when more than counters changed
        directory.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(directory / "mixin.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS rows"
            " (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )
        self.state = State()
        for kind, key, body in self._db.execute("SELECT kind, key, body FROM rows ORDER BY rowid"):
            self.state.load(kind, key, body)

    @contextlib.contextmanager
    def unit(self) -> Iterator[None]:
        """Commit all that happens inside before it is left; on any error nothing happened."""
        try:
            yield
            written = self.state.journal.written()
            self._save(written)
        except BaseException:
            self.state.journal.undo()
            raise
        self.state.journal.forget()
        if any(kind not in _QUIET for kind, _, _ in written):
            self.on_change()

    def _save(self, written: list[tuple[str, str, str | None]]) -> None:
        if not written:
            return
        gone = [(kind, key) for kind, key, body in written if body is None]
        with self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM rows WHERE kind = ? AND key = ?", gone)
            self._db.executemany(
                "INSERT INTO rows (kind, key, body) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET body = excluded.body",
                [row for row in written if row[2] is not None],
            )

    def close(self) -> None:
        self._db.close()
