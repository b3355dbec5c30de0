"""Settings: complete and right, or a sentence that says what to do."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.settings import load_settings
from domain.leases import LeaseTiming

OWNER = "773e5e77-4107-45c2-b648-8fc722ed77f5"
ZEROS = "00000000-0000-0000-0000-000000000000"
COMPLETE = {
    "DATABASE_URL": "postgres://user:hunter2-hunter2@127.0.0.1:5432/mrmarket",
    "REDIS_URL": "redis://:hunter3-hunter3@127.0.0.1:6379/0",
    "MIXIN_KEYSTORE_FILE": "bot.json",
    "VENUE_ACCOUNTS_FILE": "venues.json",
    "OWNER_ID": OWNER,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(f"MRMARKET_{name}", value)


def test_nobody_need_be_named_as_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot prints a code instead, and who sends it is the owner."""
    monkeypatch.delenv("MRMARKET_OWNER_ID")
    assert load_settings().owner_id is None


def test_what_is_not_said_has_production_defaults() -> None:
    settings = load_settings()
    assert settings.mixin_api_url == "https://api.mixin.one"
    assert settings.withdrawal_fee_bps is None
    assert settings.unknown_lookup_window_s == 30
    assert settings.lease_timing() == LeaseTiming(ttl_s=10, renew_s=2, timeout_s=2)
    assert settings.public_url == "http://127.0.0.1:8080"


def test_secrets_do_not_show() -> None:
    assert "hunter" not in repr(load_settings())
    assert load_settings().database_url.reveal() == COMPLETE["DATABASE_URL"]


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_settings().web_port = 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", None, "MRMARKET_DATABASE_URL is missing. Set it to where Postgres is"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "must begin with postgres://"),
        ("MIXIN_API_URL", "http://api.mixin.one", "must begin with https://"),
        ("OWNER_ID", "me", "the Mixin user id of the instance's first owner"),
        ("WITHDRAWAL_FEE_BPS", "-1", "MRMARKET_WITHDRAWAL_FEE_BPS is wrong"),
        ("LEASE_TTL_S", "7.9", "MRMARKET_LEASE_TTL_S is wrong: must be at least the renewal's interval"),
        ("LEASE_RENEW_S", "5", "MRMARKET_LEASE_TTL_S is wrong"),
        ("LEASE_TIMEOUT_S", "-1", "MRMARKET_LEASE_TIMEOUT_S is wrong"),
        ("WEB_PORT", "99999", "MRMARKET_WEB_PORT is wrong"),
    ],
)
def test_a_wrong_value_ends_with_a_sentence_that_does_not_repeat_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
    sentence: str,
) -> None:
    if value is None:
        monkeypatch.delenv(f"MRMARKET_{name}")
    else:
        monkeypatch.setenv(f"MRMARKET_{name}", value)
    with pytest.raises(SystemExit) as ended:
        load_settings()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said
    assert "hunter" not in said


def test_a_file_may_hold_the_settings_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MRMARKET_WEB_PORT=9000\nMRMARKET_OWNER_ID=nobody\n")
    settings = load_settings()
    assert settings.web_port == 9000
    assert settings.owner_id == OWNER
    assert settings.lease_timing() == LeaseTiming(ttl_s=10, renew_s=2, timeout_s=2)
    assert settings.public_url == "http://127.0.0.1:9000"


def test_a_misspelt_name_is_told_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("MRMARKET_WEBPORT=9000\nPOSTGRES_PASSWORD=x\n")
    monkeypatch.setenv("MRMARKET_OWNERID", OWNER)
    with pytest.raises(SystemExit):
        load_settings()
    said = capsys.readouterr().err
    assert "MRMARKET_WEBPORT is not a setting we know" in said
    assert "MRMARKET_OWNERID is not a setting we know" in said
    assert "POSTGRES" not in said


def test_the_example_file_is_a_complete_and_right_one(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(f"MRMARKET_{name}")
    example = (root / ".env.example").read_text()
    given = example.replace("CHANGE-ME", "long-and-random").replace(ZEROS, OWNER)
    given = re.sub(
        r"^#(?=MRMARKET_(?!MASTER_PASSPHRASE|MIXIN_(KEYSTORE|SPEND)))", "", given, flags=re.MULTILINE
    )
    (tmp_path / ".env").write_text(given)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db_app").write_text("long-and-random\n")
    settings = load_settings()
    assert settings.master_key_file == Path("secrets/master.key")
    assert ":long-and-random@" in settings.database_url.reveal()
    assert settings.web_port == 8080


def test_venue_accounts_come_from_the_owners_file(tmp_path: Path) -> None:
    row = {
        "name": "main",
        "venue": "binance",
        "api_key": "key-of-main",
        "secret": "secret-of-main",
        "limits": {"burst": 3},
    }
    (tmp_path / "venues.json").write_text(json.dumps([row]))
    (account,) = load_settings().venue_accounts()
    assert (account.name, account.venue, account.limits.burst) == ("main", "binance", 3)
    assert account.request_expiry_ms == 5_000
    assert not account.lockstep


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}x",
        "[1]",
        '[{"name": "main"}]',
        '[{"name":"a","venue":"binance","api_key":"k","secret":"s","seret":"t"}]',
    ],
)
def test_a_venue_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "venues.json").write_text(text)
    with pytest.raises(SystemExit):
        load_settings().venue_accounts()
    assert "MRMARKET_VENUE_ACCOUNTS_FILE" in capsys.readouterr().err


def test_two_venue_accounts_may_not_share_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"name": "main", "venue": "binance", "api_key": "key-of-main", "secret": "secret-of-main"}
    (tmp_path / "venues.json").write_text(json.dumps([row, row]))
    with pytest.raises(SystemExit):
        load_settings().venue_accounts()
    assert "share a name" in capsys.readouterr().err


@pytest.mark.parametrize("written", [None, "", "CHANGE-ME", "short"])
def test_a_file_without_a_key_of_coingecko_ends_with_a_sentence(
    written: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "coingecko"
    if written is not None:
        key.write_text(written)
    monkeypatch.setenv("MRMARKET_COINGECKO_KEY_FILE", str(key))
    with pytest.raises(SystemExit):
        load_settings().coingecko_key()
    assert "MRMARKET_COINGECKO_KEY_FILE names no key" in capsys.readouterr().err
    key.write_text("CG-a-demo-key\n")
    found = load_settings().coingecko_key()
    assert found is not None
    assert found.reveal() == "CG-a-demo-key"
