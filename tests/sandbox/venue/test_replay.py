"""A recorded market: continuity, queue positions, and fills by recorded trades only."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from sandbox.venue.engine import Engine
from sandbox.venue.model import FEES, SCALE, Fill, Kind, NewOrder, Order, RefusedByVenue, Side, Status
from sandbox.venue.pacing import Replay
from sandbox.venue.recording import Recording, Tick
from sandbox.venue.replay import ReplayMarket

NAME = "shared/data/market/binance_btcusdt_20240808.txt.gz"
BESIDE = [parent / NAME for parent in Path(__file__).parents[4:6]]  # of the project, or of its worktrees
REAL = next((path for path in BESIDE if path.exists()), BESIDE[0])
needs_recording = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} is not beside this project")
START = 1_700_000_000_000


class Tape:
    """Writes a small recording."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.last = 100
        self.at = START

    def add(self, message: dict[str, Any], later_ms: int = 10) -> Tape:
        self.at += later_ms
        wrapped = {"stream": "x", "data": message} if "e" in message else message
        self.lines.append(f"{self.at}000000 {json.dumps(wrapped)}\n")
        return self

    def snapshot(self, bids: list[list[str]], asks: list[list[str]], last: int | None = None) -> Tape:
        return self.add({"lastUpdateId": last or self.last, "T": self.at + 10, "bids": bids, "asks": asks})

    def delta(self, bids: list[list[str]], asks: list[list[str]], gap: int = 0) -> Tape:
        previous, self.last = self.last + gap, self.last + gap + 10
        ids = {"U": previous + 1, "u": self.last, "pu": previous}
        return self.add({"e": "depthUpdate", "s": "BTCUSDT", "T": self.at + 10, "b": bids, "a": asks} | ids)

    def trade(self, price: str, quantity: str, *, hits_bids: bool, late_ms: int = 0) -> Tape:
        at = self.at + 10 - late_ms
        number = len(self.lines)
        facts = {"t": number, "p": price, "q": quantity, "m": hits_bids, "T": at}
        return self.add({"e": "trade", "s": "BTCUSDT"} | facts)

    def write(self, path: Path) -> Path:
        path.write_text("".join(self.lines))
        return path


BIDS, ASKS = [["100.0", "2"], ["99.9", "3"], ["99.0", "9"]], [["100.1", "2"], ["100.2", "3"], ["101.0", "9"]]


@pytest.fixture
def tape() -> Tape:
    """Return a tape that begins with a trade, a delta and a snapshot."""
    return Tape().trade("100.0", "0.001", hits_bids=True).delta([], []).snapshot(BIDS, ASKS)


class Desk:
    """A replay and one account on it."""

    def __init__(self, path: Path, pace: str = "lockstep") -> None:
        self.market = ReplayMarket()
        recording = Recording(path)
        self.engine = Engine({recording.pair: self.market}, FEES["zero"])
        self.engine.accounts.bring("mm", "USDT", 10**6 * SCALE)
        self.engine.accounts.bring("mm", "BTC", 100 * SCALE)
        self.replay = Replay(recording, self.market, self.engine, pace, lambda: 0)
        self.count = 0

    def order(self, side: Side, price: str, quantity: str, kind: Kind = Kind.LIMIT_MAKER) -> Order:
        self.count += 1
        ticks, lots = round(float(price) * 10), round(float(quantity) * 100_000)
        new = NewOrder("mm", "BTCUSDT", side, kind, lots, ticks, client_id=f"o{self.count}")
        return self.engine.place(new, self.replay.now_ms())

    def run(self, ms: int = 1_000_000) -> None:
        self.replay.advance(self.replay.market_ms + ms)
        assert not any(self.engine.accounts.missing().values())

    @property
    def fills(self) -> list[Fill]:
        return self.engine.fills.get(("mm", "BTCUSDT"), [])


def lots(text: str) -> int:
    return round(float(text) * 100_000)


def test_it_stands_at_the_snapshot_until_the_first_order(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.trade("100.0", "9", hits_bids=True).write(tmp_path / "r.txt"))
    assert (desk.replay.started, desk.replay.ended) == (False, False)
    assert desk.market.levels(Side.BUY, 9)[0] == (1000, lots("2"))
    assert desk.replay.start_ms == START + 30


