"""What a store of candles promises, in memory and on Postgres: last words first, nothing open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.db.candles import PostgresCandles
from domain.errors import InvariantBroken
from domain.market.candles import Candle, Interval, Series
from domain.market.model import Pair
from domain.ports.candles import CandleStore, Noted
from tests.fakes.candles import FakeCandles, candle

BTC = Series("binance", Pair.parse("BTC/USDT"), Interval.MINUTE)
OTHERS = [
    replace(BTC, venue="gate"),
    replace(BTC, pair=Pair.parse("ETH/USDT")),
    replace(BTC, interval=Interval.HOUR),
]
AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)
EVER = (AT - timedelta(days=9), LATER)


def minute(number: int) -> datetime:
    return AT + timedelta(minutes=number)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def candles(request: pytest.FixtureRequest) -> CandleStore:
    if request.param == "memory":
        return FakeCandles()
    return PostgresCandles(request.getfixturevalue("store"))


async def test_what_is_told_is_kept_to_the_last_digit_once(candles: CandleStore) -> None:
    fine = Candle(AT, *map(Decimal, ("1.2E-8", "1.3E-8", "1.1E-8", "1.25E-8", "1e24")))
    exact = replace(fine, volume=Decimal("123456789012345678901234.0000000000000000000000001"))
    assert await candles.note(BTC, [exact, candle(minute(1))], LATER) == Noted(new=2)
    assert await candles.note(BTC, [exact], LATER) == Noted()
    assert await candles.list(BTC, *EVER, 9) == [exact, candle(minute(1))]
    assert await candles.newest(BTC) == minute(1)


async def test_a_venue_that_says_otherwise_is_believed_and_its_first_word_counted(
    candles: CandleStore,
) -> None:
    for close, noted in (("101", Noted(1)), ("102", Noted(0, 1)), ("102", Noted()), ("101", Noted(0, 1))):
        assert await candles.note(BTC, [candle(AT, close)], LATER) == noted
    [now] = await candles.list(BTC, *EVER, 9)
    assert (now.close, now.told) == (Decimal(101), 3)


async def test_each_series_is_its_own(candles: CandleStore) -> None:
    await candles.note(BTC, [candle(AT)], LATER)
    for other in OTHERS:
        assert await candles.newest(other) is None
        assert await candles.list(other, *EVER, 9) == []
        assert await candles.stretch(other, *EVER) is None


async def test_a_list_is_cut_at_both_ends_and_after_so_many(candles: CandleStore) -> None:
    await candles.note(BTC, [candle(minute(n), str(100 + n)) for n in (3, 1, 2, 0)], LATER)
    between = await candles.list(BTC, minute(1), minute(3), 9)
    assert [each.opens_at for each in between] == [minute(1), minute(2)]
    assert [each.opens_at for each in await candles.list(BTC, *EVER, 2)] == [minute(0), minute(1)]


async def test_a_stretch_is_what_the_last_words_come_to(candles: CandleStore) -> None:
    closes = ("103", "97", "101")
    await candles.note(BTC, [candle(minute(5 * n), close) for n, close in enumerate(closes)], LATER)
    await candles.note(BTC, [candle(minute(5), "98")], LATER)
    stretch = await candles.stretch(BTC, *EVER)
    assert stretch is not None
    assert (stretch.since, stretch.until) == (minute(0), minute(11))
    told = (stretch.first, stretch.high, stretch.low, stretch.last, stretch.volume)
    assert told == tuple(map(Decimal, (100, 103, 98, 101, 3)))
    assert stretch.change == Decimal("0.01")
    assert await candles.stretch(BTC, minute(20), LATER) is None


async def test_nothing_that_is_not_over_is_kept(candles: CandleStore) -> None:
    with pytest.raises(InvariantBroken, match="candles_are_over"):
        await candles.note(BTC, [candle(AT)], AT + timedelta(seconds=59))
    assert await candles.note(BTC, [candle(AT)], minute(1)) == Noted(new=1)


async def test_no_candles_are_nothing(candles: CandleStore) -> None:
    assert await candles.note(BTC, [], LATER) == Noted()


ROW = ("gate", "BTC", "USDT", timedelta(minutes=1), AT, 1, *map(Decimal, ("2", "3", "1", "2", "0")), LATER)


@pytest.mark.database
@pytest.mark.parametrize(
    ("column", "value", "refused_by"),
    [
        (3, timedelta(minutes=2), "candles_lasts_check"),
        (4, AT + timedelta(seconds=1), "candles_begin_on_time"),
        (6, Decimal("3.1"), "candles_are_prices"),
        (7, Decimal("NaN"), "candles_high_check"),
        (8, Decimal(0), "candles_low_check"),
        (9, Decimal("0.9"), "candles_are_prices"),
        (10, Decimal(-1), "candles_volume_check"),
        (11, AT + timedelta(seconds=59), "candles_are_over"),
    ],
)
async def test_the_database_refuses_what_is_no_candle(
    store: Any, column: int, value: object, refused_by: str
) -> None:
    row = [*ROW[:column], value, *ROW[column + 1 :]]
    with pytest.raises(InvariantBroken, match=refused_by):
        await store.execute(
            "INSERT INTO candles VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", *row
        )


@pytest.mark.database
@pytest.mark.parametrize(
    "change", ["UPDATE candles SET close = 1", "DELETE FROM candles", "TRUNCATE candles"]
)
async def test_what_was_told_stays(admin: Any, store: Any, change: str) -> None:
    await PostgresCandles(store).note(BTC, [candle(AT)], LATER)
    with pytest.raises(asyncpg.PostgresError, match="change_refused"):
        await admin.execute(change)
