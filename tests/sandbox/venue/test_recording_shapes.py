"""Recordings of other shapes become the same events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.venue.recording import Delta, Recording, Snapshot, Tick
from tests.sandbox.venue.test_replay import REAL, Desk, needs_recording

SHARED = REAL.parent


def test_bybits_books_are_read(tmp_path: Path) -> None:
    said = [
        {
            "type": kind,
            "ts": 1000 + n,
            "data": {"s": "XRPUSDT", "u": 7 + n, "b": [["1.9531", "5"]], "a": asks},
        }
        for n, (kind, asks) in enumerate((("snapshot", [["1.9540", "2"]]), ("delta", [["1.9540", "0"]])))
    ]
    lines = [json.dumps({"topic": "orderbook.500.XRPUSDT", **each}) for each in said]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    recording = Recording(tmp_path / "r.jsonl")
    whole, delta = recording.events()
    assert (recording.pair.symbol, str(recording.pair.tick), str(recording.pair.lot)) == (
        "XRPUSDT",
        "0.0001",
        "1",
    )
    assert isinstance(whole, Snapshot)
    assert (whole.bids, whole.asks) == ([(19531, 5)], [(19540, 2)])
    assert isinstance(delta, Delta)
    assert (delta.previous, delta.last, delta.asks) == (7, 8, [(19540, 0)])


def test_a_candle_becomes_four_trades_within_its_ends(tmp_path: Path) -> None:
    head = "timestamp,open,high,low,close,volume\n"
    (tmp_path / "btc_1m.csv").write_text(f"{head}2022-01-01 00:01:00.000000,100.0,103.0,99.0,102.0,4000\n")
    recording = Recording(tmp_path / "btc_1m.csv")
    ticks = [event for event in recording.events() if isinstance(event, Tick)]
    assert recording.pair.symbol == "BTCUSDT"
    assert [tick.price for tick in ticks] == [1000, 990, 1030, 1020]
    assert [tick.buyer_is_maker for tick in ticks] == [False, True, False, True]
    assert sum(tick.lots * tick.price for tick in ticks) / 10 / 100_000 == pytest.approx(4000, rel=0.001)


def test_what_has_none_of_the_shapes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="none of the shapes"):
        Recording(tmp_path / "r.csv")


@needs_recording
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("bybit_xrpusdt_ob500_20241201.jsonl.gz", "XRPUSDT"),
        ("kraken_xbtusdt_trades.json.gz", "BTCUSDT"),
        ("btc_perp_1m_202201.csv.gz", "BTCUSDT"),
    ],
)
def test_every_shared_recording_is_replayed(name: str, symbol: str) -> None:
    desk = Desk(SHARED / name)
    desk.run(60 * 60_000)
    status = desk.replay.status()
    assert (status["symbol"], status["gaps"]) == (symbol, 0)
    assert int(str(status["events"])) >= 50
    books = [desk.market.levels(side, 5) for side in desk.market.recorded.sizes]
    assert all(len(levels) == 5 for levels in books)
    if symbol == "BTCUSDT":
        assert int(str(status["trades"])) > 30
