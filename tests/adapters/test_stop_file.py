"""The halt file: written whole, read by all, and any file at all stops."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.stop_file import HaltFile
from domain.errors import Unavailable
from domain.ids import UserId
from domain.ports.stops import BY_FILE, Stop

STOP = Stop("stop-1", UserId("somebody"), datetime(2026, 3, 1, 9, 30, tzinfo=UTC))


def test_it_says_what_was_written_until_that_very_stop_is_removed(tmp_path: Path) -> None:
    file = HaltFile(tmp_path / "halt.json")
    assert (file.read(), file.stands()) == (None, False)
    file.write(STOP)
    assert (file.read(), file.stands()) == (STOP, True)
    file.remove(Stop("stop-2", STOP.by, STOP.at))
    assert file.stands(), "another one stays"
    file.remove(STOP)
    assert (file.read(), file.stands()) == (None, False)


@pytest.mark.parametrize(
    "content",
    [
        *("", "stop!", "[]", '{"id": "a"}', "[" * 4_000, "x" * 1_000_000),
        '{"id": "A B", "by": "x", "at": "2026-03-01T00:00:00+00:00"}',
        '{"id": "a", "by": "a\\u0000b", "at": "2026-03-01T00:00:00+00:00"}',
        '{"id": "a", "by": "x", "at": "0001-01-01T00:00:00+14:00"}',
    ],
)
def test_a_file_made_by_hand_stops_and_is_the_same_stop_each_time(tmp_path: Path, content: str) -> None:
    path = tmp_path / "halt.json"
    path.write_text(content)
    first, again = HaltFile(path).read(), HaltFile(path).read()
    assert first == again
    assert first is not None
    assert first.by == BY_FILE
    assert first.id.startswith("file-")
    HaltFile(path).remove(first)
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    nowhere = HaltFile(tmp_path / "no" / "halt.json")
    with pytest.raises(Unavailable, match="halt_file_unwritable"):
        nowhere.write(STOP)
    assert nowhere.trouble() == "the halt file cannot be written"
    assert HaltFile(tmp_path / "halt.json").trouble() == ""


def test_everybody_can_read_it_however_careful_the_listener_is_made(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        HaltFile(tmp_path / "halt.json").write(STOP)
    finally:
        os.umask(before)
    assert (tmp_path / "halt.json").stat().st_mode & 0o777 == 0o644
