"""The keystore: the current shape only, and its keys never show."""

import json
from pathlib import Path

import pytest

from adapters.mixin.keystore import BadKeystore, Keystore, load_keystore
from domain.secrets import Secret

GOOD = {
    "app_id": "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10",
    "session_id": "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    "server_public_key": "11" * 32,
    "session_private_key": "22" * 32,
    "spend_private_key": "33" * 32,
}


def stored(tmp_path: Path, text: str, name: str = "keystore.json") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


def test_spend_key_may_stand_in_the_keystore_or_apart_or_nowhere(tmp_path: Path) -> None:
    whole = load_keystore(stored(tmp_path, json.dumps(GOOD)))
    chat_only = load_keystore(stored(tmp_path, without("spend_private_key")))
    key = stored(tmp_path, "33" * 32 + "\n", "spend.key")
    apart = load_keystore(stored(tmp_path, without("spend_private_key")), key)
    assert whole == apart == load_keystore(stored(tmp_path, json.dumps(GOOD)), key)
    assert chat_only.spend_seed is None
    with pytest.raises(BadKeystore, match="MRMARKET_MIXIN_SPEND_KEY_FILE"):
        _ = chat_only.spend_public_key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "is not JSON"),
        ("[]", "no JSON object"),
        ("{}", "no current keystore"),
        ('{"client_id":"x","pin_token":"y","private_key":"z"}', "legacy"),
        ("-----BEGIN RSA PRIVATE KEY-----", "RSA"),
        ('{"client_id":"x","private_key":"-----BEGIN RSA PRIVATE KEY-----"}', "RSA"),
        (json.dumps(GOOD | {"app_id": "x"}), "app_id"),
        (without("session_id"), "session_id"),
        (without("session_private_key"), "64 hexadecimal"),
        (json.dumps(GOOD | {"spend_private_key": "zz"}), "spend_private_key"),
        (json.dumps(GOOD | {"server_public_key": 7}), "server_public_key"),
    ],
)
def test_bad_keystore_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadKeystore, match=said):
        load_keystore(stored(tmp_path, text))


def test_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadKeystore, match="cannot be read"):
        load_keystore(tmp_path / "absent.json")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadKeystore, match="no text"):
        load_keystore(tmp_path / "noise")


def test_two_spend_keys_that_differ_are_refused_without_showing_them(tmp_path: Path) -> None:
    key = stored(tmp_path, "44" * 32, "spend.key")
    with pytest.raises(BadKeystore, match="different spend keys") as said:
        load_keystore(stored(tmp_path, json.dumps(GOOD)), key)
    assert "33" * 32 not in str(said.value)
    assert "44" * 32 not in str(said.value)


def test_keys_do_not_show() -> None:
    store = Keystore(GOOD["app_id"], GOOD["session_id"], Secret(b"s" * 32), b"p" * 32, Secret(b"m" * 32))
    assert not any(key in repr(store) for key in ("ssss", "mmmm", "73" * 4, "6d" * 4))
