"""`mrmarket export`: all that is kept of one person, to the digit, and nothing of anybody else."""

import asyncio
import csv
import io
import json
from decimal import Decimal

import asyncpg
import pytest

from adapters.cli.__main__ import main
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.ids import AssetId, UserId
from domain.ledger.model import Cause, Posting, Transfer, available, mixin
from domain.money import Coin, Token

ALICE, BOB = (UserId(f"0c2f7b6e-0000-4000-8000-00000000000{n}") for n in "12")
USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
AMOUNT = "12345678901.123456789012345678"


@pytest.fixture
async def people(store: PostgresStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """Give two people who have money and are in the middle of a conversation."""
    monkeypatch.setenv("MRMARKET_DATABASE_URL", migrated_url)
    for person in (ALICE, BOB):
        await store.execute("INSERT INTO users (user_id) VALUES ($1)", person)
        await store.execute(
            """
            INSERT INTO conversations (user_id, flow, state, draft, at)
            VALUES ($1, 'deposit', 'coin', $2, now())
            """,
            person,
            json.dumps({"said": f"words of {person}"}),
        )
        paid = Posting(mixin(USDT), available(person, USDT.coin), Decimal(AMOUNT))
        await PostgresLedger(store).post(Transfer(Cause("deposit", person), (paid,)))
    return store


async def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """Return exit code and output, as a process of its own would answer."""
    code = await asyncio.get_running_loop().run_in_executor(None, main, ["export", *argv])
    return code, capsys.readouterr().out


async def test_a_persons_rows_are_written_to_the_digit_and_nobody_elses(
    people: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = await said(capsys, ALICE)
    told = json.loads(text, parse_float=Decimal)
    assert (code, set(told)) == (
        0,
        {"users", "conversations", "accounts", "balances", "transfers", "postings"},
    )
    assert told["balances"][0]["total"] == Decimal(AMOUNT)
    assert BOB not in text
    rows = await people.fetch("SELECT action, params FROM audit")
    assert [row["action"] for row in rows] == ["data.export"], "that it was asked for is written down"


async def test_who_never_wrote_has_nothing(people: PostgresStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert await said(capsys, "0c2f7b6e-0000-4000-8000-000000000003") == (1, "")
    assert await people.fetch("SELECT FROM audit") == []


async def test_a_history_is_a_table_of_its_own(
    people: PostgresStore, admin: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    await admin.execute("SET session_replication_role = replica")  # a row alone, without what leads to it
    await admin.execute(
        """
        INSERT INTO service_fees (kind, cause, version, user_id, run_id, coin, basis, amount, fee, noted_at)
        VALUES ('deposit', 'd1', 1, $1, '', 'USDT', 100, 0.5, 'deposit', '2026-11-27 09:30Z')
        """,
        ALICE,
    )
    code, text = await said(capsys, ALICE, "--history", "fees")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (code, len(rows)) == (0, 1)
    assert (rows[0]["at"], rows[0]["amount"]) == ("2026-11-27T09:30:00+00:00", "0.5")
    assert json.loads((await said(capsys, ALICE, "--history", "fees", "--shape", "json"))[1]) == rows
    assert len(list(csv.reader(io.StringIO((await said(capsys, BOB, "--history", "fees"))[1])))) == 1
    assert len(await people.fetch("SELECT FROM audit")) == 3


async def test_a_history_that_there_is_not_is_explained(
    people: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", ALICE, "--history", "dreams"])
    assert "fills" in capsys.readouterr().err
