"""What trades come to: no more than is known to be whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.market.model import Side
from domain.market.tape import PublicTrade, Tape

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def trade(seconds_ago: int, taker: Side, quantity: str) -> PublicTrade:
    return PublicTrade("", NOW - timedelta(seconds=seconds_ago), Decimal(100), Decimal(quantity), taker)


TRADES = (trade(400, Side.BUY, "9"), trade(200, Side.BUY, "2"), trade(100, Side.SELL, "1"))
LONG_AGO = NOW - timedelta(seconds=900)
SPAN = timedelta(minutes=5)


def test_what_was_traded_is_told_by_who_took_it() -> None:
    told = Tape(TRADES, LONG_AGO, NOW).traded(SPAN)
    assert [told.count, told.bought, told.sold, told.volume] == [2, 2, 1, 3]
    assert (told.since, told.until, told.last) == (NOW - SPAN, NOW, TRADES[-1])


def test_it_is_told_of_as_much_as_is_whole() -> None:
    since = NOW - timedelta(seconds=150)
    told = Tape(TRADES, since, NOW).traded(SPAN)
    assert (told.count, told.since) == (1, since)
    assert Tape(TRADES, TRADES[1].at, NOW).traded(SPAN).count == 1, "others may have been at that instant"


def test_the_last_trade_is_told_however_old_it_is() -> None:
    told = Tape(TRADES, LONG_AGO, NOW).traded(timedelta(seconds=50))
    assert [told.count, told.volume, told.last] == [0, 0, TRADES[-1]]
    assert Tape((), LONG_AGO, NOW).traded(SPAN).last is None


@pytest.mark.parametrize(("price", "quantity"), [("0", "1"), ("1", "0"), ("-1", "1"), ("NaN", "1")])
def test_nobody_trades_for_nothing(price: str, quantity: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        PublicTrade("", NOW, Decimal(price), Decimal(quantity), Side.BUY)
