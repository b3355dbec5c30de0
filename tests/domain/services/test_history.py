"""Histories as people take them away: whole, exact, in order, and harmless in a spreadsheet."""

import csv
import io
import json
from dataclasses import replace

import pytest

from domain.errors import Refused
from domain.market.history import FillRow, Wanted
from domain.money import ZERO
from domain.services.history import HistoryService
from domain.services.sheets import Shape, harmless
from tests.contracts.test_history import ALICE, BOB, FEES, FILLS, ORDERS, fill
from tests.fakes.history import FakeHistory


@pytest.fixture
def history() -> FakeHistory:
    history = FakeHistory()
    for whose, row in [*FILLS, *ORDERS, *FEES]:
        history.add(whose, row)
    return history


async def exported(history: FakeHistory, wanted: Wanted, shape: Shape, at_once: int = 500) -> str:
    service = HistoryService(history, at_once)
    return "".join([piece async for piece in service.export(ALICE, wanted, shape)])


async def test_pages_follow_each_other_without_gap_or_repeat(history: FakeHistory) -> None:
    service, wanted, seen = HistoryService(history), Wanted(), list[int]()
    while True:
        page = await service.page(ALICE, wanted, 2)
        seen += [row.seq for row in page.rows]
        history.add(ALICE, fill(len(seen) + 100, 0)[1])  # newer rows do not move older ones
        if page.older is None:
            break
        wanted = page.older
    assert seen == [7, 6, 5, 4, 3, 1]


async def test_csv_has_a_header_exact_amounts_and_utc(history: FakeHistory) -> None:
    rows = list(csv.reader(io.StringIO(await exported(history, Wanted(), Shape.CSV))))
    assert rows[0] == list(FillRow.columns)
    assert rows[1] == [
        *("2026-11-27T19:00:00+00:00", "1", "strategy", "BTC/USDT", "buy", "61000", "0.1", "6000", "-0.25"),
        *("BTC", "true", "corrected", "fake-1", "o7", "t7"),
    ]
    assert rows[4][8] == "", "a fee that is not known is not nothing"
    assert len(rows) == 7


async def test_json_says_the_same(history: FakeHistory) -> None:
    for subject in ("fills", "orders", "fees"):
        wanted = Wanted.read({"subject": subject})
        table = csv.DictReader(io.StringIO(await exported(history, wanted, Shape.CSV)))
        assert json.loads(await exported(history, wanted, Shape.JSON)) == list(table)


@pytest.mark.parametrize("shape", Shape)
async def test_export_reads_page_by_page(history: FakeHistory, shape: Shape) -> None:
    whole = await exported(history, Wanted(), shape)
    history.asked = 0
    assert await exported(history, Wanted(), shape, at_once=2) == whole
    assert history.asked == 3


@pytest.mark.parametrize("shape", Shape)
async def test_nothing_is_a_file_too(shape: Shape) -> None:
    text = await exported(FakeHistory(), Wanted(), shape)
    assert text.strip() if shape is Shape.CSV else json.loads(text) == []


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1-1", "@SUM(A1)", "-2+3", "\t=1", "\r=1", "＝1", "-", "=-1", "-1e5"]
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-0.25", "0.5", "", "t=1", "2026-11-27T12:00:00+00:00", "BTC/USDT"])
def test_what_is_harmless_stays(cell: str) -> None:
    assert harmless(cell) == cell


async def test_a_venues_words_are_no_formula_in_an_export() -> None:
    history = FakeHistory()
    history.add(ALICE, replace(fill(1, 0)[1], trade_id='=HYPERLINK("x")', order_id='a"b,c\nd', fee=ZERO))
    [_, row] = csv.reader(io.StringIO(await exported(history, Wanted(), Shape.CSV)))
    assert row[-2:] == ['a"b,c\nd', '\'=HYPERLINK("x")']


async def test_nobody_else_is_in_it(history: FakeHistory) -> None:
    page = await HistoryService(history).page(BOB, Wanted(), 10)
    assert [row.seq for row in page.rows] == [2]


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"subject": "balances"}, "subject"),
        ({"run": "x"}, "run"),
        ({"run": "0"}, "run"),
        ({"run": "²"}, "run"),
        ({"run": "9" * 5000}, "run"),
        ({"run": "1000000"}, "run"),
        ({"pair": "BTC"}, "pair"),
        ({"pair": "BTC/USDT/X"}, "pair"),
        ({"pair": "ＢＴＣ/USDT"}, "pair"),
        ({"pair": "B" * 50 + "/USDT"}, "pair"),
        ({"side": "both"}, "side"),
        ({"side": "buy", "subject": "fees"}, "side"),
        ({"state": "open"}, "state"),
        ({"state": "booked", "subject": "fees"}, "state"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"before": "-1"}, "before"),
        ({"before": str(2**63)}, "before"),
    ],
)
def test_what_cannot_be_read_is_said(typed: dict[str, str], what: str) -> None:
    with pytest.raises(Refused) as refused:
        Wanted.read(typed)
    assert refused.value.code == "history_not_understood"
    assert refused.value.facts["what"] == what


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"subject": "orders", "run": "#2", "state": "open", "side": "sell", "before": "17"},
        {"pair": "btc/usdt", "from": "2026-11-01", "to": "2026-11-30"},
        {"from": "2026-11-01T12:30", "to": "2026-11-01T12:30:00+08:00"},
        {"from": "0001-01-01", "to": "0001-01-01T00:00:00+00:00"},
        {"from": "2026-11-01T08:00+08:00", "to": "2026-11-02T08:00+08:00"},
    ],
)
def test_what_was_read_can_be_typed_again(typed: dict[str, str]) -> None:
    wanted = Wanted.read(typed)
    assert Wanted.read(wanted.typed()) == wanted


def test_a_day_is_typed_as_a_day_however_often_it_goes_round() -> None:
    typed = {"subject": "fills", "from": "2026-11-28", "to": "2026-11-28"}
    for _ in range(3):
        typed = Wanted.read(typed).typed()
    assert (typed["from"], typed["to"]) == ("2026-11-28", "2026-11-28")
