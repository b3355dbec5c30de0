"""Pure market making: a ladder of bids and asks around the mid, refreshed as it moves."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from domain.market.model import Book, Quote, Side, TradingRules
from domain.money import BPS, ZERO
from domain.strategies.base import Inventory, Strategy, Unit, check_config, parameter

_FINE = 100  # distances are computed in hundredths of a basis point, since fees are fractional
_WHOLE = BPS * _FINE
_LARGEST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class PureMarketMaking:
    """The knobs. ``order_amount`` zero means: each side's funds, shared evenly by its levels."""

    half_spread_bps: int = parameter(Unit.BPS, 6, 1, 1_000)
    levels: int = parameter(Unit.COUNT, 3, 1, 10)
    step_bps: int = parameter(Unit.BPS, 4, 0, 500)
    order_amount: Decimal = parameter(Unit.BASE, ZERO, ZERO, _LARGEST)  # noqa: RUF009 - a field, not a value
    refresh_s: int = parameter(Unit.SECONDS, 5, 1, 3_600)
    tolerance_bps: int = parameter(Unit.BPS, 2, 0, 100)
    min_edge_bps: int = parameter(Unit.BPS, 2, 0, 1_000)
    post_only: bool = parameter(Unit.SWITCH, True, False, True)

    def __post_init__(self) -> None:
        """Refuse values out of bounds."""
        check_config(self)

    @property
    def most_orders(self) -> int:
        """Return how many orders rest at most: one a level and side."""
        return 2 * self.levels


def half_spread(rules: TradingRules, config: PureMarketMaking) -> Decimal:
    """Return the distance of the nearest quotes from mid, in bps.

    Never less than the venue's maker fee plus the wanted edge: a round trip of two fills at this
    distance earns at least twice the edge.
    """
    return Decimal(_half_spread_fine(rules, config)) / _FINE


def _half_spread_fine(rules: TradingRules, config: PureMarketMaking) -> int:
    fee = _ceil(rules.maker_fee_bps * _FINE)
    return max(config.half_spread_bps * _FINE, fee + config.min_edge_bps * _FINE)


def quote(book: Book, rules: TradingRules, config: PureMarketMaking, inventory: Inventory) -> list[Quote]:
    """Return the bids and asks wanted now, nearest level first.

    Prices are whole ticks, quantities whole lots. Bids round down and asks round up, so rounding may
    widen the spread but never crosses it. No side promises more than its funds, and no quote is smaller
    than the venue accepts: where an even share would be, fewer levels are quoted.
    """
    unit = rules.tick * rules.lot  # the quote value of one lot at one tick
    sizer = _Sizer(
        fixed=rules.lots_down(config.order_amount) if config.order_amount else None,
        min_lots=_ceil(rules.min_quantity / rules.lot),
        min_value=_ceil(rules.min_notional / unit),
    )
    quote_units, base_lots = int(inventory.quote / unit), rules.lots_down(inventory.base)
    bids_share, asks_share = quote_units // config.levels, base_lots // config.levels
    half, step, twice_mid = _half_spread_fine(rules, config), config.step_bps * _FINE, book.twice_mid
    quotes = []
    for level in range(config.levels):
        away = half + level * step
        bid = twice_mid * (_WHOLE - away) // (2 * _WHOLE)
        ask = -(-twice_mid * (_WHOLE + away) // (2 * _WHOLE))
        if bid > 0 and (lots := sizer.lots(bid, bids_share // bid, quote_units // bid)):
            quotes.append(Quote(Side.BUY, bid, lots))
            quote_units -= lots * bid
        if lots := sizer.lots(ask, asks_share, base_lots):
            quotes.append(Quote(Side.SELL, ask, lots))
            base_lots -= lots
    return quotes


def _ceil(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class _Sizer:
    """How much one quote carries; values in lots times ticks."""

    fixed: int | None  # lots; none: an even share
    min_lots: int
    min_value: int

    def lots(self, ticks: int, share: int, affordable: int) -> int:
        """Return the lots of a quote at this price, zero for no quote."""
        least = max(self.min_lots, -(-self.min_value // ticks), 1)
        lots = min(max(share, least) if self.fixed is None else self.fixed, affordable)
        return lots if lots >= least else 0


CALM = PureMarketMaking(
    half_spread_bps=20, levels=2, step_bps=10, refresh_s=30, tolerance_bps=6, min_edge_bps=8
)
BALANCED = PureMarketMaking()
TIGHT = PureMarketMaking(
    half_spread_bps=3, levels=3, step_bps=2, refresh_s=2, tolerance_bps=1, min_edge_bps=1
)

STRATEGY = Strategy(
    name="pure_market_making",
    config_type=PureMarketMaking,
    presets={"calm": CALM, "balanced": BALANCED, "tight": TIGHT},
    quote=quote,
    half_spread=half_spread,
)
