"""What a store of what was traded lately promises, in memory and on Postgres: the newest word alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.traded import PostgresTraded
from domain.errors import InvariantBroken
from domain.market.model import Pair, Side
from domain.market.tape import PublicTrade, Traded
from domain.ports.tape import TradedStore
from tests.fakes.tapes import FakeTraded

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
BTC, ETH = ("binance", Pair.parse("BTC/USDT")), ("gate", Pair.parse("ETH/USDT"))
LAST = PublicTrade("7", AT, Decimal("1.2E-8"), Decimal("1e24"), Side.SELL)
TOLD = Traded(AT - timedelta(minutes=5), AT, LAST, 2, Decimal("0.1"), Decimal("1e24"))
QUIET = Traded(AT, AT, None)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def traded(request: pytest.FixtureRequest) -> TradedStore:
    if request.param == "memory":
        return FakeTraded()
    return PostgresTraded(request.getfixturevalue("store"))


async def test_what_was_told_is_kept_to_the_last_digit(traded: TradedStore) -> None:
    assert await traded.all() == {}
    await traded.note({})
    await traded.note({ETH: QUIET, BTC: TOLD})
    assert await traded.all() == {BTC: TOLD, ETH: QUIET}


async def test_what_is_known_to_a_later_instant_stays(traded: TradedStore) -> None:
    later = replace(TOLD, until=AT + timedelta(seconds=1), count=3)
    await traded.note({BTC: TOLD})
    await traded.note({BTC: later})
    assert await traded.all() == {BTC: later}
    await traded.note({BTC: TOLD, ETH: QUIET})
    assert await traded.all() == {BTC: later, ETH: QUIET}


async def test_a_name_may_be_missing(traded: TradedStore) -> None:
    unnamed = replace(TOLD, last=replace(LAST, trade_id=""))
    await traded.note({BTC: unnamed})
    assert await traded.all() == {BTC: unnamed}


@pytest.mark.database
@pytest.mark.parametrize(
    ("told", "refused_by"),
    [
        (replace(TOLD, since=AT + timedelta(seconds=1)), "traded_check"),
        (replace(TOLD, count=-1), "traded_trades_check"),
        (replace(TOLD, count=0), "traded_adds_up"),
        (replace(TOLD, bought=Decimal(-1)), "traded_bought_check"),
        (replace(TOLD, sold=Decimal("NaN")), "traded_sold_check"),
        (replace(TOLD, last=None), "traded_has_a_last"),
    ],
)
async def test_the_database_refuses_what_cannot_be(store: Any, told: Traded, refused_by: str) -> None:
    with pytest.raises(InvariantBroken, match=refused_by):
        await PostgresTraded(store).note({BTC: told})
