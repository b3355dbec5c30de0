"""Where the money services keep what they know: a real Postgres, or memory with the same promises."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import asyncpg

from adapters.db.ambient import assert_outside_transaction
from adapters.db.auth import PostgresAudit, PostgresRoles
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.deposits import PostgresDeposits
from adapters.db.fees import PostgresFees
from adapters.db.freezes import PostgresFreezes
from adapters.db.kept import PostgresKept
from adapters.db.ledger import PostgresLedger
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.runs import PostgresVenueAccounts
from adapters.db.store import PostgresStore
from adapters.db.transfers import PostgresAddressBook, PostgresTransfers
from adapters.db.users import PostgresUsers
from adapters.db.withdrawals import PostgresPayouts
from domain.ids import UserId
from domain.ledger.model import AccountKind
from domain.money import ZERO
from domain.payouts.model import ENDED, Payout, Purpose
from domain.services.tokens import Tokens
from tests.fakes.chat import FakeTransactions
from tests.fakes.fees import FakeFees
from tests.fakes.ledger import FakeLedger
from tests.fakes.money import FakeConfirmations, FakeFreezes, FakeUsers
from tests.fakes.notices import FakeNotices, TableNotices
from tests.fakes.reconciliation import FakeReconciliations
from tests.fakes.roles import FakeAudit, FakeRoles
from tests.fakes.runs import FakeHalts
from tests.fakes.transfers import FakeAddressBook, FakeTransfers
from tests.fakes.treasury import FakeDeposits, FakeKept, FakePayouts, Treasury


class Told(NamedTuple):
    """One notice."""

    kind: str
    cause: str
    params: Mapping[str, str]


class Books(Protocol):
    """Every port of the money services, and what a test looks at beside them."""

    store: Any
    ledger: Any
    notices: Any
    users: Any
    payouts: Any
    freezes: Any
    confirmations: Any
    deposits: Any
    kept: Any
    fees: Any
    roles: Any
    audit: Any
    rounds: Any
    accounts: Any
    transfers: Any
    addresses: Any

    def outside(self) -> None:
        """Refuse to go on while a transaction is open."""
        ...

    async def made(self) -> list[Payout]:
        """Return all payouts by age."""
        ...

    async def reserved(self) -> dict[str, str]:
        """Return which output is reserved for which payout."""
        ...

    async def told(self, user_id: UserId) -> list[Told]:
        """Return all notices to a person, in the order they were written."""
        ...

    async def promised(self) -> Decimal:
        """Return what all people together have promised away."""
        ...

    async def lifted_by(self) -> list[UserId]:
        """Return who has lifted freezes."""
        ...

    async def faults(self) -> list[Any]:
        """Return where balances, postings, holds and fees contradict each other: nothing, ever."""
        ...

    async def strike(self, output_id: str) -> None:
        """Let an output have been spent before our time."""
        ...

    async def paid_by(self, intent_id: str) -> str | None:
        """Return the output that paid an intent."""
        ...


class PostgresBooks:
    """On Postgres, with the rights of bot and workers."""

    def __init__(self, store: PostgresStore, admin_url: str = "") -> None:
        self._admin_url = admin_url
        self.store = store
        self.ledger = PostgresLedger(store)
        self.notices = TableNotices(store)
        self.users = PostgresUsers(store)
        self.payouts = PostgresPayouts(store)
        self.freezes = PostgresFreezes(store)
        self.confirmations = PostgresConfirmations(store)
        self.deposits = PostgresDeposits(store)
        self.kept = PostgresKept(store)
        self.fees = PostgresFees(store)
        self.roles = PostgresRoles(store)
        self.audit = PostgresAudit(store)
        self.rounds = PostgresReconciliations(store)
        self.accounts = PostgresVenueAccounts(store)
        self.transfers = PostgresTransfers(store)
        self.addresses = PostgresAddressBook(store)

    def outside(self) -> None:
        assert_outside_transaction()

    async def made(self) -> list[Payout]:
        rows = await self.store.fetch("SELECT id FROM payouts ORDER BY created_at, id")
        return [await self.payouts.get(row["id"]) for row in rows]

    async def reserved(self) -> dict[str, str]:
        rows = await self.store.fetch("SELECT output_id, payout_id FROM reservations")
        return {row["output_id"]: row["payout_id"] for row in rows}

    async def told(self, user_id: UserId) -> list[Told]:
        return [Told(*notice) for notice in await self.notices.told(user_id)]

    async def promised(self) -> Decimal:
        [row] = await self.store.fetch(
            "SELECT coalesce(sum(b.held), 0) AS held FROM balances b JOIN accounts a ON a.id = b.account_id"
            " WHERE a.kind = 'available'"
        )
        return Decimal(row["held"])

    async def lifted_by(self) -> list[UserId]:
        rows = await self.store.fetch("SELECT lifted_by FROM freezes WHERE lifted_at IS NOT NULL ORDER BY id")
        return [UserId(row["lifted_by"]) for row in rows]

    async def faults(self) -> list[Any]:
        return [*await self.ledger.faults(), *await self.fees.faults()]

    async def strike(self, output_id: str) -> None:
        connection = await asyncpg.connect(self._admin_url)
        await connection.execute("SET session_replication_role = replica")  # no trigger looks
        await connection.execute("UPDATE outputs SET spent_before = true WHERE output_id = $1", output_id)
        await connection.execute("DELETE FROM free_outputs WHERE output_id = $1", output_id)
        await connection.close()

    async def paid_by(self, intent_id: str) -> str | None:
        [row] = await self.store.fetch("SELECT paid_by FROM deposit_intents WHERE id = $1", intent_id)
        paid_by: str | None = row["paid_by"]
        return paid_by


class MemoryBooks:
    """In memory, with transactions that really roll back."""

    def __init__(self, tokens: Tokens) -> None:
        self.store = FakeTransactions()
        self.treasury = Treasury(self.store, tokens.list())
        self.ledger, self.notices, self.users = FakeLedger(), FakeNotices(), FakeUsers()
        self.freezes, self.confirmations = FakeFreezes(), FakeConfirmations()
        self.deposits, self.kept = FakeDeposits(self.treasury), FakeKept(self.treasury)
        self.payouts = FakePayouts(self.treasury)
        self.audit, self.fees = FakeAudit(), FakeFees()
        self.roles = FakeRoles(self.store, self.audit)
        self.transfers = FakeTransfers(self.store, self.treasury)
        self.addresses = FakeAddressBook(self.transfers)
        self.store.tables += [self.ledger, self.notices, self.users, self.freezes, self.confirmations]
        self.store.tables += [self.audit, self.roles, self.fees]
        self.rounds, self.accounts = FakeReconciliations(self.ledger, self.treasury), FakeHalts()
        self.store.tables += [self.rounds, self.accounts]

    def outside(self) -> None:
        assert not self.store.is_open, "nobody outside may be asked within a transaction"

    async def made(self) -> list[Payout]:
        return sorted(self.treasury.rows.payouts.values(), key=lambda p: (p.created_at, p.id))

    async def reserved(self) -> dict[str, str]:
        return dict(self.treasury.rows.reserved)

    async def told(self, user_id: UserId) -> list[Told]:
        rows = self.notices.rows.items()
        return [Told(kind, cause, params) for (who, kind, cause), params in rows if who == user_id]

    async def promised(self) -> Decimal:
        holds = self.ledger.rows.holds.values()
        return sum((h.remaining for h in holds if h.made.account.kind is AccountKind.AVAILABLE), ZERO)

    async def lifted_by(self) -> list[UserId]:
        return list(self.freezes.lifted_by)

    async def faults(self) -> list[Any]:
        return self.fees.faults(self.ledger)

    async def strike(self, output_id: str) -> None:
        outputs = self.treasury.rows.outputs
        seen = outputs[output_id]
        outputs[output_id] = replace(seen, output=replace(seen.output, spent=True))

    async def paid_by(self, intent_id: str) -> str | None:
        return self.treasury.rows.paid_by.get(intent_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all payouts together."""

    paid: Mapping[tuple[str, str], Decimal]
    open: Decimal


def outcome_of(payouts: list[Payout]) -> Outcome:
    """Return what was paid to whom, by asset, and what withdrawals that have not ended promise."""
    paid: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for payout in payouts:
        if payout.state == "done" and payout.purpose not in (Purpose.CONSOLIDATION, Purpose.TRANSFER):
            paid[payout.receiver, payout.token.asset_id] += payout.pays
    going = (p.amount for p in payouts if p.state not in ENDED and p.purpose is Purpose.WITHDRAWAL)
    return Outcome(dict(paid), sum(going, ZERO))
