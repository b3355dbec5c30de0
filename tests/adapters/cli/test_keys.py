"""``mrmarket keys``: in, listed, replaced, rotated, retired; and never a value on the screen."""

import asyncio
import getpass
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.cli import __main__
from adapters.db.secrets import PostgresSecrets
from adapters.db.store import PostgresStore
from adapters.mixin.keystore import BadKeystore
from adapters.opening import Keys, sealed_keys
from adapters.sealing import keyring, masters
from adapters.sealing.masters import Derivation, bot_file
from adapters.settings import Settings, load_settings
from domain.secrets import Secret

pytestmark = pytest.mark.database

APP = "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10"
KEYSTORE = {
    "app_id": APP,
    "session_id": "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    "server_public_key": "1a" * 32,
    "session_private_key": "2b" * 32,
    "spend_private_key": "3c" * 32,
}
VENUES = [{"name": "main", "venue": "binance", "api_key": "key-of-main-1", "secret": "secret-of-main-1"}]
VALUES = ("2b" * 32, "3c" * 32, "key-of-main", "secret-of-main", "correct horse", "mrmarket-master")
Said = Callable[..., str]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay out what an owner has, and point the settings at it."""
    monkeypatch.chdir(tmp_path)
    put("bot.json", KEYSTORE)
    put("venues.json", VENUES)
    put("accounts.json", [{"name": "main", "venue": "binance"}])
    said = {
        "DATABASE_URL": admin_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "VENUE_ACCOUNTS_FILE": "accounts.json",
        "OWNER_ID": APP,
        "MASTER_KEY_FILE": "master.key",
    }
    for name, value in said.items():
        monkeypatch.setenv(f"MRMARKET_{name}", value)


def put(name: str, value: object) -> None:
    Path(name).write_text(value if isinstance(value, str) else json.dumps(value))
    Path(name).chmod(0o600)


@pytest.fixture
def mrmarket(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command and return what it said; no value may ever be in it."""

    def run(*words: str, code: int = 0) -> str:
        assert __main__.main(words) == code
        said = "".join(capsys.readouterr())
        assert not [value for value in VALUES if value in said]
        return said

    return run


def imported(mrmarket: Said) -> str:
    return mrmarket("keys", "import", "--make-key", "--keystore", "bot.json", "--venues", "venues.json")


def opened(holds_money: bool = True, key_file: str = "master.key") -> Keys:
    """Return the keys as a process gets them."""
    settings = load_settings().model_copy(update={"master_key_file": Path(key_file)})
    return open_with(settings, holds_money)


def open_with(settings: Settings, holds_money: bool) -> Keys:
    async def once() -> Keys:
        async with PostgresStore(settings.database_url.reveal()) as store:
            return await sealed_keys(settings, store, holds_money=holds_money)

    return asyncio.run(once())


def test_what_was_imported_reaches_the_processes_without_plain_files(mrmarket: Said) -> None:
    said = imported(mrmarket)
    assert "Now remove bot.json" in said
    Path("bot.json").unlink()
    Path("venues.json").unlink()
    keys = opened()
    assert keys.keystore.spending.reveal().hex() == "3c" * 32
    assert keys.keystore.session_seed.reveal().hex() == "2b" * 32
    (account,) = load_settings().venue_accounts(keys.venue_keys)
    assert (account.key.api_key.reveal(), account.key.secret.reveal()) == (
        "key-of-main-1",
        "secret-of-main-1",
    )


def test_the_bots_file_opens_its_session_and_no_money(mrmarket: Said) -> None:
    imported(mrmarket)
    half = str(bot_file(Path("master.key")))
    keys = opened(holds_money=False, key_file=half)
    assert keys.keystore.session_seed.reveal().hex() == "2b" * 32
    assert keys.keystore.spend_seed is None
    assert keys.venue_keys is None
    with pytest.raises(BadKeystore, match="money half"):
        opened(key_file=half)


def test_importing_again_changes_nothing(mrmarket: Said) -> None:
    imported(mrmarket)
    before = mrmarket("keys", "list")
    assert imported(mrmarket).count("it is the same") == 4
    assert mrmarket("keys", "list") == before


def test_the_list_shows_names_kinds_versions_and_master_keys(mrmarket: Said) -> None:
    imported(mrmarket)
    said = mrmarket("keys", "list")
    kid = masters.read_masters(Path("master.key"))[0].kid
    for kind, name in (("session_key", "bot"), ("spend_key", "bot"), ("venue_key", "main")):
        assert [line for line in said.splitlines() if line.split()[:4] == [kind, name, "1", kid]]
    assert f"{kid} wraps 4" in said


def test_another_bots_keys_are_refused(mrmarket: Said) -> None:
    imported(mrmarket)
    put("bot.json", KEYSTORE | {"app_id": "00000000-1111-4222-8333-444444444444"})
    assert "another bot" in mrmarket("keys", "import", "--keystore", "bot.json", code=1)


def test_a_venue_key_is_replaced_used_and_the_old_one_revoked(mrmarket: Said) -> None:
    imported(mrmarket)
    put("new.json", [VENUES[0] | {"api_key": "key-of-main-2", "secret": "secret-of-main-2"}])
    said = mrmarket("keys", "replace", "venue", "main", "--file", "new.json")
    assert "venue_key main version 2 is sealed" in said
    keys = opened()
    assert keys.venue_keys is not None
    assert keys.venue_keys["main"].api_key == Secret("key-of-main-2")
    assert "in use" in mrmarket("keys", "revoke", "venue", "main", "2", code=1)
    assert "counts no more" in mrmarket("keys", "revoke", "venue", "main", "1")
    assert "revoked" in mrmarket("keys", "list")


