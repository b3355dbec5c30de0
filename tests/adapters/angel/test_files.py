"""The Angel's own files: what a fall leaves, what nobody else can open, and a name for all of its lives."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.angel.files import DiaryFile, KeepsakeFile, SealedCopy, alone_in, own_name
from adapters.exchange.account import VenueKey
from adapters.sealing.envelope import CannotOpen, Kind, Label, seal
from adapters.sealing.masters import (
    MasterKey,
    angel_file,
    bot_file,
    master_of,
    new_root,
    read_masters,
    write_masters,
)
from adapters.sealing.venue_keys import pack_angel_key, pack_venue_key, unseal_venue_keys
from domain.angel.entries import Deed, Entry
from domain.angel.watch import Sign, Standing
from domain.errors import Unavailable
from domain.ids import VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.ports.angel import Memory
from domain.secrets import Secret

SCOPE = Scope("venue:one")


def entry(name: str, epoch: int | None = None) -> Entry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Entry(name, at, "angel:a", SCOPE, epoch, Deed.CANCEL, {"orders": ["mm1"]})


def test_what_was_written_is_there_in_the_next_life_until_the_store_has_it(tmp_path: Path) -> None:
    diary = DiaryFile(tmp_path / "log")
    first, second = entry("1"), entry("2", epoch=4)
    diary.write(first)
    diary.write(second)
    assert DiaryFile(tmp_path / "log").unnoted() == [first, second]
    diary.noted(first)
    diary.noted(first)
    assert DiaryFile(tmp_path / "log").unnoted() == diary.unnoted() == [second]


@pytest.mark.parametrize("cut", range(2, 120, 7))
def test_line_that_a_fall_cut_off_is_no_entry_and_spoils_no_other(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "log"
    DiaryFile(file).write(entry("1"))
    DiaryFile(file).write(entry("2"))
    file.write_bytes(file.read_bytes()[:-cut])
    diary = DiaryFile(file)
    assert [each.id for each in diary.unnoted()] == ["1"]
    diary.write(entry("3"))
    assert [each.id for each in DiaryFile(file).unnoted()] == ["1", "3"]


def test_line_that_a_full_disk_cut_off_spoils_not_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    diary = DiaryFile(file)
    diary.write(entry("1"))

    def full(_: int) -> None:
        file.write_bytes(file.read_bytes()[:-20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("adapters.angel.files.os.fsync", full)
        with pytest.raises(Unavailable):
            diary.write(entry("2"))
    diary.write(entry("3"))
    assert [each.id for each in DiaryFile(file).unnoted()] == ["1", "3"]


def test_log_that_is_no_text_any_more_keeps_nobody_from_watching(tmp_path: Path) -> None:
    file = tmp_path / "log"
    DiaryFile(file).write(entry("1"))
    file.write_bytes(file.read_bytes() + b"\xff\xfe\x00\x80 not a line")
    file.chmod(0o400)
    assert [each.id for each in DiaryFile(file).unnoted()] == ["1"]
    (tmp_path / "folder").mkdir()
    assert DiaryFile(tmp_path / "folder").unnoted() == []


def test_two_angels_of_one_directory_would_rob_each_other_for_ever(tmp_path: Path) -> None:
    with alone_in(tmp_path) as first, alone_in(tmp_path) as second:
        assert (first, second) == (True, False)
    with alone_in(tmp_path) as third, alone_in(tmp_path / "nowhere") as fourth:
        assert (third, fourth) == (True, True)


def test_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    diary = DiaryFile(tmp_path / "log")
    (tmp_path / "log").mkdir()
    with pytest.raises(Unavailable, match="diary_unwritable"):
        diary.write(entry("1"))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    keepsake = KeepsakeFile(tmp_path / "kept")
    assert keepsake.recall() == Memory((), {})
    memory = Memory(
        [
            Sign(SCOPE, 3, "worker", Standing.HELD, 1.0, 9.0),
            Sign(Scope("venue:two"), 3, "worker", Standing.RELEASED, 1.0, 9.0, left_behind=True),
        ],
        {VenueAccountName("one"): [Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")]},
    )
    keepsake.keep(memory)
    assert KeepsakeFile(tmp_path / "kept").recall() == memory
    of_old = '{"signs": [["venue:one", 3, "worker", "held", 1.0, 9.0]], "pairs": {}}'
    (tmp_path / "kept").write_text(of_old)
    assert keepsake.recall() == Memory(memory.signs[:1], {})
    (tmp_path / "kept").write_text("{")
    assert keepsake.recall() == Memory((), {})


def test_name_is_the_same_in_each_life_and_another_in_another_place(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    name = own_name(tmp_path)
    assert name.startswith("angel:")
    assert own_name(tmp_path) == name != own_name(tmp_path / "b")


@pytest.mark.parametrize("spoilt", [b"", b"\xff\xfe", b"worker-1\n"])
def test_name_that_was_spoilt_is_made_anew_for_the_database_would_take_none(
    tmp_path: Path, spoilt: bytes
) -> None:
    (tmp_path / "name").write_bytes(spoilt)
    name = own_name(tmp_path)
    assert name.startswith("angel:")
    assert own_name(tmp_path) == name
    (tmp_path / "name").unlink()
    (tmp_path / "name.new").mkdir()  # nothing can be written
    assert own_name(tmp_path).startswith("angel:")


@pytest.mark.parametrize(
    "spoilt",
    ["[]", "7", '{"signs": [[1]], "pairs": {}}', '{"signs": [], "pairs": {"a": [7]}}', '{"signs": 1}'],
)
def test_copies_that_were_spoilt_are_as_good_as_none(tmp_path: Path, spoilt: str) -> None:
    for name in ("kept", "keys", "log"):
        (tmp_path / name).write_text(spoilt)
    assert KeepsakeFile(tmp_path / "kept").recall() == Memory((), {})
    assert SealedCopy(tmp_path / "keys").recall() == {}
    assert DiaryFile(tmp_path / "log").unnoted() == []


KEY = VenueKey(Secret("trades"), Secret("trades-secret"), VenueKey(Secret("pays-out"), Secret("pays-secret")))


def masters(tmp_path: Path) -> MasterKey:
    master = master_of(new_root())
    write_masters(tmp_path / "key", [master])
    return master


def test_copy_of_the_keys_opens_with_the_angels_part_and_holds_nothing_that_pays_out(tmp_path: Path) -> None:
    master, copy = masters(tmp_path), SealedCopy(tmp_path / "keys")
    label = Label("bot", "00000000-0000-0000-0000-000000000001", Kind.ANGEL_KEY, "one", 1)
    assert copy.recall() == {}
    copy.keep({"one": seal(label, pack_angel_key(KEY), master)})
    kept = SealedCopy(tmp_path / "keys").recall()
    own = unseal_venue_keys(kept, read_masters(angel_file(tmp_path / "key")))
    assert own == {"one": VenueKey(Secret("trades"), Secret("trades-secret"))}
    text = (tmp_path / "keys").read_text()
    assert "trades" not in text
    assert json.loads(text)[0]["kind"] == "angel_key"
    with pytest.raises(CannotOpen, match="angel half"):
        unseal_venue_keys(kept, read_masters(bot_file(tmp_path / "key")))


def test_angels_part_opens_no_workers_key(tmp_path: Path) -> None:
    label = Label("bot", "00000000-0000-0000-0000-000000000002", Kind.VENUE_KEY, "one", 1)
    sealed = seal(label, pack_venue_key(KEY), masters(tmp_path))
    with pytest.raises(CannotOpen, match="money half"):
        unseal_venue_keys({"one": sealed}, read_masters(angel_file(tmp_path / "key")))
