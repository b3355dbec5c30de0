"""A recorded market read message by message, whatever the shape of its file (`recording_shapes`).

Messages are those of the futures stream (`depthUpdate` with U, u and pu; `bookTicker`; `trade`) and, among
them, answers of the REST depth call, which carry no "e". Other messages are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from sandbox.venue.book import Level
from sandbox.venue.model import Pair
from sandbox.venue.recording_shapes import messages

LOTS = {"BTCUSDT": ("BTC", "USDT", "0.1", "0.00001"), "ETHUSDT": ("ETH", "USDT", "0.01", "0.0001")}
QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "EUR")
MIN_NOTIONAL = Decimal(5)
SNAPSHOT_WITHIN_MS = 5000  # of the beginning, or the book is built from deltas alone
LOOK_AHEAD = 2000  # lines that tell the rules of a pair that is not in the table


@dataclass(frozen=True, slots=True)
class Delta:
    """New quantities of some levels; zero removes one."""

    at_ms: int
    matched_ms: int
    first: int
    last: int
    previous: int
    bids: list[Level]
    asks: list[Level]


@dataclass(frozen=True, slots=True)
class Top:
    """The best level of each side, sooner than the deltas."""

    at_ms: int
    matched_ms: int
    last: int
    bid: Level
    ask: Level


@dataclass(frozen=True, slots=True)
class Tick:
    """One trade."""

    at_ms: int
    matched_ms: int
    id: int
    price: int
    lots: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole book as of an update id."""

    at_ms: int
    matched_ms: int
    last: int
    bids: list[Level]
    asks: list[Level]


Event = Delta | Top | Tick | Snapshot


class Recording:
    """One file of one pair."""

    def __init__(self, path: Path) -> None:
        self.path = path
        first = next(self._lines(), None)
        if first is None:
            raise ValueError(f"{path.name} holds no messages")
        self.start_ms = first[0]
        self.pair = self._rules()
        self.has_snapshot_soon = any(
            "e" not in message and "lastUpdateId" in message for _, message in self._first(SNAPSHOT_WITHIN_MS)
        )

    def events(self) -> Iterator[Event]:
        """Yield the events in the order in which they were received; time never goes back."""
        latest = 0
        for at_ms, message in self._lines():
            latest = max(latest, at_ms)
            if event := self._event(latest, message):
                yield event

    def _event(self, at_ms: int, message: dict[str, Any]) -> Event | None:
        matched = int(message.get("T", at_ms))
        match message.get("e"):
            case "depthUpdate":
                ids = int(message["U"]), int(message["u"]), int(message.get("pu", message["U"] - 1))
                return Delta(at_ms, matched, *ids, self._levels(message["b"]), self._levels(message["a"]))
            case "bookTicker":
                bid = self._level(message["b"], message["B"])
                ask = self._level(message["a"], message["A"])
                return Top(at_ms, matched, int(message["u"]), bid, ask)
            case "trade":
                price, lots = self._level(message["p"], message["q"])
                return Tick(at_ms, matched, int(message["t"]), price, lots, bool(message["m"]))
            case None if "lastUpdateId" in message:
                bids, asks = self._levels(message["bids"]), self._levels(message["asks"])
                return Snapshot(at_ms, matched, int(message["lastUpdateId"]), bids, asks)
        return None

    def _level(self, price: str, quantity: str) -> Level:
        """Return a level in our ticks and lots; what is finer is cut, for no one can trade it."""
        return int(Decimal(price) / self.pair.tick), int(Decimal(quantity) / self.pair.lot)

    def _levels(self, rows: list[list[str]]) -> list[Level]:
        return [self._level(price, quantity) for price, quantity in rows]

    def _first(self, span_ms: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for at_ms, message in self._lines():
            if at_ms > self.start_ms + span_ms:
                return
            yield at_ms, message

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        return messages(self.path)

    def _rules(self) -> Pair:
        """Return the pair: from the table, or with the finest steps that its first lines show."""
        first = [message for _, message in islice(self._lines(), LOOK_AHEAD)]
        symbol = next((str(message["s"]) for message in first if "s" in message), "")
        trades = (m["p"] for m in first if m.get("e") == "trade")
        books = (m["bids"][0][0] for m in first if m.get("bids"))
        start = next(trades, None) or next(books, None)
        if not symbol or start is None:
            raise ValueError(f"{self.path.name} names no pair and price in its first {LOOK_AHEAD} lines")
        base, quote, tick, lot = LOTS.get(symbol) or _guess(symbol, first)
        return Pair(base, quote, Decimal(tick), Decimal(lot), MIN_NOTIONAL, Decimal(start))


def _guess(symbol: str, first: list[dict[str, Any]]) -> tuple[str, str, str, str]:
    quote = next((quote for quote in QUOTES if symbol.endswith(quote)), symbol[-4:])
    rows = [
        row
        for m in first
        for row in (*m.get("b", ()), *m.get("a", ()), *m.get("bids", ()), *m.get("asks", ()))
        if isinstance(row, list)
    ]
    rows += [[m["p"], m["q"]] for m in first if m.get("e") == "trade"]
    tick, lot = (min(map(_step, column)) for column in zip(*rows, strict=True))
    lot = max(lot, Decimal(1).scaleb(-8) / tick)  # what is finer is no whole number of units
    return symbol.removesuffix(quote), quote, str(tick), str(lot)


def _step(text: str) -> Decimal:
    """Return the weight of a number's last digit that is not a trailing zero."""
    exponent = Decimal(text).normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(0, int(exponent)))
