"""What a person asks of a conversion, and what they are shown before they confirm it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from domain.conversions.planning import (
    Estimate,
    Task,
    at_worst,
    cap,
    estimate,
    opposite,
    smallest,
    within,
    worst_ticks,
)
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.market.model import Pair, Side
from domain.market.runs import MarketView
from domain.money import BPS, LEDGER_PLACES, ZERO, Coin, plain, round_up

SLIPPAGE_BPS = 100
"""How far from the best price the worst one is."""

FURTHEST_BPS = 1_900
"""How far from mid an order may rest: less than the last function before the socket lets through (OR9)."""

_PLENTY = Decimal(10) ** 30


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants traded at a pair.

    ``amount`` is of the coin that is paid; zero: what ``quantity`` takes of it at worst. ``quantity`` is of
    the base asset; zero: as much as the amount gives. ``price`` is that of an order which rests; ``None``: at
    once, at what there is. ``run`` is the number of the run that is left, zero for one's available coins.
    """

    pair: Pair
    side: Side
    amount: Decimal = ZERO
    quantity: Decimal = ZERO
    price: Decimal | None = None
    run: int = 0


@dataclass(frozen=True, slots=True)
class ConversionQuote:
    """What a conversion would do at one account if it began now; a confirmation binds all of it.

    ``now`` is what the market gives at once, a ``part`` where it does not take all of it; ``least`` what all
    of it would bring at the worst price. ``minimum`` is the venue's smallest order there. Fees are basis
    points of what comes in: the venue's own, and ours by ``fee_version`` (FE2).
    """

    account: VenueAccountName
    pair: Pair
    side: Side
    resting: bool
    run: int
    amount: Decimal
    quantity: Decimal
    worst: Decimal
    best: Decimal
    now: Estimate
    least: Estimate
    part: bool
    minimum: Decimal
    minimum_coin: Coin
    venue_fee_bps: Decimal
    our_fee_bps: int
    fee_version: int

    @property
    def pays(self) -> Coin:
        """Return the coin it spends."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base

    @property
    def gets(self) -> Coin:
        """Return the coin it is for."""
        return self.pair.base if self.side is Side.BUY else self.pair.quote

    @property
    def params(self) -> dict[str, str]:
        """Return everything a person is shown, as texts: what a confirmation binds."""
        return {
            "account": self.account,
            "pair": str(self.pair),
            "side": self.side.value,
            "resting": "yes" if self.resting else "no",
            "run": str(self.run),
            "pays": self.pays,
            "gets": self.gets,
            "amount": plain(self.amount),
            "quantity": plain(self.quantity),
            "worst": plain(self.worst),
            "best": plain(self.best),
            "spends": plain(self.now.spends),
            "receives": plain(self.now.receives),
            "venue_fee": plain(self.now.venue_fee),
            "our_fee": plain(self.now.our_fee),
            "least": plain(self.least.receives),
            "part": "yes" if self.part else "no",
            "traded": plain(self.quantity or self.amount),
            "minimum": plain(self.minimum),
            "minimum_coin": self.minimum_coin,
            "venue_fee_bps": plain(self.venue_fee_bps),
            "our_fee_bps": str(self.our_fee_bps),
            "fee_version": str(self.fee_version),
        }


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What of a confirmed quote is carried out."""

    account: VenueAccountName
    pair: Pair
    side: Side
    resting: bool
    run: int
    amount: Decimal
    quantity: Decimal
    worst: Decimal
    fee_version: int

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Self:
        """Return what was confirmed, from the texts that the confirmation was issued for."""
        return cls(
            account=VenueAccountName(params["account"]),
            pair=Pair.parse(params["pair"]),
            side=Side(params["side"]),
            resting=params["resting"] == "yes",
            run=int(params["run"]),
            amount=Decimal(params["amount"]),
            quantity=Decimal(params["quantity"]),
            worst=Decimal(params["worst"]),
            fee_version=int(params["fee_version"]),
        )


def quote_of(view: MarketView, wish: Wish, fee_version: int, our_fee_bps: int) -> ConversionQuote:
    """Return what a wish would do on a market as it was last seen.

    Raises:
        Refused: ``market_empty``: nobody offers anything; ``price_too_far`` from the market with its price;
            ``conversion_too_small`` with coin and minimum.
    """
    rules, side = view.rules, wish.side
    if not view.book.sane:
        raise Refused("market_empty")
    best = opposite(view.book, side)[0].ticks
    worst = cap(side, best, SLIPPAGE_BPS) if wish.price is None else _ticks_of(view, side, wish.price)
    price = rules.price(worst)
    if side is Side.SELL:
        amount, lots = (wish.amount or wish.quantity), None
    else:
        amount = wish.amount or round_up(wish.quantity * price, LEDGER_PLACES)
        lots = rules.lots_down(wish.quantity) if wish.quantity else None
    task = Task(side, worst, amount, lots, _PLENTY)
    least_lots = smallest(rules, worst)
    minimum, minimum_coin = rules.quantity(least_lots), wish.pair.base
    if side is Side.BUY and not wish.quantity:
        minimum, minimum_coin = round_up(minimum * price), wish.pair.quote
    fee_bps = rules.taker_fee_bps if wish.price is None else max(rules.taker_fee_bps, rules.maker_fee_bps)
    whole = at_worst(rules, task, fee_bps, our_fee_bps)
    traded = rules.lots_down(whole.spends / price if side is Side.BUY else whole.spends)
    if traded < least_lots:
        raise Refused("conversion_too_small", coin=minimum_coin, minimum=plain(minimum))
    there = sum(each.lots for each in opposite(view.book, side) if within(side, each.ticks, worst))
    return ConversionQuote(
        account=view.account,
        pair=wish.pair,
        side=side,
        resting=wish.price is not None,
        run=wish.run,
        amount=amount,
        quantity=wish.quantity if side is Side.BUY else ZERO,
        worst=price,
        best=rules.price(best),
        now=estimate(view.book, rules, task, fee_bps, our_fee_bps),
        least=whole,
        part=there < traded,
        minimum=minimum,
        minimum_coin=minimum_coin,
        venue_fee_bps=fee_bps,
        our_fee_bps=our_fee_bps,
        fee_version=fee_version,
    )


def _ticks_of(view: MarketView, side: Side, price: Decimal) -> int:
    """Return an order's price in whole ticks, away from mid, if it is not too far from there."""
    rules = view.rules
    ticks = worst_ticks(rules, side, price)
    if ticks < 1 or abs(rules.price(ticks) - view.mid) * BPS > view.mid * FURTHEST_BPS:
        raise Refused("price_too_far", price=plain(price), mid=plain(view.mid))
    return ticks


def better(quote: ConversionQuote) -> tuple[Decimal, Decimal, str]:
    """Return by what quotes of accounts are compared: what comes in after fees, then what it costs."""
    outcome = quote.least if quote.resting else quote.now
    return (outcome.receives, -outcome.spends, quote.account)
