"""The adapter against the sandbox's venue, on the wire."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.lanes import LEAST
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.limits import Limits
from domain.market.model import Pair, Side
from domain.market.news import band_around
from domain.market.orders import LimitOrder, OrderState
from domain.money import Coin
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.leases import unasked

BTC = Pair.parse("BTC/USDT")


KEY = VenueKey(Secret("k"), Secret("s"))


@pytest.fixture
async def urls(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Run a venue with one account; give its addresses."""
    world = tmp_path / "world.json"
    account = {"name": "mm", "api_key": "k", "secret": "s", "balances": {"USDT": "100000", "BTC": "2"}}
    world.write_text(json.dumps({"venue": {"accounts": [account]}}))
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as addresses:
        yield addresses


def account(urls: dict[str, str], **changes: Any) -> VenueAccount:
    return VenueAccount(VenueAccountName("mm"), "binance", KEY, urls, **changes)


@pytest.fixture
async def exchange(urls: dict[str, str]) -> AsyncIterator[CcxtExchange]:
    """Give the adapter of the venue's account."""
    adapter = CcxtExchange(account(urls), WallClock(), unasked)
    yield adapter
    await adapter.close()


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=5)


async def far_bid(exchange: CcxtExchange, client_order_id: str = "mm1") -> LimitOrder:
    """Return a bid 10 % below the market, which nobody will fill."""
    rules, book = await exchange.rules(BTC), await exchange.book(BTC)
    price = rules.price(book.bids[0].ticks * 9 // 10)
    return LimitOrder(client_order_id, BTC, Side.BUY, price, Decimal("0.001"))


async def taking_buy(exchange: CcxtExchange, client_order_id: str) -> LimitOrder:
    """Return a buy that takes what is offered now."""
    rules, book = await exchange.rules(BTC), await exchange.book(BTC)
    price = rules.price(book.asks[0].ticks + 10_000)
    return LimitOrder(client_order_id, BTC, Side.BUY, price, Decimal("0.001"), post_only=False)


async def fault(urls: dict[str, str], **settings: Any) -> None:
    async with aiohttp.ClientSession() as session:
        (await session.post(urls["control"] + "/faults", json=settings)).raise_for_status()


async def test_rules_and_book_are_in_whole_steps(exchange: CcxtExchange) -> None:
    rules, book = await exchange.rules(BTC), await exchange.book(BTC)
    assert rules.tick > 0
    assert rules.min_notional > 0
    assert book.sane
    assert len(book.bids) >= 10
    assert [level.ticks for level in book.bids] == sorted((level.ticks for level in book.bids), reverse=True)


async def test_streamed_book_takes_over_and_agrees_with_the_venue(exchange: CcxtExchange) -> None:
    await exchange.book(BTC)
    for _ in range(100):
        await asyncio.sleep(0.05)
        if exchange._data.book(str(BTC)):
            break
    assert exchange._data.book(str(BTC))
    assert (await exchange.book(BTC)).sane


async def test_pair_that_is_not_traded_is_refused(exchange: CcxtExchange) -> None:
    with pytest.raises(Refused, match="pair_not_traded"):
        await exchange.rules(Pair.parse("DOGE/USDT"))


async def test_order_rests_is_found_listed_and_cancelled_by_our_own_id(exchange: CcxtExchange) -> None:
    order = await far_bid(exchange)
    placed = await exchange.place(order, soon())
    assert (placed.client_order_id, placed.price, placed.quantity) == ("mm1", order.price, order.quantity)
    assert (placed.state, placed.filled) == (OrderState.OPEN, Decimal(0))
    assert [o.client_order_id for o in await exchange.open_orders(BTC)] == ["mm1"]
    found = await exchange.find_order(BTC, "mm1")
    assert found is not None
    assert found.order_id == placed.order_id
    cancelled = await exchange.cancel(BTC, "mm1")
    assert cancelled is not None
    assert (cancelled.client_order_id, cancelled.state) == ("mm1", OrderState.CANCELLED)
    assert await exchange.open_orders(BTC) == []
    ended = await exchange.find_order(BTC, "mm1")
    assert ended is not None
    assert ended.state is OrderState.CANCELLED


async def test_cancel_of_what_is_not_open_says_so(exchange: CcxtExchange) -> None:
    await exchange.rules(BTC)
    assert await exchange.cancel(BTC, "mmnever") is None
    assert await exchange.find_order(BTC, "mmnever") is None


async def test_post_only_order_that_would_take_is_refused_and_leaves_nothing(exchange: CcxtExchange) -> None:
    taking = await taking_buy(exchange, "mm2")
    with pytest.raises(Refused, match="order_would_take"):
        await exchange.place(LimitOrder("mm2", BTC, Side.BUY, taking.price, taking.quantity), soon())
    assert await exchange.open_orders(BTC) == []


async def test_an_immediate_order_takes_what_is_there_and_never_rests(exchange: CcxtExchange) -> None:
    rules, book = await exchange.rules(BTC), await exchange.book(BTC)
    price, wanted = rules.price(book.asks[0].ticks), rules.quantity(sum(each.lots for each in book.asks))
    for name, at in (("mmtakes", price), ("mmgets0", price * Decimal("0.9"))):
        order = LimitOrder(name, BTC, Side.BUY, rules.price(rules.ticks_down(at)), wanted, False, True)
        word = await exchange.place(order, soon())
        assert (word.state, word.filled < wanted) == (OrderState.EXPIRED, True)
        assert await exchange.open_orders(BTC) == []
        found = await exchange.find_order(BTC, name)
        assert found is not None
        assert (found.state, found.filled) == (OrderState.EXPIRED, word.filled)
        if name == "mmgets0":
            assert word.filled == 0


async def test_order_beyond_the_funds_is_refused(urls: dict[str, str]) -> None:
    adapter = CcxtExchange(account(urls, limits=Limits(max_notional=Decimal(10**9))), WallClock(), unasked)
    try:
        bid = await far_bid(adapter, "mm3")
        with pytest.raises(Refused, match="venue_funds_short"):
            await adapter.place(LimitOrder("mm3", BTC, Side.BUY, bid.price, Decimal(3)), soon())
    finally:
        await adapter.close()


async def test_fills_are_exact_and_complete_from_any_trade_on(exchange: CcxtExchange) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    before = await exchange.balances()
    for number in range(3):
        await exchange.place(await taking_buy(exchange, f"mmt{number}"), soon())
    fills = await exchange.fills_since(BTC, None, began)
    assert sum(fill.quantity for fill in fills) == Decimal("0.003")
    after = await exchange.balances()
    fees = sum(fill.fee for fill in fills)
    assert {fill.fee_coin for fill in fills} == {Coin("BTC")}
    assert after[Coin("BTC")] - before[Coin("BTC")] == Decimal("0.003") - fees
    assert before[Coin("USDT")] - after[Coin("USDT")] == sum(fill.quote_quantity for fill in fills)
    rest = await exchange.fills_since(BTC, fills[0].trade_id, began)
    assert [fill.trade_id for fill in rest] == [fill.trade_id for fill in fills[1:]]


async def test_private_stream_rings_when_something_of_ours_trades(exchange: CcxtExchange) -> None:
    assert not await exchange.wait_for_news([BTC], 0.5)
    heard = [exchange.tells]
    await exchange.place(await far_bid(exchange, "mm5"), soon())
    assert not await exchange.wait_for_news([BTC], 0.5), "an order that rests is no news to who laid it"
    assert [*heard, exchange.tells] == [False, True], "it is trusted once it has told something"
    waiting = asyncio.create_task(exchange.wait_for_news([BTC], 10))
    await exchange.place(await taking_buy(exchange, "mm21"), soon())
    assert (await waiting).ours == {BTC}


async def test_a_book_that_left_its_band_ends_the_wait(exchange: CcxtExchange) -> None:
    seen = await exchange.book(BTC)
    mid = float((await exchange.rules(BTC)).price(seen.twice_mid)) / 2
    away = {BTC: band_around(mid * 2, 10)}
    async with asyncio.timeout(10):
        while not (news := await exchange.wait_for_news([BTC], 5, away)):
            continue
    assert abs(news.moved[BTC] / mid - 1) < 0.05
    assert not await exchange.wait_for_news([BTC], 0, {BTC: band_around(mid, 500)})


async def test_order_after_its_deadline_never_leaves(exchange: CcxtExchange) -> None:
    order = await far_bid(exchange, "mm6")
    with pytest.raises(Refused, match="order_too_late"):
        await exchange.place(order, datetime.now(UTC) - timedelta(milliseconds=1))
    assert await exchange.find_order(BTC, "mm6") is None


async def test_order_without_the_lease_never_leaves_and_a_cancel_does(urls: dict[str, str]) -> None:
    """D4: placing is what harms; a cancel names an order of ours and may always leave."""
    clock = WallClock()
    grip = Grip(venue_scope(VenueAccountName("mm")), clock.monotonic)
    adapter = CcxtExchange(account(urls), clock, grip.require)
    try:
        grip.tighten(1, clock.monotonic(), LeaseTiming())
        await adapter.place(await far_bid(adapter, "mm20"), soon())
        order = await far_bid(adapter, "mm21")
        grip.deadline_s = clock.monotonic()
        with pytest.raises(Refused, match="lease_lost"):
            await adapter.place(order, soon())
        assert await adapter.find_order(BTC, "mm21") is None
        gone = await adapter.cancel(BTC, "mm20")
        assert gone is not None
        assert gone.state is OrderState.CANCELLED
    finally:
        await adapter.close()


async def test_order_beyond_a_hard_limit_never_leaves(urls: dict[str, str]) -> None:
    adapter = CcxtExchange(account(urls, limits=Limits(max_notional=Decimal(10))), WallClock(), unasked)
    try:
        order = await far_bid(adapter, "mm7")
        with pytest.raises(Refused, match="limit_notional"):
            await adapter.place(order, soon())
        assert await adapter.find_order(BTC, "mm7") is None
    finally:
        await adapter.close()


async def test_venues_clock_is_read_whatever_it_shows(exchange: CcxtExchange, urls: dict[str, str]) -> None:
    assert abs((await exchange.time() - datetime.now(UTC)).total_seconds()) < 1
    await fault(urls, skew_ms=-90_000)
    apart = (datetime.now(UTC) - await exchange.time()).total_seconds()
    assert 89 < apart < 91
    with pytest.raises(Unavailable):
        await exchange.balances()


async def test_what_was_sent_before_counts_towards_the_day(urls: dict[str, str]) -> None:
    limits = Limits(max_daily_notional=Decimal(1_000))
    adapter = CcxtExchange(account(urls, limits=limits), WallClock(), unasked)
    order = await far_bid(adapter)
    await adapter.recall([(datetime.now(UTC) - timedelta(hours=23), Decimal(999))])
    with pytest.raises(Refused, match="limit_daily_notional"):
        await adapter.place(order, soon())
    await adapter.recall([(datetime.now(UTC) - timedelta(hours=25), Decimal(999))])
    assert await adapter.place(order, soon())
    await adapter.close()


async def test_lost_answer_is_unknown_and_the_order_is_found_by_our_id(
    exchange: CcxtExchange, urls: dict[str, str]
) -> None:
    order = await far_bid(exchange, "mm8")
    await fault(urls, only="POST /api/v3/order", withhold_percent=100)
    with pytest.raises(OutcomeUnknown):
        await exchange.place(order, soon())
    await fault(urls)
    found = await exchange.find_order(BTC, "mm8")
    assert found is not None
    assert found.state is OrderState.OPEN


async def test_silent_venue_makes_reads_unavailable(urls: dict[str, str]) -> None:
    nowhere = {name: url.replace("127.0.0.1", "127.0.0.2") for name, url in urls.items()}
    adapter = CcxtExchange(
        account({name: u.rsplit(":", 1)[0] + ":9/x" for name, u in nowhere.items()}),
        WallClock(),
        unasked,
    )
    try:
        with pytest.raises(Unavailable):
            await adapter.balances()
    finally:
        await adapter.close()


async def test_a_storm_of_reads_and_orders_is_never_too_much_and_cancels_leave_at_once(
    urls: dict[str, str],
) -> None:
    """By the venue's own count, which refuses what goes beyond; nobody here asks faster than it may."""
    adapter = CcxtExchange(account(urls), WallClock(), unasked)
    orders = [replace(await far_bid(adapter), client_order_id=f"mm{n}") for n in range(30)]
    reading = [asyncio.create_task(adapter.open_orders(BTC)) for _ in range(60)]
    outcomes = await asyncio.gather(*(adapter.place(order, soon()) for order in orders))
    assert len({word.order_id for word in outcomes}) == 30
    began_s = time.monotonic()
    ended = await asyncio.gather(*(adapter.cancel(BTC, order.client_order_id) for order in orders))
    took_s = time.monotonic() - began_s
    waiting = sum(not task.done() for task in reading)
    await asyncio.gather(*reading)
    await adapter.close()
    assert all(word is not None and word.state is OrderState.CANCELLED for word in ended)
    assert waiting > 0, "the reads were more than may leave at once"
    assert took_s < 1.5, "the cancels did not wait for them"


async def test_what_we_count_is_no_less_than_what_the_venue_counts(urls: dict[str, str]) -> None:
    """The library's weights beside the venue's, over everything that a round of trading asks for."""
    adapter = CcxtExchange(account(urls, lockstep=True), WallClock(), unasked)
    counted: list[float] = []
    throttle = adapter._client.throttle

    async def counting(cost: float | None = None) -> None:
        counted.append(max(LEAST, 1.0 if cost is None else cost))
        await throttle(cost)

    adapter._client.throttle = counting
    order = await far_bid(adapter)
    await adapter.place(order, soon())
    await adapter.balances()
    await adapter.find_order(BTC, order.client_order_id)
    await adapter.open_orders(BTC)
    await adapter.fills_since(BTC, None, datetime.now(UTC) - timedelta(hours=1))
    await adapter.cancel(BTC, order.client_order_id)
    theirs = int(adapter._client.last_response_headers["X-MBX-USED-WEIGHT-1M"])
    await adapter.close()
    assert len(counted) >= 9
    assert 0 < theirs <= 5 * sum(counted), "a unit of the library's is five of the venue's"


@pytest.mark.parametrize("venue", ["binance", "gate"])
@pytest.mark.parametrize("wrong_s", [3600, -3600])
async def test_clock_that_is_an_hour_off_takes_orders_off_once_it_asked_for_the_venues(
    urls: dict[str, str], monkeypatch: pytest.MonkeyPatch, venue: str, wrong_s: int
) -> None:
    """T31: whoever clears a book must not be kept from it by his own clock."""
    adapter = CcxtExchange(replace(account(urls), venue=venue), WallClock(), unasked)
    await adapter.place(await far_bid(adapter), soon())
    right = type(adapter._client).milliseconds

    monkeypatch.setattr(adapter._client, "milliseconds", lambda: right() + wrong_s * 1000)
    with pytest.raises(Unavailable):
        await adapter.open_orders(BTC)
    assert abs(await adapter.keep_time() - wrong_s) < 1
    assert [order.client_order_id for order in await adapter.open_orders(BTC)] == ["mm1"]
    await adapter.cancel(BTC, "mm1")
    assert await adapter.open_orders(BTC) == []
    monkeypatch.undo()
    assert await adapter.keep_time() == 0.0
    assert await adapter.open_orders(BTC) == [], "by the right clock again"
    await adapter.close()


async def test_venue_whose_numbers_must_grow_is_given_no_lower_one(urls: dict[str, str]) -> None:
    adapter = CcxtExchange(account(urls), WallClock(), unasked)
    adapter._contract = replace(adapter._contract, one_nonce=True)
    right = adapter._client.milliseconds()
    for ahead_s, corrected in ((3600, False), (-3600, True)):
        adapter._client.milliseconds = lambda ahead_s=ahead_s: right + ahead_s * 1000
        assert abs(await adapter.keep_time() - ahead_s) < 5
        assert (adapter._client.options["timeDifference"] != 0) is corrected
    await adapter.close()
