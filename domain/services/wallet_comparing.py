"""The wallet beside our books: the sum of its unspent outputs is what the ledger says, per token (I8, I4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.errors import Refused
from domain.leases import WALLET, Grip
from domain.money import ZERO, Coin
from domain.ports.deposits import DepositStore
from domain.ports.store import Store
from domain.ports.wallet import Wallet
from domain.reconciliation.compare import compare
from domain.reconciliation.in_wallet import Listed, WalletBooks, in_flight
from domain.reconciliation.model import InFlight, Round
from domain.services.reckoning import MOST_LOOKS, Pace, Reckoning

CONTRADICTIONS_EVERY_S = 3600.0
"""Everything is recomputed for that from the first posting on."""


@dataclass(slots=True)
class WalletComparing:
    """Compares the wallet for the process that holds its lease."""

    store: Store  # fenced
    reckoning: Reckoning
    wallet: Wallet
    deposits: DepositStore
    grip: Grip | None = None
    pace: Pace = field(default_factory=Pace)
    _contradicted_s: float = float("-inf")

    async def round(self) -> str:
        """Do a round when it is time or somebody asks, and say in one sentence what it found."""
        if self.grip and not self.grip.held:
            self.pace = Pace()
            return "not ours: standing by for the wallet"
        if not await self.reckoning.is_due(self.pace):
            return "nothing due"
        try:
            said = [await self._look(), *await self._contradictions()]
        except Refused as refusal:
            if refusal.code != "epoch_lost":
                raise
            return "another worker took the wallet"
        return "; ".join(said)

    async def _look(self) -> str:
        clock = self.reckoning.clock
        self.pace.looked_s = self.pace.polled_s = clock.monotonic()
        asked = await self.reckoning.rounds.asked()
        books, listed, explained, looks, moving = await self._cut()
        totals = {str(asset_id): total for asset_id, total in books.totals.items()}
        lines = compare(totals, _sums(listed), self._coins, explained)
        found = Round(WALLET, clock.now(), lines, looks=looks, asked=asked, moving=moving)
        async with self.store.transaction():
            finding = await self.reckoning.settle(found)
        self.pace.answered = asked
        return str(finding.round)

    @property
    def _coins(self) -> dict[str, Coin]:
        return {str(token.asset_id): token.coin for token in self.reckoning.tokens.list()}

    async def _cut(self) -> tuple[WalletBooks, Sequence[Listed], Sequence[InFlight], int, bool]:
        """Read books, outputs and books again, until nothing was booked or paid between."""
        rounds = self.reckoning.rounds
        looks, still = 0, False
        while looks < MOST_LOOKS and not still:
            looks += 1
            before, on_the_way = await rounds.wallet_books(), await self.reckoning.moving.at(WALLET)
            listed = await self._listed()
            recorded = await self.deposits.hashes([output.output_id for output in listed])
            books = await rounds.wallet_books()
            still = books == before and on_the_way == await self.reckoning.moving.at(WALLET)
        explained = in_flight(books, self._coins, listed, recorded.keys(), self.reckoning.clock.now())
        return books, listed, [*explained, *on_the_way], looks, not still

    async def _listed(self) -> list[Listed]:
        return [
            Listed(output.output_id, output.asset_id, output.amount, output.created_at)
            for token in self.reckoning.tokens.list()
            for output in await self.wallet.unspent_outputs(token.asset_id)
        ]

    async def _contradictions(self) -> list[str]:
        """Look now and then whether balances are the sums of their postings (I4)."""
        now_s = self.reckoning.clock.monotonic()
        if now_s - self._contradicted_s < CONTRADICTIONS_EVERY_S:
            return []
        self._contradicted_s = now_s
        found = await self.reckoning.contradictions(self.store)
        return [f"the ledger contradicts itself: {found[0]}"] if found else []


def _sums(listed: Sequence[Listed]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for output in listed:
        sums[output.asset_id] = sums.get(output.asset_id, ZERO) + output.amount
    return sums
