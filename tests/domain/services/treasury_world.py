"""Treasury transfers between a fake Mixin and a fake venue, over chains that carry what they are told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from domain.errors import MrMarketError, Refused
from domain.ids import TransferId, UserId, VenueAccountName
from domain.leases import WALLET, Grip, Scope
from domain.ledger.model import (
    AccountKind,
    Cause,
    Posting,
    Transfer,
    mixin,
    own,
    transit,
    venue,
)
from domain.money import ZERO, Token
from domain.payouts.onward import ChainAddress, NetworkFee
from domain.ports.runs import AccountState
from domain.ports.venue_funds import WithdrawalStage
from domain.services.addresses import AddressService
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.deposits import DepositService
from domain.services.fencing import FencedStore
from domain.services.incoming import Known
from domain.services.onward import OnwardPayments
from domain.services.payouts import PayoutService
from domain.services.planning import PlanningService
from domain.services.to_mixin import ToMixin
from domain.services.to_venue import ToVenue
from domain.services.tokens import Tokens
from domain.services.transfer_decisions import TransferDecisions
from domain.services.transfer_news import TransferNews
from domain.services.transfer_rows import TransferRows
from domain.services.transfers import TransferService
from domain.services.treasury_accounts import TreasuryAccount, scope_of
from domain.treasury.addresses import AddressState
from domain.treasury.model import ENDED, Decision, Direction, TransferState, TreasuryTransfer
from tests.domain.services.money_world import BTC, OWNER, TOKENS, USDT, MoneyWorld, money_world
from tests.fakes.crash import Crashing, Fuse
from tests.fakes.runs import FakeViews
from tests.fakes.venue_funds import FakeTreasury, FakeVenueFunds, Personality
from tests.fakes.wallet import BOT

ACCOUNT = VenueAccountName("gate-1")
CODE = "ETH"
CHAIN = "43d61dcd-e413-450d-80b8-101d5e903357"
AT_VENUE, AT_MIXIN = (
    "0x00000000000000000000000000000000000Venue",
    "0x00000000000000000000000000000000000Mixin",
)
FLOAT = Decimal(1000)


@dataclass
class Process:
    """One life of our side."""

    deposits: DepositService
    payouts: PayoutService
    transfers: TransferService
    addresses: AddressService
    decisions: TransferDecisions
    planning: PlanningService
    due_payouts: Any


@dataclass(frozen=True, slots=True)
class Sides:
    """What a process stands between: the books, Mixin, one venue account, and what the instance approves."""

    books: Any
    wallet: Any
    account: TreasuryAccount
    clock: Any
    ids: Any
    accounts: Any
    keep: Decimal = ZERO
    tokens: Tokens = TOKENS
    bot: UserId = BOT


def process_of(sides: Sides, fuse: Fuse | None = None, *, ours: bool = True) -> Process:
    """Return our side, wired as it is in earnest."""

    def port(real: Any) -> Any:
        return Crashing(real, fuse) if fuse else real

    books, clock, ids, bot, tokens = sides.books, sides.clock, sides.ids, sides.bot, sides.tokens
    store, ledger, wallet = port(books.store), port(books.ledger), port(sides.wallet)
    if not ours:
        store = FencedStore(store, NobodysWallet(), Grip(WALLET, clock.monotonic))
    transfers, payouts, freezes = port(books.transfers), port(books.payouts), port(books.freezes)
    notices, roles, fees = port(books.notices), books.roles, books.fees
    accounts = {sides.account.funds.account: sides.account}
    auth = AuthService(roles, books.audit, clock)
    confirmations = ConfirmationService(store, books.confirmations, clock, ids)
    news, rows = TransferNews(notices, roles, clock), TransferRows(store, transfers, clock)
    addresses = AddressService(store, port(books.addresses), freezes, news, confirmations, auth, clock, ids)
    onward = OnwardPayments(ledger, wallet, transfers, tokens, clock)
    to_venue = ToVenue(
        *(store, ledger, clock, ids, bot, wallet, wallet, payouts, freezes, onward, addresses, rows),
        *(news, accounts),
    )
    to_mixin = ToMixin(store, ledger, clock, wallet, transfers, freezes, addresses, rows, news, accounts)
    moving = TransferService(
        *(clock, ids, wallet, store, transfers, freezes, addresses, rows, tokens, accounts),
        *(to_venue, to_mixin),
    )
    return Process(
        DepositService(
            *(store, ledger, wallet, notices, clock, ids, port(books.deposits), freezes, fees),
            *(Known(bot, tokens), roles),
        ),
        PayoutService(store, ledger, wallet, notices, clock, ids, payouts, freezes, fees, bot, roles, onward),
        moving,
        addresses,
        TransferDecisions(store, ledger, clock, transfers, confirmations, auth),
        PlanningService(
            *(ledger, clock, payouts, transfers, freezes, fees, sides.accounts, tokens, moving),
            {name: {USDT.coin: sides.keep} for name in accounts},
        ),
        payouts.due,
    )


class TreasuryWorld:
    """Mixin, one venue, the books between them, and chains."""

    def __init__(self, money: MoneyWorld, personality: Personality, **venue_traits: Any) -> None:
        self.money = money
        self.books, self.wallet, self.clock = money.books, money.wallet, money.clock
        self.by_hand = venue_traits.pop("by_hand", False)
        self.far = FakeTreasury(self.clock, personality, **venue_traits)
        self.far.offer(USDT.coin, CODE, AT_VENUE)
        self.wallet.addresses[CHAIN] = ChainAddress(CHAIN, AT_MIXIN)
        self.far.trading[USDT.coin] = FLOAT
        self.accounts: Any = KnownAccounts()
        self.keep = ZERO  # what the owner wants to be at the venue
        self.carries = True  # chains carry by themselves
        self.loses = ZERO  # what chains lose of each transfer
        self.credits = True
        self._hashes = count(1)

    def process(self, fuse: Fuse | None = None, *, ours: bool = True) -> Process:
        """Start a process; with a fuse, every port of it has one; not ``ours``: it has lost the wallet."""
        funds = FakeVenueFunds(self.far, ACCOUNT, guard=self.books.outside)
        account = TreasuryAccount(_Funds(funds, fuse), "gate", self.by_hand)
        sides = Sides(self.books, self.wallet, account, self.clock, self.money.ids, self.accounts, self.keep)
        return process_of(sides, fuse, ours=ours)

    async def open(self) -> None:
        """Give the owner a float at Mixin and at the venue, and what networks ask."""
        self.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("0.0011"))
        for token, amount in ((USDT, "1000"), (BTC, "1")):
            self.wallet.pay_in(OWNER, token.asset_id, amount, memo="float")
        await self.process().deposits.collect()
        there = venue(ACCOUNT, USDT.coin)
        opening = Posting(there, own(AccountKind.INVENTORY, USDT.coin), FLOAT)
        await self.books.ledger.post(Transfer(Cause("opening", ACCOUNT), (opening,)))

    async def approve(self, *, proven: bool = True) -> None:
        """Let the owner approve what both places say; unless told otherwise canaries have arrived before."""
        at = self.process()
        for direction in Direction:
            try:
                await at.transfers.plan(direction, ACCOUNT, USDT, Decimal(100))
            except Refused as error:
                assert error.code == "address_not_approved"  # noqa: PT017 - what it says is the point
        await self.approve_all(proven=proven)

    async def approve_all(self, *, proven: bool = False) -> None:
        """Let the owner approve whatever is proposed."""
        at = self.process()
        for entry in await at.addresses.list(OWNER):
            if entry.state is not AddressState.PROPOSED:
                continue
            found, token = await at.addresses.ask(OWNER, entry.id)
            approved = await at.addresses.approve(OWNER, found.id, token, f"message:{entry.id}")
            if proven:
                await self._prove(approved.id)

    async def _prove(self, entry_id: str) -> None:
        entry = await self.books.addresses.get(entry_id)
        proven = entry.__class__(**{**_fields(entry), "state": AddressState.PROVEN})
        await self.books.addresses.save(proven, AddressState.APPROVED, None, self.clock.now())

    async def plan(
        self, direction: Direction, amount: str = "100", process: Process | None = None
    ) -> TransferId:
        """Plan a transfer."""
        at = process or self.process()
        return await at.transfers.plan(direction, ACCOUNT, USDT, Decimal(amount))

    async def round(self, process: Process | None = None) -> list[str]:
        """Do one round of each loop, and let chains carry what has left."""
        at = process or self.process()
        said = [await at.deposits.collect()]
        said += [await at.payouts.drive(each) for each in await at.due_payouts(self.clock.now(), 100)]
        said += [await at.transfers.advance(each) for each in await at.transfers.due()]
        self.carry()
        return said

    def carry(self) -> None:
        """Let chains carry what has left either side, and both sides notice."""
        if not self.carries:
            return
        for left in self.wallet.left:
            if not self.wallet._requests[left.request_id].chain_hash:
                chain_hash = f"0x{next(self._hashes):064x}"
                self.wallet.carry(left.request_id, chain_hash)
                self.far.receive(USDT.coin, CODE, str(left.amount - self.loses), chain_hash)
                if self.credits:
                    self.far.credit(chain_hash)
        for made in list(self.far.withdrawals):
            if made.stage is WithdrawalStage.UNDER_WAY:
                chain_hash = f"0x{next(self._hashes):064x}"
                self.far.restage(made.withdrawal_id, WithdrawalStage.DONE, chain_hash)
                self.wallet.arrive(USDT.asset_id, str(made.arrives - self.loses), chain_hash)

    async def settle(self, rounds: int = 20, process: Process | None = None) -> list[str]:
        """Do rounds until every transfer has ended; time passes between them."""
        said: list[str] = []
        for _ in range(rounds):
            said += await self.round(process)
            if all(t.state in ENDED for t in await self.transfers()):
                break
            self.clock.advance(31)
        return said

    async def transfers(self) -> list[TreasuryTransfer]:
        """Return all transfers by age."""
        return sorted(await self.books.transfers.latest(1000), key=lambda t: (t.created_at, t.id))

    async def state(self) -> TransferState:
        """Return where the one transfer is."""
        (transfer,) = await self.transfers()
        return transfer.state

    async def decide(self, decision: Decision) -> None:
        """Let the owner decide about the one transfer, in two steps."""
        (transfer,) = [t for t in await self.transfers() if t.state not in ENDED]
        at = self.process().decisions
        _, token = await at.ask(OWNER, transfer.id, decision)
        await at.decide(OWNER, transfer.id, decision, token, f"message:{decision}:{transfer.attempts}")

    async def told(self) -> list[str]:
        """Return the kinds of all notices to the owner."""
        return [kind for kind in await self.money.notices(OWNER) if kind != "float_added"]

    async def booked(self) -> tuple[Decimal, Decimal, Decimal]:
        """Return what the books say is at Mixin, under way, and at the venue."""
        ledger = self.books.ledger
        under_way = ZERO
        for transfer in await self.transfers():
            under_way += (await ledger.balance(transit(transfer.id, USDT.coin))).total
        at_mixin, at_venue = mixin(USDT), venue(ACCOUNT, USDT.coin)
        return (await ledger.balance(at_mixin)).total, under_way, (await ledger.balance(at_venue)).total

    async def own(self, kind: AccountKind, token: Token = USDT) -> Decimal:
        """Return what one of the instance's own accounts holds."""
        return await self.money.own(kind, token)

    async def check(self) -> None:
        """Compare the books with both far sides, which must agree at any quiet time (I7, I8)."""
        at_mixin, under_way, at_venue = await self.booked()
        assert at_mixin == self.wallet.unspent(USDT.asset_id)
        btc = (await self.books.ledger.balance(mixin(BTC))).total
        assert btc == self.wallet.unspent(BTC.asset_id)
        open_ones = [t for t in await self.transfers() if t.state not in ENDED]
        if not open_ones:
            assert under_way == 0
            assert at_venue == self.far.trading[USDT.coin] + self.far.funding[USDT.coin]
        assert len(set(self.wallet.executed)) == len(self.wallet.executed)
        assert all(len(sent) == 1 for sent in self.wallet.sent_bytes.values()), "other bytes were sent"
        assert await self.books.faults() == []

    def addresses_paid(self) -> set[str]:
        """Return where anything has gone, from either side."""
        return {left.to.address for left in self.wallet.left} | {w.to.address for w in self.far.withdrawals}


