"""Candles over the wire of the sandbox in both languages, and answers that make no sense."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.exchange import candles as asked
from adapters.exchange.candles import CcxtCandles
from adapters.exchange.ccxt_exchange import CcxtExchange
from domain.errors import Refused, Unavailable
from domain.market.candles import Candle, Interval
from domain.market.model import Pair
from tests.adapters.exchange.test_sandbox_venue import BTC, account, soon, taking_buy, urls
from tests.clocks import WallClock
from tests.fakes.leases import unasked

__all__ = ["urls"]

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture(params=["binance", "gate"])
async def exchange(request: pytest.FixtureRequest, urls: dict[str, str]) -> AsyncIterator[CcxtExchange]:
    """Give the adapter of the venue's account in one of its languages."""
    adapter = CcxtExchange(replace(account(urls), venue=request.param), WallClock(), unasked)
    yield adapter
    await adapter.close()


async def test_what_was_traded_is_in_the_candles(exchange: CcxtExchange) -> None:
    order = await taking_buy(exchange, "mm1")
    placed = await exchange.place(order, soon())
    since = Interval.HOUR.begun(datetime.now(UTC)) - timedelta(hours=1)
    told = await exchange.candles.candles(BTC, Interval.HOUR, since, 100)
    assert told[-1].opens_at == Interval.HOUR.begun(datetime.now(UTC))
    assert sum(each.volume for each in told) >= placed.filled == order.quantity
    assert told[-1].low <= order.price
    minutes = await exchange.candles.candles(BTC, Interval.MINUTE, since, 500)
    assert max(each.high for each in minutes) >= max(each.high for each in told)
    assert (
        await exchange.candles.candles(BTC, Interval.MINUTE, datetime.now(UTC) + timedelta(hours=1), 9) == []
    )


async def test_a_pair_that_is_not_listed_is_refused(exchange: CcxtExchange) -> None:
    with pytest.raises(Refused, match="pair_not_traded"):
        await exchange.candles.candles(Pair.parse("NO/USDT"), Interval.MINUTE, AT, 9)


class Client:
    """A library that answers with these rows."""

    def __init__(self, *rows: list[Any]) -> None:
        self.rows = rows

    async def fetch_ohlcv(self, *_: Any) -> list[list[Any]]:
        return list(self.rows)


def row(at: datetime = AT, *figures: Any) -> list[Any]:
    return [int(at.timestamp() * 1000), *(figures or ("1.5", "2", "1", "1.25", "0.00000000000000000001"))]


async def told_by(*rows: list[Any]) -> list[Candle]:
    return list(await CcxtCandles(Client(*rows)).candles(BTC, Interval.MINUTE, AT, 9))


async def test_figures_are_kept_as_they_are_written_and_what_was_not_asked_for_is_left_out() -> None:
    [candle] = await told_by(row(AT - timedelta(minutes=1)), row())
    assert candle == Candle(AT, *map(Decimal, ("1.5", "2", "1", "1.25", "1E-20")))


@pytest.mark.parametrize(
    "bad",
    [
        row(AT, 1.5, 2, 1, 1.25, 3),
        row(AT, "1.5", "2", "1", "1.25", None),
        row(AT, "1.5", "2", "1", "1.25"),
        row(AT, "3", "2", "1", "1.25", "0"),
        row(AT, "1.5", "2", "0", "1.25", "0"),
        row(AT, "NaN", "2", "1", "1.25", "0"),
        row(AT, "1.5", "1e9", "1", "1.25", "0"),
        row(AT, "1.5", "2", "1", "1.25", "-1"),
        row(AT + timedelta(seconds=30)),
        [None, "1.5", "2", "1", "1.25", "0"],
        [],
    ],
)
async def test_an_answer_that_makes_no_sense_is_none(bad: list[Any]) -> None:
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await told_by(row(), bad)


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Client):
        async def fetch_ohlcv(self, *_: Any) -> list[list[Any]]:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr(asked, "PATIENCE_S", 0.01)
    with pytest.raises(Unavailable, match="venue_silent"):
        await CcxtCandles(Mute()).candles(BTC, Interval.MINUTE, AT, 9)
