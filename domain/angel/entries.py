"""What the Angel writes down of each thing it does, before it does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.leases import Scope
from domain.market.orders import LimitOrder, OrderState, VenueOrder
from domain.money import plain


class Deed(StrEnum):
    """What was done."""

    TAKE = "take"  # an account, from workers that are gone
    CANCEL = "cancel"
    LOOKED = "looked"  # and nothing rested
    HEARD = "heard"  # the venue's words on orders
    ORDER = "order"  # of a run, never to rest
    BLOCKED = "blocked"  # the venue lets us see or cancel nothing, and for how long already
    LEFT = "left"  # a run left as it is, and why
    SAFE = "safe"  # nothing rests, and nothing can come any more


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the Angel's log; ``id`` makes a repeat change nothing, no ``epoch``: it had none."""

    id: str
    at: datetime
    angel: str
    scope: Scope
    epoch: int | None
    deed: Deed
    facts: Mapping[str, Any]

    def line(self, *, late: bool = False) -> dict[str, Any]:
        """Return the entry as it is written; a ``late`` one is only noted."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "angel": self.angel,
            "scope": self.scope,
            "epoch": self.epoch,
            "kind": self.deed.value,
            "facts": dict(self.facts),
            "late": late,
        }

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Entry":
        """Return the entry of a line.

        Raises:
            KeyError, ValueError: it is none.
        """
        return cls(
            str(line["id"]),
            datetime.fromisoformat(line["at"]),
            str(line["angel"]),
            Scope(line["scope"]),
            line["epoch"],
            Deed(line["kind"]),
            line["facts"],
        )


def words(orders: Sequence[VenueOrder]) -> dict[str, Any]:
    """Return what the venue said of orders, as facts."""
    return {"orders": [word(o.client_order_id, o.order_id, o.state, o.filled) for o in orders]}


def word(client_order_id: str, order_id: str, state: OrderState, filled: Decimal) -> dict[str, str]:
    """Return one word on an order, as facts."""
    return {
        "client_order_id": client_order_id,
        "order_id": order_id,
        "state": state.value,
        "filled": plain(filled),
    }


def wish(intent_id: str, run_id: str, order: LimitOrder, not_after: datetime) -> dict[str, str]:
    """Return an order that is about to be sent, as facts."""
    return {
        "id": intent_id,
        "client_order_id": order.client_order_id,
        "run_id": run_id,
        "base": order.pair.base,
        "quote": order.pair.quote,
        "side": order.side.value,
        "price": plain(order.price),
        "quantity": plain(order.quantity),
        "not_after": not_after.isoformat(),
    }
