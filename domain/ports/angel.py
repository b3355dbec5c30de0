"""What the Angel needs beside an exchange: the store's signs and one door, a file, a witness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.angel.closing import Stranded
from domain.angel.entries import Entry
from domain.angel.watch import Sign
from domain.ids import VenueAccountName
from domain.market.model import Pair
from domain.market.orders import Intent


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an entry: whether the account was ours, in which epoch."""

    ours: bool
    epoch: int | None


class AngelStore(Protocol):
    """The database as the Angel sees it: it reads, and writes through ``act`` alone."""

    async def look(self) -> Sequence[Sign]:
        """Return every lease, with what its holder says of its own work.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def act(self, entry: Entry, *, late: bool = False) -> Answer:
        """Write an entry down together with what it changes, once; a late one changes nothing.

        Raises:
            Refused: ``insufficient_funds``, ``account_halted``, ``run_not_running``: of an order.
            Unavailable: it was not written.
            OutcomeUnknown: it may have been.
        """
        ...

    async def alive(self, us: str, trouble: str, refused: Mapping[VenueAccountName, str]) -> None:
        """Note that this Angel looks, and in words what would keep it from its work, for whoever asks.

        ``refused`` are accounts whose exchange does not take its key, with the code: people are told of them.
        """
        ...

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        """Return all pairs on which the account may have orders."""
        ...

    async def unsettled(self, account: VenueAccountName) -> Sequence[Intent]:
        """Return the account's intents that are not settled, oldest first."""
        ...

    async def stranded(self, account: VenueAccountName) -> Sequence[Stranded]:
        """Return the account's runs that were halted, with what the books say they have."""
        ...


class Diary(Protocol):
    """The Angel's own file: everything it does is there first, with or without a database (AN5)."""

    def write(self, entry: Entry) -> None:
        """Write an entry down so that it outlives this process and this machine's fall.

        Raises:
            Unavailable: ``diary_unwritable``.
        """
        ...

    def noted(self, entry: Entry) -> None:
        """Note that the store has it too."""
        ...

    def unnoted(self) -> Sequence[Entry]:
        """Return what the store may not have yet, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept for a store that is silent from the start: leases as last seen, pairs by account."""

    signs: Sequence[Sign]
    pairs: Mapping[VenueAccountName, Sequence[Pair]]


class Keepsake(Protocol):
    """The Angel's copy of what it needs of the store."""

    def keep(self, memory: Memory) -> None:
        """Keep it, in place of what was kept before."""
        ...

    def recall(self) -> Memory:
        """Return what was kept last, nothing at first."""
        ...


class HaltSign(Protocol):
    """The halt file, as far as the Angel cares."""

    def stands(self) -> bool:
        """Tell whether somebody said STOP, and it has not been carried out."""
        ...


class NoHaltSign:
    """What there is where no settings name a halt file."""

    def stands(self) -> bool:
        """Tell that nobody said STOP."""
        return False


class Witness(Protocol):
    """Somebody else who looks at the store."""

    async def sees_store(self) -> bool:
        """Tell whether the store answers it and tells it of workers; whoever says nothing does not."""
        ...
