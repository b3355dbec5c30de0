"""The catalogues say the same things in every language, and numbers as people write them."""

from datetime import UTC, datetime

import pytest

from adapters.texts.catalogues import (
    LOCALES,
    CatalogueBroken,
    LanguageWords,
    entries_of,
    placeholders,
    texts,
)


def test_languages_have_the_same_entries() -> None:
    assert entries_of("en").keys() == entries_of("zh").keys()


@pytest.mark.parametrize("key", sorted(entries_of("en")))
def test_placeholders_agree_in_all_languages(key: str) -> None:
    english, chinese = entries_of("en")[key], entries_of("zh")[key]
    assert placeholders(english) == placeholders(chinese)
    assert {spec for _, spec in placeholders(english)} <= {"", "amount", "gain", "bps", "when"}


def test_placeholders_are_read_with_their_formats() -> None:
    assert placeholders("a {x:amount} b {y} {{z}}") == {("x", "amount"), ("y", "")}


def test_numbers_and_dates_are_written_to_the_last_digit() -> None:
    words = LanguageWords("en", {"a": "{x:amount}", "b": "{x:bps}", "w": "{x:when}"})
    assert words("a", x="1234567.000000000000000001") == "1,234,567.000000000000000001"
    assert words("a", x="-0.5") == "-0.5"
    assert words("b", x="6.5") == "0.065%"
    assert words("w", x="2026-03-01T09:30:00+00:00") == "1 Mar 2026, 09:30:00 UTC"
    assert texts().words("zh").when(datetime(2026, 3, 1, 9, 30, tzinfo=UTC)) == "2026年3月1日 09:30:00 UTC"


@pytest.mark.parametrize(
    ("gain", "shown"),
    [
        ("0.60820534321234", "+0.6082"),
        ("-1234.5678", "-1,234.57"),
        ("0.0000123456", "+0.00001235"),
        ("2", "+2"),
        ("0.00", "0"),
    ],
)
def test_what_was_won_is_rounded_and_has_its_sign(gain: str, shown: str) -> None:
    assert LanguageWords("en", {"g": "{x:gain}"})("g", x=gain) == shown


def test_unknown_language_is_english() -> None:
    assert texts().words("tlh")("button_help") == "Help"


@pytest.mark.parametrize(("key", "lack"), [("none", "none"), ("a", "x")])
def test_text_that_cannot_be_said_is_an_error(key: str, lack: str) -> None:
    with pytest.raises(CatalogueBroken, match=lack):
        LanguageWords("en", {"a": "{x}"})(key)


def test_file_that_is_no_catalogue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOCALES, "../../texts", "en_GB")
    with pytest.raises(CatalogueBroken, match="cannot be read"):
        entries_of("../../texts")
