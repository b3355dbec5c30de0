"""Master keys: random, private, in two halves; a passphrase with its salt makes the same one again."""

import hmac
import os
from pathlib import Path

import pytest

from adapters.sealing import masters
from adapters.sealing.masters import (
    BadMasterKey,
    Derivation,
    Purpose,
    bot_file,
    from_passphrase,
    master_of,
    new_derivation,
    new_root,
    read_masters,
    read_passphrases,
    write_masters,
)
from domain.secrets import Secret

CHEAP = Derivation(bytes(range(16)), n=2**14)
PASSPHRASE = Secret("correct horse battery staple")


def private(path: Path, text: str, mode: int = 0o400) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_key_file_gives_back_its_keys_in_order(tmp_path: Path) -> None:
    made = [master_of(new_root()) for _ in range(3)]
    write_masters(tmp_path / "key", made)
    read = read_masters(tmp_path / "key")
    assert read == made
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o600"}


def test_the_bots_file_holds_the_chat_half_alone(tmp_path: Path) -> None:
    made = [master_of(new_root()) for _ in range(2)]
    write_masters(tmp_path / "key", made)
    halves = read_masters(bot_file(tmp_path / "key"))
    assert [half.kid for half in halves] == [master.kid for master in made]
    for half, master in zip(halves, made, strict=True):
        assert half.wrapping == {Purpose.CHAT: master.wrapping[Purpose.CHAT]}
        assert half.root is None
        assert master.root is not None
        text = bot_file(tmp_path / "key").read_text()
        assert master.root.reveal().hex() not in text
        assert master.wrapping[Purpose.MONEY].reveal().hex() not in text


def test_the_bots_half_is_never_written_as_a_whole(tmp_path: Path) -> None:
    write_masters(tmp_path / "key", [master_of(new_root())])
    before = (tmp_path / "key").read_text()
    with pytest.raises(BadMasterKey, match="a part of a key"):
        write_masters(tmp_path / "key", read_masters(bot_file(tmp_path / "key")))
    assert (tmp_path / "key").read_text() == before


def test_halves_and_name_tell_nothing_of_each_other() -> None:
    root = Secret(bytes(range(32)))
    master = master_of(root)
    parts = [master.kid, *(half.reveal().hex() for half in master.wrapping.values()), root.reveal().hex()]
    assert len(parts) == len({part[:16] for part in parts}) == 5
    assert master == master_of(root)
    extracted = hmac.digest(bytes(32), root.reveal(), "sha256")
    assert master.kid == hmac.digest(extracted, b"mrmarket 1 kid\x01", "sha256")[:8].hex()


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o640, 0o604, 0o660, 0o666, 0o420, 0o402])
def test_a_file_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    write_masters(tmp_path / "key", [master_of(new_root())])
    (tmp_path / "key").chmod(mode)
    with pytest.raises(BadMasterKey, match="chmod 400"):
        read_masters(tmp_path / "key")
    with pytest.raises(BadMasterKey, match="chmod 400"):
        read_passphrases(private(tmp_path / "pass", PASSPHRASE.reveal(), mode))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# nothing\n",
        "CHANGE-ME\n",
        "mrmarket-master-1 abcd\n",
        f"mrmarket-master-1 {'00' * 32}\n",
        f"mrmarket-master-1 {'ab' * 32}\n",
        f"mrmarket-master-1 {'ZZ' * 32}\n",
        f"{'ab' * 32}\n",
        "mrmarket-chat-1 0123456789abcdef\n",
    ],
)
def test_an_absent_short_or_made_up_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadMasterKey) as said:
        read_masters(private(tmp_path / "key", text))
    assert "ab" * 8 not in str(said.value)


def test_no_file_no_text_and_a_key_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMasterKey, match="cannot be read"):
        read_masters(tmp_path / "absent")
    with pytest.raises(BadMasterKey, match="cannot be read"):
        read_masters(tmp_path)
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    (tmp_path / "noise").chmod(0o400)
    with pytest.raises(BadMasterKey, match="no text"):
        read_masters(tmp_path / "noise")
    write_masters(tmp_path / "key", [master_of(Secret(bytes(range(32))))] * 2)
    with pytest.raises(BadMasterKey, match="twice"):
        read_masters(tmp_path / "key")


def test_a_passphrase_makes_the_same_key_again_and_another_salt_another() -> None:
    assert from_passphrase(PASSPHRASE, CHEAP) == from_passphrase(PASSPHRASE, CHEAP)
    kids = {
        from_passphrase(PASSPHRASE, CHEAP).kid,
        from_passphrase(PASSPHRASE, Derivation(bytes(range(1, 17)), n=2**14)).kid,
        from_passphrase(PASSPHRASE, Derivation(CHEAP.salt, n=2**15)).kid,
        from_passphrase(Secret("correct horse battery stapl."), CHEAP).kid,
    }
    assert len(kids) == 4


@pytest.mark.parametrize("text", ["", "short", "CHANGE-ME-PLEASE-NOW", "change_me change_me", "x" * 40])
def test_a_passphrase_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadMasterKey, match="at least 16"):
        from_passphrase(Secret(text), CHEAP)


def test_a_new_salt_is_random_and_the_cost_is_the_recommended_one() -> None:
    one, two = new_derivation(), new_derivation()
    assert one.salt != two.salt
    assert len(one.salt) == 16
    assert (one.n, one.r, one.p) == (2**17, 8, 1)


@pytest.mark.parametrize(
    "weak",
    [{"n": 2}, {"n": 2**30}, {"r": 1}, {"p": 0}, {"p": 1000}, {"salt": b"short"}],
)
def test_a_cost_that_somebody_changed_is_refused(weak: dict[str, object]) -> None:
    with pytest.raises(BadMasterKey, match="changed"):
        Derivation(**{"salt": bytes(16), **weak})  # type: ignore[arg-type]


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    masters.write_private(path, "old")

    def full(_: int) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no room"):
        masters.write_private(path, "new")
    assert path.read_text() == "old"
