"""The money services on a real Postgres and a fake Mixin, with a process that can die anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.db.ambient import assert_outside_transaction
from adapters.db.auth import PostgresAudit, PostgresRoles
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.deposits import PostgresDeposits
from adapters.db.freezes import PostgresFreezes
from adapters.db.kept import PostgresKept
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from adapters.db.users import PostgresUsers
from adapters.db.withdrawals import PostgresPayouts
from adapters.ids import RandomIds
from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import AccountKind, available, mixin, own
from domain.money import ZERO, Coin, Token, plain
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.deposits import DepositService
from domain.services.freezes import FreezeService
from domain.services.incoming import Known
from domain.services.payouts import PayoutService
from domain.services.refunds import RefundService
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.user_balance import UserBalanceService
from domain.services.users import UserService
from domain.services.withdrawals import WithdrawalService
from tests.fakes.clock import FakeClock
from tests.fakes.crash import Crashing, Fuse
from tests.fakes.notices import TableNotices
from tests.fakes.roles import make_owner
from tests.fakes.wallet import BOT, FakeWallet

OWNER = UserId("0aaa0000-0000-4000-8000-000000000001")
ALICE = UserId("0c2f7b6e-0000-4000-8000-00000000a11c")
BOB = UserId("0c2f7b6e-0000-4000-8000-000000000b0b")
USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
BTC = Token(AssetId("c6d0c728-2624-429b-8e0d-d9d19b6592fa"), Coin("BTC"), "Bitcoin")
TOKENS = Tokens([ApprovedToken(USDT, Decimal(1), Decimal(1)), ApprovedToken(BTC, *2 * [Decimal("0.0001")])])
FEE_BPS = 10


@dataclass
class Process:
    """One life of our side: services wired over ports that may be mined."""

    users: UserService
    balances: UserBalanceService
    confirmations: ConfirmationService
    deposits: DepositService
    payouts: PayoutService
    withdrawals: WithdrawalService
    freezes: FreezeService
    refunds: RefundService


@dataclass
class MoneyWorld:
    """What outlives a process: the database and Mixin."""

    store: PostgresStore
    wallet: FakeWallet = field(default_factory=lambda: FakeWallet(guard=assert_outside_transaction))
    clock: FakeClock = field(default_factory=FakeClock)

    def process(self, fuse: Fuse | None = None, fee_bps: int = FEE_BPS, wallet: Any = None) -> Process:
        """Start a process; with a fuse, every port of it has one; ``wallet`` may stand before Mixin."""

        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        store, clock, ids = port(self.store), self.clock, RandomIds()
        ledger, wallet = port(PostgresLedger(self.store)), port(wallet or self.wallet)
        notices, users = port(TableNotices(self.store)), port(PostgresUsers(self.store))
        payout_store, freezes = port(PostgresPayouts(self.store)), port(PostgresFreezes(self.store))
        confirmations = ConfirmationService(store, port(PostgresConfirmations(self.store)), clock, ids)
        balances = UserBalanceService(ledger, users)
        roles = PostgresRoles(self.store)
        auth = AuthService(roles, PostgresAudit(self.store), clock)
        deposits = DepositService(
            store, ledger, wallet, notices, clock, ids, port(PostgresDeposits(self.store)), freezes,
            Known(BOT, TOKENS), roles,
        )  # fmt: skip
        payouts = PayoutService(store, ledger, wallet, notices, clock, ids, payout_store, freezes, BOT, roles)
        lifting = FreezeService(store, freezes, notices, confirmations, clock, auth)
        withdrawals = WithdrawalService(
            store, ledger, clock, ids, payout_store, payouts, balances, confirmations, TOKENS, fee_bps
        )
        kept = port(PostgresKept(self.store))
        refunds = RefundService(store, ledger, clock, ids, kept, payout_store, confirmations, TOKENS, auth)
        people = UserService(store, users)
        return Process(people, balances, confirmations, deposits, payouts, withdrawals, lifting, refunds)

    async def give(self, user_id: UserId, amount: str, token: Token = USDT) -> None:
        """Let a person pay in, and book it."""
        self.wallet.pay_in(user_id, token.asset_id, amount)
        await self.process().deposits.collect()

    async def request(
        self, user_id: UserId, amount: str | None, token: Token = USDT, process: Process | None = None
    ) -> WithdrawalId:
        """Let a person ask for a withdrawal, as the chat does."""
        at = (process or self.process()).withdrawals
        quote = await at.quote(user_id, token.asset_id, Decimal(amount) if amount else None)
        return await at.request(quote, user_id, await at.confirm(user_id, quote))

    async def round(self, process: Process | None = None) -> list[str]:
        """Do one round of each loop."""
        at = process or self.process()
        said = [await at.deposits.collect()]
        return said + [await at.payouts.drive(payout_id) for payout_id in await at.withdrawals.due()]

    async def settle(self, rounds: int = 12, process: Process | None = None) -> list[str]:
        """Do rounds until all has ended and all change is back; time passes between them."""
        said = []
        for _ in range(rounds):
            now = await self.round(process)
            said += now
            if now[0] == "no new output" and set(await self.states()) <= {"done", "refused", "cancelled"}:
                break
            self.clock.advance(31)
        return said

    async def free(self, user_id: UserId, token: Token = USDT) -> Decimal:
        """Return what a person may spend."""
        return (await PostgresLedger(self.store).balance(available(user_id, token.coin))).free

    async def held(self, user_id: UserId, token: Token = USDT) -> Decimal:
        """Return what a person has promised away."""
        return (await PostgresLedger(self.store).balance(available(user_id, token.coin))).held

    async def funds(self, user_id: UserId) -> tuple[str, str]:
        """Return what a person may spend and has promised away, in plain words."""
        return plain(await self.free(user_id)), plain(await self.held(user_id))

    async def own(self, kind: AccountKind, token: Token = USDT) -> Decimal:
        """Return what one of the instance's own accounts holds."""
        return (await PostgresLedger(self.store).balance(own(kind, token.coin))).total

    async def states(self) -> list[str]:
        """Return the states of all payouts by age."""
        rows = await self.store.fetch("SELECT state FROM payouts ORDER BY created_at, id")
        return [row["state"] for row in rows]

    async def notices(self, user_id: UserId) -> list[str]:
        """Return the kinds of all notices to a person, in the order they were written."""
        return await TableNotices(self.store).kinds(user_id)

    async def check(self) -> None:
        """Compare the books with the wallet, which must agree at any quiet time (I7, I8)."""
        for token in TOKENS.list():
            booked = (await PostgresLedger(self.store).balance(mixin(token))).total
            assert booked == self.wallet.unspent(token.asset_id), token.coin
        assert all(len(sent) == 1 for sent in self.wallet.sent_bytes.values()), "other bytes were sent"
        assert len(set(self.wallet.executed)) == len(self.wallet.executed)
        paid = {
            (row["receiver"], row["asset_id"]): row["paid"]
            for row in await self.store.fetch(
                """SELECT receiver, asset_id, sum(amount - fee) AS paid FROM payouts
                   WHERE state = 'done' AND purpose <> 'consolidation' GROUP BY receiver, asset_id"""
            )
        }
        assert paid == dict(self.wallet.paid)
        assert await self._held_by_ended_payouts() == ZERO

    async def _held_by_ended_payouts(self) -> Decimal:
        rows = await self.store.fetch(
            """SELECT coalesce(sum(p.amount), 0) AS open FROM payouts p
               WHERE p.state NOT IN ('done', 'refused', 'cancelled') AND p.purpose = 'withdrawal'"""
        )
        held = await self.store.fetch(
            "SELECT coalesce(sum(b.held), 0) AS held FROM balances b JOIN accounts a ON a.id = b.account_id"
            " WHERE a.kind = 'available'"
        )
        return Decimal(held[0]["held"] - rows[0]["open"])


@asynccontextmanager
async def money_world(migrated_url: str) -> AsyncIterator[MoneyWorld]:
    """Give a world on a fresh database."""
    async with PostgresStore(migrated_url) as store:
        await make_owner(store, OWNER)
        yield MoneyWorld(store)
