"""Own trades read whole at venues that answer for a span or a page: none is missed."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.exchange.contract import VenueContract
from adapters.exchange.own_trades import OwnTrades
from adapters.exchange.venues import BIGONE, HTX, KRAKEN
from domain.errors import Unavailable
from domain.market.model import Pair
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BTC, ETH = Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")


def trade(number: int, at: datetime, pair: Pair = BTC) -> dict[str, Any]:
    return (
        {"id": f"t-{number}", "order": "312", "symbol": str(pair), "side": "buy", "price": "100"}
        | {"amount": "1", "cost": "100", "takerOrMaker": "maker", "fee": {"cost": "1", "currency": "USDT"}}
        | {"timestamp": int(at.timestamp() * 1000), "info": {}}
    )


@dataclass(slots=True)
class SpanVenue:
    """Answers as ccxt does for a span: the newest that fit on a page; it refuses spans that are too long."""

    trades: list[dict[str, Any]]
    row: VenueContract
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def fetch_my_trades(
        self, symbol: str | None, since: int, limit: int, params: dict[str, int]
    ) -> list[dict[str, Any]]:
        end = params[self.row.trades_until]
        assert end - since <= self.row.trades_window / timedelta(milliseconds=1)
        self.asked.append((since, end))
        shown = [t for t in self.trades if since <= t["timestamp"] <= end and symbol in (None, t["symbol"])]
        return shown[-limit:]


def reader(client: Any, row: VenueContract) -> OwnTrades:
    async def read(subject: str, call: Any, *args: Any) -> Any:
        del subject
        return await call(*args)

    return OwnTrades(client, row, FakeClock(NOW), read)


@pytest.mark.parametrize("seed", range(20))
async def test_no_trade_is_missed_however_full_the_pages_are(seed: int) -> None:
    chance = random.Random(seed)
    row = replace(chance.choice([HTX, KRAKEN]), trades_page=chance.choice([5, 20, 50]))
    since = NOW - timedelta(days=chance.randint(0, 5), seconds=chance.randint(0, 50_000))
    # never more in two seconds than fit on a page: those could not be told apart
    times = [since + timedelta(seconds=chance.uniform(-90_000, 90_000)) for _ in range(10)]
    bursts = [at + timedelta(seconds=2 * i) for at in times for i in range(chance.randint(1, 12))]
    trades = [
        trade(number, at, chance.choice([BTC, BTC, ETH]))
        for number, at in enumerate(sorted(at for at in bursts if at <= NOW))
    ]
    ours = [
        each["id"]
        for each in trades
        if each["symbol"] == str(BTC) and each["timestamp"] >= since.timestamp() * 1000
    ]
    client = SpanVenue(trades, row)
    found = await reader(client, row).since(BTC, None, since)
    assert [fill.trade_id for fill in found] == ours
    again = await reader(client, row).since(BTC, "t-3", since)  # ids that are no numbers are no cursor
    assert again == found


async def test_more_trades_in_a_moment_than_a_page_shows_are_not_taken_for_all() -> None:
    row = replace(HTX, trades_page=5)
    client = SpanVenue([trade(n, NOW - timedelta(minutes=5)) for n in range(6)], row)
    with pytest.raises(Unavailable, match="venue_history_incomplete"):
        await reader(client, row).since(BTC, None, NOW - timedelta(hours=1))


@dataclass(slots=True)
class PageVenue:
    """Turns pages back from the newest, as bigone does; without ``tokens`` it shows the first one alone."""

    trades: list[dict[str, Any]]
    tokens: bool = True

    def market(self, symbol: str) -> dict[str, str]:
        return {"id": symbol.replace("/", "-"), "symbol": symbol}

    def parse_trades(self, rows: list[Any], market: Any) -> list[Any]:
        del market
        return rows

    async def privateGetTrades(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802, ccxt's name
        first = int(asked.get("page_token", 0))
        last = first + asked["limit"]
        newest_first = self.trades[::-1]
        answer: dict[str, Any] = {"data": newest_first[first:last]}
        return (
            answer | {"page_token": str(last) if last < len(newest_first) else ""} if self.tokens else answer
        )


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 23])
async def test_pages_are_turned_back_to_the_instant(count: int) -> None:
    row = replace(BIGONE, trades_page=5)
    trades = [trade(n, NOW - timedelta(minutes=count - n)) for n in range(count)]
    found = await reader(PageVenue(trades), row).since(BTC, None, NOW - timedelta(minutes=12, seconds=30))
    assert [fill.trade_id for fill in found] == [each["id"] for each in trades[-12:]]


async def test_pages_that_end_too_early_are_not_taken_for_all() -> None:
    trades = [trade(n, NOW - timedelta(minutes=9 - n)) for n in range(9)]
    venue = PageVenue(trades, tokens=False)
    with pytest.raises(Unavailable, match="venue_history_incomplete"):
        await reader(venue, replace(BIGONE, trades_page=5)).since(BTC, None, NOW - timedelta(hours=1))
