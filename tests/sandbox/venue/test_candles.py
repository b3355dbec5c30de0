"""Candles follow from the venue's own trades, and both languages tell the same."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from sandbox.venue.model import Trade
from sandbox.venue.tape import MINUTE_MS, Minute, Tape

PAIR = "BTC/USDT"


def tape(*trades: tuple[int, int]) -> Tape:
    """Return a tape of trades: in which minute, at which price; each of two lots."""
    tape = Tape()
    for number, (minute, price) in enumerate(trades):
        tape.add(Trade(number, "BTCUSDT", price, 2, 2 * price, minute * MINUTE_MS + number, False))
    return tape


def told(candle: Minute) -> tuple[int, ...]:
    return candle.at, candle.open, candle.high, candle.low, candle.close, candle.lots, candle.count


def test_a_minute_without_trades_is_flat_and_the_open_one_is_told() -> None:
    candles = tape((100, 7), (100, 9), (100, 8), (102, 5)).candles(1, 103 * MINUTE_MS + 1)
    assert list(map(told, candles)) == [
        (100, 7, 9, 7, 8, 6, 3),
        (101, 8, 8, 8, 8, 0, 0),
        (102, 5, 5, 5, 5, 2, 1),
        (103, 5, 5, 5, 5, 0, 0),
    ]


def test_minutes_come_to_hours() -> None:
    candles = tape((119, 7), (120, 9), (179, 3), (241, 4)).candles(60, 300 * MINUTE_MS - 1)
    assert list(map(told, candles)) == [
        (60, 7, 7, 7, 7, 2, 1),
        (120, 9, 9, 3, 3, 4, 2),
        (180, 3, 3, 3, 3, 0, 0),
        (240, 4, 4, 4, 4, 2, 1),
    ]


def test_no_trades_are_no_candles() -> None:
    assert Tape().candles(1, 5 * MINUTE_MS) == []


async def test_unmodified_ccxt_reads_the_same_in_both_languages(client: Any, gate: Any) -> None:
    await client.create_order(PAIR, "market", "buy", "0.01")
    since = int(time.time() * 1000) - 10 * MINUTE_MS
    one, other = [await each.fetch_ohlcv(PAIR, "1h", since - 60 * MINUTE_MS, 500) for each in (client, gate)]
    assert [row[:2] for row in one] == [row[:2] for row in other]
    [at, opened, high, low, close, volume] = map(Decimal, one[-1])
    assert at == time.time() // 3600 * 3600 * 1000
    assert low <= min(opened, close) <= max(opened, close) <= high
    assert volume >= Decimal("0.01")
    latest = [await each.fetch_ohlcv(PAIR, "1m") for each in (client, gate)]
    assert latest[0][-1][0] in (latest[1][-1][0], latest[1][-1][0] - MINUTE_MS)
    later = int(time.time() * 1000) + 10 * MINUTE_MS
    assert await client.fetch_ohlcv(PAIR, "1m", later) == []


async def test_a_span_that_there_is_not_is_refused(client: Any, gate: Any) -> None:
    with pytest.raises(ccxt.BadRequest):
        await client.fetch_ohlcv(PAIR, "3d")
    with pytest.raises(ccxt.ExchangeError):
        await gate.fetch_ohlcv(PAIR, "7d")
