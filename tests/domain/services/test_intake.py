"""What comes in, page by page: nothing is skipped, and nothing that a payer writes fools us (DP1, DP8)."""

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken, Unavailable
from domain.ids import AssetId, UserId
from domain.ledger.model import AccountKind
from domain.services import deposits
from domain.services.incoming import FLOAT_MEMO
from tests.domain.services.money_world import ALICE, BOB, OWNER, USDT, MoneyWorld
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.wallet import BOT, Fault

PAGE = 5
COIN = USDT.asset_id
FAKE = AssetId("9999508b-91c5-375b-92b0-ee702ed29999")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pages so short that every way to fall on their ends can be tried."""
    monkeypatch.setattr(deposits, "PAGE", PAGE)
    monkeypatch.setattr(deposits, "OVERLAP", 2)
    monkeypatch.setattr(deposits, "DEEP_OVERLAP", 7)


@pytest.mark.usefixtures("small_pages")
async def test_however_many_come_at_once_each_is_booked_once(world: MoneyWorld) -> None:
    """All of one instant, in numbers that fill pages exactly, nearly, or with one too many."""
    total = 0
    for count in [*range(3 * PAGE + 2), PAGE, PAGE]:
        for _ in range(count):
            world.wallet.pay_in(ALICE, COIN, "1")
        total += count
        before = world.wallet.calls["outputs_from"]
        said = await world.process().deposits.collect()
        assert said == (f"booked {count} outputs" if count else "no new output")
        assert await world.free(ALICE) == total
        read_again = 7 if total > 7 else total - count
        assert world.wallet.calls["outputs_from"] - before <= (read_again + count) // (PAGE - 1) + 2
    assert (await world.notices(ALICE)).count("deposit_credited") == total
    await world.check()


@pytest.mark.usefixtures("small_pages")
async def test_what_comes_while_pages_are_read_is_booked_too(world: MoneyWorld) -> None:
    """Somebody pays between any two pages, and answers get lost: the next round goes on where it must."""
    dice, there = random.Random(1), world.wallet.outputs_from
    paid = 0

    async def busy(sequence: int, limit: int = 500) -> object:
        nonlocal paid
        for _ in range(dice.randrange(3) if paid < 60 else 0):
            world.wallet.pay_in(BOB, COIN, "1")
            paid += 1
        return await there(sequence, limit)

    world.wallet.outputs_from = busy  # type: ignore[method-assign, assignment]  # payers do not wait for us
    for _ in range(40):
        world.wallet.faults["outputs_from"] += [Fault.LOST] * (dice.random() < 0.2)
        try:
            await world.process().deposits.collect()
        except Unavailable:
            continue
    world.wallet.faults["outputs_from"].clear()
    await world.process().deposits.collect()
    assert paid >= 60
    assert await world.free(BOB) == paid
    await world.check()


@pytest.mark.usefixtures("small_pages")
async def test_a_death_at_any_boundary_between_and_within_pages_skips_nothing(world: MoneyWorld) -> None:
    fuse, boundary, total = Fuse(), 0, 0
    while fuse.passed >= boundary:
        boundary += 5
        for _ in range(2 * PAGE + 1):
            world.wallet.pay_in(ALICE, COIN, "1")
        total += 2 * PAGE + 1
        fuse = Fuse(boundary)
        try:
            await world.process(fuse).deposits.collect()
        except SimulatedCrash:
            await world.process().deposits.collect()
        assert await world.free(ALICE) == total, fuse.where
    assert boundary > 60
    await world.check()


MEMOS = [
    "",
    "deposit",
    FLOAT_MEMO,
    "withdrawal",
    "refund",
    "\x00\ud800 \u202e",
    "x" * 512,
    '{"to":"bob"}',
    "' OR 1=1 --",
]


class Payers:
    """People who write what they like, while change of withdrawals comes back; and what each should have."""

    def __init__(self, world: MoneyWorld, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.due: dict[UserId, Decimal] = defaultdict(Decimal)
        self.small: dict[UserId, Decimal] = defaultdict(Decimal)
        self.kept = self.float = self.withdrawn = Decimal(0)

    async def pay(self) -> None:
        """Pay in some way: who pays alone, enough, and an approved coin gets it, whatever else is written."""
        sender = self.dice.choice([ALICE, BOB, OWNER, None])
        amount = Decimal(self.dice.randrange(1, 400_000_000)).scaleb(-8)
        asset = self.dice.choice([COIN, COIN, COIN, FAKE])
        memo, inscription = self.dice.choice(MEMOS), self.dice.random() < 0.1
        self.world.wallet.pay_in(sender, asset, str(amount), memo, await self.name(), inscription=inscription)
        if asset == FAKE:
            return
        if sender is None or inscription:
            self.kept += amount
        elif sender == OWNER and memo == FLOAT_MEMO:
            self.float += amount
        elif amount >= 1:
            self.due[sender] += amount
        else:
            self.small[sender] += amount
            if self.small[sender] >= 1:
                self.due[sender] += self.small.pop(sender)

    async def name(self) -> str:
        """Return a request id: one's own, or that of a payout or of another payment."""
        taken = [payout.request_id for payout in await self.world.books.made()]
        taken += [output.request_id for output in self.world.wallet.outputs]
        return self.dice.choice(taken) if taken and self.dice.random() < 0.5 else ""

    async def withdraw(self) -> None:
        who = self.dice.choice([ALICE, BOB])
        if (free := await self.world.free(who)) > 3:
            await self.world.request(who, "2")
            self.due[who] -= 2
            assert await self.world.free(who) == free - 2


async def test_change_stays_change_and_payments_stay_payments_whatever_is_written_on_them(
    world: MoneyWorld,
) -> None:
    for seed in range(4):
        payers = Payers(world, random.Random(seed))
        before = {who: await world.free(who) for who in (ALICE, BOB, OWNER)}
        aside = await world.own(AccountKind.SUSPENSE), await world.own(AccountKind.INVENTORY)
        for _ in range(30):
            await payers.pay()
            if payers.dice.random() < 0.3:
                await payers.withdraw()
            if payers.dice.random() < 0.5:
                await world.round()
        await world.settle()
        small = sum(payers.small.values(), Decimal(0))
        assert {who: await world.free(who) for who in before} == {
            who: had + payers.due[who] for who, had in before.items()
        }, seed
        assert await world.own(AccountKind.SUSPENSE) == aside[0] + payers.kept + small, seed
        assert await world.own(AccountKind.INVENTORY) == aside[1] + payers.float, seed
        await world.check()
        await clear_small(world, payers)


async def clear_small(world: MoneyWorld, payers: Payers) -> None:
    """Let everybody have back what is below the minimum, so that the next seed begins with none."""
    world.clock.advance(24 * 3600)
    for who in payers.small:
        refunds = world.process().refunds
        _, token = await refunds.ask(who, COIN)
        await refunds.request(who, COIN, token)
    await world.settle()


async def test_an_output_of_ours_that_another_says_they_sent_is_an_altered_one(world: MoneyWorld) -> None:
    """Were our change told once more under another sender, it would be a deposit: it is looked at instead."""
    await world.give(ALICE, "10")
    await world.request(ALICE, "5")
    await world.settle()
    await world.process().deposits.collect()
    [index] = [i for i, output in enumerate(world.wallet.outputs) if output.sender == BOT]
    change = world.wallet.outputs[index]
    world.wallet.outputs[index] = replace(change, sender=BOB, immutable_hash="other")
    with pytest.raises(InvariantBroken, match="output_changed"):
        await world.process().deposits.collect()
    assert await world.free(BOB) == 0
