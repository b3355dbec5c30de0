"""Runs, venue accounts and what workers saw of markets, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.ids import RunId, UserId, VenueAccountName
from domain.market.capacity import Capacity
from domain.market.runs import MarketView, Run, RunState
from domain.money import Coin


@dataclass(frozen=True, slots=True)
class AccountState:
    """A venue account as stored; ``halted`` is the code of what stopped it, or empty."""

    name: VenueAccountName
    venue: str
    opened: bool  # its opening balances are booked
    halted: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Why nobody may place orders from an account, and since when."""

    id: int
    account: VenueAccountName
    reason: str
    halted_at: datetime


class VenueAccountStore(Protocol):
    """Venue accounts, and whether anybody may trade them; who may is a matter of leases."""

    async def register(self, name: VenueAccountName, venue: str, orders_per_second: int) -> None:
        """Have the account be known, and how many orders it may send in a second."""
        ...

    async def capacity(self, name: VenueAccountName) -> Capacity:
        """Return what the account takes, by its workers' last word; of an unknown one nothing is told."""
        ...

    async def alone(self, name: VenueAccountName) -> None:
        """Wait until nobody else is in a transaction that asked for this, and be the one until ours ends."""
        ...

    async def find(self, name: VenueAccountName) -> AccountState | None:
        """Return an account's state."""
        ...

    async def mark_opened(self, name: VenueAccountName) -> None:
        """Note that the opening balances are booked."""
        ...

    async def halt(self, name: VenueAccountName, reason: str) -> bool:
        """Let nobody place orders from this account; return whether it was not halted for this before."""
        ...

    async def looked_at(self, name: VenueAccountName, reason: str) -> bool:
        """Tell whether a person has lifted a halt of this account for this very reason before."""
        ...

    async def halts(self) -> Sequence[Halt]:
        """Return every halt that nobody has lifted, by account, the oldest first."""
        ...

    async def lift(self, halts: Sequence[Halt], by: UserId, at: datetime) -> bool:
        """Lift an account's halts and let it trade; return whether these were all, else do nothing."""
        ...

    async def see(self, views: Sequence[MarketView]) -> None:
        """Store what the worker sees of its pairs."""
        ...

    async def views(self) -> list[MarketView]:
        """Return the newest view of every pair on every opened account that is not halted."""
        ...

    async def want(self, name: VenueAccountName, coin: Coin, amount: Decimal, at: datetime) -> None:
        """Note that somebody wanted a run to work with so much there, and there was less.

        Of several the largest counts: it is a hint for the treasury, and no promise to anybody.
        """
        ...

    async def wants(self, since: datetime) -> Mapping[tuple[VenueAccountName, Coin], Decimal]:
        """Return what was wanted and not there since an instant, by account and coin."""
        ...

    async def sent_for(self, name: VenueAccountName, coin: Coin) -> None:
        """Forget what was wanted: it is on its way."""
        ...


class RunStore(Protocol):
    """Runs and the versions of their configs."""

    async def add(self, run: Run) -> Run:
        """Store a new run with its config as version 1; return it with the person's next number.

        One that carries a conversion brings its number along; all other calls by person are about strategies.
        """
        ...

    async def find(self, user_id: UserId, number: int) -> Run | None:
        """Return a person's run by its number."""
        ...

    async def get(self, run_id: RunId) -> Run:
        """Return a run by its id."""
        ...

    async def list(self, user_id: UserId) -> Sequence[Run]:
        """Return a person's runs, active ones first, then the newest first."""
        ...

    async def change(self, run: Run, preset: str, config: Mapping[str, str]) -> bool:
        """Give a run a new config as its next version (ST6); return whether it was still as given.

        It must not have been told to stop, and be in the version given; else nothing happens.
        """
        ...

    async def active(self, account: VenueAccountName) -> Sequence[Run]:
        """Return the runs of an account of all kinds that have begun there and not stopped, oldest first."""
        ...

    async def going(self) -> Sequence[Run]:
        """Return the runs of strategies of all people that were not told to stop, by id."""
        ...

    async def anchor(self, run_id: RunId, at: datetime) -> None:
        """Set the instant from which the run's ticks count, unless it is set."""
        ...

    async def move(self, run_id: RunId, was: RunState, to: RunState, at: datetime) -> bool:
        """Change the state if it is still ``was``; return whether it was. Locks the row."""
        ...

    async def stop(self, run_id: RunId) -> bool:
        """Tell a run to stop, whatever state it is in by then; return whether nobody had. Locks the row."""
        ...

    async def end(self, run_id: RunId, base: Decimal, quote: Decimal, seen_since: datetime) -> None:
        """Note with how much of each asset a run ended, and the mid seen last, if since an instant."""
        ...

    async def trouble(self, run_ids: Sequence[RunId], reason: str) -> Sequence[Run]:
        """Set what keeps runs from trading (empty: nothing); return those for whom this is new."""
        ...

    async def untold_fills(self, account: VenueAccountName, told_before: datetime) -> Sequence[Run]:
        """Return runs that have filled since they were last told, and were last told before the instant."""
        ...

    async def mark_told(self, run_id: RunId, at: datetime) -> None:
        """Note that the person has been told of all fills so far."""
        ...
