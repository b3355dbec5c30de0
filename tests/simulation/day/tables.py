"""Tables in memory that note what they would take to undo, and transactions that nobody sees half of."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

Key = TypeVar("Key")
Row = TypeVar("Row")

_NOTHING: Any = object()


class Journal:
    """What was where before an open transaction changed it, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[dict[Any, Any], Any, Any]] | None = None
        self.writer: asyncio.Task[Any] | None = None

    def undo(self, down_to: int) -> None:
        """Put back everything that was noted after so many entries."""
        assert self.entries is not None
        while len(self.entries) > down_to:
            table, key, before = self.entries.pop()
            if before is _NOTHING:
                dict.pop(table, key, None)
            else:
                dict.__setitem__(table, key, before)


class Noted(dict[Key, Row]):
    """Rows by key, each of which is replaced and never altered; what a transaction changes can be undone."""

    def __init__(self, journal: Journal, rows: Iterable[tuple[Key, Row]] = ()) -> None:
        super().__init__(rows)
        self._journal = journal

    def __setitem__(self, key: Key, row: Row) -> None:
        if (entries := self._journal.entries) is not None:
            entries.append((self, key, self.get(key, _NOTHING)))
        super().__setitem__(key, row)

    def __delitem__(self, key: Key) -> None:
        if (entries := self._journal.entries) is not None:
            entries.append((self, key, self.get(key, _NOTHING)))
        super().__delitem__(key)

    def pop(self, key: Key, default: Any = _NOTHING) -> Any:
        """Remove a row and return it."""
        if key not in self:
            return super().pop(key) if default is _NOTHING else default
        row = self[key]
        del self[key]
        return row

    def setdefault(self, key: Key, default: Any = None) -> Any:
        """Return a row, having added it where there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **more: Any) -> None:
        """Set many rows."""
        for key, row in dict(*others, **more).items():
            self[key] = row

    def __ior__(self, other: Any) -> "Noted[Key, Row]":  # type: ignore[override, misc]  # one form is used
        self.update(other)
        return self


class Copied(Protocol):
    """A small table whose state a transaction copies."""

    rows: Any


class DayTransactions:
    """One transaction at a time; from its beginning to its commit nobody else has a turn.

    That is what a database promises of what it lets through. How transactions meet inside it is tried on a
    real Postgres elsewhere (T1, T2). Only those who use the small ``tables`` pay for copying them.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.tables: list[Copied] = []
        self.begun = 0

    @property
    def is_open(self) -> bool:
        """Return whether a transaction is open."""
        return self._journal.entries is not None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open one, or a savepoint within the one that is open."""
        journal = self._journal
        if journal.entries is not None:
            assert asyncio.current_task() is journal.writer, "somebody waited inside a transaction"
            with_all = len(journal.entries)
            before = [copy.deepcopy(table.rows) for table in self.tables]
            try:
                yield
            except BaseException:
                journal.undo(with_all)
                self._put_back(before)
                raise
            return
        self.begun += 1
        journal.entries, journal.writer = [], asyncio.current_task()
        before = [copy.deepcopy(table.rows) for table in self.tables]
        try:
            yield
        except BaseException:
            journal.undo(0)
            self._put_back(before)
            raise
        finally:
            journal.entries = None

    def _put_back(self, before: list[Any]) -> None:
        for table, rows in zip(self.tables, before, strict=True):
            table.rows = rows
