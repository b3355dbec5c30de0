"""The money services, in memory or on a real Postgres, and a fake Mixin; a process can die anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, cast

import pytest

from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from domain.fees import Schedule
from domain.ids import AssetId, UserId, VenueAccountName, WithdrawalId
from domain.ledger.model import (
    Account,
    AccountKind,
    Balance,
    Cause,
    Posting,
    Transfer,
    available,
    mixin,
    own,
    venue,
)
from domain.money import Coin, Token, plain
from domain.roles import Role
from domain.services.admission import Admission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.deposits import DepositService
from domain.services.fee_takings import FeeTakingService
from domain.services.fees import FeeService
from domain.services.freezes import FreezeService
from domain.services.incoming import Known
from domain.services.payouts import PayoutService
from domain.services.reckoning import Reckoning
from domain.services.refunds import RefundService
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.user_balance import UserBalanceService
from domain.services.users import UserService
from domain.services.wallet_comparing import WalletComparing
from domain.services.withdrawals import WithdrawalService
from tests.domain.services.money_books import Books, MemoryBooks, PostgresBooks, Told, outcome_of
from tests.fakes.clock import FakeClock
from tests.fakes.crash import Crashing, Fuse
from tests.fakes.reconciliation import FakeTransfersOnTheWay
from tests.fakes.roles import FakeRoles, make_owner
from tests.fakes.wallet import BOT, FakeWallet

OWNER = UserId("0aaa0000-0000-4000-8000-000000000001")
ALICE = UserId("0c2f7b6e-0000-4000-8000-00000000a11c")
BOB = UserId("0c2f7b6e-0000-4000-8000-000000000b0b")
USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
BTC = Token(AssetId("c6d0c728-2624-429b-8e0d-d9d19b6592fa"), Coin("BTC"), "Bitcoin")
TOKENS = Tokens([ApprovedToken(USDT, Decimal(1), Decimal(1)), ApprovedToken(BTC, *2 * [Decimal("0.0001")])])
FEE_BPS = 10

ON_POSTGRES = pytest.mark.parametrize(
    "database", [pytest.param("postgres", marks=pytest.mark.database)], indirect=True
)
"""For tests that look at the tables themselves, or take long in memory."""

IN_MEMORY = pytest.mark.parametrize("database", ["memory"], indirect=True)
"""For tests of what our own side decides, whatever it is kept in."""


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
    fees: FeeService
    takings: FeeTakingService
    comparing: WalletComparing


@dataclass
class MoneyWorld:
    """What outlives a process: the books and Mixin."""

    store: Any  # what the books are in
    wallet: FakeWallet = field(default_factory=FakeWallet)
    clock: FakeClock = field(default_factory=FakeClock)
    admin_url: str = ""
    books: Books = field(init=False)
    on_the_way: FakeTransfersOnTheWay = field(default_factory=FakeTransfersOnTheWay)
    ids: RandomIds = field(default_factory=lambda: RandomIds(now_ms=count(1).__next__))  # in order, each one

    def __post_init__(self) -> None:
        """Open the books, which nobody outside may be asked about while they are written."""
        self.books = PostgresBooks(self.store, self.admin_url) if self.store else MemoryBooks(TOKENS)
        self.store = self.books.store
        if isinstance(self.wallet, FakeWallet):
            self.wallet.guard = self.books.outside

    def process(self, fuse: Fuse | None = None, wallet: Any = None) -> Process:
        """Start a process; with a fuse, every port of it has one; ``wallet`` may stand before Mixin."""

        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        books, clock, ids = self.books, self.clock, self.ids
        store, ledger, wallet = port(books.store), port(books.ledger), port(wallet or self.wallet)
        notices, users = port(books.notices), port(books.users)
        payout_store, freezes, fees = port(books.payouts), port(books.freezes), port(books.fees)
        confirmations = ConfirmationService(store, port(books.confirmations), clock, ids)
        balances = UserBalanceService(ledger, users)
        roles = books.roles
        auth = AuthService(roles, books.audit, clock)
        deposits = DepositService(
            store, ledger, wallet, notices, clock, ids, port(books.deposits), freezes,
            fees, Known(BOT, TOKENS), roles,
        )  # fmt: skip
        payouts = PayoutService(
            store, ledger, wallet, notices, clock, ids, payout_store, freezes, fees, BOT, roles
        )
        lifting = FreezeService(
            store, freezes, notices, confirmations, clock, auth, books.rounds, users, roles, TOKENS
        )
        admission = Admission(freezes)
        withdrawals = WithdrawalService(
            store,
            ledger,
            clock,
            ids,
            payout_store,
            payouts,
            balances,
            confirmations,
            TOKENS,
            fees,
            admission,
        )
        kept = port(books.kept)
        refunds = RefundService(
            store, ledger, clock, ids, kept, payout_store, confirmations, TOKENS, auth, admission
        )
        people = UserService(store, users)
        return Process(
            *(people, balances, confirmations, deposits, payouts, withdrawals, lifting, refunds),
            FeeService(store, clock, fees, confirmations, auth),
            FeeTakingService(
                store, ledger, clock, ids, payout_store, notices, roles, confirmations, TOKENS, auth
            ),
            WalletComparing(
                store,
                Reckoning(
                    *(port(books.rounds), freezes, books.accounts, notices, roles),
                    *(clock, TOKENS, self.on_the_way),
                ),
                wallet,
                port(books.deposits),
            ),
        )

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

    async def balance(self, account: Account) -> Balance:
        """Return what an account holds, and how much of that is promised."""
        found: Balance = await self.books.ledger.balance(account)
        return found

    async def free(self, user_id: UserId, token: Token = USDT) -> Decimal:
        """Return what a person may spend."""
        return (await self.balance(available(user_id, token.coin))).free

    async def held(self, user_id: UserId, token: Token = USDT) -> Decimal:
        """Return what a person has promised away."""
        return (await self.balance(available(user_id, token.coin))).held

    async def funds(self, user_id: UserId) -> tuple[str, str]:
        """Return what a person may spend and has promised away, in plain words."""
        return plain(await self.free(user_id)), plain(await self.held(user_id))

    async def own(self, kind: AccountKind, token: Token = USDT) -> Decimal:
        """Return what one of the instance's own accounts holds."""
        return (await self.balance(own(kind, token.coin))).total

    async def states(self) -> list[str]:
        """Return the states of all payouts by age."""
        return [payout.state for payout in await self.books.made()]

    async def told(self, user_id: UserId) -> list[Told]:
        """Return all notices to a person, in the order they were written."""
        return await self.books.told(user_id)

    async def notices(self, user_id: UserId) -> list[str]:
        """Return the kinds of all notices to a person, in the order they were written."""
        return [notice.kind for notice in await self.told(user_id)]

    async def lend(self, amount: str) -> None:
        """Move what people paid in to a venue, as a treasury would: their claims stay."""
        there = venue(VenueAccountName("v"), USDT.coin)
        moved = Transfer(Cause("test", "lend"), (Posting(there, mixin(USDT), Decimal(amount)),))
        await self.books.ledger.post(moved)
        output = self.wallet.outputs[0]
        self.wallet.steal(output.output_id)
        await self.books.strike(output.output_id)
        self.wallet.pay_in(BOT, USDT.asset_id, str(output.amount - Decimal(amount)))
        await self.process().deposits.collect()

    async def check(self) -> None:
        """Compare the books with the wallet, which must agree at any quiet time (I7, I8)."""
        for token in TOKENS.list():
            booked = (await self.balance(mixin(token))).total
            assert booked == self.wallet.unspent(token.asset_id), token.coin
        assert all(len(sent) == 1 for sent in self.wallet.sent_bytes.values()), "other bytes were sent"
        assert len(set(self.wallet.executed)) == len(self.wallet.executed)
        outcome = outcome_of(await self.books.made())
        assert outcome.paid == dict(self.wallet.paid)
        assert await self.books.promised() == outcome.open
        assert await self.books.faults() == []


@asynccontextmanager
async def money_world(database: str, admin_url: str = "") -> AsyncIterator[MoneyWorld]:
    """Give a world on a fresh database, in memory without one; withdrawals cost something there."""
    schedule = Schedule(1, 0, FEE_BPS, 0, FakeClock().now(), "settings")
    if not database:
        world = MoneyWorld(None)
        cast("FakeRoles", world.books.roles).plant(OWNER, Role.OWNER)
        await world.books.fees.begin(schedule)
        yield world
        return
    async with PostgresStore(database) as store:
        await make_owner(store, OWNER)
        world = MoneyWorld(store, admin_url=admin_url)
        await world.books.fees.begin(schedule)
        yield world
