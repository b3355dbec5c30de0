"""STOP said to the listener: by whom, twice, in a file and in a row, and never more than once."""

from collections.abc import Sequence
from itertools import count

import pytest

from adapters.ids import RandomIds
from bot.events import words_of
from domain.ids import UserId
from domain.ports.stops import Carried, Stop
from domain.services.stop_word import CODE_LASTS_S, UNCARRIED_S, Said, StopWord
from tests.fakes.clock import FakeClock
from tests.fakes.stops import FakeDoor, FakeStopFile

OWNER, ADMIN, STRANGER = UserId("owner"), UserId("admin"), UserId("stranger")


class Listening:
    """What outlives the listener, and one life of it."""

    def __init__(self) -> None:
        self.file, self.door, self.clock = FakeStopFile(), FakeDoor(), FakeClock()
        self._messages, self._codes = count(1), count(100_001)
        self.word = self.live()

    def live(self) -> StopWord:
        """Begin a life."""
        self.word = StopWord(
            {OWNER, ADMIN}, self.file, self.door, self.clock, RandomIds(), lambda: str(next(self._codes))
        )
        return self.word

    def says(self, who: UserId, text: str, *, key: str = "", alone: bool = True) -> Said | None:
        """Let somebody say something."""
        return self.word.hear(who, key or f"{who}:{next(self._messages)}", words_of(text), alone=alone)

    def code(self, who: UserId, text: str = "STOP") -> str:
        """Let somebody say STOP; return the code they are asked for."""
        said = self.says(who, text)
        assert said is not None
        assert said.kind == "listener_confirm"
        return said.params["code"]

    @property
    def rows(self) -> Sequence[Stop]:
        return [stop for stop, _ in self.door.stops.rows.values()]


def kind(said: Said | None) -> str:
    return said.kind if said else ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *(("STOP", "en"), (" stop ", "en"), ("停", "zh"), ("ＳＴＯＰ", "en")),
        *(("STOP!!!", "en"), ("/stop", "en"), ("停！", "zh"), ("停止。", "zh"), ("STOP .", "en")),
    ],
)
async def test_the_word_is_confirmed_and_stands_in_file_and_row(text: str, language: str) -> None:
    at = Listening()
    code = at.code(ADMIN, text)
    assert (at.file.stop, at.rows) == (None, []), "nothing before it is confirmed"
    said = at.says(ADMIN, f"{text} {code}")
    assert (kind(said), said.language if said else "") == ("listener_written", language)
    assert at.file.stop is not None
    assert await at.word.round() == []
    assert at.rows == [at.file.stop]
    assert at.file.stop.by == ADMIN


async def test_a_stranger_is_told_once_an_hour_and_nothing_is_done() -> None:
    at = Listening()
    code = at.code(OWNER)
    assert kind(at.says(STRANGER, "STOP")) == "listener_not_yours"
    assert at.says(STRANGER, f"STOP {code}") is None
    at.clock.advance(3_601)
    assert kind(at.says(STRANGER, f"STOP {code}")) == "listener_not_yours"
    await at.word.round()
    assert (at.file.stop, at.rows) == (None, [])


async def test_a_crowd_of_strangers_keeps_nobody_from_being_answered() -> None:
    at = Listening()
    told = [kind(at.says(UserId(f"stranger {n}"), "STOP")) for n in range(500)]
    assert told.count("listener_not_yours") == 20
    assert at.code(OWNER)
    at.clock.advance(61)
    assert kind(at.says(STRANGER, "STOP")) == "listener_not_yours"


async def test_a_file_made_by_hand_meanwhile_is_a_stop_that_is_seen_to() -> None:
    at = Listening()
    await at.word.round()
    by_hand = Stop("file-1", UserId("by hand"), at.clock.now())
    at.file.stop = by_hand
    await at.word.round()
    assert at.rows == [by_hand]
    assert kind(at.says(OWNER, "STOP")) == "listener_stands"
    await at.door.stops.carried_out(by_hand, Carried(1, 0), at.clock.now())
    assert {kind(said) for said in await at.word.round()} == {"listener_carried_out"}
    assert at.file.stop is None


@pytest.mark.parametrize("text", ["please stop", "STOP now please", "hello", "", "/stopall", "停 一下 吧"])
async def test_other_words_do_nothing_and_say_how(text: str) -> None:
    at = Listening()
    assert kind(at.says(OWNER, text)) == "listener_how"
    assert at.file.stop is None


async def test_what_is_said_before_others_does_nothing() -> None:
    at = Listening()
    assert kind(at.says(OWNER, "STOP", alone=False)) == "listener_how"
    code = at.code(OWNER)
    assert kind(at.says(OWNER, f"STOP {code}", alone=False)) == "listener_how"
    assert at.file.stop is None


async def test_codes_are_of_one_person_for_two_minutes_and_three_tries() -> None:
    at = Listening()
    code = at.code(OWNER)
    assert kind(at.says(ADMIN, f"STOP {code}")) == "listener_code_wrong"
    at.clock.advance(CODE_LASTS_S + 1)
    assert kind(at.says(OWNER, f"STOP {code}")) == "listener_code_wrong"
    code = at.code(OWNER)
    for _ in range(3):
        assert kind(at.says(OWNER, "STOP 1")) == "listener_code_wrong"
    assert kind(at.says(OWNER, f"STOP {code}")) == "listener_code_wrong"
    assert at.file.stop is None


