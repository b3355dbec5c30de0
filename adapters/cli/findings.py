"""What the doctor finds, in the language of whoever asks."""

import os
from dataclasses import dataclass
from unicodedata import east_asian_width

from adapters.texts.catalogues import LOCALES, texts
from bot.words import Words
from domain.health.drill import Drill


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, and whether all is well; what is not says what to mend."""

    well: bool
    said: str


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese character takes two."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def padded(text: str, width: int) -> str:
    """Return a text filled up to so many columns of a terminal."""
    return text + " " * (width - columns(text))


def fine(words: Words) -> Finding:
    """Say that all is well."""
    return Finding(well=True, said=words("doctor_ok"))


def ill(words: Words, key: str, **facts: str) -> Finding:
    """Say what is wrong and what to mend."""
    return Finding(well=False, said=words(key, **facts))


def drill_said(drill: Drill, words: Words) -> str:
    """Return what a drill came to, and what to do when that was not enough."""
    facts = {name: _seconds(getattr(drill, f"{name}_s")) for name in ("allowed", "flat", "safe", "back")}
    return words(f"drill_{drill.verdict}", orders=drill.orders, **facts)


def _seconds(span: float | None) -> str:
    return "–" if span is None else f"{span:.1f}"


def spoken(asked: str | None) -> Words:
    """Return the words of the language that was asked for, else of the shell's; one we lack is English."""
    shell = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    language = (asked or shell)[:2].lower()
    return texts().words(language if language in LOCALES else "en")