def test_a_trade_uses_up_what_is_ahead_before_it_fills_us(tape: Tape, tmp_path: Path) -> None:
    for quantity in ("1.5", "0.7", "0.4"):
        tape.trade("100.0", quantity, hits_bids=True)
    desk = Desk(tape.write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "100.0", "0.5")
    desk.run(10)
    assert (order.ahead, order.filled) == (lots("0.5"), 0)
    desk.run(10)
    assert (order.ahead, order.filled) == (0, lots("0.2"))
    desk.run(10)
    assert order.status is Status.FILLED


def test_two_orders_of_ours_are_served_in_turn_and_share_one_trade(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.trade("100.0", "2.3", hits_bids=True).write(tmp_path / "r.txt"))
    first, second = (desk.order(Side.BUY, "100.0", "0.2") for _ in range(2))
    desk.run()
    assert (first.filled, second.filled) == (lots("0.2"), lots("0.1"))


def test_a_trade_through_our_price_fills_us_at_our_price_up_to_its_quantity(
    tape: Tape, tmp_path: Path
) -> None:
    desk = Desk(tape.trade("99.0", "0.3", hits_bids=True).write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "99.9", "0.5")
    desk.run()
    assert (order.filled, desk.fills[0].trade.price) == (lots("0.3"), 999)
    assert desk.fills[0].trade.recorded_id == 3


def test_a_trade_on_the_other_side_leaves_us_alone(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.trade("100.1", "50", hits_bids=False).write(tmp_path / "r.txt"))
    desk.order(Side.BUY, "100.0", "0.5")
    desk.run()
    assert desk.fills == []


def test_what_leaves_the_level_without_a_trade_stood_behind_us(tape: Tape, tmp_path: Path) -> None:
    tape.delta([["100.0", "3"]], []).delta([["100.0", "2.5"]], []).delta([["100.0", "1"]], [])
    desk = Desk(tape.write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "100.0", "0.5")
    desk.run(20)
    assert order.ahead == lots("2")
    desk.run()
    assert order.ahead == lots("1")


def test_a_trade_told_late_is_not_counted_twice(tape: Tape, tmp_path: Path) -> None:
    tape.delta([["100.0", "0.5"]], []).trade("100.0", "1.5", hits_bids=True, late_ms=15)
    desk = Desk(tape.write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "100.0", "0.5")
    desk.run()
    assert (order.ahead, order.filled) == (lots("0.5"), 0)


def test_a_recorded_price_that_crosses_ours_is_hidden_and_does_not_fill(tape: Tape, tmp_path: Path) -> None:
    tape.delta([["100.0", "0"], ["99.9", "0"]], [["99.5", "1"]])
    desk = Desk(tape.write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "100.0", "0.5")
    desk.run()
    assert order.filled == 0
    assert desk.market.best(Side.SELL) == 1001
    desk.engine.cancel(order, 1)
    assert desk.market.best(Side.SELL) == 995


def test_a_taking_order_trades_with_recorded_depth_once(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.write(tmp_path / "r.txt"))
    taker = desk.order(Side.BUY, "100.2", "3", Kind.LIMIT)
    assert (taker.filled, [f.trade.price for f in desk.fills]) == (lots("3"), [1001, 1002])
    assert desk.market.levels(Side.SELL, 1) == [(1002, lots("2"))]
    with pytest.raises(RefusedByVenue):
        desk.order(Side.BUY, "100.2", "1")


def test_a_gap_is_counted_and_a_crossed_stale_level_is_dropped(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.delta([["100.3", "1"]], [], gap=50).write(tmp_path / "r.txt"))
    desk.order(Side.BUY, "98.0", "0.5")
    desk.run()
    assert desk.replay.status()["gaps"] == 1
    assert (desk.market.best(Side.BUY), desk.market.best(Side.SELL)) == (1003, 1010)


def test_a_later_snapshot_replaces_the_book_and_keeps_newer_deltas(tape: Tape, tmp_path: Path) -> None:
    tape.delta([["99.8", "7"]], [])
    before = tape.last
    tape.delta([["99.7", "8"]], []).snapshot([["99.0", "1"]], ASKS, before)
    desk = Desk(tape.write(tmp_path / "r.txt"))
    desk.order(Side.BUY, "98.0", "0.5")
    desk.run()
    assert desk.market.levels(Side.BUY, 3) == [(997, lots("8")), (990, lots("1")), (980, lots("0.5"))]


