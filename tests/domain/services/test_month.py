"""A month of many people reconciles to the digit, and one planted unit is found and stops its coin alone.

Payments, withdrawals and what is kept aside go through the services; trades are posted as the accounting
posts them, at a venue that is a dictionary. Looks fall into the middle of whatever is under way.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import cast

import pytest

from domain.fees import Schedule
from domain.ids import RunId, UserId, VenueAccountName
from domain.leases import venue_scope
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent, OrderState
from domain.market.runs import Run, RunState
from domain.money import ZERO, Coin, Token, round_down
from domain.reconciliation.at_venue import Cut, Underway, in_flight
from domain.reconciliation.compare import by_name, compare, moved, tolerances
from domain.reconciliation.model import Outcome, Round
from domain.roles import Role
from domain.services.fill_booking import run_transfer
from domain.services.reckoning import EVERY_S, Reckoning
from domain.services.trading_fee import fee_in
from tests.assurance import Assure
from tests.domain.services.money_world import BTC, FEE_BPS, OWNER, USDT, MoneyWorld
from tests.fakes.roles import FakeRoles
from tests.fakes.wallet import BOT

DAYS = int(os.environ.get("MONTH_DAYS", "1"))
PEOPLE = int(os.environ.get("MONTH_PEOPLE", "40"))
PLANTED_EVERY_H = 6
TRADING_BPS = 5

PAIR = Pair(BTC.coin, USDT.coin)
ACCOUNT = VenueAccountName("binance-1")
SCOPE = venue_scope(ACCOUNT)
UNIT = Decimal("0.00000001")
STRANGE = "0f5ad9f3-6a3c-4b0e-9d3e-7a1d6f1c2b58"


def person(number: int) -> UserId:
    return UserId(f"00000000-0000-4000-8000-{number:012x}")


@dataclass
class Month:
    """People, what they do, and a look now and then."""

    world: MoneyWorld
    dice: random.Random
    there: dict[Coin, Decimal] = field(default_factory=dict)  # what lies at the venue
    runs: list[Run] = field(default_factory=list)
    untold: list[tuple[Fill, Run]] = field(default_factory=list)  # traded, and not booked yet
    fills: list[Fill] = field(default_factory=list)  # booked since the last look
    made: int = 0
    rounds: int = 0

    def __post_init__(self) -> None:
        self.people = [person(number) for number in range(1, PEOPLE + 1)]
        self.process = self.world.process()
        self.reckoning: Reckoning = self.process.comparing.reckoning

    async def begin(self) -> None:
        """Let the owner leave a float at both places, and everybody have something."""
        self.world.wallet.at = self.world.clock.now()
        postings = []
        for coin, amount in ((BTC.coin, Decimal(500)), (USDT.coin, Decimal(30_000_000))):
            self.there[coin] = amount
            there = venue_account(ACCOUNT, coin)
            postings.append(Posting(there, own(AccountKind.INVENTORY, coin), amount))
        await self.world.books.ledger.post(Transfer(Cause("opening", ACCOUNT), tuple(postings)))
        for token in (USDT, BTC):
            self.world.wallet.pay_in(OWNER, token.asset_id, "1000000", "float")
        for each in [*self.people, *self.people]:
            self._pay_in(each)
        await self.process.deposits.collect()

    # What happens.

    async def hour(self) -> None:
        """Let an hour pass in which people do things, and look in its middle and at its end."""
        do = [self.pays, self.withdraws, self.starts, self.stops]
        for _ in range(max(1, PEOPLE // 20)):
            await self.dice.choices(do, weights=[3, 3, 2, 1])[0]()
        for _ in range(min(len(self.runs), 12)):
            await self.trades()
        await self._a_few_steps()
        await self.look()
        self._advance(timedelta(minutes=30))
        await self._everything()
        await self.look()
        self._advance(timedelta(minutes=30))

    def _advance(self, by: timedelta) -> None:
        self.world.clock.advance(by.total_seconds())
        self.world.wallet.at = self.world.clock.now()

    async def pays(self) -> None:
        who = self.dice.choice(self.people)
        if self.dice.random() < 0.1:
            self.world.wallet.pay_in(who, STRANGE, "5")  # type: ignore[arg-type]  # a token nobody approved
        elif self.dice.random() < 0.1:
            self.world.wallet.pay_in(who, USDT.asset_id, "0.3")  # too little by itself
        else:
            self._pay_in(who)

    def _pay_in(self, who: UserId) -> None:
        token = self.dice.choice([USDT, BTC])
        most = 500_000_000_000 if token is USDT else 100_000_000
        amount = UNIT * self.dice.randint(most // 50, most)
        self.world.wallet.pay_in(who, token.asset_id, str(amount))

    async def withdraws(self) -> None:
        who, token = self.dice.choice(self.people), self.dice.choice([USDT, BTC])
        free = await self.world.free(who, token)
        amount = round_down(free * self.dice.randint(10, 100) / 100)
        if amount > (5 if token is USDT else Decimal("0.001")):
            await self.world.request(who, str(amount), token, self.process)

    async def starts(self) -> None:
        who = self.dice.choice(self.people)
        shares = {token.coin: round_down(await self.world.free(who, token) / 2) for token in (USDT, BTC)}
        if not all(shares.values()):
            return
        self.made += 1
        run = Run(
            id=RunId(f"run-{self.made}"), number=self.made, user_id=who, account=ACCOUNT, pair=PAIR,
            strategy="pure_market_making", preset="", config={}, config_version=1, state=RunState.RUNNING,
            base_start=shares[BTC.coin], quote_start=shares[USDT.coin], started_at=self.world.clock.now(),
            fee_version=1, fee_bps=TRADING_BPS,
        )  # fmt: skip
        moves = [
            Posting(available(who, coin), run_account(run.id, ACCOUNT, coin), amount)
            for coin, amount in shares.items()
        ]
        await self.world.books.ledger.post(Transfer(Cause("start", run.id), tuple(moves)))
        self.runs.append(run)

    async def trades(self) -> None:
        """Let the venue trade for a run; it is booked at once, or later."""
        if not self.runs:
            return
        run, side = self.dice.choice(self.runs), self.dice.choice(list(Side))
        price = Decimal(self.dice.randint(5_500_000, 6_500_000)) / 100
        pays = PAIR.quote if side is Side.BUY else PAIR.base
        has = (await self.world.books.ledger.balance(run_account(run.id, ACCOUNT, pays))).total
        has -= sum((-moved(fill)[pays] for fill, of in self.untold if of is run and fill.side is side), ZERO)
        lots = int(has / (price if side is Side.BUY else 1) * Decimal("0.4") / Decimal("0.00001"))
        if lots < 1:
            return
        quantity = Decimal(self.dice.randint(1, lots)) * Decimal("0.00001")
        self.made += 1
        gets = PAIR.base if side is Side.BUY else PAIR.quote
        got = quantity if side is Side.BUY else price * quantity
        fill = Fill(
            str(self.made), str(self.made), "", PAIR, side, price, quantity, price * quantity,
            round_down(got * Decimal("0.00075")), gets, True, self.world.clock.now(),
        )  # fmt: skip
        for coin, by in moved(fill).items():
            self.there[coin] += by
        self.untold.append((fill, run))
        if self.dice.random() < 0.8:
            await self._book()

    async def _book(self) -> None:
        transfers = [run_transfer(fill, ACCOUNT, run, AccountKind.INVENTORY) for fill, run in self.untold]
        await self.world.books.ledger.post_all(transfers)
        for transfer, (_, run) in zip(transfers, self.untold, strict=True):
            await self.world.books.fees.note(fee_in(transfer, run))
        self.fills += [fill for fill, _ in self.untold]
        self.untold = []

    async def stops(self) -> None:
        if not self.runs:
            return
        await self._book()
        run = self.runs.pop(self.dice.randrange(len(self.runs)))
        balances = await self.world.books.ledger.balances(AccountKind.RUN, run.id)
        moves = [
            Posting(run_account(run.id, ACCOUNT, coin), available(run.user_id, coin), balance.total)
            for coin, balance in sorted(balances.items())
            if balance.total
        ]
        await self.world.books.ledger.post(Transfer(Cause("stop", run.id), tuple(moves)))

    async def _a_few_steps(self) -> None:
        """Leave payouts wherever they happen to be, and what came in perhaps unbooked."""
        for payout_id in await self.process.withdrawals.due():
            for _ in range(self.dice.randint(0, 5)):
                await self.process.payouts.advance(payout_id)
        if self.dice.random() < 0.5:
            await self.process.deposits.collect()

    async def _everything(self) -> None:
        await self._book()
        for _ in range(3):
            await self.process.deposits.collect()
            for payout_id in await self.process.withdrawals.due():
                await self.process.payouts.drive(payout_id)
            self._advance(timedelta(seconds=31))
        await self.process.deposits.collect()

    # Looks.

    async def look(self) -> Round:
        """Do a round of both places; nothing may be unexplained, but what was planted."""
        self.process.comparing.pace.looked_s = float("-inf")
        await self.process.comparing.round()
        before = await self.reckoning.rounds.last(SCOPE)
        balances = await self.world.books.ledger.balances(AccountKind.VENUE, ACCOUNT)
        ledger = by_name({coin: balance.total for coin, balance in balances.items()})
        cut = Cut(self.there, {}, looks=1)
        explained = in_flight(cut, Underway([self._intent(fill, run) for fill, run in self.untold]))
        room = tolerances(self.fills, ledger, before)
        lines = compare(ledger, by_name(self.there), {}, explained, room)
        async with self.world.books.store.transaction():
            finding = await self.reckoning.settle(Round(SCOPE, self.world.clock.now(), lines))
        self.fills = []
        self.rounds += 2
        return finding.round

    def _intent(self, fill: Fill, run: Run) -> Intent:
        return Intent(
            fill.trade_id, f"mmk{fill.trade_id}", run.id, ACCOUNT, 1, PAIR, fill.side, fill.price,
            fill.quantity, True, fill.at, OrderState.FILLED, fill.order_id, fill.quantity,
        )  # fmt: skip

    async def wrong(self) -> list[str]:
        """Return the latest rounds that are not good, in words."""
        latest = [standing.latest for standing in await self.reckoning.rounds.standings()]
        return [str(found) for found in latest if found.outcome is not Outcome.GOOD]

    async def stopped(self) -> tuple[set[str], set[str]]:
        """Return what is frozen, and what is halted."""
        books = self.world.books
        frozen = {freeze.scope for freeze in await books.freezes.open()}
        return frozen, {halt.account for halt in await books.accounts.halts()}

    async def plant(self) -> None:
        """Take one unit of one coin away at one place; it is found within two looks and stops no more."""
        token: Token = self.dice.choice([USDT, BTC])
        in_wallet = self.dice.random() < 0.5
        if in_wallet:
            await self._take_from_wallet(token)
        else:
            self.there[token.coin] -= UNIT
        for _ in range(2):
            await self.look()
            self._advance(timedelta(seconds=EVERY_S))
        expected = ({token.asset_id}, set() if in_wallet else {ACCOUNT})
        assert await self.stopped() == expected, f"planted in {'the wallet' if in_wallet else ACCOUNT}"
        await self._repair(token, in_wallet=in_wallet)

    async def _take_from_wallet(self, token: Token) -> None:
        free = self.world.books.treasury.free(token.asset_id)[-1]  # type: ignore[attr-defined]  # in memory
        self.world.wallet.steal(free.output_id)
        await self.world.books.strike(free.output_id)
        self.world.wallet.pay_in(BOT, token.asset_id, str(free.amount - UNIT))
        await self.process.deposits.collect()

    async def _repair(self, token: Token, *, in_wallet: bool) -> None:
        if in_wallet:
            self.world.wallet.pay_in(BOT, token.asset_id, str(UNIT))
            await self.process.deposits.collect()
        else:
            self.there[token.coin] += UNIT
        await self.look()
        assert await self.wrong() == []
        for freeze in await self.world.books.freezes.open():
            await self.world.books.freezes.lift(freeze, OWNER, self.world.clock.now())
        if halts := await self.world.books.accounts.halts():
            await self.world.books.accounts.lift(halts, OWNER, self.world.clock.now())


@pytest.mark.timeout(3600)
async def test_a_month_of_many_people_reconciles_and_a_planted_unit_is_found(assure: Assure) -> None:
    world = MoneyWorld(None)
    cast("FakeRoles", world.books.roles).plant(OWNER, Role.OWNER)
    await world.books.fees.begin(Schedule(1, 0, FEE_BPS, TRADING_BPS, world.clock.now(), "settings"))
    month = Month(world, random.Random("a month"))
    await month.begin()
    planted = 0
    for hour in range(24 * DAYS):
        await month.hour()
        assert await month.wrong() == [], f"hour {hour}"
        assert await month.stopped() == (set(), set()), f"hour {hour}"
        if hour % PLANTED_EVERY_H == PLANTED_EVERY_H - 1:
            await month.plant()
            planted += 1
    assert await world.books.faults() == []
    for token in (USDT, BTC):
        booked = (await world.balance(mixin(token))).total
        assert booked == world.wallet.unspent(token.asset_id)
        there = (await world.balance(venue_account(ACCOUNT, token.coin))).total
        assert there == month.there[token.coin]
    assert planted == 24 * DAYS // PLANTED_EVERY_H
    assert len(world.wallet.executed) > DAYS
    assert month.made > DAYS
    assure("I8", month.rounds, 0, planted=planted, payouts=len(world.wallet.executed), trades=month.made)
