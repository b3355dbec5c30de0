"""A pair's resting orders by price, then time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Protocol

from sandbox.venue.model import Order, Side

Level = tuple[int, int]  # ticks, lots


class Market(Protocol):
    """A pair's book, matching by price and then time; the live one and the recorded one."""

    changed: Changed

    def rest(self, order: Order) -> None:
        """Put an order at the end of its queue."""
        ...

    def put_back(self, order: Order) -> None:
        """Put an order where it stood before a restart."""
        ...

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        ...

    def best(self, side: Side) -> int | None:
        """Return the best resting price of a side, if any."""
        ...

    def offers(self, side: Side, limit: int | None) -> Iterator[tuple[int, int, Order | None]]:
        """Yield (price, lots, resting order) that a taker of this side meets, best first, to its limit."""
        ...

    def take(self, side: Side, price: int, lots: int) -> None:
        """Note that a taker of this side consumed lots that belong to no order."""
        ...

    def traded(self, order: Order, lots: int) -> None:
        """Account for lots that a resting order just traded; a filled one leaves."""
        ...

    def size_at(self, side: Side, price: int) -> int:
        """Return the lots shown at a price."""
        ...

    def levels(self, side: Side, limit: int) -> list[Level]:
        """Return the best levels of a side."""
        ...


class Ladder:
    """One side of a book as sorted prices; the key makes the best price the smallest."""

    def __init__(self, side: Side) -> None:
        self._sign = -1 if side is Side.BUY else 1
        self._keys: list[int] = []

    def add(self, price: int) -> None:
        """Remember a price that was not there."""
        insort(self._keys, price * self._sign)

    def discard(self, price: int) -> None:
        """Forget a price that is there."""
        del self._keys[bisect_left(self._keys, price * self._sign)]

    def best(self) -> int | None:
        """Return the best price."""
        return self._keys[0] * self._sign if self._keys else None

    def __iter__(self) -> Iterator[int]:
        """Yield prices from the best on; the ladder may change meanwhile only at what was yielded before."""
        return (key * self._sign for key in self._keys)

    def down_to(self, limit: int | None) -> list[int]:
        """Return the prices from the best to a limit, both included."""
        if limit is None:
            return list(self)
        return [key * self._sign for key in self._keys[: bisect_left(self._keys, limit * self._sign + 1)]]


class Changed:
    """Which prices of a book changed since the last look, and how often it ever changed."""

    def __init__(self, update_id: int = 1) -> None:
        self.update_id = update_id
        self.prices: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}

    def note(self, side: Side, price: int) -> None:
        """Count one change at a price."""
        self.update_id += 1
        self.prices[side].add(price)

    def drain(self) -> dict[Side, set[int]]:
        """Return the prices that changed and start anew."""
        drained, self.prices = self.prices, {Side.BUY: set(), Side.SELL: set()}
        return drained


class Book:
    """The live market: every participant's order stands in it."""

    def __init__(self) -> None:
        self.changed = Changed()
        self._ladders = {side: Ladder(side) for side in Side}
        self._queues: dict[Side, dict[int, dict[int, Order]]] = {Side.BUY: {}, Side.SELL: {}}
        self._sizes: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def rest(self, order: Order) -> None:
        """Put an order at the end of its queue."""
        queues = self._queues[order.side]
        if order.price not in queues:
            queues[order.price] = {}
            self._sizes[order.side][order.price] = 0
            self._ladders[order.side].add(order.price)
        queues[order.price][order.id] = order
        self._resize(order.side, order.price, order.left)

    def put_back(self, order: Order) -> None:
        """Put an order back after a restart; they come in the order of their ids."""
        self.rest(order)

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        del self._queues[order.side][order.price][order.id]
        self._resize(order.side, order.price, -order.left)
        self._forget_empty(order.side, order.price)

    def best(self, side: Side) -> int | None:
        """Return the best resting price of a side, if any."""
        return self._ladders[side].best()

    def offers(self, side: Side, limit: int | None) -> Iterator[tuple[int, int, Order | None]]:
        """Yield (price, lots, resting order) that a taker of this side meets, best first, to its limit."""
        queues = self._queues[side.other]
        for price in self._ladders[side.other].down_to(limit):
            for order in list(queues[price].values()):
                yield price, order.left, order

    def take(self, side: Side, price: int, lots: int) -> None:
        """Refuse: in this book every lot belongs to an order."""
        raise AssertionError("a live book has no anonymous depth")

    def traded(self, order: Order, lots: int) -> None:
        """Account for lots that a resting order just traded; a filled one leaves."""
        self._resize(order.side, order.price, -lots)
        if not order.left:
            del self._queues[order.side][order.price][order.id]
            self._forget_empty(order.side, order.price)

    def size_at(self, side: Side, price: int) -> int:
        """Return the lots shown at a price."""
        return self._sizes[side].get(price, 0)

    def levels(self, side: Side, limit: int) -> list[Level]:
        """Return the best levels of a side."""
        sizes = self._sizes[side]
        return [(price, sizes[price]) for price, _ in zip(self._ladders[side], range(limit), strict=False)]

    def _resize(self, side: Side, price: int, lots: int) -> None:
        self._sizes[side][price] += lots
        self.changed.note(side, price)

    def _forget_empty(self, side: Side, price: int) -> None:
        if not self._queues[side][price]:
            del self._queues[side][price]
            del self._sizes[side][price]
            self._ladders[side].discard(price)
