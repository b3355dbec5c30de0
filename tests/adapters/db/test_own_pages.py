"""Pages of one's own on Postgres with the rights of the web: a run as it stands, a history, no others'."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.candles import PostgresCandles
from adapters.db.grants import Role
from adapters.db.ledger import PostgresLedger
from adapters.db.live_runs import TOTALS_LAST, PostgresLiveRuns
from adapters.db.pages import OwnHistory, WebDatabase
from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.ledger.model import Cause, Posting, Transfer, available, run, venue
from domain.market.candles import Interval, Series
from domain.market.history import Wanted
from domain.market.model import Pair, Side
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.money import Coin
from domain.ports.history import HistoryStore
from domain.ports.live_runs import LiveOrder, LiveTotals
from domain.services.live_runs import view_of
from tests.contracts.test_history import ALICE, BOB, WANTED, postgres_history
from tests.fakes.candles import candle

__all__ = ["postgres_history"]  # a fixture: rows of two people

ACCOUNT, BTC, USDT = VenueAccountName("fake-1"), Coin("BTC"), Coin("USDT")


@pytest.fixture
async def web(url_of: Callable[[Role], str]) -> AsyncIterator[WebDatabase]:
    database = WebDatabase(url_of(Role.WEB))
    yield database
    await database.close()


async def plant(admin: Any, store: PostgresStore) -> None:
    """Let Alice's first run hold coins, have a market, and owe a fee; its rows are those of the history."""
    await admin.execute("SET session_replication_role = origin")
    await admin.execute("INSERT INTO venue_accounts (name, venue) VALUES ('fake-1', 'fake')")
    await admin.execute(
        "INSERT INTO markets (account, base, quote, tick, lot, min_quantity, min_notional, maker_fee_bps, "
        "taker_fee_bps, max_open_orders, mid, seen_at, bids, asks) VALUES ('fake-1', 'BTC', 'USDT', 0.5, "
        "0.1, 0.1, 1, 1, 1, 200, 60000, now(), '[[119998, 3], [119990, 1]]', '[[120002, 1]]')"
    )
    for coin, amount, at_work in ((BTC, "1", "0.25"), (USDT, "9000", "6000.5")):
        for cause, posting in (
            ("opening", Posting(venue(ACCOUNT, coin), available(ALICE, coin), Decimal(amount))),
            (
                "start",
                Posting(available(ALICE, coin), run(RunId("r0"), ACCOUNT, coin), Decimal(at_work)),
            ),
        ):
            await PostgresLedger(store).post(Transfer(Cause(cause, coin), (posting,)))


async def test_run_shows_the_last_day_of_its_market_at_its_exchange(
    admin: Any, store: PostgresStore, postgres_history: HistoryStore, web: WebDatabase
) -> None:
    await plant(admin, store)
    [row] = await store.fetch("SELECT date_trunc('minute', now()) AS at")
    opened = [row["at"] - timedelta(minutes=ago) for ago in (1_500, 700, 1)]
    pair = Pair(BTC, USDT)
    for at_venue, close in (("fake", "101"), ("other", "7")):
        series = Series(at_venue, pair, Interval.MINUTE)
        await PostgresCandles(store).note(series, [candle(at, close) for at in opened], row["at"])
    day = await PostgresLiveRuns(web).day(ALICE, 1)
    assert day is not None
    assert (day.pair, list(day.minutes)) == (pair, [candle(at, "101") for at in opened[1:]])
    assert day.as_of - day.since == timedelta(days=1)
    assert await PostgresLiveRuns(web).day(BOB, 9) is None


async def test_run_is_seen_by_its_person_as_it_stands(
    postgres_history: HistoryStore, store: PostgresStore, admin: Any, web: WebDatabase
) -> None:
    await plant(admin, store)
    seen = await PostgresLiveRuns(web).look(ALICE, 1)
    assert seen is not None
    assert (seen.state, str(seen.pair), seen.base, seen.quote) == (
        *(RunState.RUNNING, "BTC/USDT", Decimal("0.25"), Decimal("6000.5")),
    )
    assert (seen.bid, seen.mid, seen.ask) == (Decimal(59999), Decimal(60000), Decimal(60001))
    assert seen.orders == [LiveOrder(Side.SELL, Decimal("59999.5"), Decimal("0.2"), OrderState.OPEN)]
    assert [fill.seq for fill in seen.fills] == [7, 4, 1]
    assert seen.totals == LiveTotals(3, Decimal(18_000), {BTC: Decimal("0.1")}, seen.as_of)
    assert view_of(seen).profit == Decimal("0.25") * 60_000 + Decimal("6000.5") - 1
    assert abs((datetime.now(UTC) - seen.as_of).total_seconds()) < 60
    newer = await PostgresLiveRuns(web).look(ALICE, 1, seen.totals)
    assert newer is not None
    assert newer.as_of > newer.totals.as_of == seen.as_of, "what grows with a run is not read at every look"
    old = replace(seen.totals, as_of=seen.as_of - TOTALS_LAST)
    later = await PostgresLiveRuns(web).look(ALICE, 1, old)
    assert later is not None
    assert later.totals.as_of == later.as_of
    assert (await PostgresLiveRuns(web).look(BOB, 1)) != seen
    assert await PostgresLiveRuns(web).look(BOB, 2) is None


async def test_totals_are_what_the_venue_says_now_and_ones_own(
    postgres_history: HistoryStore, admin: Any, web: WebDatabase
) -> None:
    await admin.execute(
        "INSERT INTO fill_versions SELECT account, base, quote, trade_id, 2, "
        "CASE seq WHEN 4 THEN 'bust' ELSE 'trade' END, price, quantity, quote_quantity + seq, "
        "fee, fee_coin, true, 0 FROM fills "
        "WHERE run_id = 'r0' AND seq IN (1, 4) ON CONFLICT DO NOTHING"
    )
    [now] = await admin.fetch(
        "SELECT count(*) AS fills, sum(quote_quantity) AS volume FROM fills_now "
        "WHERE run_id = 'r0' AND NOT busted"
    )
    assert tuple(now.values()) == (2, Decimal(12_001)), "one was taken back, and one corrected"
    async with web.as_person(ALICE) as reads:
        [mine] = await reads.fetch("SELECT * FROM my_runs_totals('r0')")
    assert (mine["fills"], mine["volume"]) == tuple(now.values())
    async with web.as_person(BOB) as reads:
        assert await reads.fetch("SELECT * FROM my_runs_totals('r0')") == []


async def test_history_on_a_page_is_that_of_the_chat(
    postgres_history: HistoryStore, web: WebDatabase
) -> None:
    for typed, seqs in WANTED:
        rows = await OwnHistory(web).page(ALICE, Wanted.read(typed), 100)
        assert [row.seq for row in rows] == seqs, typed


async def test_rows_of_others_are_hidden_from_the_connection_itself(
    postgres_history: HistoryStore, web: WebDatabase
) -> None:
    """Even a statement that names another person finds nothing: the rules of the rows hold it back."""
    async with web.as_person(BOB) as reads:
        for table in ("fills", "fill_versions", "order_intents", "service_fees"):
            mine = {"fills": 1, "fill_versions": 0, "order_intents": 1, "service_fees": 1}[table]
            [found] = await reads.fetch(f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 - names of ours
            assert found["rows"] == mine, table
