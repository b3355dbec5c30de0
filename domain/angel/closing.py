"""Fail-safes: what is traded for a run whose worker is gone, once nothing of it rests any more.

A fail-safe is a class with one pure method, which sees a run and its market and answers with an order that
takes what is there and never rests, or with the code of why the run is left as it is. The owner's own one
is named in the settings (docs/operations.md has an example).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol, runtime_checkable

from domain.ids import RunId, VenueAccountName
from domain.market.model import Book, Pair, Side, TradingRules
from domain.money import BPS, ZERO


@dataclass(frozen=True, slots=True)
class Stranded:
    """A run without a worker: what it began with, and what it has by the venue's count of its orders.

    ``free_base`` and ``free_quote`` are what the books let it spend now. An order of it whose end nobody
    knows makes it ``uncertain``.
    """

    run_id: RunId
    account: VenueAccountName
    pair: Pair
    base_start: Decimal
    quote_start: Decimal
    base: Decimal
    quote: Decimal
    free_base: Decimal
    free_quote: Decimal
    uncertain: bool = False
    partner: "Stranded | None" = None
    """The other half of a run with two accounts, whether its worker lives or not."""
    is_leg: bool = False


@dataclass(frozen=True, slots=True)
class Market:
    """A pair as it is seen now, without our own orders: none of them rests."""

    rules: TradingRules
    book: Book
    age_s: float


@dataclass(frozen=True, slots=True)
class Trade:
    """An order that takes what is there at its price or a better one; whole ticks and lots."""

    side: Side
    ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Left:
    """A run is left as it is; ``reason`` is a code."""

    reason: str


Closing = Trade | Left


class FailSafe(Protocol):
    """What is done with a run after its orders are off the book."""

    def close(self, run: Stranded, market: Market) -> Closing:
        """Return the one order that is sent for the run, or why there is none; pure."""
        ...


@runtime_checkable
class JoinsLegs(Protocol):
    """A fail-safe that knows of actions with two legs; one that does not is asked of each half alone.

    What one half bought the other sells, so both together have as much base as they began with; what is
    more or less is an action that was cut in its middle. A whole one is left as it is.
    """

    def finish(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return the order at the leg's account that makes the action whole, or why there is none; pure."""
        ...

    def undo(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return the order at the leader's account that takes the rest back, or why there is none; pure."""
        ...


def excess(leader: Stranded, leg: Stranded) -> Decimal:
    """Return how much more base both halves have than they began with; below zero: less."""
    return leader.base - leader.base_start + leg.base - leg.base_start


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a fail-safe may go: how much worse than the mid, and on a book how old."""

    slippage_bps: int = 50
    stale_s: float = 5.0


@dataclass(frozen=True, slots=True)
class CloseAll:
    """Trades each run back to the base it began with; an action with two legs is finished, else undone."""

    bounds: Bounds

    def close(self, run: Stranded, market: Market) -> Closing:
        """Return the order that brings the starting mix back."""
        return toward(run, market, run.base_start, self.bounds)

    def finish(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return the order at the leg's account that makes a half-done action whole."""
        return toward(leg, market, max(ZERO, leg.base - excess(leader, leg)), self.bounds)

    def undo(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return the order at the leader's account that takes back what could not be made whole."""
        return toward(leader, market, max(ZERO, leader.base - excess(leader, leg)), self.bounds)


@dataclass(frozen=True, slots=True)
class CancelOnly:
    """Trades nothing."""

    bounds: Bounds

    def close(self, run: Stranded, market: Market) -> Closing:
        """Leave every run as it is."""
        return Left("cancel_only")


@dataclass(frozen=True, slots=True)
class Liquidate:
    """Sells all base of each run for quote."""

    bounds: Bounds

    def close(self, run: Stranded, market: Market) -> Closing:
        """Return the order that sells what there is."""
        return toward(run, market, ZERO, self.bounds)


BUILT_IN: Mapping[str, Callable[[Bounds], FailSafe]] = {
    "close_all": CloseAll,
    "cancel_only": CancelOnly,
    "liquidate": Liquidate,
}
"""By the name they have in the settings."""


def toward(run: Stranded, market: Market, base: Decimal, bounds: Bounds) -> Closing:
    """Return the order that trades a run to so much base, at the cap at worst, or why there is none.

    A book that is old, crossed or empty is no price: nothing is traded on it. What the cap does not reach
    stays as it is.
    """
    if doubt := doubt_about(market, bounds):
        return Left(doubt)
    if run.uncertain:
        return Left("order_uncertain")
    side = Side.BUY if base > run.base else Side.SELL
    ticks = worst_ticks(market, side, bounds.slippage_bps)
    wanted = abs(base - run.base)
    there = run.free_quote / market.rules.price(ticks) if side is Side.BUY else run.free_base
    lots = market.rules.lots_down(min(wanted, there))
    if is_too_small(market.rules, ticks, lots):
        return Left(
            "near_enough" if is_too_small(market.rules, ticks, market.rules.lots_down(wanted)) else "no_funds"
        )
    best = market.book.asks[0].ticks if side is Side.BUY else market.book.bids[0].ticks
    if best > ticks if side is Side.BUY else best < ticks:
        return Left("beyond_slippage")
    return Trade(side, ticks, lots)


def piece_of(trade: Trade, rules: TradingRules, most_notional: Decimal) -> Trade:
    """Return as much of a trade as one order may be of; all of it where that is less."""
    if most_notional.is_infinite():
        return trade
    most = rules.lots_down(most_notional / rules.price(trade.ticks))
    return replace(trade, lots=max(1, min(trade.lots, most)))


def doubt_about(market: Market, bounds: Bounds) -> str:
    """Return why a book is no price, or nothing."""
    if market.age_s > bounds.stale_s:
        return "book_stale"
    return "" if market.book.sane else "book_crossed"


def worst_ticks(market: Market, side: Side, slippage_bps: int) -> int:
    """Return the worst price of an order, away from the mid by the cap and never by more."""
    twice_mid = market.book.twice_mid
    if side is Side.BUY:
        return twice_mid * (BPS + slippage_bps) // (2 * BPS)
    return max(1, -(-twice_mid * (BPS - slippage_bps) // (2 * BPS)))


def is_too_small(rules: TradingRules, ticks: int, lots: int) -> bool:
    """Tell whether the venue would refuse so little."""
    quantity = rules.quantity(lots)
    return lots <= 0 or quantity < rules.min_quantity or rules.price(ticks) * quantity < rules.min_notional
