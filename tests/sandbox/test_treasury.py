"""Treasury transfers over the wire: our services between the sandbox's Mixin and its venue, both ways."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.ids import RandomIds
from domain.errors import Refused
from domain.ids import AssetId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, own, venue
from domain.money import Coin, Token
from domain.roles import Role
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.treasury_accounts import TreasuryAccount
from domain.treasury.model import ENDED, Direction, TransferState, TreasuryTransfer
from sandbox.world import ETH
from tests.clocks import WallClock
from tests.domain.services.money_books import MemoryBooks
from tests.domain.services.money_world import OWNER, USDT
from tests.domain.services.treasury_world import KnownAccounts, Process, Sides, process_of
from tests.sandbox.test_rails import Rails, joined

ETHER = Token(AssetId(ETH), Coin("ETH"), "Ethereum")
TOKENS = Tokens([ApprovedToken(USDT, Decimal(1)), ApprovedToken(ETHER, Decimal("0.0005"))])
ACCOUNT = VenueAccountName("main")


@dataclass
class Between:
    """Our side in memory, between two far sides on the wire."""

    rails: Rails
    books: MemoryBooks

    def process(self) -> Process:
        account = TreasuryAccount(self.rails.funds, "binance")
        bot = UserId(self.rails.mixin.keystore.app_id)
        return process_of(
            Sides(
                self.books, self.rails.mixin.wallet, account, WallClock(), RandomIds(), KnownAccounts(),
                tokens=TOKENS, bot=bot,
            )
        )  # fmt: skip

    async def open(self) -> None:
        """Book what lies on both sides as the owner's, and let the owner approve what both sides say."""
        self.books.roles.plant(OWNER, Role.OWNER)
        await self.process().deposits.collect()
        for output in await self.rails.mixin.wallet.outputs_from(0):
            token = next((t for t in TOKENS.list() if t.asset_id == output.asset_id), None)
            if token and output.sender:
                paid = available(output.sender, token.coin)
                gift = Posting(paid, own(AccountKind.INVENTORY, token.coin), output.amount)
                await self.books.ledger.post(Transfer(Cause("float", output.output_id), (gift,)))
        at_venue = venue(ACCOUNT, USDT.coin)
        held = (await self.rails.funds.holdings(USDT.coin)).total
        opening = Posting(at_venue, own(AccountKind.INVENTORY, USDT.coin), held)
        await self.books.ledger.post(Transfer(Cause("opening", ACCOUNT), (opening,)))
        at = self.process()
        for direction in Direction:
            try:
                await at.transfers.plan(direction, ACCOUNT, USDT, Decimal(100))
            except Refused as error:
                assert error.code == "address_not_approved"  # noqa: PT017 - what it says is the point
        for entry in await at.addresses.list(OWNER):
            _, word = await at.addresses.ask(OWNER, entry.id)
            await at.addresses.approve(OWNER, entry.id, word, entry.id)

    async def settle(self) -> TreasuryTransfer:
        """Do rounds until the newest transfer has ended."""
        async with asyncio.timeout(60):
            while True:
                at = self.process()
                await at.deposits.collect()
                said = [await at.payouts.drive(p) for p in await at.due_payouts(WallClock().now(), 10)]
                transfers = sorted(await self.books.transfers.latest(10), key=lambda t: t.id)
                said += [await at.transfers.advance(t.id) for t in transfers]
                if (newest := (await self.books.transfers.get(transfers[-1].id))).state in ENDED:
                    assert newest.state is TransferState.CREDITED, said
                    return newest
                await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
async def test_coins_cross_both_ways_a_canary_first_and_every_one_is_booked(tmp_path: Path) -> None:
    async with joined(tmp_path) as rails:
        between = Between(rails, MemoryBooks(TOKENS))
        await between.open()
        for direction, amount in ((Direction.TO_VENUE, "250.5"), (Direction.TO_MIXIN, "100")):
            for canary in (True, False):
                await between.process().transfers.plan(direction, ACCOUNT, USDT, Decimal(amount))
                assert (await between.settle()).canary is canary
        ledger = between.books.ledger
        outputs = await rails.mixin.wallet.outputs_from(0)
        for token in TOKENS.list():
            there = sum(
                (o.amount for o in outputs if o.asset_id == token.asset_id and not o.spent), Decimal()
            )
            assert (await ledger.balance(mixin(token))).total == there
        at_venue = (await ledger.balance(venue(ACCOUNT, USDT.coin))).total
        assert at_venue == (await rails.funds.holdings(USDT.coin)).total
