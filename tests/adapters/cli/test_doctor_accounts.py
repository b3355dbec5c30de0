"""What the doctor says of exchange accounts, in both languages, and what it says to mend."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.cli.doctor import LOOKS
from adapters.cli.doctor_accounts import look_at_accounts
from adapters.cli.findings import padded, spoken
from adapters.db.account_looks import PostgresAccountLooks
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.texts.catalogues import entries_of, texts
from domain.ids import VenueAccountName
from domain.market.capacity import Capacity, Claimed, Place
from domain.market.model import Pair
from domain.ports.account_looks import AccountLook, DeadManState, KeyPower
from domain.secrets import Secret
from domain.services.account_overview import AccountStanding

NOW = datetime.now(UTC)
ROOT = Path(__file__).parents[3]
GOOD = AccountLook(
    *(VenueAccountName("a"), "gate", NOW, frozenset({KeyPower.READ, KeyPower.TRADE}), -12, 5),
    dead_man=DeadManState.CONFIGURED,
)
EVERY = frozenset(KeyPower)


def account(name: str) -> VenueAccount:
    return VenueAccount(VenueAccountName(name), "gate", VenueKey(Secret("k"), Secret("s")))


BTC = Pair.parse("BTC/USDT")
ROOM = Claimed(Capacity(10, {BTC: Place(100, Decimal(5), Decimal(60_000))}), 60, {BTC: 40})


def ills(
    look: AccountLook, age_s: float = 30, compared_s: float | None = 30, claimed: Claimed = ROOM
) -> tuple[str, ...]:
    compared = None if compared_s is None else timedelta(seconds=compared_s)
    return AccountStanding(look, timedelta(seconds=age_s), compared, claimed).ills


@pytest.mark.parametrize(
    ("look", "found"),
    [
        (GOOD, ()),
        (replace(GOOD, powers=None, apart_ms=None), ()),
        (replace(GOOD, dead_man=DeadManState.ABSENT), ()),
        (replace(GOOD, powers=EVERY), ("key_withdraws",)),
        (replace(GOOD, powers=frozenset({KeyPower.READ})), ("key_idle",)),
        (replace(GOOD, apart_ms=1_001), ("clock",)),
        (replace(GOOD, apart_ms=-1_001, powers=EVERY), ("key_withdraws", "clock")),
        (replace(GOOD, refusal="no_lookup", powers=EVERY), ("refused",)),
    ],
)
def test_what_is_to_be_mended_of_an_account(look: AccountLook, found: tuple[str, ...]) -> None:
    assert ills(look) == found


def test_an_account_that_nobody_looks_at_or_compares_or_that_is_full_is_ill() -> None:
    assert ills(GOOD, compared_s=None) == ()
    assert ills(GOOD, age_s=301) == ("unseen",)
    assert ills(GOOD, compared_s=901) == ("uncompared",)
    assert ills(GOOD, claimed=replace(ROOM, orders={BTC: 90})) == ("full",)
    assert ills(GOOD, claimed=replace(ROOM, hourly=32_400)) == ("full",)


@pytest.mark.database
async def test_the_doctor_says_how_each_account_is_and_what_to_mend(migrated_url: str) -> None:
    settings: Any = SimpleNamespace(database_url=Secret(migrated_url))
    looks = {
        "a": GOOD,
        "b": replace(GOOD, powers=EVERY, apart_ms=2_000),
        "c": replace(GOOD, refusal="no_lookup"),
    }
    async with PostgresStore(migrated_url, connections=1) as store, store.transaction():
        for name, look in looks.items():
            look_now = replace(look, account=VenueAccountName(name), at=datetime.now(UTC))
            await PostgresAccountLooks(store).note(look_now)
    accounts = [account(name) for name in "dcba"]
    english = await look_at_accounts(settings, accounts, texts().words("en"))
    assert [each.well for each in english] == [True, False, False, True]
    well, ill, refused, new = (each.said for each in english)
    for part in ("a (gate), looked at", "may read, trade", "-12 ms", "5", "configured", "never"):
        assert part in well
    assert "→" not in well
    assert "→ WARNING" in ill
    assert "(NTP)" in ill
    assert "refused" in refused
    assert "not yet looked at" in new
    chinese = await look_at_accounts(settings, accounts, texts().words("zh"))
    assert "失联保护" in chinese[0].said
    assert "请校准本机时钟" in chinese[1].said
    assert "尚未查看" in chinese[3].said


async def test_accounts_that_cannot_be_read_are_told() -> None:
    settings: Any = SimpleNamespace(database_url=Secret("postgres://u:hunter2@127.0.0.1:9/x"))
    [found] = await look_at_accounts(settings, [account("a")], texts().words("en"))
    assert not found.well
    assert "hunter2" not in found.said


@pytest.mark.parametrize(
    ("asked", "shell", "language"),
    [
        (None, "zh_CN.UTF-8", "zh"),
        (None, "C.UTF-8", "en"),
        (None, "", "en"),
        (None, "de_DE", "en"),
        ("en", "zh_CN.UTF-8", "en"),
        ("zh", "C", "zh"),
    ],
)
def test_the_doctor_speaks_as_it_is_asked_or_as_the_shell(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, shell: str, language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", shell)
    assert spoken(asked)("doctor_ok") == texts().words(language)("doctor_ok")


def test_names_stand_in_a_column_in_chinese_too() -> None:
    assert padded("redis", 14) == "redis" + 9 * " "
    assert padded("数据库", 14) == "数据库" + 8 * " "


def test_every_sentence_of_the_doctor_is_said() -> None:
    source = "".join(path.read_text() for path in (ROOT / "adapters/cli").glob("*.py"))
    parts = {"settings", *LOOKS, "at_work", "bot", "workers", "leases", "reconciliation", "waiting"}
    parts |= {"angel", "drill"}
    keys = {key for key in entries_of("en") if key.startswith("doctor_")}
    assert {key for key in keys if f'"{key}"' not in source} == {f"doctor_name_{part}" for part in parts}