def test_without_a_snapshot_the_book_grows_from_deltas(tmp_path: Path) -> None:
    tape = Tape().trade("100.0", "1", hits_bids=True)
    for n in range(1, 31):
        tape.delta([[f"{100 - n / 10:.1f}", "1"]], [[f"{100 + n / 10:.1f}", "1"]])
    desk = Desk(tape.write(tmp_path / "r.txt"))
    assert len(desk.market.levels(Side.BUY, 99)) == 20
    assert desk.replay.start_ms == START + 210


def test_at_the_end_the_book_is_frozen_and_orders_can_be_cancelled(tape: Tape, tmp_path: Path) -> None:
    desk = Desk(tape.delta([["99.8", "7"]], []).write(tmp_path / "r.txt"))
    order = desk.order(Side.BUY, "98.0", "0.5")
    desk.run()
    frozen = desk.market.levels(Side.SELL, 9)
    desk.run()
    assert desk.replay.ended
    assert desk.market.levels(Side.SELL, 9) == frozen
    assert desk.engine.cancel(order, 1).status is Status.CANCELED


def test_the_shown_book_is_what_snapshot_and_changes_add_up_to(tape: Tape, tmp_path: Path) -> None:
    tape.delta([["100.0", "0"], ["99.9", "0"]], [["99.5", "1"]]).trade("99.5", "0.2", hits_bids=True)
    desk = Desk(tape.delta([["99.4", "1"]], [["99.5", "0"]]).write(tmp_path / "r.txt"))
    shown = {side: dict(desk.market.levels(side, 99)) for side in Side}
    desk.market.changed.drain()
    orders = [desk.order(Side.BUY, "100.0", "0.5"), desk.order(Side.SELL, "100.1", "0.5")]
    desk.run(20)
    desk.engine.cancel(orders[0], 1)
    desk.run()
    for side, prices in desk.market.changed.drain().items():
        for price in prices:
            shown[side][price] = desk.market.size_at(side, price)
    for side in Side:
        assert {p: n for p, n in shown[side].items() if n} == dict(desk.market.levels(side, 99))


def test_an_unknown_pair_takes_its_steps_from_the_recording(tmp_path: Path) -> None:
    message = {"e": "depthUpdate", "s": "DOGEUSDT", "U": 1, "u": 2, "pu": 0}
    tape = Tape().add(message | {"b": [["0.10230", "5"]], "a": [["0.10250", "70"]]})
    tape.add({"e": "trade", "s": "DOGEUSDT", "t": 1, "p": "0.10240", "q": "10", "m": True, "T": 1})
    with gzip.open(tmp_path / "r.txt.gz", "wt") as file:
        file.write("".join(tape.lines))
    pair = Recording(tmp_path / "r.txt.gz").pair
    assert (pair.base, pair.quote, str(pair.tick), str(pair.lot)) == ("DOGE", "USDT", "0.0001", "1")


def quote_two_bps(desk: Desk) -> None:
    """Cancel and quote 2 bps around the middle."""
    for order in desk.engine.open_orders("mm"):
        desk.engine.cancel(order, desk.replay.now_ms())
    bid, ask = desk.market.best(Side.BUY), desk.market.best(Side.SELL)
    assert bid
    assert ask
    assert bid < ask
    for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
        price = (bid + ask) * (10_000 + 2 * sign) // 20_000
        desk.count += 1
        new = NewOrder("mm", "BTCUSDT", side, Kind.LIMIT_MAKER, 500, price, client_id=f"q{desk.count}")
        desk.engine.place(new, desk.replay.now_ms())


@needs_recording
def test_the_real_recording_fills_a_maker_the_same_way_each_time() -> None:
    runs = []
    for _ in range(2):
        desk = Desk(REAL)
        while desk.replay.market_ms < desk.replay.start_ms + 90_000:
            quote_two_bps(desk)
            desk.run(2000)
        runs.append(desk.fills)
    assert runs[0] == runs[1]
    assert len(runs[0]) >= 1
    traded: defaultdict[int, int] = defaultdict(int)
    for fill in runs[0]:
        traded[fill.trade.recorded_id] += fill.trade.lots
    recorded = {event.id: event.lots for event in Recording(REAL).events() if isinstance(event, Tick)}
    assert all(ours <= recorded[number] for number, ours in traded.items())
