"""Gettext catalogues, read with Babel when the process starts: what is edited is what runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel import Locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from bot.ports import Json

LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
"""Languages we speak, and whose habits in numbers and dates go with each."""

_HERE = Path(__file__).parent
_NUMBER = "#,##0.##################"
_PERCENT = "#,##0.####"


class CatalogueBroken(Exception):
    """A catalogue does not say what the program asks for."""


def entries_of(language: str) -> dict[str, str]:
    """Return the texts of a language by key; fuzzy and empty ones do not count.

    Raises:
        CatalogueBroken: the file is not a catalogue.
    """
    try:
        with (_HERE / f"{language}.po").open("rb") as file:
            catalogue = read_po(file, locale=LOCALES[language], abort_invalid=True)
    except (OSError, ValueError) as e:
        raise CatalogueBroken(f"{language}.po cannot be read: {e}") from e
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


def placeholders(text: str) -> set[tuple[str, str]]:
    """Return the placeholders of a text with their formats."""
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None}


class LanguageWords(Formatter):
    """The words of one language, as ``bot.words.Words``."""

    def __init__(self, language: str, entries: Mapping[str, str]) -> None:
        self._entries = entries
        self._locale = Locale.parse(LOCALES[language])

    def __call__(self, key: str, **params: Json) -> str:
        """Return the text with this key, parameters filled in.

        Raises:
            CatalogueBroken: there is no such text, or a parameter is missing.
        """
        try:
            return self.vformat(self._entries[key], (), params)
        except KeyError as e:
            raise CatalogueBroken(f"text {key} lacks {e}") from e

    def has(self, key: str) -> bool:
        """Return whether there is such a text."""
        return key in self._entries

    def amount(self, text: str) -> str:
        """Return an amount with the locale's separators, to the last digit."""
        return str(format_decimal(Decimal(text), _NUMBER, self._locale, decimal_quantization=False))

    def _gain(self, gain: Decimal) -> str:
        """Return what was won or lost with its sign: cents, or four digits of what is small."""
        places = max(2, 3 - gain.adjusted()) if gain else 0
        shown = format_decimal(round(gain, places), "+#,##0.##################;-#", self._locale)
        return str(shown) if gain else "0"

    def when(self, instant: datetime) -> str:
        """Return date and time, in UTC."""
        return str(format_datetime(instant.astimezone(UTC), "medium", locale=self._locale)) + " UTC"

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one parameter in the format its placeholder asks for."""
        match format_spec:
            case "amount":
                return self.amount(str(value))
            case "gain":
                return self._gain(Decimal(str(value)))
            case "bps":
                percent = Decimal(str(value)).scaleb(-2)
                return str(format_decimal(percent, _PERCENT, self._locale)) + "%"
            case "when":
                return self.when(datetime.fromisoformat(str(value)))
            case _:
                return str(value)


class CatalogueTexts:
    """All languages, as ``bot.words.Texts``."""

    def __init__(self) -> None:
        """Read all catalogues.

        Raises:
            CatalogueBroken: one cannot be read, or lacks what another has.
        """
        entries = {language: entries_of(language) for language in LOCALES}
        for language, texts in entries.items():
            if missing := entries["en"].keys() ^ texts.keys():
                raise CatalogueBroken(f"{language}.po and en.po differ in {', '.join(sorted(missing))}")
        self._words = {language: LanguageWords(language, texts) for language, texts in entries.items()}

    def words(self, language: str) -> LanguageWords:
        """Return the words of a language; an unknown one is English."""
        return self._words.get(language, self._words["en"])


@cache
def texts() -> CatalogueTexts:
    """Return the catalogues, read once per process."""
    return CatalogueTexts()
