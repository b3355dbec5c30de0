"""Times and codes in a person's words."""

import pytest

from adapters.texts.catalogues import texts
from bot.words import named, span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
    ],
)
def test_a_time_is_told_in_the_largest_unit_of_which_there_are_two(seconds: float, said: str) -> None:
    assert span(texts().words("en"), seconds) == said


def test_a_time_is_told_in_chinese() -> None:
    assert span(texts().words("zh"), 120) == "2 分钟"


def test_a_code_without_words_of_its_own_is_shown_as_it_is() -> None:
    words = texts().words("en")
    assert named(words, "reason_", "tide_is_out") == "tide is out"
    assert named(words, "reason_", "no_lookup") == words("reason_no_lookup")
    assert named(words, "reason_", "no_lookup:gate") == f"{words('reason_no_lookup')} (gate)"
