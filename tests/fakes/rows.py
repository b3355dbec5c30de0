"""Tables in memory whose rows never change, so that putting one back needs no copy of each row."""

from typing import TypeVar

Key = TypeVar("Key")
Row = TypeVar("Row")


class Flat(dict[Key, Row]):
    """Rows by key, each of which is replaced and never altered."""

    def __deepcopy__(self, memo: dict[int, object]) -> "Flat[Key, Row]":
        """Return a table that goes its own way."""
        return Flat(self)
