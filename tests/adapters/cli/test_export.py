"""`mrmarket export`: all that is kept of one person, to the digit, and nothing of anybody else."""

import asyncio
import json
from decimal import Decimal

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