def test_a_venue_key_is_asked_for_at_the_terminal(mrmarket: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(mrmarket)
    answers = {"API key: ": "key-of-main-3", "Secret: ": "secret-of-main-3"}
    answers |= {"Withdrawal API key (empty: none): ": "", "Passphrase (empty: none): ": "word-of-main"}
    monkeypatch.setattr(getpass, "getpass", answers.__getitem__)
    mrmarket("keys", "replace", "venue", "main")
    keys = opened()
    assert keys.venue_keys is not None
    assert keys.venue_keys["main"].secret == Secret("secret-of-main-3")
    assert keys.venue_keys["main"].passphrase == Secret("word-of-main")
    answers["Secret: "] = "CHANGE-ME"
    assert "placeholder" in mrmarket("keys", "replace", "venue", "main", code=1)


def test_session_and_spend_key_are_replaced(mrmarket: Said) -> None:
    imported(mrmarket)
    put("spend_key", "4d" * 32)
    put("bot.json", {**KEYSTORE, "session_private_key": "5e" * 32})
    assert "Name the file" in mrmarket("keys", "replace", "spend", "bot", code=1)
    mrmarket("keys", "replace", "spend", "bot", "--file", "spend_key")
    mrmarket("keys", "replace", "session", "bot", "--file", "bot.json")
    keystore = opened().keystore
    assert keystore.spending.reveal().hex() == "4d" * 32
    assert keystore.session_seed.reveal().hex() == "5e" * 32


def test_rotating_and_retiring_leaves_one_new_key_and_everything_open(mrmarket: Said) -> None:
    imported(mrmarket)
    old = masters.read_masters(Path("master.key"))[0].kid
    said = mrmarket("keys", "rotate")
    assert f"{old} wraps nothing any more" in said
    new, kept = masters.read_masters(Path("master.key"))
    assert kept.kid == old
    assert "nothing any more" in mrmarket("keys", "rotate"), "a rotation that is done is not begun again"
    said = mrmarket("keys", "retire")
    assert f"{old} is retired" in said
    assert masters.kids(masters.read_masters(Path("master.key"))) == [new.kid]
    assert "nothing to retire" in mrmarket("keys", "retire")
    assert opened().keystore.spend_seed is not None
    assert opened(holds_money=False, key_file="master.key.bot").keystore.app_id == APP


def test_a_passphrase_opens_is_changed_and_its_misspelling_is_refused(
    mrmarket: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "new_derivation", lambda: Derivation(bytes(range(16)), n=2**14))
    monkeypatch.delenv("MRMARKET_MASTER_KEY_FILE")
    monkeypatch.setenv("MRMARKET_MASTER_PASSPHRASE_FILE", "passphrase")
    put("passphrase", "correct horse battery staple\n")
    imported(mrmarket)
    assert open_with(load_settings(), holds_money=True).keystore.spend_seed is not None
    put("passphrase", "correct horse battery stable\n")
    for words in (["list"], ["replace", "venue", "main", "--file", "venues.json"], ["retire"]):
        mrmarket("keys", *words, code=0 if words == ["list"] else 1)
    with pytest.raises(BadKeystore, match="misspelling"):
        open_with(load_settings(), holds_money=True)
    put("passphrase", "a wholly new correct horse\ncorrect horse battery staple\n")
    assert "wraps nothing any more" in mrmarket("keys", "rotate")
    assert "is retired" in mrmarket("keys", "retire")
    put("passphrase", "a wholly new correct horse\n")
    assert open_with(load_settings(), holds_money=True).keystore.spend_seed is not None
    put("passphrase", "correct horse battery staple\n")
    with pytest.raises(BadKeystore):
        open_with(load_settings(), holds_money=True)


def test_a_passphrase_may_be_given_at_the_terminal(mrmarket: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "new_derivation", lambda: Derivation(bytes(range(16)), n=2**14))
    monkeypatch.delenv("MRMARKET_MASTER_KEY_FILE")
    answers = iter(["correct horse battery staple", ""] * 2)
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    mrmarket("keys", "import", "--ask", "--keystore", "bot.json")
    put("spend_key", "4d" * 32)
    mrmarket("keys", "replace", "spend", "bot", "--file", "spend_key", "--ask")


def test_a_key_file_is_made_once(mrmarket: Said) -> None:
    said = mrmarket("keys", "init", "made.key")
    assert "made.key.bot" in said
    assert "is there already" in mrmarket("keys", "init", "made.key", code=1)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bot.json", "{}", "no current keystore"),
        ("venues.json", '[{"name": "main", "api_key": "CHANGE-ME", "secret": "s"}]', "placeholder"),
        ("venues.json", "nonsense", "JSON list"),
        ("master.key", "CHANGE-ME", "no key"),
    ],
)
def test_what_cannot_be_imported_is_told(mrmarket: Said, name: str, text: str, said: str) -> None:
    put(name, text)
    words = ["keys", "import", "--make-key", "--keystore", "bot.json", "--venues", "venues.json"]
    assert said in mrmarket(*words, code=1)


def test_without_any_master_key_nothing_is_sealed(mrmarket: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MRMARKET_MASTER_KEY_FILE")
    said = mrmarket("keys", "import", "--keystore", "bot.json", code=1)
    assert "MRMARKET_MASTER_KEY_FILE" in said


async def test_bot_and_workers_may_read_what_is_sealed(store: PostgresStore) -> None:
    assert await PostgresSecrets(store).every() == []