class KnownAccounts(FakeViews):
    """Venue accounts that are open, and what was wanted of them."""

    async def find(self, name: VenueAccountName) -> AccountState:
        """Return an account that trades."""
        return AccountState(name, "gate", opened=True, halted="")


class NobodysWallet:
    """A fence behind which somebody else acts for the wallet."""

    async def guard(self, scope: Scope, epoch: int) -> None:
        """Refuse."""
        raise Refused("epoch_lost", scope=scope, epoch=epoch)


class _Funds:
    """A venue's way for money with boundaries around each call; what it is stays visible."""

    def __init__(self, funds: FakeVenueFunds, fuse: Fuse | None) -> None:
        self._funds = funds
        self._mined: Any = Crashing(funds, fuse) if fuse else funds
        self.account, self.two_wallets = funds.account, funds.two_wallets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mined, name)


def _fields(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__slots__}


@asynccontextmanager
async def treasury_world(
    database: tuple[str, str] = ("", ""),
    personality: Personality = Personality.DEDUPES,
    *,
    proven: bool = True,
    approved: bool = True,
    **venue_traits: Any,
) -> AsyncIterator[TreasuryWorld]:
    """Give a world on a fresh database, in memory without one."""
    async with money_world(*database) as money:
        world = TreasuryWorld(money, personality, **venue_traits)
        await world.open()
        if approved:
            await world.approve(proven=proven)
        yield world


async def survive(world: TreasuryWorld, fuse: Fuse, rounds: int = 12) -> list[str]:
    """Live until the fuse blows or all has ended."""
    said: list[str] = []
    at = world.process(fuse)
    for _ in range(rounds):
        try:
            said += await world.round(at)
        except MrMarketError as error:
            said.append(f"broke: {error}")
        if all(t.state in ENDED for t in await world.transfers()):
            break
        world.clock.advance(31)
    return said


async def only(world: TreasuryWorld) -> TreasuryTransfer:
    """Return the one transfer there is."""
    (transfer,) = await world.transfers()
    return transfer


async def nothing_left(world: TreasuryWorld) -> None:
    """Hold that no coin has moved and none is promised."""
    assert world.addresses_paid() == set()
    assert await world.booked() == (Decimal(1000), ZERO, Decimal(1000))
    for account in (mixin(USDT), venue(ACCOUNT, USDT.coin), own(AccountKind.INVENTORY, BTC.coin)):
        assert (await world.money.balance(account)).held == 0
    await world.check()


async def frozen(world: TreasuryWorld) -> str:
    """Return why transfers of the account stand still, or "None"."""
    return str(await world.books.freezes.frozen(scope_of(ACCOUNT)))
