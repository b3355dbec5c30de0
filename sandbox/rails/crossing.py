"""Payments on their way: sent by one side in its own time and with its own mishaps, seen by the other.

No clock and no socket here: both sides say what time it is, and a courier carries what is on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sandbox.rails.networks import BY_CHAIN, Network

WAITING, BROADCAST, DELIVERED = "waiting", "broadcast", "delivered"
SEEN, CREDITED, STRAY = "seen", "credited", "stray"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One payment on a chain, as everybody sees it there. ``asset_key`` is empty for the chain's own coin."""

    hash: str
    chain_id: str
    asset_key: str
    units: int  # of 1e-8
    sender: str
    address: str
    tag: str

    @property
    def network(self) -> Network:
        """Return the chain it is on."""
        return BY_CHAIN[self.chain_id]

    def facts(self) -> dict[str, Any]:
        """Return what everybody sees of it, as plain data."""
        return {each.name: getattr(self, each.name) for each in fields(Crossing)}


def crossing_from(facts: Mapping[str, Any]) -> Crossing:
    """Return a payment from plain data.

    Raises:
        ValueError: it is none.
    """
    try:
        crossing = Crossing(**{each.name: facts[each.name] for each in fields(Crossing)})
    except (KeyError, TypeError) as e:
        raise ValueError(f"no payment on a chain: {facts!r}") from e
    texts = [getattr(crossing, each.name) for each in fields(Crossing) if each.name != "units"]
    if not all(isinstance(text, str) for text in texts) or type(crossing.units) is not int:
        raise ValueError(f"no payment on a chain: {facts!r}")
    if crossing.chain_id not in BY_CHAIN or crossing.units <= 0 or not crossing.hash:
        raise ValueError(f"no payment on a chain: {facts!r}")
    return crossing


@dataclass(frozen=True, slots=True)
class Departure(Crossing):
    """What a side has promised to send; others see its hash once it was broadcast."""

    name: str  # what the sender calls it
    due_ms: int
    state: str = WAITING

    @property
    def shown_hash(self) -> str:
        """Return the hash, if it is known already."""
        return "" if self.state == WAITING else self.hash


@dataclass(frozen=True, slots=True)
class Arrival(Crossing):
    """What a side has seen on a chain at an address of its own, or (``STRAY``) what it can give to nobody."""

    owner: str
    seen_ms: int
    state: str = SEEN

    def confirmations(self, now_ms: int, block_ms: int) -> int:
        """Return how many blocks lie over it."""
        return max(0, now_ms - self.seen_ms) // block_ms if block_ms else self.network.confirmations


@dataclass(slots=True)
class Mishaps:
    """How the chains behave for what a side sends. All off by default, but for the time it takes."""

    send_after_ms: int = 500  # from the promise to the broadcast
    block_ms: int = 250  # between confirmations of what arrives
    hold: bool = False  # nothing is broadcast while this is on
    vanish: bool = False  # what is broadcast now has a hash, and arrives nowhere
    short_units: int = 0  # less arrives than was sent
    drop_tag: bool = False  # it arrives without its tag
    change_tag: bool = False  # it arrives with another

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Replace everything by the defaults and what is wanted.

        Raises:
            ValueError: there is no such thing, or not with such a value.
        """
        fresh = Mishaps()
        for name, value in wanted.items():
            if not hasattr(fresh, name) or type(value) is not type(getattr(fresh, name)):
                raise ValueError(f"no mishap is called {name} with a value like {value!r}")
        for each in fields(Mishaps):
            setattr(self, each.name, wanted.get(each.name, getattr(fresh, each.name)))

    def shown(self) -> dict[str, Any]:
        """Return everything as it is."""
        return asdict(self)

    def broadcast(self, departure: Departure, now_ms: int) -> Departure | None:
        """Return a promise as others see it when its time has come; ``None`` while it has not."""
        if departure.state != WAITING or self.hold or now_ms < departure.due_ms:
            return None
        return replace(
            departure,
            state=DELIVERED if self.vanish else BROADCAST,
            units=max(1, departure.units - self.short_units),
            tag="" if self.drop_tag else f"{departure.tag}0" if self.change_tag else departure.tag,
        )
