"""Everybody's trades over the wire of the sandbox: one subscription, reconnects, repeats, a silent stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from adapters.exchange import tapes as asked
from adapters.exchange import trade_watch
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.contract import MarketTrades
from adapters.exchange.exchange_data import ExchangeData, VenueStreams
from adapters.exchange.tapes import CcxtTapes
from domain.errors import Unavailable
from domain.market.limiter import Lane
from domain.market.model import Side
from domain.market.tape import Tape
from domain.services.pacing import Pacer
from tests.adapters.exchange.test_sandbox_venue import BTC, account, fault, soon, taking_buy, urls
from tests.clocks import WallClock
from tests.fakes.leases import unasked

__all__ = ["urls"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_watch, "CLOSE_EVERY_S", 0.05)


@pytest.fixture
async def streams() -> AsyncIterator[VenueStreams]:
    given = VenueStreams()
    yield given
    await given.close()


@pytest.fixture(params=["binance", "gate"])
async def exchanges(
    request: pytest.FixtureRequest, urls: dict[str, str], streams: VenueStreams
) -> AsyncIterator[list[CcxtExchange]]:
    """Give two adapters of one venue in one of its languages, as one process has them."""
    row = replace(account(urls), venue=request.param)
    given = [CcxtExchange(row, WallClock(), unasked, streams.of(row)) for _ in range(2)]
    yield given
    for each in given:
        await each.close()


async def settled(exchange: CcxtExchange) -> Tape:
    """Return a tape whose stream tells, without a hole."""
    data: ExchangeData = exchange._data
    async with asyncio.timeout(20):
        while True:
            tape = await exchange.tapes.tape(BTC)
            if data.trades(str(BTC), MarketTrades.SHARED)._hole is None:
                return tape
            await asyncio.sleep(0.02)


async def told_by_the_venue(exchange: CcxtExchange) -> dict[str, Decimal]:
    rows = await exchange._client.fetch_trades(str(BTC), None, 1000)
    return {row["id"]: Decimal(row["amount"]) for row in rows}


async def equals_the_venue(exchange: CcxtExchange) -> None:
    """See to it that what is told since the tape began is what the venue's own list says, each once."""
    tape = await settled(exchange)
    whole = {each.trade_id: each.quantity for each in tape.trades}
    assert len(whole) == len(tape.trades)
    first, last = tape.trades[0], tape.trades[-1]
    theirs = list((await told_by_the_venue(exchange)).items())
    ids = [trade_id for trade_id, _ in theirs]
    begins = ids.index(first.trade_id) if first.trade_id in ids else 0
    expected = dict(theirs[begins : ids.index(last.trade_id) + 1])
    assert {trade_id: whole[trade_id] for trade_id in expected} == expected
    assert len(expected) > 5


