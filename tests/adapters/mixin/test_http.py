"""The HTTP client: signed to the byte, answered in three ways."""

import json
from pathlib import Path

import pytest

from adapters.mixin.http import decoded
from adapters.mixin.keystore import BadKeystore, load_keystore
from domain.errors import OutcomeUnknown, Refused, Unavailable
from tests.adapters.mixin.conftest import Mixin


async def test_profile_is_read_with_a_fresh_token_each_time(mixin: Mixin) -> None:
    for _ in range(3):
        assert (await mixin.http.read("/me"))["user_id"] == mixin.keystore.app_id


async def test_query_is_signed_exactly_as_sent(mixin: Mixin) -> None:
    query: dict[str, str | int] = {"limit": 5, "offset": "2024-03-01T00:00:00.123456789Z", "order": "ASC"}
    assert isinstance(await mixin.http.read("/safe/snapshots", query), list)


async def test_what_is_not_there_is_a_definite_no(mixin: Mixin) -> None:
    with pytest.raises(Refused, match="mixin_not_found"):
        await mixin.http.read("/safe/transactions/0f5ad9f3-6a3c-4b0e-9d3e-7a1d6f1c2b58")


@pytest.mark.parametrize("kind", ["500", "502", "429", "drop_reply"])
async def test_read_outlives_passing_trouble(mixin: Mixin, kind: str) -> None:
    await mixin.post("faults", kind=kind, match="GET /me", times=2)
    assert (await mixin.http.read("/me"))["user_id"] == mixin.keystore.app_id


async def test_read_gives_up_after_lasting_trouble(mixin: Mixin) -> None:
    await mixin.post("faults", kind="502", match="GET /me", times=20)
    with pytest.raises(Unavailable):
        await mixin.http.read("/me")


@pytest.mark.parametrize("kind", ["500", "502", "429", "drop_reply"])
async def test_write_in_trouble_is_unknown_and_sent_once(mixin: Mixin, kind: str) -> None:
    await mixin.post("faults", kind=kind, match="POST /safe/transactions$", times=1)
    with pytest.raises(OutcomeUnknown):
        await mixin.http.write("/safe/transactions", [])
    faults = await mixin.get("faults")
    assert not [f for f in faults["faults"] if f["times"] > 0]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (202, b'{"error":{"code":99999}}'),
        (202, b'{"error":"odd"}'),
        (500, b'{"error":{"code":500}}'),
        (200, b"[]"),
        (503, b"{}"),
        (200, b""),
    ],
)
def test_answer_that_is_not_clear_is_never_success(status: int, body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(status, body, "/x")


@pytest.mark.parametrize("code", [10105, 10106, 10404, 20117, 2000003])
def test_definite_error_is_a_no_although_the_status_is_202(code: int) -> None:
    with pytest.raises(Refused):
        decoded(202, json.dumps({"error": {"status": 202, "code": code}}).encode(), "/x")


def test_success_is_an_object_without_error() -> None:
    assert decoded(200, b'{"data":{"a":1}}', "/x") == {"a": 1}
    assert decoded(200, b"{}", "/x") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "is not JSON"),
        ("[]", "no JSON object"),
        ('{"client_id":"x","pin_token":"y"}', "legacy"),
        ('{"app_id":"x","session_private_key":"zz"}', "64 hexadecimal"),
    ],
)
def test_bad_keystore_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "keystore.json"
    file.write_text(text)
    with pytest.raises(BadKeystore, match=said):
        load_keystore(file)
    with pytest.raises(BadKeystore, match="cannot be read"):
        load_keystore(tmp_path / "absent.json")


def test_keys_do_not_show(mixin: Mixin) -> None:
    shown = repr(mixin.keystore)
    assert mixin.keystore.session_seed.hex() not in shown
    assert repr(mixin.keystore.session_seed) not in shown
    assert repr(mixin.keystore.spending) not in shown
