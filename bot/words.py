"""How renderers find words: catalogues by language, numbers and dates by locale."""

from datetime import datetime
from typing import Protocol

from bot.ports import Json


class Words(Protocol):
    """One language."""

    def __call__(self, key: str, **params: Json) -> str:
        """Return the text with this key, parameters filled in as the catalogue says.

        A placeholder is ``{name}`` for plain text, ``{name:amount}`` for an amount given as text,
        ``{name:gain}`` for a rounded one with its sign, ``{name:bps}`` for basis points as a percentage,
        ``{name:when}`` for an instant in ISO 8601.
        """
        ...

    def has(self, key: str) -> bool:
        """Return whether there is such a text."""
        ...

    def amount(self, text: str) -> str:
        """Return an amount as people of this language write it."""
        ...

    def when(self, instant: datetime) -> str:
        """Return an instant as people of this language write it, in UTC."""
        ...


class Texts(Protocol):
    """All languages."""

    def words(self, language: str) -> Words:
        """Return the words of a language; an unknown one is English."""
        ...
