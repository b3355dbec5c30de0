"""The adapter against the sandbox's gate, on the wire: its own client ids, spans of trades, and streams."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange.ccxt_exchange import CcxtExchange
from domain.errors import OutcomeUnknown, Refused
from domain.market.model import Side
from domain.market.orders import LimitOrder, OrderState
from domain.money import Coin
from tests.adapters.exchange.test_sandbox_venue import BTC, account, far_bid, fault, soon, taking_buy, urls
from tests.clocks import WallClock
from tests.fakes.leases import unasked

__all__ = ["urls"]


@pytest.fixture
async def exchange(urls: dict[str, str]) -> AsyncIterator[CcxtExchange]:
    """Give the adapter of the venue's account, in gate's language."""
    adapter = CcxtExchange(replace(account(urls), venue="gate"), WallClock(), unasked)
    yield adapter
    await adapter.close()


async def test_rules_book_and_clock_are_read(exchange: CcxtExchange) -> None:
    rules, book = await exchange.rules(BTC), await exchange.book(BTC)
    assert (rules.tick, rules.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert (rules.maker_fee_bps, rules.taker_fee_bps) == (Decimal(2), Decimal(4))
    assert book.sane
    for _ in range(100):
        await asyncio.sleep(0.05)
        if exchange._data.book(str(BTC)):
            break
    assert exchange._data.book(str(BTC))
    assert abs((await exchange.time() - datetime.now(UTC)).total_seconds()) < 1


async def test_an_order_rests_is_found_listed_and_cancelled_by_our_own_id(exchange: CcxtExchange) -> None:
    order = await far_bid(exchange, "mm1")
    placed = await exchange.place(order, soon())
    assert (placed.client_order_id, placed.price, placed.quantity) == ("mm1", order.price, order.quantity)
    assert [o.client_order_id for o in await exchange.open_orders(BTC)] == ["mm1"]
    cancelled = await exchange.cancel(BTC, "mm1")
    assert cancelled is not None
    assert (cancelled.client_order_id, cancelled.state) == ("mm1", OrderState.CANCELLED)
    ended = await exchange.find_order(BTC, "mm1")
    assert ended is not None
    assert (ended.order_id, ended.state) == (placed.order_id, OrderState.CANCELLED)
    assert await exchange.cancel(BTC, "mmnever") is None
    assert await exchange.find_order(BTC, "mmnever") is None


async def test_what_gate_refuses_leaves_nothing(exchange: CcxtExchange) -> None:
    taking = await taking_buy(exchange, "mm2")
    with pytest.raises(Refused, match="order_would_take"):
        await exchange.place(LimitOrder("mm2", BTC, Side.BUY, taking.price, taking.quantity), soon())
    bid = await far_bid(exchange, "mm3")
    with pytest.raises(Refused, match="venue_declined"):
        await exchange.place(replace(bid, quantity=Decimal("0.00001")), soon())
    assert await exchange.open_orders(BTC) == []


async def test_fills_are_exact_and_told(exchange: CcxtExchange) -> None:
    began, before = datetime.now(UTC) - timedelta(seconds=5), await exchange.balances()
    assert not await exchange.wait_for_news([BTC], 0.5)
    waiting = asyncio.create_task(exchange.wait_for_news([BTC], 10))
    for number in range(2):
        await exchange.place(await taking_buy(exchange, f"mmt{number}"), soon())
    assert (await waiting).ours == {BTC}
    fills, after = await exchange.fills_since(BTC, None, began), await exchange.balances()
    assert sum(fill.quantity for fill in fills) == Decimal("0.002")
    assert {fill.client_order_id for fill in fills} == {"mmt0", "mmt1"}
    assert after[Coin("BTC")] - before[Coin("BTC")] == Decimal("0.002") - sum(fill.fee for fill in fills)
    assert before[Coin("USDT")] - after[Coin("USDT")] == sum(fill.quote_quantity for fill in fills)


async def test_a_lost_answer_is_unknown_and_a_late_order_is_refused(
    exchange: CcxtExchange, urls: dict[str, str]
) -> None:
    order = await far_bid(exchange, "mm8")
    await fault(urls, only="POST /api/v4/spot/orders", withhold_percent=100)
    with pytest.raises(OutcomeUnknown):
        await exchange.place(order, soon())
    await fault(urls)
    found = await exchange.find_order(BTC, "mm8")
    assert found is not None
    assert found.state is OrderState.OPEN
    await fault(urls, skew_ms=30_000)  # by gate's clock it comes after its x-gate-exptime
    with pytest.raises(Refused):
        await exchange.place(replace(order, client_order_id="mm9"), soon())
    await fault(urls)
    assert await exchange.find_order(BTC, "mm9") is None
