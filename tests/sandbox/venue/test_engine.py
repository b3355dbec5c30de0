"""The laws of the matching engine, whatever is thrown at it."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.venue.book import Book
from sandbox.venue.engine import Engine
from sandbox.venue.model import (
    FEES,
    PUBLIC,
    SCALE,
    Force,
    Kind,
    NewOrder,
    Order,
    Pair,
    RefusedByVenue,
    Side,
    Status,
)

PAIR = Pair("BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5), Decimal(100))
NAMES = ("ann", "bob", PUBLIC)


def make_engine(fees: str = "standard", **options: Any) -> Engine:
    engine = Engine({PAIR: Book()}, FEES[fees], **options)
    for name in ("ann", "bob"):
        engine.accounts.bring(name, "USDT", 50_000 * SCALE)
        engine.accounts.bring(name, "BTC", 300 * SCALE)
    return engine


def ask(engine: Engine, name: str, side: Side, price: int, lots: int, **more: Any) -> Order:
    client_id = more.pop("client_id", f"c{engine.numbers.order}")
    kind = more.pop("kind", Kind.LIMIT)
    return engine.place(NewOrder(name, PAIR.symbol, side, kind, lots, price, client_id=client_id, **more), 1)


ORDERS = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(list(Side)),
    st.sampled_from(list(Kind)),
    st.sampled_from(list(Force)),
    st.integers(900, 1100),
    st.integers(1, 400_000),
)
ACTIONS = st.lists(st.one_of(ORDERS, st.integers(0, 50)), max_size=60)


def carry_out(engine: Engine, action: Any) -> None:
    if isinstance(action, int):
        resting = [*engine.open_orders("ann"), *engine.open_orders("bob")]
        if resting:
            engine.cancel(resting[action % len(resting)], 2)
        return
    name, side, kind, force, price, lots = action
    if kind is not Kind.LIMIT:
        force = Force.GTC
    ask(engine, name, side, 0 if kind is Kind.MARKET else price, lots, kind=kind, force=force)


@settings(max_examples=150)
@given(ACTIONS, st.sampled_from(["zero", "standard"]), st.booleans())
def test_nothing_is_lost_or_made_and_no_balance_is_negative(
    actions: Any, fees: str, self_trade: bool
) -> None:
    engine = make_engine(fees, self_trade_allowed=self_trade)
    for action in actions:
        with contextlib.suppress(RefusedByVenue):
            carry_out(engine, action)
        held = engine.accounts
        assert not any(held.missing().values())
        assert min([*held.free.values(), *held.locked.values()]) >= 0
        for name in ("ann", "bob"):
            for asset in ("BTC", "USDT"):
                side = Side.SELL if asset == "BTC" else Side.BUY
                promised = sum(o.locked for o in engine.open_orders(name) if o.side is side)
                assert held.locked[name, asset] == promised


@settings(max_examples=150)
@given(ACTIONS)
def test_the_book_never_crosses_and_shows_what_rests(actions: Any) -> None:
    engine = make_engine()
    book = engine.markets[PAIR.symbol]
    for action in actions:
        with contextlib.suppress(RefusedByVenue):
            carry_out(engine, action)
        bid, offer = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or offer is None or bid < offer
        for side in Side:
            levels = book.levels(side, 1000)
            assert levels == sorted(levels, reverse=side is Side.BUY)
            assert all(lots > 0 and book.size_at(side, price) == lots for price, lots in levels)


def test_better_prices_trade_first_and_then_the_earlier_order() -> None:
    engine = make_engine()
    late_best = [ask(engine, "ann", Side.SELL, 1001, 100), ask(engine, "ann", Side.SELL, 1000, 100)]
    second = ask(engine, "ann", Side.SELL, 1000, 100)
    taker = ask(engine, "bob", Side.BUY, 1002, 250)
    fills = engine.fills["ann", PAIR.symbol]
    assert [fill.order_id for fill in fills] == [late_best[1].id, second.id, late_best[0].id]
    assert [fill.trade.price for fill in fills] == [1000, 1000, 1001]
    assert (taker.status, late_best[0].left) == (Status.FILLED, 50)


def test_a_better_price_gives_the_surplus_back() -> None:
    engine = make_engine("zero")
    ask(engine, "ann", Side.SELL, 1000, 1000)
    ask(engine, "bob", Side.BUY, 1100, 1000)
    assert engine.accounts.free["bob", "USDT"] == (50_000 - 100) * SCALE
    assert engine.accounts.locked["bob", "USDT"] == 0


def test_a_maker_only_order_that_would_trade_is_refused() -> None:
    engine = make_engine()
    ask(engine, "ann", Side.SELL, 1000, 1000)
    with pytest.raises(RefusedByVenue, match="immediately match"):
        ask(engine, "bob", Side.BUY, 1000, 1000, kind=Kind.LIMIT_MAKER)
    assert engine.accounts.locked["bob", "USDT"] == 0


def test_what_an_immediate_order_does_not_get_expires() -> None:
    engine = make_engine()
    ask(engine, "ann", Side.SELL, 1000, 1000)
    some = ask(engine, "bob", Side.BUY, 1000, 3000, force=Force.IOC)
    none = ask(engine, "bob", Side.SELL, 900, 3000, force=Force.FOK)
    assert (some.status, some.filled) == (Status.EXPIRED, 1000)
    assert (none.status, none.filled) == (Status.EXPIRED, 0)
    assert engine.open_orders("bob") == []


def test_a_market_order_by_budget_spends_no_more() -> None:
    engine = make_engine("zero")
    ask(engine, "ann", Side.SELL, 1000, 60)
    ask(engine, "ann", Side.SELL, 1010, 1000)
    order = ask(engine, "bob", Side.BUY, 0, 0, kind=Kind.MARKET, budget=10 * SCALE)
    assert order.status is Status.FILLED
    assert 10 * SCALE - PAIR.quote_unit * 1010 < order.value <= 10 * SCALE


def test_an_open_client_id_is_refused_and_a_finished_one_is_not() -> None:
    engine = make_engine()
    first = ask(engine, "ann", Side.BUY, 900, 1000, client_id="same")
    with pytest.raises(RefusedByVenue, match="Duplicate order sent"):
        ask(engine, "ann", Side.BUY, 900, 1000, client_id="same")
    ask(engine, "bob", Side.BUY, 900, 1000, client_id="same")
    engine.cancel(first, 2)
    second = ask(engine, "ann", Side.BUY, 900, 1000, client_id="same")
    assert engine.find("ann", PAIR.symbol, None, "same") is second
    assert engine.find("ann", PAIR.symbol, first.id, None) is first


def test_a_refused_self_trade_expires_the_taker() -> None:
    engine = make_engine(self_trade_allowed=False)
    ask(engine, "bob", Side.SELL, 1000, 100)
    mine = ask(engine, "ann", Side.SELL, 1001, 100)
    taker = ask(engine, "ann", Side.BUY, 1001, 300)
    assert (taker.status, taker.filled, mine.filled) == (Status.EXPIRED_IN_MATCH, 100, 0)


def test_the_fee_is_taken_of_what_is_received() -> None:
    engine = make_engine()
    ask(engine, "ann", Side.SELL, 1000, 1000)
    ask(engine, "bob", Side.BUY, 1000, 1000)
    (maker,), (taker,) = engine.fills["ann", PAIR.symbol], engine.fills["bob", PAIR.symbol]
    assert (maker.commission_asset, maker.commission) == ("USDT", 100 * SCALE * 2 // 10_000)
    assert (taker.commission_asset, taker.commission) == ("BTC", SCALE * 4 // 10_000)
    assert maker.trade.id == taker.trade.id


@pytest.mark.parametrize(
    ("price", "lots", "filter_name"),
    [(1000, 1, "NOTIONAL"), (10_000, 1000, "PERCENT_PRICE_BY_SIDE")],
)
def test_orders_outside_the_rules_are_refused(price: int, lots: int, filter_name: str) -> None:
    with pytest.raises(RefusedByVenue, match=filter_name):
        ask(make_engine(), "ann", Side.BUY, price, lots)
