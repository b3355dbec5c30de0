"""Our orders in a venue's words: what is asked for, how one is found by our id, how it is cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.exchange import outcomes, translate
from adapters.exchange.contract import Cancelling, Expiry, Finding, VenueContract
from domain.market.model import Pair
from domain.market.orders import LimitOrder, VenueOrder

Raw = Mapping[str, Any]

_UNIFIED = "clientOrderId"
_LATEST = 200  # ended orders that are looked through, where a venue cannot look for us


@dataclass(frozen=True, slots=True)
class WayToCancel:
    """What ccxt's ``cancel_order`` is called with."""

    order_id: str | None
    params: Mapping[str, str]


def expiring(
    contract: VenueContract, expires_at: datetime, expiry_ms: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and terms by which a venue refuses an order that arrives late.

    Both are empty where an option of the client does it, or nothing can.
    """
    match contract.expiry:
        case Expiry.HEADER:
            return {contract.expiry_name: str(int(expires_at.timestamp() * 1000))}, {}
        case Expiry.PARAMETER:
            text = expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            return {}, {contract.expiry_name: f"{text}Z"}
        case Expiry.WINDOW:
            return {}, {contract.expiry_name: str(expiry_ms)}
        case _:
            return {}, {}


@dataclass(slots=True)
class OwnOrders:
    """What one account says and hears of its own orders, by the contract of its venue."""

    client: Any
    contract: VenueContract
    _order_ids: dict[str, str] = field(default_factory=dict)  # by ours, where the venue cancels by its own

    def terms(self, order: LimitOrder) -> dict[str, object]:
        """Return what an order asks for beside price and quantity."""
        terms: dict[str, object] = {
            _UNIFIED: self.contract.written(order.client_order_id),
            "postOnly": order.post_only,
        }
        return {**terms, "timeInForce": "IOC"} if order.immediate else terms

    def accepted(self, order: LimitOrder, raw: Raw) -> VenueOrder:
        """Return what the venue says of an order that it took.

        Raises:
            Unavailable: ``venue_answer_incomplete``.
        """
        whole = self.contract.answers_whole or raw.get("status") is not None
        if whole and all(raw.get(name) is not None for name in ("filled", "price", "amount", "side")):
            return self._noted(translate.as_order(order.pair, raw, order.client_order_id))
        if self.contract.answers_whole:
            return translate.as_order(order.pair, raw, order.client_order_id)  # which says what is missing
        return self._noted(translate.as_accepted(order, raw))

    async def find(self, pair: Pair, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id, open or ended, or ``None`` when the venue shows none."""
        raw = await self._found(pair, client_order_id, self.contract.written(client_order_id))
        return self._noted(translate.as_order(pair, raw, client_order_id)) if raw else None

    async def _found(self, pair: Pair, client_order_id: str, written: str) -> Raw | None:
        client, symbol = self.client, str(pair)
        match self.contract.finding:
            case Finding.PARAMETER:
                return await _unless_unknown(client.fetch_order(None, symbol, {_UNIFIED: written}))
            case Finding.AS_ID:
                return await _unless_unknown(client.fetch_order(written, symbol))
            case Finding.QUERY:
                return await _unless_unknown(self._queried(symbol, written))
            case Finding.LISTS:
                asked = {self._list_parameter: written}
                rows = await client.fetch_open_orders(symbol, None, None, asked)
                rows = rows or await client.fetch_closed_orders(symbol, None, None, asked)
            case _:
                rows = await client.fetch_open_orders(symbol)
                if not _named(rows, written):
                    rows = await client.fetch_orders(symbol, None, _LATEST)
        return _named(rows, written)

    @property
    def _list_parameter(self) -> str:
        """Return the name by which ccxt passes our id on to a list: kraken has the unified one."""
        return _UNIFIED if self.contract.cancelling is Cancelling.PARAMETER else self.contract.find_parameter

    async def _queried(self, symbol: str, written: str) -> Raw:
        """Ask by a request that ccxt has no unified call for."""
        answer = await self.client.privateSpotGetOrder({self.contract.find_parameter: written})
        order: Raw = self.client.parse_order(answer.get("result") or {}, self.client.market(symbol))
        return order

    async def way_to_cancel(self, pair: Pair, client_order_id: str) -> WayToCancel | None:
        """Return how to cancel an order; nothing where the venue knows none of that name."""
        written = self.contract.written(client_order_id)
        match self.contract.cancelling:
            case Cancelling.PARAMETER:
                return WayToCancel(None, {_UNIFIED: written})
            case Cancelling.OWN_PARAMETER:
                return WayToCancel(None, {self.contract.cancel_parameter: written})
            case Cancelling.AS_ID:
                return WayToCancel(written, {})
            case _:
                known = self._order_ids.get(client_order_id)
                if known is None and (order := await self.find(pair, client_order_id)):
                    known = order.order_id
                return WayToCancel(known, {}) if known else None

    async def listed(self, pair: Pair) -> Sequence[Raw]:
        """Return all resting orders of a pair, ours or not, in ccxt's words."""
        rows: Sequence[Raw] = await self.client.fetch_open_orders(str(pair))
        for row in rows:
            if row.get("clientOrderId") and row.get("id"):
                self._note(self.contract.read(str(row["clientOrderId"])), str(row["id"]))
        return rows

    def _noted(self, order: VenueOrder) -> VenueOrder:
        self._note(order.client_order_id, order.order_id)
        return order

    def _note(self, client_order_id: str, order_id: str) -> None:
        if self.contract.cancelling is Cancelling.ORDER_ID:
            self._order_ids[client_order_id] = order_id
            while len(self._order_ids) > 10_000:
                self._order_ids.pop(next(iter(self._order_ids)))


async def _unless_unknown(asking: Any) -> Raw | None:
    """Return what was found, or nothing where the venue says that there is none."""
    try:
        raw: Raw = await asking
    except outcomes.failures() as e:
        if outcomes.is_kind(e, "OrderNotFound"):
            return None
        raise
    return raw if raw.get("id") else None


def _named(rows: Sequence[Raw], written: str) -> Raw | None:
    return next((row for row in rows if row.get("clientOrderId") == written), None)
