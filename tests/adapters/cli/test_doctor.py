"""The doctor: what is well, and for each ill the thing to mend; never a password."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.cli import doctor
from adapters.cli.doctor import examine as look
from adapters.cli.findings import Finding
from adapters.db.progress import PostgresProgress
from adapters.db.store import PostgresStore
from adapters.sealing.masters import master_of, new_root, write_masters
from adapters.settings import Settings
from adapters.texts.catalogues import texts
from domain.health.progress import WHOLE, Progress
from sandbox.children import free_port
from sandbox.redis import start_redis
from tests.adapters.mixin.conftest import Mixin, mixin  # noqa: F401 - a fixture

pytestmark = pytest.mark.database


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    server = start_redis(tmp_path / "redis")
    yield server.url
    server.stop()


def settings_of(mixin: Mixin, database: str, redis: str, keystore: str | None = None) -> Settings:  # noqa: F811
    venues = stored(Path(mixin.keys["bot"]).with_name("none.json"), "[]")
    return Settings.model_validate(
        {
            "database_url": database,
            "redis_url": redis,
            "mixin_api_url": mixin.base,
            "mixin_keystore_file": keystore or mixin.keys["bot"],
            "venue_accounts_file": venues,
            "owner_id": mixin.owner_id,
        }
    )


async def examine(settings: Settings, language: str = "en") -> dict[str, str]:
    return {name: found.said for name, found in (await look(settings, texts().words(language))).items()}


def stored(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def test_a_well_instance_is_ok(mixin: Mixin, migrated_url: str, redis_url: str) -> None:  # noqa: F811
    found = await examine(settings_of(mixin, migrated_url, redis_url))
    well = dict.fromkeys(("keystore", "database", "redis", "spend_key", "venues"), "ok")
    assert found == well | {"at_work": "ok (no process runs)"}


async def test_a_process_that_was_killed_or_does_no_work_is_told(
    mixin: Mixin,  # noqa: F811
    migrated_url: str,
    redis_url: str,
) -> None:
    async with PostgresStore(migrated_url) as store:
        await PostgresProgress(store, "workers", "w").say([Progress(WHOLE, stuck="payouts is stuck")])
    found = await examine(settings_of(mixin, migrated_url, redis_url))
    assert found["bot"].startswith("was not heard of in the last seconds: see that")
    assert found["workers"].startswith("payouts is stuck")
    assert found["leases"].startswith("nobody acts for wallet")
    assert found["waiting"] == found["reconciliation"] == "ok"


async def test_each_ill_is_named_with_what_to_mend(
    mixin: Mixin,  # noqa: F811
    tmp_path: Path,
) -> None:
    nowhere = f"hunter2-hunter2@127.0.0.1:{free_port()}"
    found = await examine(
        settings_of(
            mixin, f"postgres://u:{nowhere}/x", f"redis://:{nowhere}/0", str(tmp_path / "absent.json")
        )
    )
    assert "cannot be read" in found["keystore"]
    assert "MRMARKET_DATABASE_URL" in found["database"]
    assert "MRMARKET_REDIS_URL" in found["redis"]
    assert "keystore" in found["spend_key"]
    assert "without keys" in found["venues"]
    assert "without the database" in found["at_work"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("lang", "well", "code", "said"),
    [("en", True, 0, "Exchange accounts:"), ("zh", False, 1, "交易所账户：")],
)
def test_the_doctor_prints_what_it_found_and_ends_badly_where_all_is_not_well(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lang: str,
    well: bool,
    code: int,
    said: str,
) -> None:
    async def found(*_: object) -> tuple[dict[str, Finding], list[Finding]]:
        return {"redis": Finding(well=True, said="so")}, [Finding(well, "a (gate)")]

    monkeypatch.setattr(doctor, "_all", found)
    monkeypatch.setattr(doctor, "load_settings", lambda: None)
    assert doctor.run(Namespace(lang=lang)) == code
    printed = capsys.readouterr().out
    for part in (said, "a (gate)", "so"):
        assert part in printed


async def test_an_empty_database_wants_to_be_migrated(
    mixin: Mixin,  # noqa: F811
    database_url: str,
    redis_url: str,
) -> None:
    assert "mrmarket migrate" in (await examine(settings_of(mixin, database_url, redis_url)))["database"]


async def test_a_wrong_or_absent_spend_key_is_told(
    mixin: Mixin,  # noqa: F811
    migrated_url: str,
    redis_url: str,
    tmp_path: Path,
) -> None:
    text = Path(mixin.keys["bot"]).read_text()  # noqa: ASYNC240 - a small file
    without = stored(tmp_path / "bot.json", text.replace("spend_private_key", "left_out"))
    settings = settings_of(mixin, migrated_url, redis_url, str(without))
    assert "MRMARKET_MIXIN_SPEND_KEY_FILE" in (await examine(settings))["spend_key"]
    spend_key = stored(tmp_path / "spend_key", "ab" * 32)
    wrong = settings.model_copy(update={"mixin_spend_key_file": spend_key})
    assert "spend_key_wrong" in (await examine(wrong))["spend_key"]
    assert "支付密钥" in (await examine(wrong, "zh"))["spend_key"]


async def test_sealed_keys_are_looked_at_too(
    mixin: Mixin,  # noqa: F811
    migrated_url: str,
    redis_url: str,
    tmp_path: Path,
) -> None:
    plain = settings_of(mixin, migrated_url, redis_url)
    absent = {"mixin_keystore_file": None, "master_key_file": tmp_path / "absent.key"}
    assert "absent.key cannot be read" in (await examine(plain.model_copy(update=absent)))["keystore"]
    write_masters(tmp_path / "master.key", [master_of(new_root())])
    empty = plain.model_copy(update=absent | {"master_key_file": tmp_path / "master.key"})
    assert "mrmarket keys import" in (await examine(empty))["keystore"]
