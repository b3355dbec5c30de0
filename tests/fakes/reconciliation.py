"""Rounds in memory, and what they read of the books in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.ids import AssetId, UserId, VenueAccountName
from domain.leases import Scope
from domain.ledger.model import AccountKind
from domain.market.orders import Fill
from domain.money import ZERO, Coin
from domain.payouts.model import PayoutState
from domain.ports.kept import KeptState
from domain.ports.reconciliation import Standing
from domain.reconciliation.in_wallet import Spending, WalletBooks
from domain.reconciliation.model import FINE, InFlight, Round
from tests.fakes.ledger import FakeLedger
from tests.fakes.treasury import Treasury


@dataclass
class Rows:
    """Rounds, and the words of people, in order; none of them ever changes."""

    rounds: list[Round] = field(default_factory=list)
    words: list[UserId] = field(default_factory=list)

    def __deepcopy__(self, memo: dict[int, object]) -> "Rows":
        """Return rows that go their own way."""
        return Rows(list(self.rounds), list(self.words))


class FakeReconciliations:
    """Rounds in order; ``rows`` lets ``FakeTransactions`` put them back."""

    def __init__(self, ledger: FakeLedger | None = None, treasury: Treasury | None = None) -> None:
        self.rows = Rows()
        self.faults: list[str] = []
        self._ledger, self._treasury = ledger or FakeLedger(), treasury

    @property
    def rounds(self) -> list[Round]:
        """Return every round."""
        return self.rows.rounds

    async def add(self, found: Round) -> None:
        self.rows.rounds.append(found)

    async def last(self, scope: Scope) -> Round | None:
        return next((r for r in reversed(self.rows.rounds) if r.scope == scope and not r.moving), None)

    async def deep_at(self, scope: Scope) -> datetime | None:
        return next((r.at for r in reversed(self.rows.rounds) if r.scope == scope and r.deep), None)

    async def standings(self) -> Sequence[Standing]:
        newest = {found.scope: found for found in self.rows.rounds}
        fine = {found.scope: found.at for found in self.rows.rounds if found.outcome in FINE}
        return [Standing(newest[scope], fine.get(scope)) for scope in sorted(newest)]

    async def ask(self, by: UserId) -> int:
        self.rows.words.append(by)
        return len(self.rows.words)

    async def asked(self) -> int:
        return len(self.rows.words)

    async def wallet_books(self) -> WalletBooks:
        assert self._treasury is not None
        rows, approved = self._treasury.rows, {t.asset_id for t in self._treasury.tokens}
        mixin = {a: t for a, t in self._ledger.rows.totals.items() if a.kind is AccountKind.MIXIN}
        unbooked: dict[AssetId, Decimal] = {}
        for kept in rows.kept.values():
            output = kept.seen.output
            waits = kept.state in (KeptState.KEPT, KeptState.REFUNDING)
            if waits and not kept.group[3] and output.asset_id in approved:
                unbooked[output.asset_id] = unbooked.get(output.asset_id, ZERO) + output.amount
        return WalletBooks(
            {AssetId(a.owner): total for a, total in sorted(mixin.items(), key=str) if a.owner in approved},
            tuple(self._spending(approved)),
            dict(sorted(unbooked.items())),
        )

    def _spending(self, approved: set[AssetId]) -> list[Spending]:
        assert self._treasury is not None
        rows, found = self._treasury.rows, []
        amounts = {name: seen.output.amount for name, seen in rows.outputs.items()}
        for payout in sorted(rows.payouts.values(), key=lambda p: p.id):
            base = Spending(payout.id, payout.token.asset_id)
            if payout.token.asset_id not in approved:
                continue
            if payout.state in (PayoutState.SIGNED, PayoutState.SENT):
                assert payout.fee_apart is None, "what the treasury pays to chains is looked at on Postgres"
                inputs = {name: amounts[name] for name, by in rows.reserved.items() if by == payout.id}
                back = [
                    seen.output.amount
                    for seen in rows.outputs.values()
                    if seen.kind == "change" and seen.output.transaction_hash == payout.transaction_hash
                ]
                found.append(replace(base, inputs=inputs, returned=sum(back, ZERO)))
            elif payout.state is PayoutState.DONE and rows.change.get(payout.id):
                found.append(replace(base, due=rows.change[payout.id]))
        return found

    async def rounded_fills(self, account: VenueAccountName, seq: int) -> tuple[Sequence[Fill], int]:
        return [], seq

    async def unsaid_fees(self, account: VenueAccountName, since: datetime) -> Sequence[Fill]:
        return []

    async def fee_coins(self, account: VenueAccountName) -> set[Coin]:
        return set()

    async def contradictions(self) -> Sequence[str]:
        return [*self.faults, *self._ledger.faults()]


class FakeTransfersOnTheWay:
    """What is open between places, as somebody else would tell it."""

    def __init__(self) -> None:
        self.open: dict[Scope, list[InFlight]] = {}

    async def at(self, scope: Scope) -> Sequence[InFlight]:
        return tuple(self.open.get(scope, ()))
