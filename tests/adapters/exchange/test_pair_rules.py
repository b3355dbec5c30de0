"""What a venue accepts for a pair: read seldom, and at once when it says that the pair is closed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.exchange.pair_rules import PairRules
from adapters.exchange.venues import GATE
from domain.errors import Refused, Unavailable
from domain.market.model import Pair
from tests.fakes.time import FakeTime

BTC, ETH = Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")


def market() -> dict[str, Any]:
    limits = {"amount": {"min": "0.001"}, "cost": {"min": "1"}}
    precision = {"price": "0.1", "amount": "0.001"}
    return {"active": True, "info": {}, "limits": limits, "precision": precision}


@dataclass
class Library:
    """As much of ccxt as is asked here; ``there`` is what the venue would tell, ``asked`` how often."""

    there: dict[str, Any] = field(default_factory=lambda: {str(BTC): market(), str(ETH): market()})
    markets: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    silent: bool = False

    async def load_markets(self, reload: bool) -> dict[str, Any]:
        assert reload or not self.markets
        self.asked.append("markets")
        if self.silent:
            raise OSError("nobody there")
        self.markets = {name: dict(each) for name, each in self.there.items()}
        return self.markets

    async def fetch_trading_fee(self, symbol: str) -> dict[str, str]:
        self.asked.append(f"fees {symbol}")
        return {"maker": "0.001", "taker": "0.002"}


async def read(subject: str, call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    try:
        return await call(*args)
    except OSError as e:
        raise Unavailable("venue_silent", subject=subject) from e


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime(datetime(2026, 11, 27, tzinfo=UTC))


@pytest.fixture
def rules(library: Library, time: FakeTime) -> PairRules:
    return PairRules(library, GATE, time, read)


async def test_one_request_an_hour_tells_of_all_pairs(
    rules: PairRules, library: Library, time: FakeTime
) -> None:
    for _ in range(60):
        assert (await rules.of(BTC)).taker_fee_bps == 20
        await rules.of(ETH)
        time.advance(59)
    assert library.asked == ["markets", f"fees {BTC}", f"fees {ETH}"]
    time.advance(60)
    del library.there[str(ETH)]
    await rules.of(BTC)
    with pytest.raises(Refused, match="pair_not_traded"):
        await rules.of(ETH)
    assert library.asked[3:] == ["markets"], "fees are asked for once a day"
    time.advance(timedelta(days=1).total_seconds())
    await rules.of(BTC)
    assert library.asked[4:] == ["markets", f"fees {BTC}"]


async def test_a_pair_refused_as_closed_is_looked_at_again_after_a_minute(
    rules: PairRules, library: Library, time: FakeTime
) -> None:
    await rules.of(BTC)
    await rules.of(ETH)
    rules.closed(ETH)
    library.there[str(ETH)]["active"] = False
    for _ in range(59):
        with pytest.raises(Refused, match="pair_not_traded"):
            await rules.of(ETH)
        await rules.of(BTC)
        time.advance(1)
    assert library.asked.count("markets") == 1
    time.advance(1)
    for _ in range(100):
        with pytest.raises(Refused, match="pair_not_traded"):
            await rules.of(ETH)
    assert library.asked.count("markets") == 2
    library.there[str(ETH)]["active"] = True
    time.advance(3_600)
    await rules.of(ETH)


async def test_a_venue_that_refuses_again_and_again_is_asked_once_a_minute(
    rules: PairRules, library: Library, time: FakeTime
) -> None:
    await rules.of(BTC)
    for _ in range(600):
        try:
            await rules.of(BTC)
        except Refused:
            pass
        else:
            rules.closed(BTC)
        time.advance(1)
    assert 5 <= library.asked.count("markets") <= 11
    library.silent = True
    library.asked.clear()
    rules.closed(BTC)
    for _ in range(600):
        with pytest.raises((Refused, Unavailable)):
            await rules.of(BTC)
        time.advance(1)
    assert 5 <= library.asked.count("markets") <= 11


async def test_rules_that_cannot_be_read_again_count_for_a_day(
    rules: PairRules, library: Library, time: FakeTime
) -> None:
    await rules.of(BTC)
    library.silent = True
    time.advance(3_600)
    for _ in range(100):
        await rules.of(BTC)
    assert library.asked.count("markets") == 2, "it is not asked again at once"
    time.advance(timedelta(hours=23).total_seconds())
    with pytest.raises(Unavailable):
        await rules.of(BTC)
