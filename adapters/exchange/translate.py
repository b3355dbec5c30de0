"""From ccxt's unified texts to our words; nothing here decides."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.exchange.outcomes import ODD
from domain.errors import Refused, Unavailable
from domain.market.model import Book, Level, Pair, Side, TradingRules
from domain.market.orders import Fill, LimitOrder, OrderState, VenueOrder
from domain.market.tape import PublicTrade
from domain.money import BPS, ZERO, Coin, exact

Raw = Mapping[str, Any]

_STATES = {
    "open": OrderState.OPEN,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "canceling": OrderState.OPEN,
    "rejected": OrderState.REJECTED,
    "expired": OrderState.EXPIRED,
}


@contextmanager
def understood(subject: str) -> Iterator[None]:
    """Call an answer incomplete where a field that must be there is missing, or makes no sense.

    Raises:
        Unavailable: ``venue_answer_incomplete``.
    """
    try:
        yield
    except (*ODD, Refused) as e:
        raise Unavailable("venue_answer_incomplete", subject=subject) from e


def as_time(raw: Any) -> datetime:
    """Return an instant from milliseconds.

    Raises:
        Unavailable: ``venue_answer_incomplete``.
    """
    with understood("time"):
        return datetime.fromtimestamp(int(raw) / 1000, UTC)


def as_balances(raw: Any) -> dict[Coin, Decimal]:
    """Return free plus locked per coin, zeros left out.

    Raises:
        Unavailable: ``venue_answer_incomplete``: one that is left out would look like nothing.
    """
    with understood("balances"):
        totals = {Coin(coin): exact(total) for coin, total in raw["total"].items()}
        return {coin: total for coin, total in totals.items() if total != 0}


def as_rules(pair: Pair, market: Raw, fees: Raw, most_open_orders: int = 200) -> TradingRules:
    """Return trading rules from ccxt's market (precision as tick sizes) and trading fees (fractions).

    ``most_open_orders`` counts where the market does not tell how many orders may rest.

    Raises:
        Refused: ``rules_not_understood``: this pair cannot be traded; others can.
    """
    try:
        return _rules(market, fees, most_open_orders)
    except (*ODD, Refused) as e:
        raise Refused("rules_not_understood", pair=pair) from e


def _rules(market: Raw, fees: Raw, most_open_orders: int) -> TradingRules:
    limits = market["limits"]
    filters: Sequence[Raw] = market["info"].get("filters") or ()
    orders = next((each for each in filters if each.get("filterType") == "MAX_NUM_ORDERS"), {})
    return TradingRules(
        tick=exact(market["precision"]["price"]),
        lot=exact(market["precision"]["amount"]),
        min_quantity=exact(limits["amount"]["min"] or "0"),
        min_notional=exact(limits["cost"]["min"] or "0"),
        maker_fee_bps=exact(fees["maker"]) * BPS,
        taker_fee_bps=exact(fees["taker"]) * BPS,
        max_open_orders=int(orders.get("maxNumOrders", most_open_orders)),
    )


def as_book(pair: Pair, rules: TradingRules, raw: Raw, depth: int, at: datetime) -> Book:
    """Return a book in whole ticks and lots from ccxt's floats.

    A float is read by its shortest text and put on the grid it came from; levels below one lot vanish.

    Raises:
        Unavailable: ``venue_answer_incomplete``.
    """
    with understood("book"):
        return Book(pair, _levels(raw["bids"], rules, depth), _levels(raw["asks"], rules, depth), at)


def _levels(side: Sequence[Sequence[float]], rules: TradingRules, depth: int) -> tuple[Level, ...]:
    levels = (Level(_on_grid(entry[0], rules.tick), _on_grid(entry[1], rules.lot)) for entry in side[:depth])
    return tuple(level for level in levels if level.lots > 0)


def _on_grid(number: float, step: Decimal) -> int:
    return int((Decimal(repr(float(number))) / step).to_integral_value(ROUND_HALF_EVEN))


def as_order(pair: Pair, raw: Raw, client_order_id: str) -> VenueOrder:
    """Return what the venue says of an order.

    ``client_order_id`` is the id we asked with: a cancel's answer may carry a new one.

    Raises:
        Unavailable: ``venue_answer_incomplete``: a field that must be there is missing.
    """
    with understood(client_order_id):
        filled = exact(raw["filled"])
        state = _STATES[raw["status"]]
        return VenueOrder(
            client_order_id=client_order_id,
            order_id=_name(raw["id"]),
            pair=pair,
            side=Side(raw["side"]),
            price=exact(raw["price"]),
            quantity=exact(raw["amount"]),
            filled=filled,
            state=OrderState.PARTIAL if state is OrderState.OPEN and filled > 0 else state,
        )


def as_accepted(order: LimitOrder, raw: Raw) -> VenueOrder:
    """Return an order of which the venue told no more than that it has it: as it was sent, and open.

    It may have ended since; a look-up tells.

    Raises:
        Unavailable: ``venue_answer_incomplete``: not even its id is there.
    """
    with understood(order.client_order_id):
        return VenueOrder(
            client_order_id=order.client_order_id,
            order_id=_name(raw["id"]),
            pair=order.pair,
            side=order.side,
            price=order.price,
            quantity=order.quantity,
            filled=ZERO,
            state=OrderState.OPEN,
        )


def _name(raw: Any) -> str:
    """Return what a venue calls something.

    Raises:
        ValueError: nothing.
    """
    if raw is None or raw == "":
        raise ValueError("no name")
    return str(raw)


def as_fills(pair: Pair, raw: Sequence[Raw], id_name: str = "clientOrderId") -> list[Fill]:
    """Return executions, oldest first; ``id_name`` is how the venue calls our order id there.

    Raises:
        Unavailable: as ``as_fill``, for any of them.
    """
    with understood("fills"):
        return sorted((as_fill(pair, trade, id_name) for trade in raw), key=in_order)


def in_order(fill: Fill) -> tuple[datetime, int, str]:
    """Return what fills are sorted by: when, then the venue's count where it counts."""
    return fill.at, int(fill.trade_id) if fill.trade_id.isdecimal() else 0, fill.trade_id


