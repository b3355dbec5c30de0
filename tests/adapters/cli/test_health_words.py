"""The doctor's details in the language of who asks: whatever a probe says."""

import re

import pytest

from adapters.cli.health_words import health_in
from adapters.texts.catalogues import texts
from domain.health.progress import WHOLE, Patience, Progress, Word, ill, standing
from domain.leases import Scope

PATIENCE = Patience()


def word(progress: Progress, age_s: float = 0.0) -> Word:
    return Word("workers", "w", progress, age_s)


MAIN = Scope("venue:main")
SAID = [
    standing("workers", [], PATIENCE),
    ill(word(Progress(WHOLE), 40), PATIENCE),
    standing("workers", [word(Progress(MAIN, idle_s=30)), word(Progress(MAIN, late_s=30))], PATIENCE),
    standing("workers", [word(Progress(WHOLE, stuck="deposits is stuck; payouts fails"))], PATIENCE),
    standing("workers", [word(Progress(MAIN, stuck="is stuck"))], PATIENCE),
    "nobody acts for venue:main, wallet",
    "not seen to agree for long: venue:main",
    "inbox for 400 s, outbox for 301 s, 2 orders at main without a clear answer",
    "1 orders at b without a clear answer, 2 orders at main without a clear answer",
    "does not answer within 3 s",
    "not connected to Mixin; payouts is stuck",
    *("does not answer (OSError)", "cannot be read (OSError)", "cannot be heard (OSError)"),
]
NAMES = re.compile(r"venue:main|wallet|main|deposits|payouts|OSError|Mixin|\bb\b")


@pytest.mark.parametrize("said", SAID)
def test_what_a_probe_says_is_said_in_chinese(said: str) -> None:
    told = health_in(texts().words("zh"), said)
    assert not re.search("[A-Za-z]", NAMES.sub("", told)), told
    assert sorted(set(NAMES.findall(told))) == sorted(set(NAMES.findall(said)))
    assert sorted(re.findall(r"\d+", told)) == sorted(re.findall(r"\d+", said))


@pytest.mark.parametrize("said", [*SAID[:7], *SAID[9:12], "something that nobody has thought of"])
def test_english_stays_as_it_is_and_so_does_what_has_no_words(said: str) -> None:
    assert health_in(texts().words("en"), said) == said
