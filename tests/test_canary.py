"""The search for canaries finds a leak, however it is written."""

import base64
from pathlib import Path

import pytest

from tests.canary import files, hits

SECRET = "5a" * 31 + "7f"
LEAKS = [
    SECRET.encode(),
    bytes.fromhex(SECRET),
    SECRET.encode("utf-16-le"),
    bytes.fromhex(SECRET).hex().upper().encode(),
    base64.b64encode(bytes.fromhex(SECRET)),
    base64.urlsafe_b64encode(b'{"key": "' + SECRET.encode() + b'", "more": 1}'),
    base64.b64encode(b"x" + bytes.fromhex(SECRET) + b"yy"),
    base64.b64encode(b"xy" + bytes.fromhex(SECRET) + b"yy"),
]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(leak: bytes) -> None:
    assert hits({"log": b"before " + leak + b" after"}, {"key": SECRET})


def test_what_is_clean_is_clean() -> None:
    assert not hits({"log": b"nothing to see " * 100, "db": bytes(1000)}, {"key": SECRET})


def test_files_are_read_but_those_where_secrets_belong(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a").write_text(SECRET)
    (tmp_path / "log").write_text(SECRET)
    assert hits(files(tmp_path, without=[tmp_path / "keys"]), {"key": SECRET}) == [f"key in {tmp_path}/log"]
