"""`mrmarket candles`: what a pair traded at, whole and exact, for a spreadsheet or a program."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.cli import candles as command
from adapters.cli.__main__ import main
from adapters.db.candles import PostgresCandles
from adapters.db.store import PostgresStore
from domain.market.candles import Candle, Interval, Series
from domain.market.model import Pair
from tests.fakes.candles import candle

pytestmark = pytest.mark.database

AT = datetime(2026, 2, 27, 23, 58, tzinfo=UTC)
SERIES = Series("binance", Pair.parse("BTC/USDT"), Interval.MINUTE)
ASKED = ("binance", "btc/usdt")


@pytest.fixture
async def kept(store: PostgresStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """Give three minutes around a midnight, of which the first was told twice."""
    monkeypatch.setenv("MRMARKET_DATABASE_URL", migrated_url)
    monkeypatch.setattr(command, "AT_ONCE", 2)
    small = Candle(AT, *map(Decimal, ("0.00000001", "0.00000003", "0.00000001", "0.00000002", "12E9")))
    minutes = [candle(AT), *(candle(AT + timedelta(minutes=n)) for n in (1, 2))]
    for told in (minutes, [small]):
        await PostgresCandles(store).note(SERIES, told, AT + timedelta(days=1))
    return store


async def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Return exit code and what was said, as a process of its own would answer."""
    code = await asyncio.get_running_loop().run_in_executor(None, main, ["candles", *argv])
    return code, *capsys.readouterr()


@pytest.mark.usefixtures("kept")
async def test_candles_are_a_table_to_the_digit(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = await said(capsys, *ASKED)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (code, len(rows)) == (0, 3)
    assert list(rows[0].values()) == [
        *("2026-02-27T23:58:00+00:00", "0.00000001", "0.00000003", "0.00000001", "0.00000002"),
        *("12000000000", "2"),
    ]
    assert json.loads((await said(capsys, *ASKED, "--shape", "json"))[1]) == rows
    one_day = (await said(capsys, *ASKED, "--from", "2026-02-27T23:59", "--to", "2026-02-27"))[1]
    assert [row["opens_at"] for row in csv.DictReader(io.StringIO(one_day))] == ["2026-02-27T23:59:00+00:00"]


@pytest.mark.usefixtures("kept")
async def test_what_is_not_kept_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (("gate", "BTC/USDT"), (*ASKED, "--interval", "1h")):
        code, text, why = await said(capsys, *argv)
        assert (code, text) == (1, "")
        assert "No candles of" in why
    assert (await said(capsys, *ASKED, "--from", "yesterday"))[0] == 1


def test_a_pair_that_is_none_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["candles", "binance", "BTC"])
    assert "a pair is written as BTC/USDT" in capsys.readouterr().err
