"""T18: each setting absent, short, a default or a placeholder ends every process with a sentence, code 2."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
OWNER = "773e5e77-4107-45c2-b648-8fc722ed77f5"
GOOD = {
    "DATABASE_URL": "postgres://mrmarket_app:a-long-password@127.0.0.1:1/mrmarket",
    "REDIS_URL": "redis://:a-long-password@127.0.0.1:1/0",
    "MASTER_KEY_FILE": "master.key",
    "VENUE_ACCOUNTS_FILE": "venues.json",
    "OWNER_ID": OWNER,
}
KEYS = ("MASTER_KEY_FILE", "MASTER_PASSPHRASE_FILE", "MIXIN_KEYSTORE_FILE")

WRONG = {
    "DATABASE_URL": [
        "",
        "CHANGE-ME",
        "mrmarket",
        "postgres://mrmarket:CHANGE-ME@127.0.0.1/mrmarket",
        "postgres://mrmarket:change_me_change_me@127.0.0.1/mrmarket",
        "postgres://mrmarket:short@127.0.0.1/mrmarket",
        "postgres://mrmarket:xxxxxxxxxxxxxxxx@127.0.0.1/mrmarket",
        "postgres://mrmarket:half/of-a-password@127.0.0.1/mrmarket",
        "postgres://mrmarket@127.0.0.1/mrmarket?password_file=absent",
        "postgres://mrmarket@127.0.0.1/mrmarket?password_file=placeholder",
        "postgres://mrmarket:a-long-password@127.0.0.1/mrmarket?password_file=good",
    ],
    "REDIS_URL": [
        "",
        "CHANGE-ME",
        "redis://:CHANGE-ME@127.0.0.1:6379/0",
        "redis://:short@127.0.0.1:6379/0",
        "redis://:half/of-a-password@127.0.0.1:6379/0",
        "redis://127.0.0.1:6379/0?password_file=absent",
        "redis://127.0.0.1:6379/0?password_file=placeholder",
    ],
    "VENUE_ACCOUNTS_FILE": [""],
    "OWNER_ID": ["CHANGE-ME", "00000000-0000-0000-0000-000000000000", OWNER[:-1]],
}
"""Values of each required setting, and of the owner, that must end every process; ``""`` is absent."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "placeholder").write_text("CHANGE-ME-CHANGE-ME\n")
    (tmp_path / "good").write_text("a-long-password\n")
    for name in [name for name in os.environ if name.startswith("MRMARKET_")]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(f"MRMARKET_{name}", value)


def cases() -> Iterator[tuple[str, str]]:
    for name, values in WRONG.items():
        yield from ((name, value) for value in values)


def test_what_is_good_is_taken() -> None:
    assert load_settings().sealed


def test_every_setting_without_a_default_is_among_the_cases() -> None:
    required = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    assert required == WRONG.keys() - {"OWNER_ID"}


@pytest.mark.parametrize("holds_keys", [True, False])
@pytest.mark.parametrize(("name", "value"), list(cases()))
def test_a_wrong_value_of_a_required_setting_is_told_and_never_repeated(
    name: str,
    value: str,
    holds_keys: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"MRMARKET_{name}", value)
    with pytest.raises(SystemExit) as ended:
        load_settings(holds_keys=holds_keys)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"MRMARKET_{name} is {'wrong' if value else 'missing'}" in said
    for part in ("CHANGE", "short", "half", "of-a-password", "a-long-password"):
        assert part not in said.replace("shorter", "")


def test_every_other_setting_has_a_default_that_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret has no default: whatever may be left out is public."""
    for name, field in Settings.model_fields.items():
        if not field.is_required():
            assert "Secret" not in str(field.annotation), name


@pytest.mark.parametrize("given", [(), KEYS[:2], KEYS[1:], KEYS, ("MASTER_KEY_FILE", "MIXIN_SPEND_KEY_FILE")])
def test_who_holds_keys_needs_one_place_for_them(
    given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MRMARKET_MASTER_KEY_FILE")
    for name in given:
        monkeypatch.setenv(f"MRMARKET_{name}", "a-file")
    with pytest.raises(SystemExit) as ended:
        load_settings()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert all(f"MRMARKET_{name}" in said for name in given or KEYS[:1])
    load_settings(holds_keys=False)


def start(module: str, *words: str, **changes: str) -> "subprocess.Popen[str]":
    """Start a process of the product as an owner does."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MRMARKET_")}
    env |= {f"MRMARKET_{name}": value for name, value in (GOOD | changes).items()}
    env |= {"MRMARKET_ENV_FILE": "", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_process_refuses_to_start_on_a_placeholder() -> None:
    """One real process for each entry; the rest of the cases are told by the very same function."""
    entries = [
        ("bot",),
        ("workers",),
        ("webapp",),
        ("adapters.cli", "doctor"),
        ("adapters.cli", "keys", "list"),
    ]
    started = [start(*entry, OWNER_ID="00000000-0000-0000-0000-000000000000") for entry in entries]
    started.append(start("adapters.cli", "migrate", DATABASE_URL=""))
    for process in started:
        said, _ = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "MRMARKET_" in said
        assert "Traceback" not in said


def test_bot_and_workers_refuse_a_key_file_that_is_a_placeholder(tmp_path: Path) -> None:
    bad = {
        "bot.json": "CHANGE-ME",
        "master.key": "CHANGE-ME",
        "passphrase": "CHANGE-ME-CHANGE-ME",
        "open": "x",
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o444 if name == "open" else 0o400)
    started = [
        start("bot", MASTER_KEY_FILE="", MIXIN_KEYSTORE_FILE=str(tmp_path / "bot.json")),
        start("workers", MASTER_KEY_FILE=str(tmp_path / "master.key")),
        start("workers", MASTER_KEY_FILE=str(tmp_path / "open")),
        start("workers", MASTER_KEY_FILE="", MASTER_PASSPHRASE_FILE=str(tmp_path / "passphrase")),
    ]
    sentences = ["bot.json is not JSON", "no key", "chmod 400", "at least 16 characters"]
    for process, sentence in zip(started, sentences, strict=True):
        said, _ = process.communicate(timeout=60)
        assert process.returncode != 0
        assert sentence in said
        assert "Traceback" not in said
