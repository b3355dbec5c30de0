"""The throw-away world: made once, kept, private."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from sandbox.children import CannotStart
from sandbox.world import create_world, ensure_world, owner_of, write_keys

URLS = {name: f"http://127.0.0.1:1/{name}" for name in ("rest", "sapi", "ws", "ws_api", "control")}


def test_world_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "world.json"
    assert ensure_world(path) == ensure_world(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_two_worlds_share_a_key() -> None:
    one, other = create_world(), create_world()
    fields = ("user_id", "session_id", "session_private_key", "spend_private_key", "server_public_key")
    for field in fields:
        mine = [someone[field] for someone in (one["bot"], *one["people"], other["bot"], *other["people"])]
        assert len(set(mine)) == 8


def test_people_can_pay_what_the_world_says_they_pay() -> None:
    world = create_world()
    owner = next(person for person in world["people"] if person["user_id"] == owner_of(world))
    for payment in world["payments"]:
        assert payment["from"] == owner["user_id"]
        assert Decimal(owner["balances"][payment["asset_id"]]) > Decimal(payment["amount"])


def test_exactly_one_coin_called_usdt_is_the_real_one() -> None:
    ids = [asset["asset_id"] for asset in create_world()["assets"] if asset["symbol"] == "USDT"]
    assert len(ids) == 2
    assert "4d8c508b-91c5-375b-92b0-ee702ed2dac5" in ids


def test_keys_have_the_shape_an_owner_has_and_no_more(tmp_path: Path) -> None:
    world = create_world()
    paths = write_keys(world, tmp_path / "keys", {"venue": URLS})
    assert set(paths) == {"bot", "alice", "bob", "owner", "venues", "accounts"}
    keystore = json.loads(Path(paths["bot"]).read_text())
    assert set(keystore) == {
        "app_id",
        "session_id",
        "server_public_key",
        "session_private_key",
        "spend_private_key",
    }
    assert SigningKey(bytes.fromhex(keystore["session_private_key"]))
    (account,) = json.loads(Path(paths["venues"]).read_text())
    assert set(account) == {
        "name",
        "venue",
        "api_key",
        "secret",
        "withdrawal_key",
        "withdrawals",
        "rehearsal",
        "urls",
    }
    assert set(account["urls"]) == {"rest", "sapi", "ws", "ws_api"}
    assert all(Path(path).stat().st_mode & 0o777 == 0o600 for path in paths.values())


def test_two_exchanges_offer_a_pair_each(tmp_path: Path) -> None:
    gate = {name: f"http://127.0.0.1:2/{name}" for name in ("gate", "gate_ws", "control")}
    paths = write_keys(create_world(), tmp_path / "keys", {"venue": URLS, "gate": gate})
    told = json.loads(Path(paths["accounts"]).read_text())
    assert [(row["name"], row["venue"], row["pairs"]) for row in told] == [
        ("main", "binance", ["BTC/USDT"]),
        ("gate-1", "gate", ["ETH/USDT"]),
    ]
    assert told[1]["urls"] == {name: gate[name] for name in ("gate", "gate_ws")}


def test_an_older_world_gets_what_came_since(tmp_path: Path) -> None:
    world = create_world()
    older = {name: part for name, part in world.items() if name != "gate"}
    (tmp_path / "world.json").write_text(json.dumps(older))
    kept = ensure_world(tmp_path / "world.json")
    assert kept["venue"] == world["venue"]
    assert kept == ensure_world(tmp_path / "world.json")
    assert (
        kept["gate"]["accounts"][0]["withdrawal_addresses"]
        == world["gate"]["accounts"][0]["withdrawal_addresses"]
    )


@pytest.mark.parametrize(
    ("text", "advice"), [("{", "cannot be read"), ("[]", "cannot be read"), ('{"version": 0}', "has form 0")]
)
def test_a_world_we_cannot_read_is_told_with_advice(tmp_path: Path, text: str, advice: str) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(CannotStart, match=f"(?s){advice}.*Move"):
        ensure_world(tmp_path / "world.json")
