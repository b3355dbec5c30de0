"""What runs have on the book and in the books, as this worker last read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.ids import RunId, VenueAccountName
from domain.ledger.model import AccountKind, Balance
from domain.market.model import Pair
from domain.market.orders import TERMINAL, Intent
from domain.market.runs import Run
from domain.money import Coin
from domain.ports.ledger import Ledger
from domain.ports.orders import OrderStore

PAIRS_A_READ = 50
"""Rows of so many pairs are in memory at once: what a burst takes is never given back to the system."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One pair: the account's orders that may rest there, oldest first, and what its runs have."""

    live: Sequence[Intent]
    funds: Mapping[RunId, Mapping[Coin, Balance]]


@dataclass(slots=True)
class Sight:
    """Reads fifty pairs by two statements, and a pair again only after something was written about it.

    Under its epoch this worker alone writes the account's orders and what follows from them, so what it read
    stays true until it writes. Whoever writes says so by ``forget``, before. What others do to a run's funds
    in the meantime is refused by the store, not by what is seen here.
    """

    account: VenueAccountName
    orders: OrderStore
    ledger: Ledger
    _seen: dict[Pair, Seen] = field(default_factory=dict)

    def forget(self, pairs: Iterable[Pair] | None = None) -> None:
        """Have these pairs be read again, or all of them."""
        for pair in list(self._seen) if pairs is None else pairs:
            self._seen.pop(pair, None)

    async def look(self, runs: Iterable[Run]) -> Mapping[Pair, Seen]:
        """Return what is there on the pairs of runs; each of these runs is among the funds."""
        of: dict[Pair, list[Run]] = {}
        for run in runs:
            of.setdefault(run.pair, []).append(run)
        unread = [pair for pair, mine in of.items() if not self._knows(pair, mine)]
        for start in range(0, len(unread), PAIRS_A_READ):
            await self._read({pair: of[pair] for pair in unread[start : start + PAIRS_A_READ]})
        return {pair: self._seen[pair] for pair in of}

    def _knows(self, pair: Pair, runs: Sequence[Run]) -> bool:
        seen = self._seen.get(pair)
        return seen is not None and all(run.id in seen.funds for run in runs)

    async def _read(self, of: Mapping[Pair, Sequence[Run]]) -> None:
        known = {pair: self._seen[pair].funds for pair in of if pair in self._seen}
        owners = {pair: {*(run.id for run in of[pair]), *known.get(pair, ())} for pair in of}
        unsettled = await self.orders.unsettled(self.account, list(of))
        funds = await self.ledger.balances_of(
            AccountKind.RUN, [run_id for pair in of for run_id in sorted(owners[pair])]
        )
        live: dict[Pair, list[Intent]] = {pair: [] for pair in of}
        for intent in unsettled:
            if intent.state not in TERMINAL:
                live[intent.pair].append(intent)
        for pair in of:
            self._seen[pair] = Seen(live[pair], {run_id: funds[run_id] for run_id in owners[pair]})