async def test_two_readers_share_one_subscription_and_one_question(
    exchanges: list[CcxtExchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_watch, "CLOSE_EVERY_S", 60.0)
    requests: list[str] = []
    for exchange in exchanges:
        real = exchange._client.fetch_trades

        async def counted(*args: Any, real: Any = real) -> Any:
            requests.append(str(args[0]))
            return await real(*args)

        exchange._client.fetch_trades = counted
    both = await asyncio.gather(*(exchange.tapes.tape(BTC) for exchange in exchanges))
    assert requests == [str(BTC)]
    assert both[0].trades == both[1].trades
    data = exchanges[0]._data
    assert data is exchanges[1]._data
    assert data.trades_subscribed == {str(BTC)}
    assert data.subscribed == frozenset(), "who wants trades needs no book"


async def test_a_reconnect_in_the_middle_loses_no_trade_and_doubles_none(
    exchanges: list[CcxtExchange], urls: dict[str, str]
) -> None:
    exchange = exchanges[0]
    before = await settled(exchange)
    await fault(urls, duplicate_percent=100)
    for cut in range(2):
        async with aiohttp.ClientSession() as session:
            (await session.post(urls["control"] + "/cut")).raise_for_status()
        order = await taking_buy(exchange, f"mmcut{cut}")  # while nobody listens
        await exchange.place(order, soon())
        await asyncio.sleep(0.3)
    tape = await settled(exchange)
    assert tape.since == before.since
    bought = [each for each in tape.trades if each.taker is Side.BUY and each.at > before.trades[-1].at]
    assert sum(each.quantity for each in bought) >= Decimal("0.002")
    await equals_the_venue(exchange)


async def test_a_venue_without_streams_is_asked(exchanges: list[CcxtExchange]) -> None:
    exchange = exchanges[0]
    exchange._data.client.has["watchTrades"] = False
    tape = await exchange.tapes.tape(BTC)
    assert tape.trades
    await exchange.place(await taking_buy(exchange, "mm1"), soon())
    watch = exchange._data.trades(str(BTC), MarketTrades.SHARED)
    assert (await exchange.tapes.tape(BTC)).trades == tape.trades, "not more often than it may"
    watch._asked_s = float("-inf")
    later = await exchange.tapes.tape(BTC)
    assert later.trades[: len(tape.trades)] == tape.trades or later.since > tape.since
    assert any(each.taker is Side.BUY and each.at > tape.until for each in later.trades)


async def test_a_question_waits_in_the_lane_of_reads_and_who_trades_goes_first(
    exchanges: list[CcxtExchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes, enter = list[Lane](), Pacer.enter

    async def noted(self: Pacer, lane: Lane, *args: Any) -> None:
        lanes.append(lane)
        await enter(self, lane, *args)

    monkeypatch.setattr(Pacer, "enter", noted)
    await exchanges[0].tapes.tape(BTC)
    assert set(lanes) == {Lane.READ}


async def test_nobody_who_asks_no_more_is_told_for_ever(exchanges: list[CcxtExchange]) -> None:
    await settled(exchanges[0])
    data = exchanges[0]._data
    data.unused_s = -1.0
    await data.drop_unused()
    assert data.trades_subscribed == frozenset()


class Client:
    """A library that answers with these rows, or not."""

    def __init__(self, *rows: Any, error: Exception | None = None) -> None:
        self.has: dict[str, bool] = {}
        self.rows, self.error = rows, error

    async def fetch_trades(self, *_: Any) -> list[Any]:
        if self.error:
            raise self.error
        return list(self.rows)

    async def close(self) -> None:
        """Do nothing."""


def row(**changes: Any) -> dict[str, Any]:
    told = {"id": "7", "timestamp": 1_000, "price": "1.5", "amount": "0.00000001", "side": "sell"}
    return {**told, **changes}


async def tape_of(client: Client) -> Tape:
    data = ExchangeData("gate", client)
    try:
        return await CcxtTapes(client, data, MarketTrades.SHARED, WallClock()).tape(BTC)
    finally:
        await data.close()


async def test_figures_are_told_as_they_are_written() -> None:
    [told] = (await tape_of(Client(row()))).trades
    assert (told.trade_id, told.price, told.quantity) == ("7", Decimal("1.5"), Decimal("1E-8"))
    assert told.taker is Side.SELL
    assert told.at.timestamp() == 1


@pytest.mark.parametrize(
    "changes",
    [{"price": None}, {"price": 1.5}, {"amount": "0"}, {"amount": "-1"}, {"side": None}, {"timestamp": None}],
)
async def test_an_answer_that_makes_no_sense_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="venue_answer_incomplete"):
        await tape_of(Client(row(), row(id="8", **changes)))


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Client):
        async def fetch_trades(self, *_: Any) -> list[Any]:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr(asked, "PATIENCE_S", 0.01)
    with pytest.raises(Unavailable, match="venue_silent"):
        await tape_of(Mute())


async def test_a_question_that_fails_keeps_nobody_from_what_the_stream_tells() -> None:
    client = Client(error=OSError("gone"))
    data = ExchangeData("gate", client)
    tapes = CcxtTapes(client, data, MarketTrades.SHARED, WallClock())
    with pytest.raises(Unavailable, match="venue_silent"):
        await tapes.tape(BTC)
    with pytest.raises(Unavailable, match="venue_silent"):
        await tapes.tape(BTC)  # and is not asked for so soon again
    watch = data.trades(str(BTC), MarketTrades.SHARED)
    watch.take([told.trades[0] for told in [await tape_of(Client(row()))]], asyncio.get_running_loop().time())
    assert len((await tapes.tape(BTC)).trades) == 1
    await data.close()
