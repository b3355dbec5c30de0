"""What a run would do if it began now: what is asked for, what the venue asks, what it would quote."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from domain.errors import Refused
from domain.fees import Rate
from domain.ids import VenueAccountName
from domain.market.model import Book, Level, Pair, Side, TradingRules
from domain.market.runs import MarketView
from domain.money import ZERO, plain
from domain.strategies import get_strategy
from domain.strategies.base import Inventory, Parameter, Strategy, show

_PLENTY = Decimal(10) ** 9
"""More of a coin than anybody commits."""


@dataclass(frozen=True, slots=True)
class PairOffer:
    """A pair one can run a strategy on, and what the venue asks of its orders; amounts are exact."""

    account: VenueAccountName
    pair: Pair
    mid: Decimal
    maker_fee_bps: Decimal
    min_base: Decimal  # the least base asset with which one ask can be quoted
    min_quote: Decimal  # the least quote asset with which one bid can be quoted


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a person asks for: a preset by name, or (``preset`` empty) the parameters in ``answers``.

    ``fee_version`` is the schedule whose trading fee the person was shown, and which the run keeps (FE2).
    """

    pair: Pair
    base: Decimal
    quote: Decimal
    strategy: str = "pure_market_making"
    preset: str = "balanced"
    answers: Mapping[str, str] = field(default_factory=dict)
    fee_version: int = 0

    @property
    def params(self) -> dict[str, str]:
        """Return everything a confirmation binds."""
        return {
            "pair": str(self.pair),
            "base": plain(self.base),
            "quote": plain(self.quote),
            "strategy": self.strategy,
            "preset": self.preset,
            "fee_version": str(self.fee_version),
            **{f"answer:{name}": text for name, text in self.answers.items()},
        }


@dataclass(frozen=True, slots=True)
class RunPreview:
    """What a run would do if it began now, and in ``request`` what can be confirmed and started.

    ``half_spread_bps`` is the nearest quotes' distance from mid; ``edge_bps`` what remains of it after the
    maker fee and ours, which is ``our_fee_bps`` of what a fill brings in; ``widened`` says that the fees made
    it wider than asked for. ``bids`` and ``asks`` are (price, base quantity), nearest first, at the present
    mid.
    """

    request: NewRun
    offer: PairOffer
    parameters: tuple[tuple[Parameter, str], ...]
    half_spread_bps: Decimal
    edge_bps: Decimal
    our_fee_bps: int
    widened: bool
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


def config_of(request: NewRun) -> Any:
    """Return the settings asked for.

    Raises:
        Refused: ``strategy_unknown``, ``preset_unknown``; as ``Strategy.read``.
    """
    strategy = get_strategy(request.strategy)
    if not request.preset:
        return strategy.read(request.answers)
    if request.preset not in strategy.presets:
        raise Refused("preset_unknown", preset=request.preset)
    return strategy.presets[request.preset]


def offer_of(view: MarketView) -> PairOffer:
    """Return what one can run on a pair, and what the venue asks of its orders."""
    rules = view.rules
    min_base = _least_base(rules, view.mid)
    # a bid stands below mid, where the least value takes up to a lot more
    min_quote = max(rules.min_quantity * view.mid, rules.min_notional + rules.lot * view.mid)
    return PairOffer(view.account, view.pair, view.mid, rules.maker_fee_bps, min_base, min_quote)


def _least_base(rules: TradingRules, price: Decimal) -> Decimal:
    """Return the smallest base quantity that the venue takes at a price."""
    least = max(rules.min_quantity, rules.min_notional / price, rules.lot)
    return rules.quantity(int((least / rules.lot).to_integral_value(ROUND_CEILING)))


def _book_at(view: MarketView) -> Book:
    """Return the tightest book around the last mid, for quotes on paper."""
    ticks = view.rules.ticks_down(view.mid)
    return Book(view.pair, (Level(ticks, 1),), (Level(ticks + 1, 1),), view.seen_at)


def preview_of(request: NewRun, view: MarketView, config: Any, rate: Rate) -> RunPreview:
    """Return what a run would quote at the present mid, under a rate of ours.

    Raises:
        Refused: ``order_too_small``, ``funds_too_small``.
    """
    strategy, rules, offer = get_strategy(request.strategy), view.rules.dearer(rate.bps), offer_of(view)
    check_order_size(strategy, replace(view, rules=rules), config)
    quotes = strategy.quote(_book_at(view), rules, config, Inventory(request.base, request.quote))
    if not quotes:
        minimum = {"minimum_base": plain(offer.min_base), "minimum_quote": plain(offer.min_quote)}
        raise Refused("funds_too_small", **minimum)
    half_spread = strategy.half_spread(rules, config)
    sides: dict[Side, list[tuple[Decimal, Decimal]]] = {Side.BUY: [], Side.SELL: []}
    for quote in quotes:
        sides[quote.side].append((rules.price(quote.ticks), rules.quantity(quote.lots)))
    texts = show(config)
    return RunPreview(
        request=replace(request, fee_version=rate.version),
        offer=offer,
        parameters=tuple((knob, texts[knob.name]) for knob in strategy.parameters),
        half_spread_bps=half_spread,
        edge_bps=half_spread - rules.maker_fee_bps,
        our_fee_bps=rate.bps,
        widened=half_spread > getattr(config, "half_spread_bps", half_spread),
        bids=tuple(sides[Side.BUY]),
        asks=tuple(sides[Side.SELL]),
    )


def check_order_size(strategy: Strategy, view: MarketView, config: Any) -> None:
    """Refuse a fixed order size that the venue would not take at every price that is to be quoted."""
    amount = getattr(config, "order_amount", ZERO)
    if not amount:
        return
    plenty = Inventory(_PLENTY, _PLENTY * view.mid)
    evenly = strategy.quote(_book_at(view), view.rules, replace(config, order_amount=ZERO), plenty)
    lowest = min((view.rules.price(quote.ticks) for quote in evenly), default=view.mid)
    if amount < (least := _least_base(view.rules, lowest)):
        raise Refused("order_too_small", coin=view.pair.base, minimum=plain(least))