def as_fill(pair: Pair, raw: Raw, id_name: str = "clientOrderId") -> Fill:
    """Return one execution.

    Raises:
        Unavailable: ``venue_answer_incomplete``: a field that must be there is missing or makes no sense.
    """
    with understood("fill"):
        fee = _fee(raw)
        known = fee.get("cost") is not None and bool(fee.get("currency"))
        fill = Fill(
            trade_id=_name(raw["id"]),
            order_id=_name(raw["order"]),
            client_order_id=str(raw["info"].get(id_name) or "") if id_name else "",
            pair=pair,
            side=Side(raw["side"]),
            price=exact(raw["price"]),
            quantity=exact(raw["amount"]),
            quote_quantity=exact(raw["cost"]),
            fee=exact(fee["cost"]) if known else ZERO,
            fee_coin=Coin(str(fee["currency"])) if known else pair.quote,
            maker=raw["takerOrMaker"] == "maker",
            at=datetime.fromtimestamp(int(raw["timestamp"]) / 1000, UTC),
            fee_known=known,
        )
    if fill.price <= 0 or fill.quantity <= 0 or fill.quote_quantity <= 0:
        raise Unavailable("venue_answer_absurd", subject=fill.trade_id)
    return fill


def as_public_trade(raw: Raw) -> PublicTrade:
    """Return one trade between any two.

    Raises:
        Unavailable: ``venue_answer_incomplete``: a field that must be there is missing or makes no sense.
    """
    with understood("market trades"):
        return PublicTrade(
            trade_id=str(raw.get("id") or ""),
            at=datetime.fromtimestamp(int(raw["timestamp"]) / 1000, UTC),
            price=exact(raw["price"]),
            quantity=exact(raw["amount"]),
            taker=Side(raw["side"]),
        )


def _fee(raw: Raw) -> Raw:
    """Return the fee of a trade; of several, of which all but one are nothing, that one.

    Raises:
        ValueError: it was charged in more than one coin.
    """
    fees: Sequence[Raw] = raw.get("fees") or ()
    if len(fees) < 2:
        return raw["fee"] or {}
    charged = [fee for fee in fees if fee.get("cost") is None or exact(str(fee["cost"])) != 0]
    if len(charged) > 1:
        raise ValueError("a fee in two coins")
    return charged[0] if charged else fees[0]
