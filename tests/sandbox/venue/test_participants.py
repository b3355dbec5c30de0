"""The crowd keeps a sane, lively, repeatable market."""

from __future__ import annotations

import itertools

from sandbox.venue.app import LIVE_PAIRS
from sandbox.venue.book import Book
from sandbox.venue.engine import Engine
from sandbox.venue.model import FEES, SCALE, Kind, NewOrder, Side, Trade
from sandbox.venue.participants import Crowd

BTC = LIVE_PAIRS[0]


def make_market(seed: int) -> tuple[Engine, Crowd]:
    engine = Engine({BTC: Book()}, FEES["standard"])
    crowd = Crowd(engine, BTC, seed)
    for step in range(100):
        crowd.step(step * 100)
    return engine, crowd


def prints(seed: int) -> list[Trade]:
    engine, crowd = make_market(seed)
    for step in range(100, 400):
        crowd.step(step * 100)
    return engine.drain().prints


def test_the_same_seed_tells_the_same_story() -> None:
    assert prints(3) == prints(3) != prints(4)


def test_the_book_stays_deep_and_the_price_stays_home() -> None:
    engine, crowd = make_market(5)
    market, middle = engine.markets[BTC.symbol], float(BTC.start / BTC.tick)
    for step in range(100, 3_000):
        crowd.step(step * 100)
        bid, ask = market.best(Side.BUY), market.best(Side.SELL)
        assert bid
        assert ask
        assert 0.97 * middle < bid < ask < 1.03 * middle
        if step % 500 == 0:
            assert min(len(market.levels(side, 1000)) for side in Side) >= 50
        engine.drain()


def quote(engine: Engine, numbers: itertools.count[int], now_ms: int) -> None:
    """Quote three levels per side, as a market maker does every five seconds."""
    for order in engine.open_orders("mm"):
        engine.cancel(order, now_ms)
    market = engine.markets[BTC.symbol]
    bid, ask = market.best(Side.BUY), market.best(Side.SELL)
    assert bid
    assert ask
    for bps, (side, sign) in itertools.product((5, 10, 15), ((Side.BUY, -1), (Side.SELL, 1))):
        price = (bid + ask) * (10_000 + sign * bps) // 20_000
        new = NewOrder("mm", BTC.symbol, side, Kind.LIMIT_MAKER, 500, price, client_id=f"q{next(numbers)}")
        engine.place(new, now_ms)


def test_a_market_maker_is_filled_well_over_twenty_times_a_minute() -> None:
    for seed in range(4):
        engine, crowd = make_market(seed)
        engine.accounts.bring("mm", "USDT", 10**5 * SCALE)
        engine.accounts.bring("mm", "BTC", 2 * SCALE)
        numbers = itertools.count()
        for step in range(100, 700):
            if step % 50 == 0:
                quote(engine, numbers, step * 100)
            crowd.step(step * 100)
        assert len(engine.fills["mm", BTC.symbol]) > 30
        assert not any(engine.accounts.missing().values())
