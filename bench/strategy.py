"""How long one quote decision takes: the ladder in whole ticks and lots against the same in Decimal.

Baseline: the same three levels a side, computed with Decimal prices and ``quantize`` in the same run.
"""

import timeit
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from domain.market.difference import Resting, difference
from domain.market.model import Book, Level, Pair, Quote, TradingRules
from domain.market.own import others, uncrossed
from domain.money import BPS
from domain.strategies.base import Inventory
from domain.strategies.pure_market_making import BALANCED, quote

_ROUNDS = 5_000
_RULES = TradingRules(
    Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"), Decimal(5), Decimal(2), Decimal(5)
)
_BOOK = Book(
    Pair.parse("BTC/USDT"),
    tuple(Level(6_000_000 - n, 100) for n in range(20)),
    tuple(Level(6_000_010 + n, 100) for n in range(20)),
    datetime(2026, 1, 1, tzinfo=UTC),
)
_FUNDS = Inventory(Decimal("0.02"), Decimal(1000))


def _in_decimal() -> list[tuple[Decimal, Decimal]]:
    mid = _RULES.tick * _BOOK.twice_mid / 2
    share_quote, share_base = _FUNDS.quote / BALANCED.levels, _FUNDS.base / BALANCED.levels
    ladder = []
    for level in range(BALANCED.levels):
        away = Decimal(BALANCED.half_spread_bps + level * BALANCED.step_bps) / BPS
        bid = (mid * (1 - away)).quantize(_RULES.tick, ROUND_FLOOR)
        ask = (mid * (1 + away)).quantize(_RULES.tick, ROUND_CEILING)
        ladder.append((bid, (share_quote / bid).quantize(_RULES.lot, ROUND_FLOOR)))
        ladder.append((ask, share_base.quantize(_RULES.lot, ROUND_FLOOR)))
    return ladder


_RESTING = [Resting(str(n), q) for n, q in enumerate(quote(_BOOK, _RULES, BALANCED, _FUNDS))]
_OWN = [resting.quote for resting in _RESTING]


_AWAY = [
    Resting(r.client_order_id, Quote(r.quote.side, r.quote.ticks * 99 // 100, r.quote.lots)) for r in _RESTING
]
_DRIFTED = [Quote(q.side, q.ticks + 100, q.lots + 1) for q in _OWN]  # within tolerance


def _holding() -> None:
    difference(_DRIFTED, _RESTING, BALANCED.tolerance_bps)


def _requoting() -> None:
    difference(_OWN, _AWAY, BALANCED.tolerance_bps)


def _whole() -> None:
    wanted = quote(others(_BOOK, _OWN), _RULES, BALANCED, _FUNDS)
    uncrossed(difference(wanted, _RESTING, BALANCED.tolerance_bps).place, _OWN)


def _micros(call: object) -> float:
    assert callable(call)
    return min(timeit.repeat(call, number=_ROUNDS, repeat=5)) / _ROUNDS * 1e6


def main() -> None:
    """Measure and print."""
    decimal, ticks = _micros(_in_decimal), _micros(lambda: quote(_BOOK, _RULES, BALANCED, _FUNDS))
    whole, holding, requoting = _micros(_whole), _micros(_holding), _micros(_requoting)
    print(f"ladder in Decimal (baseline)           {decimal:6.1f} µs")
    print(f"quote, 3 levels a side                 {ticks:6.1f} µs  {ticks / decimal:5.2f} × baseline")
    print(f"difference, holding: nothing changes   {holding:6.1f} µs  {holding / decimal:5.2f} × baseline")
    print(
        f"difference, all six requoted           {requoting:6.1f} µs  {requoting / decimal:5.2f} × baseline"
    )
    print(f"quote + difference + keeping apart     {whole:6.1f} µs  {whole / decimal:5.2f} × baseline")


if __name__ == "__main__":
    main()
