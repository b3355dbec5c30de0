"""Sharing the accounts among the workers: how many there are, what is ours to take, what is to be given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.leases import WALLET, Grip, Scope, seat_number, seat_scope
from domain.ports.leases import Lease

PATIENCE_S = 5.0
"""How long an account may stay free for the worker whose part it is; then it is anybody's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a keeper is to ask for."""

    take: Sequence[Scope]
    """Free, and ours to have: a seat first where we have none."""


@dataclass(slots=True)
class Spread:
    """One worker's place among all.

    Every worker holds a seat, a lease that nobody acts for. The seats that live are the workers there are; by
    the order of their numbers each has its part of the accounts, and all parts together are all accounts.
    """

    monotonic: Callable[[], float]
    seat: Grip | None = None
    _free_since: dict[Scope, float] = field(default_factory=dict)
    _beyond: set[Scope] = field(default_factory=set)  # taken though not ours, since nobody else did
    _seats: Sequence[int] = ()

    def plan(self, leases: Sequence[Lease], grips: Sequence[Grip]) -> Plan:
        """Return what to take, and mark the grips that are to be handed over."""
        live = {lease.scope for lease in leases if lease.live}
        accounts = [grip for grip in grips if grip.scope != WALLET]
        number, seats = self._seated(live)
        if seats != self._seats:
            self._seats = seats
            self._beyond.clear()
        share = part(len(accounts), len(seats), seats.index(number))
        counted = [g for g in accounts if g.held and g.scope not in self._beyond]
        _mark(counted, len(counted) - share)
        take = [grip.scope for grip in grips if grip.scope == WALLET and not grip.held and WALLET not in live]
        take += self._ours(accounts, live, share - len(counted), seats.index(number) * share)
        if self.seat is None or not self.seat.held:
            self.seat = Grip(seat_scope(number), self.monotonic)
            take.insert(0, self.seat.scope)
        return Plan(take)

    def _seated(self, live: set[Scope]) -> tuple[int, list[int]]:
        """Return the number of our seat, the lowest free one while we have none, and all that are taken."""
        taken = {number for scope in live if (number := seat_number(scope))}
        if self.seat is not None and self.seat.held:
            number = seat_number(self.seat.scope)
        else:
            number = next(n for n in range(1, len(taken) + 2) if n not in taken)
        return number, sorted(taken | {number})

    def _ours(self, accounts: Sequence[Grip], live: set[Scope], room: int, first: int) -> list[Scope]:
        """Return which free accounts to take: as many as there is room for, and those nobody wants."""
        now_s = self.monotonic()
        free = [grip.scope for grip in accounts if not grip.held and grip.scope not in live]
        self._free_since = {scope: self._free_since.get(scope, now_s) for scope in free}
        forlorn = [scope for scope in free if now_s - self._free_since[scope] >= PATIENCE_S]
        start = first % len(free) if free else 0  # each begins elsewhere, so that few want the same
        mine = (free[start:] + free[:start])[: max(0, room)]
        self._beyond.update(scope for scope in forlorn if scope not in mine)
        return mine + [scope for scope in forlorn if scope not in mine]


def part(accounts: int, workers: int, rank: int) -> int:
    """Return how many accounts the worker of a rank has: all parts together are all, and differ by one."""
    return accounts // workers + (rank < accounts % workers)


def _mark(held: Sequence[Grip], surplus: int) -> None:
    """Have as many grips leave as are too many, those already leaving first, and keep the others."""
    going = sorted(held, key=lambda grip: (not grip.leaving, grip.scope))[: max(0, surplus)]
    for grip in held:
        grip.leaving = grip in going
        grip.left = grip.left and grip.leaving
