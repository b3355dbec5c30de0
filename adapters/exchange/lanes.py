"""Our limiter in place of the client's own, which is a single queue: there a cancel waits for every read."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any

from adapters.exchange.contract import VenueContract
from domain.market.limiter import Allowance, Bucket, Lane
from domain.ports.clock import Clock
from domain.services.pacing import Pacer

_lane: ContextVar[tuple[Lane, int]] = ContextVar("lane", default=(Lane.READ, 1))

_WEIGHT_WINDOW_S = 60.0
_ORDER_WINDOW_S = 10.0

LEAST = 0.2
"""What any request costs: the library counts some by less than a venue may (fees at binance)."""


_until_s: ContextVar[float] = ContextVar("until_s", default=inf)  # monotonic


@contextmanager
def leaving_by(until_s: float) -> Iterator[None]:
    """Have what the body asks for be refused as too late where the limiter keeps it back for longer."""
    token = _until_s.set(until_s)
    try:
        yield
    finally:
        _until_s.reset(token)


@contextmanager
def using(lane: Lane, orders: int = 1) -> Iterator[None]:
    """Send what the body asks for in a lane, as so many orders; what asks for nothing else is a read."""
    token = _lane.set((lane, orders))
    try:
        yield
    finally:
        _lane.reset(token)


def pace(client: Any, contract: VenueContract, clock: Clock, sharing: int = 1) -> Pacer:
    """Have a client ask us before each request, and return whom it asks.

    The library's tables say what each request costs and how many units come in a second; the contract
    says how many orders. ``sharing`` accounts of ours are counted as one by the venue.
    """
    units = _WEIGHT_WINDOW_S * 1000 / client.rateLimit / sharing
    pacer = Pacer(
        clock,
        Bucket(Allowance(units, _WEIGHT_WINDOW_S)),
        Bucket(Allowance(_ORDER_WINDOW_S * contract.orders_per_second, _ORDER_WINDOW_S, burst_share=0.5)),
    )

    async def throttle(cost: float | None = None) -> None:
        lane, orders = _lane.get()
        await pacer.enter(lane, max(LEAST, 1.0 if cost is None else float(cost)), orders, _until_s.get())

    client.throttle = throttle
    return pacer
