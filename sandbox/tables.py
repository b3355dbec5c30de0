"""Tables of frozen rows in memory, with one journal that can undo a request or hand it to a disk."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Generic, Protocol, TypeVar


class Row(Protocol):
    """A frozen dataclass of text, numbers, tuples of text and plain dicts."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Row)


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What one key of one table held before it was written."""

    table: "Table[Any]"
    key: str
    before: Any


class Journal:
    """Every write since the last commit, oldest first."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def note(self, change: Change) -> None:
        self._changes.append(change)

    def mark(self) -> int:
        """Return a point that `undo` can go back to."""
        return len(self._changes)

    def undo(self, mark: int = 0) -> None:
        """Take back every write made since the mark, newest first."""
        while len(self._changes) > mark:
            change = self._changes.pop()
            change.table.restore(change.key, change.before)

    def written(self) -> list[tuple[str, str, str | None]]:
        """Return what a disk must hold now as (table, key, text or None for gone)."""
        touched = {(change.table.name, change.key): change.table for change in self._changes}
        return [(name, key, table.text(key)) for (name, key), table in touched.items()]

    def forget(self) -> None:
        """Let go of the past: the disk has it."""
        self._changes.clear()


class Table(Generic[R]):
    """Rows by key, and the keys of rows by each index value, in order of first arrival."""

    def __init__(
        self,
        journal: Journal,
        row: type[R],
        key: Callable[[R], str],
        **indexes: Callable[[R], Iterable[str]],
    ) -> None:
        self.name = row.__name__
        self._row = row
        self._key = key
        self._journal = journal
        self._rows: dict[str, R] = {}
        self._functions = indexes
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexes}

    def __iter__(self) -> Iterator[R]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def find(self, key: str) -> R | None:
        return self._rows.get(key)

    def get(self, key: str) -> R:
        return self._rows[key]

    def by(self, index: str, value: str) -> list[R]:
        """Return the rows with this index value, first arrived first."""
        return [self._rows[key] for key in self._indexes[index].get(value, ())]

    def put(self, row: R) -> R:
        """Write a row over whatever its key held."""
        key = self._key(row)
        self._journal.note(Change(self, key, self._rows.get(key)))
        self.restore(key, row)
        return row

    def change(self, row: R, **fields: Any) -> R:
        """Write a copy of the row with some fields changed."""
        return self.put(dataclasses.replace(row, **fields))

    def drop(self, key: str) -> None:
        self._journal.note(Change(self, key, self._rows.get(key)))
        self.restore(key, None)

    def restore(self, key: str, row: R | None) -> None:
        """Set or remove a row without noting it: for undoing and loading."""
        old = self._rows.get(key)
        for name, function in self._functions.items():
            self._reindex(
                name, key, set(function(old)) if old else set(), set(function(row)) if row else set()
            )
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row

    def _reindex(self, name: str, key: str, old: set[str], new: set[str]) -> None:
        index = self._indexes[name]
        for value in old - new:
            del index[value][key]
            if not index[value]:
                del index[value]
        for value in new - old:
            index.setdefault(value, {})[key] = None

    def text(self, key: str) -> str | None:
        """Return the row as JSON text, or None when there is none."""
        row = self._rows.get(key)
        if row is None:
            return None
        facts = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))

    def load(self, key: str, text: str) -> None:
        """Take a row back from its JSON text."""
        facts = json.loads(text)
        self.restore(key, self._row(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}))