async def test_said_again_and_again_it_is_one_stop() -> None:
    at = Listening()
    code, other = at.code(OWNER), at.code(ADMIN)
    assert kind(at.says(OWNER, f"STOP {code}", key="m")) == "listener_written"
    assert at.says(OWNER, f"STOP {code}", key="m") is None, "Mixin repeats it"
    assert kind(at.says(OWNER, f"STOP {code}")) == "listener_stands", "tapped twice"
    assert kind(at.says(ADMIN, f"STOP {other}")) == "listener_stands"
    assert kind(at.says(ADMIN, "STOP")) == "listener_stands"
    for _ in range(3):
        await at.word.round()
    assert (len(at.rows), at.file.writes) == (1, 1)


async def test_one_person_is_answered_six_times_a_minute_and_a_confirmation_always_counts() -> None:
    at = Listening()
    code = at.code(OWNER)
    told = [kind(at.says(OWNER, "hello")) for _ in range(10)]
    assert told == ["listener_how"] * 5 + [""] * 5
    assert kind(at.says(OWNER, f"STOP {code}")) == "listener_written"
    at.clock.advance(61)
    assert kind(at.says(OWNER, "STOP")) == "listener_stands"


async def test_while_the_database_is_away_the_file_stands_and_the_row_follows() -> None:
    at = Listening()
    at.door.away = True
    at.says(OWNER, f"STOP {at.code(OWNER)}")
    assert {kind(said) for said in await at.word.round()} == {"listener_database_silent"}
    assert await at.word.round() == [], "said once"
    assert at.file.stop is not None
    at.door.away = False
    await at.word.round()
    assert at.rows == [at.file.stop]


async def test_a_full_disk_keeps_nobody_from_the_row_and_the_file_follows() -> None:
    at = Listening()
    at.file.full = True
    assert kind(at.says(OWNER, f"STOP {at.code(OWNER)}")) == "listener_unwritten"
    assert await at.word.round() == []
    assert len(at.rows) == 1
    at.file.full = False
    await at.word.round()
    assert [at.file.stop] == at.rows


async def test_another_life_goes_on_with_what_stands_in_the_file() -> None:
    at = Listening()
    at.says(OWNER, f"STOP {at.code(OWNER)}")
    word = at.live()
    await word.round()
    assert at.rows == [at.file.stop]
    assert kind(at.says(OWNER, "STOP")) == "listener_stands"


async def test_everybody_is_told_what_workers_did_and_the_next_word_is_another_stop() -> None:
    at = Listening()
    at.says(OWNER, f"STOP {at.code(OWNER)}")
    await at.word.round()
    await at.door.stops.carried_out(at.rows[0], Carried(3, 1), at.clock.now())
    told = await at.word.round()
    assert [(said.to, said.kind) for said in told] == [
        (who, "listener_carried_out") for who in (ADMIN, OWNER)
    ]
    assert told[0].params == {"runs": "3", "conversions": "1"}
    assert (at.file.stop, at.word.standing) == (None, None)
    at.says(ADMIN, f"停 {at.code(ADMIN, '停')}")
    await at.word.round()
    assert len({stop.id for stop in at.rows}) == 2


async def test_a_file_that_cannot_be_removed_keeps_nobody_from_hearing_nor_from_another_word() -> None:
    at = Listening()
    at.says(OWNER, f"STOP {at.code(OWNER)}")
    await at.word.round()
    at.file.stuck, first = True, at.rows[0]
    await at.door.stops.carried_out(first, Carried(3, 1), at.clock.now())
    told = [[kind(said) for said in await at.word.round()] for _ in range(3)]
    assert told == [["listener_carried_out"] * 2, [], []]
    at.says(ADMIN, f"STOP {at.code(ADMIN)}")
    await at.word.round()
    assert len(at.rows) == 2
    await at.door.stops.carried_out(at.rows[1], Carried(0, 0), at.clock.now())
    await at.word.round()
    at.file.stuck = False
    await at.word.round()
    assert (at.file.stop, len(at.rows)) == (None, 2)


async def test_who_taps_twice_never_hears_that_nothing_was_done() -> None:
    at = Listening()
    code = at.code(OWNER)
    assert kind(at.says(OWNER, f"STOP {code}")) == "listener_written"
    await at.word.round()
    await at.door.stops.carried_out(at.rows[0], Carried(3, 1), at.clock.now())
    await at.word.round()
    assert at.says(OWNER, f"STOP {code}") is None, "it was carried out, and that was told"
    assert kind(at.says(ADMIN, f"STOP {code}")) == "listener_code_wrong"
    assert kind(at.says(OWNER, "STOP 1")) == "listener_code_wrong"


async def test_a_stop_that_nobody_carries_out_is_told_unasked_once() -> None:
    at = Listening()
    at.says(OWNER, f"STOP {at.code(OWNER)}")
    assert await at.word.round() == []
    at.clock.advance(UNCARRIED_S)
    told = [[kind(said) for said in await at.word.round()] for _ in range(3)]
    assert told == [["listener_stands"] * 2, [], []]
    await at.door.stops.carried_out(at.rows[0], Carried(0, 0), at.clock.now())
    await at.word.round()
    at.clock.advance(1)
    at.says(ADMIN, f"STOP {at.code(ADMIN)}")
    assert await at.word.round() == [], "another one has its own minute"


async def test_a_stop_that_stands_nowhere_is_not_said_to_stand() -> None:
    at = Listening()
    at.file.full = at.door.away = True
    assert kind(at.says(OWNER, f"STOP {at.code(OWNER)}")) == "listener_unwritten"
    told = [[kind(said) for said in await at.word.round()] for _ in range(2)]
    assert told == [["listener_nowhere"] * 2, []]
    at.file.full = False
    told = [[kind(said) for said in await at.word.round()] for _ in range(2)]
    assert told == [["listener_database_silent"] * 2, []]
    at.door.away = False
    await at.word.round()
    assert at.rows == [at.file.stop]
