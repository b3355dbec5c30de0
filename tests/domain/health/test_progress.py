"""Who says that they work and who does not: silence, stuck rounds and late ticks are told apart."""

import pytest

from domain.health.progress import OK, WHOLE, Patience, Progress, Word, ill, standing
from domain.leases import Scope

MAIN = Scope("venue:main")
PATIENCE = Patience(unheard_s=10, late_s=20)


def word(progress: Progress, age_s: float = 0.0, process: str = "workers", holder: str = "a") -> Word:
    return Word(process, holder, progress, age_s)


@pytest.mark.parametrize(
    ("progress", "age_s", "said"),
    [
        (Progress(MAIN), 10, ""),
        (Progress(MAIN), 11, "was not heard of for 11 s"),
        (Progress(MAIN, idle_s=15), 5, ""),
        (Progress(MAIN, idle_s=15), 6, "has ended no round for 21 s"),
        (Progress(MAIN, late_s=15), 5, ""),
        (Progress(MAIN, late_s=15), 6, "is 21 s late"),
        (Progress(MAIN, late_s=900, waits_for="venue_unavailable"), 0, ""),
        (Progress(MAIN, idle_s=900, waits_for="venue_unavailable"), 0, "has ended no round for 900 s"),
        (Progress(WHOLE, stuck="stuck are payouts"), 0, "stuck are payouts"),
    ],
)
def test_a_part_that_does_no_work_is_ill(progress: Progress, age_s: float, said: str) -> None:
    assert ill(word(progress, age_s), PATIENCE) == said


def test_a_process_that_speaks_and_does_no_work_is_not_ok() -> None:
    words = [word(Progress(WHOLE)), word(Progress(MAIN, late_s=30))]
    assert standing("workers", words, PATIENCE) == "venue:main is 30 s late"


def test_one_process_that_works_is_enough_and_one_that_is_gone_is_forgotten() -> None:
    gone = word(Progress(WHOLE, stuck="stuck are payouts"), age_s=40, holder="b")
    assert standing("workers", [gone, word(Progress(WHOLE))], PATIENCE) == OK
    assert standing("workers", [gone], PATIENCE) == "was not heard of in the last seconds"
    assert standing("bot", [word(Progress(WHOLE))], PATIENCE) == "was not heard of in the last seconds"
