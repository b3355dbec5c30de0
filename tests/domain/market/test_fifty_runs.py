"""Fifty runs on one account through random markets: whatever they want, no two of their orders can meet."""

import os
import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.market.difference import Resting, difference
from domain.market.model import Book, Level, Pair, Quote, Side, TradingRules
from domain.market.own import Standing, others
from domain.strategies.base import Inventory
from domain.strategies.pure_market_making import PureMarketMaking, quote

RUNS = 50
BOOKS = int(os.environ.get("CROSSED_BOOKS", "60"))
RULES = TradingRules(
    Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"), Decimal(5), Decimal(2), Decimal(5)
)
PAIR = Pair.parse("BTC/USDT")
AT = datetime(2026, 1, 1, tzinfo=UTC)
FUNDS = Inventory(Decimal("0.02"), Decimal(1000))


def a_config(dice: random.Random) -> PureMarketMaking:
    levels, tolerance = dice.randint(1, 4), dice.randint(0, 8)
    return PureMarketMaking(dice.randint(1, 40), levels, dice.randint(0, 9), tolerance_bps=tolerance)


def a_book(dice: random.Random, mid: int, own: list[Quote]) -> Book:
    """A market that jumps about, with what we have on the book in it, crossed by ours or not."""
    bid = mid - dice.randint(1, 400)
    ask = mid + dice.randint(1, 400)
    lots: dict[tuple[Side, int], int] = {}
    for side, best, step in ((Side.BUY, bid, -1), (Side.SELL, ask, 1)):
        for n in range(5):
            lots[side, best + step * n * dice.randint(1, 30)] = dice.randint(1, 500)
    for each in own:
        lots[each.side, each.ticks] = lots.get((each.side, each.ticks), 0) + each.lots
    bids, asks = (
        sorted((Level(ticks, held) for (of, ticks), held in lots.items() if of is side), key=_by_ticks)
        for side in Side
    )
    return Book(PAIR, tuple(reversed(bids)), tuple(asks), AT)


def _by_ticks(level: Level) -> int:
    return level.ticks


@pytest.mark.timeout(60 + BOOKS)
def test_no_two_orders_of_one_account_ever_meet() -> None:
    """Some cancels are late, some orders uncertain, some are filled in part: all of it counts as resting."""
    dice, numbers = random.Random(8), iter(range(10**9))
    configs = [a_config(dice) for _ in range(RUNS)]
    live: list[list[Resting]] = [[] for _ in range(RUNS)]
    mid = 6_000_000
    met = placed = moved = 0
    for _ in range(BOOKS):
        mid += dice.randint(-30_000, 30_000) if mid > 1_000_000 else 30_000
        own = [r.quote for of in live for r in of]
        book = others(a_book(dice, mid, own), own)
        changes = []
        for run, config in enumerate(configs):
            changes.append(difference(quote(book, RULES, config, FUNDS), live[run], config.tolerance_bps))
            gone = {r.client_order_id for r in changes[-1].cancel if dice.random() < 0.8}
            live[run] = [r for r in live[run] if r.client_order_id not in gone]
        standing = Standing.of(r.quote for of in live for r in of)
        for run, change in enumerate(changes):
            joined = standing.admit(change.place, 400)
            placed += len(joined)
            moved += len(set(joined) - set(change.place))
            live[run] += [Resting(str(next(numbers)), q, dice.random() < 0.95) for q in joined]
        bids = [r.quote.ticks for of in live for r in of if r.quote.side is Side.BUY]
        asks = [r.quote.ticks for of in live for r in of if r.quote.side is Side.SELL]
        met += max(bids, default=0) >= min(asks, default=10**12)
        assert len(bids) + len(asks) <= 400
        for run in range(RUNS):  # what was uncertain is found, or ends; some of what rests is filled
            live[run] = [Resting(r.client_order_id, r.quote) for r in live[run] if dice.random() < 0.9]
    assert met == 0
    assert placed > 10 * BOOKS
    assert moved > BOOKS / 10, "or the markets would ask nothing of it"
