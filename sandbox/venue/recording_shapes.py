"""Recordings of other shapes, as messages of the futures stream, which the rest of the replay reads.

What a file is shows in its first line:

- a receive time in nanoseconds, a blank, a message: the futures stream of binance, as it came;
- bybit's order book topic, a message a line: a whole book, then changes; nothing trades in it;
- one page of kraken's public trades, and one-minute candles (`timestamp,open,high,low,close,volume`; the
  volume counted in quote, the pair the file name's first word against USDT): they have no book, so a thin
  one is made up around the last price, and a candle becomes four trades of a quarter of its volume.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

Message = tuple[int, dict[str, Any]]  # when it was received, in ms
LEVELS = 10  # a side of a made-up book, one bp apart
QUARTER_MS = 15_000


def messages(path: Path) -> Iterator[Message]:
    """Yield a recording's messages, oldest first.

    Raises:
        ValueError: the file has none of the shapes.
    """
    with _open(path) as lines:
        first = next(lines, "")
        if first and (read := _reader(first)) is None:
            raise ValueError(f"{path.name} has none of the shapes that can be replayed")
        if first and read:
            yield from read(_from(first, lines), path)


def _reader(first: str) -> Callable[[Iterator[str], Path], Iterator[Message]] | None:
    if first[:1].isdigit():
        return _stream
    if '"topic":"orderbook.' in first.replace(" ", ""):
        return _bybit
    if first.startswith("timestamp,open,high,low,close"):
        return _candles
    return _kraken if first.startswith("{") else None


def _from(first: str, lines: Iterable[str]) -> Iterator[str]:
    yield first
    yield from lines


def _open(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _stream(lines: Iterator[str], path: Path) -> Iterator[Message]:
    for line in lines:
        received, _, text = line.partition(" ")
        if text.strip():
            message = json.loads(text)
            yield int(received) // 1_000_000, message.get("data", message)


def _bybit(lines: Iterator[str], path: Path) -> Iterator[Message]:
    last = 0
    for line in filter(str.strip, lines):
        said = json.loads(line)
        data, at = said["data"], int(said["ts"])
        previous, last = last, int(data["u"])
        facts = {"s": data["s"], "T": int(said.get("cts", at))}
        if said["type"] == "snapshot":
            yield at, facts | {"lastUpdateId": last, "bids": data["b"], "asks": data["a"]}
        else:
            ids = {"U": previous + 1, "u": last, "pu": previous}
            yield at, facts | ids | {"e": "depthUpdate", "b": data["b"], "a": data["a"]}


def _kraken(lines: Iterator[str], path: Path) -> Iterator[Message]:
    result = json.loads("".join(lines))["result"]
    [name] = (name for name in result if name != "last")
    symbol = name.replace("XBT", "BTC")
    trades = (
        (int(Decimal(str(at)) * 1000), price, quantity, side == "s")
        for price, quantity, at, side, *_ in result[name]
    )
    yield from _with_books(symbol, trades)


def _candles(lines: Iterator[str], path: Path) -> Iterator[Message]:
    yield from _with_books(f"{path.name.partition('_')[0].upper()}USDT", _ticks_of(lines))


def _ticks_of(lines: Iterator[str]) -> Iterator[tuple[int, str, str, bool]]:
    """Yield open, the nearer end, the farther end and close of each candle."""
    last = Decimal(0)
    for row in csv.DictReader(lines):
        at = int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() * 1000)
        rises = Decimal(row["close"]) >= Decimal(row["open"])
        names = ("open", *(("low", "high") if rises else ("high", "low")), "close")
        for quarter, price in enumerate(row[name] for name in names):
            quantity = Decimal(row["volume"]) / 4 / Decimal(price)
            falls = Decimal(price) < last
            last = Decimal(price)
            yield at + quarter * QUARTER_MS, price, f"{quantity:.8f}", falls


def _with_books(symbol: str, trades: Iterator[tuple[int, str, str, bool]]) -> Iterator[Message]:
    """Yield each trade, and the book made up around it: before the first one too."""
    for number, (at, price, quantity, hits_bids) in enumerate(trades, start=1):
        if number == 1:
            yield at, _book(symbol, price, at, 1)
        facts = {"t": number, "p": price, "q": quantity, "m": hits_bids, "T": at}
        yield at, {"e": "trade", "s": symbol} | facts
        yield at, _book(symbol, price, at, number + 1)


def _book(symbol: str, price: str, at: int, number: int) -> dict[str, Any]:
    middle = Decimal(price)
    step = max(middle / 10_000, Decimal(1).scaleb(int(middle.normalize().as_tuple().exponent)))
    bids, asks = (
        [[str((middle + sign * n * step).quantize(middle)), "1"] for n in range(1, LEVELS + 1)]
        for sign in (-1, 1)
    )
    return {"s": symbol, "lastUpdateId": number, "T": at, "bids": bids, "asks": asks}
