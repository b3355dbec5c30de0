"""A market that is a recording: its depth is the book, our orders stand in its queues, its trades fill us.

The rules, all of them on the careful side:

- An order of ours joins its level behind everything recorded there (`ahead`).
- A recorded trade at our price first uses up what is ahead of us, then fills us, in the order of our placing.
- A recorded trade beyond our price fills us at our price. All of ours together never get more than it traded.
- When a level shrinks without a trade, those behind us left first: only what is left can be ahead of us.
- A trade that is told after the book already knew of it first explains how the level shrank, then counts.
- A recorded level that crosses an order of ours is not shown and not traded: only a recorded trade fills us.
- Taking orders of ours trade with the recorded depth; what they take is gone until the recording says more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from sandbox.venue.book import Changed, Ladder, Level
from sandbox.venue.model import Order, Side
from sandbox.venue.recorded_book import RecordedBook
from sandbox.venue.recording import Delta, Snapshot, Tick, Top

TOLD_WITHIN_MS = 1000  # a trade comes no later than this behind the book


class ReplayMarket:
    """Recorded depth with our orders in it."""

    def __init__(self) -> None:
        self.changed = Changed()
        self.recorded = RecordedBook(self._recorded_changed)
        self._own: dict[Side, dict[int, dict[int, Order]]] = {Side.BUY: {}, Side.SELL: {}}
        self._ladders = {side: Ladder(side) for side in Side}
        self._shrunk: dict[
            tuple[Side, int], tuple[int, int]
        ] = {}  # lots no trade explained yet, and the newest

    # -- what the recording does

    def apply(self, event: Delta | Top | Snapshot) -> None:
        """Take in news about the recorded book."""
        self.recorded.apply(event)

    def hits(self, tick: Tick) -> list[tuple[Order, int]]:
        """Return which of our orders a recorded trade fills, and with how many lots; it fills none yet."""
        side = Side.BUY if tick.buyer_is_maker else Side.SELL
        left, filled = tick.lots, []
        for price in self._ladders[side].down_to(tick.price):
            queue = list(self._own[side][price].values())
            if price == tick.price:
                left -= self._explain(side, tick, left)
                rows, _ = self._through_queue(queue, left)
            else:
                rows = self._in_turn(queue, left)
            filled += rows
            left -= sum(lots for _, lots in rows)
        return filled

    def use_up(self, tick: Tick, ours: int) -> None:
        """Take a recorded trade off the recorded book, after our part of it is filled."""
        self.recorded.trade(tick, tick.lots - ours)

    @staticmethod
    def _in_turn(queue: list[Order], left: int) -> list[tuple[Order, int]]:
        rows = []
        for order in queue:
            lots = min(order.left, left)
            if lots:
                rows.append((order, lots))
            left -= lots
        return rows

    @staticmethod
    def _through_queue(queue: list[Order], left: int) -> tuple[list[tuple[Order, int]], int]:
        """Let lots eat their way through a level, and move everybody up."""
        rows, passed = [], 0
        for order in queue:
            step = min(left, max(0, order.ahead - passed))
            passed, left = passed + step, left - step
            lots = min(order.left, left)
            if lots:
                rows.append((order, lots))
            left -= lots
        for order in queue:
            order.ahead = max(0, order.ahead - passed)
        return rows, passed

    def _explain(self, side: Side, tick: Tick, lots: int) -> int:
        """Return how much of a late trade the book had already shown as a shrunken level."""
        shrunk, newest = self._shrunk.get((side, tick.price), (0, 0))
        if newest <= tick.matched_ms:
            return 0  # the level shrank before this trade, or never
        used = min(shrunk, lots)
        self._shrunk[side, tick.price] = shrunk - used, newest
        return used

    def _recorded_changed(self, side: Side, price: int, before: int, after: int) -> None:
        self.changed.note(side, price)
        queue = self._own[side].get(price)
        if not queue:
            return
        if after < before:
            shrunk, newest = self._shrunk.get((side, price), (0, 0))
            now = self.recorded.matched_ms
            kept = shrunk if now - newest <= TOLD_WITHIN_MS else 0
            self._shrunk[side, price] = kept + before - after, now
        for order in queue.values():
            order.ahead = min(order.ahead, after)

    # -- what our orders do

    def rest(self, order: Order) -> None:
        """Put an order behind everything recorded at its price."""
        order.ahead = self.recorded.sizes[order.side].get(order.price, 0)
        self._insert(order)

    def put_back(self, order: Order) -> None:
        """Put an order where it stood before a restart."""
        order.ahead = min(order.ahead, self.recorded.sizes[order.side].get(order.price, 0))
        self._insert(order)

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        before = self._ladders[order.side].best()
        queue = self._own[order.side][order.price]
        del queue[order.id]
        if not queue:
            del self._own[order.side][order.price]
            self._shrunk.pop((order.side, order.price), None)
            self._ladders[order.side].discard(order.price)
        self._note(order.side, order.price, before)

    def traded(self, order: Order, lots: int) -> None:
        """Account for lots that a resting order just traded; a filled one leaves."""
        if order.left:
            self.changed.note(order.side, order.price)
        else:
            self.remove(order)

    def _insert(self, order: Order) -> None:
        before = self._ladders[order.side].best()
        if order.price not in self._own[order.side]:
            self._own[order.side][order.price] = {}
            self._ladders[order.side].add(order.price)
        self._own[order.side][order.price][order.id] = order
        self._note(order.side, order.price, before)

    def _note(self, side: Side, price: int, best_before: int | None) -> None:
        """Count a change of ours, and of the recorded levels that it hides or shows."""
        self.changed.note(side, price)
        reach = [best for best in (best_before, self._ladders[side].best()) if best is not None]
        if not reach:
            return
        farthest = max(reach) if side is Side.BUY else min(reach)
        for other in self.recorded.prices(side.other):
            if other > farthest if side is Side.BUY else other < farthest:
                return
            self.changed.note(side.other, other)

    # -- what takers and onlookers see

    def best(self, side: Side) -> int | None:
        """Return the best price that is shown on a side."""
        return next(self._prices(side), None)

    def offers(self, side: Side, limit: int | None) -> Iterator[tuple[int, int, Order | None]]:
        """Yield (price, lots, order of ours or None) that a taker of this side meets, best first."""
        shown = side.other
        sign = 1 if side is Side.BUY else -1
        within = takewhile(lambda price: limit is None or price * sign <= limit * sign, self._prices(shown))
        for price in list(within):
            yield from self._queue_at(shown, price)

    def _queue_at(self, side: Side, price: int) -> list[tuple[int, int, Order | None]]:
        pieces: list[tuple[int, int, Order | None]] = []
        recorded, passed = self._shown(side, price), 0
        for order in self._own[side].get(price, {}).values():
            if order.ahead > passed and recorded:
                pieces.append((price, order.ahead - passed, None))
                passed = order.ahead
            pieces.append((price, order.left, order))
        if recorded > passed:
            pieces.append((price, recorded - passed, None))
        return pieces

    def take(self, side: Side, price: int, lots: int) -> None:
        """Take recorded depth; those of ours who stand behind move up."""
        maker = side.other
        for order in self._own[maker].get(price, {}).values():
            order.ahead = max(0, order.ahead - lots)
        self.recorded.set(maker, price, self.recorded.sizes[maker][price] - lots)

    def size_at(self, side: Side, price: int) -> int:
        """Return the lots shown at a price."""
        own = self._own[side].get(price, {})
        return self._shown(side, price) + sum(order.left for order in own.values())

    def levels(self, side: Side, limit: int) -> list[Level]:
        """Return the best levels that are shown."""
        prices = zip(self._prices(side), range(limit), strict=False)
        return [(price, self.size_at(side, price)) for price, _ in prices]

    def own_orders(self) -> Iterator[Order]:
        """Yield our resting orders."""
        for side in self._own.values():
            for queue in side.values():
                yield from queue.values()

    def _shown(self, side: Side, price: int) -> int:
        return 0 if self._is_hidden(side, price) else self.recorded.sizes[side].get(price, 0)

    def _is_hidden(self, side: Side, price: int) -> bool:
        facing = self._ladders[side.other].best()
        if facing is None:
            return False
        return price <= facing if side is Side.SELL else price >= facing

    def _prices(self, side: Side) -> Iterator[int]:
        """Yield the shown prices of a side, best first, each once."""
        sign = -1 if side is Side.BUY else 1
        own = iter(self._ladders[side])
        recorded = (price for price in self.recorded.prices(side) if not self._is_hidden(side, price))
        ours, theirs = next(own, None), next(recorded, None)
        while ours is not None or theirs is not None:
            best = min(price * sign for price in (ours, theirs) if price is not None) * sign
            yield best
            ours = next(own, None) if ours == best else ours
            theirs = next(recorded, None) if theirs == best else theirs
