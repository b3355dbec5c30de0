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


_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def span(words: Words, seconds: Json | float) -> str:
    """Return a number of seconds in words, rounded down, in the largest unit of which there are two."""
    assert isinstance(seconds, int | float)
    whole = max(0, int(seconds))
    size, unit = next((each for each in _UNITS if whole >= 2 * each[0]), (1, "seconds"))
    return words(f"span_{unit}", count=whole // size)


def named(words: Words, prefix: str, code: str) -> str:
    """Return a code in the person's words; one without words of its own is shown as it is.

    What follows a colon is what the code is about, and is shown in brackets.
    """
    what, colon, about = code.partition(":")
    if colon and words.has(prefix + what):
        return f"{words(prefix + what)} ({about})"
    return words(prefix + code) if words.has(prefix + code) else code.replace("_", " ")
