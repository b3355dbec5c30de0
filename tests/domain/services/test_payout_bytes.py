"""One payout, one set of inputs, one set of bytes, whoever does what in whatever order (WD3)."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused
from domain.ids import UserId, WithdrawalId
from domain.services.payouts import NO_STANDS_AFTER
from tests.domain.services.money_world import ALICE, BOB, USDT, MoneyWorld, money_world
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.wallet import DENIED, FakeWallet, Fault

pytestmark = pytest.mark.database

SEEDS, DEEDS = range(12), 60

TAMPERING = (
    "UPDATE payouts SET raw = 'other' WHERE id = $1",
    "UPDATE payouts SET transaction_hash = 'other' WHERE id = $1",
    "UPDATE payouts SET signed_raw = 'other' WHERE id = $1",
    "UPDATE payouts SET raw = '', transaction_hash = '', state = 'reserved' WHERE id = $1",
    "UPDATE payouts SET request_id = 'other' WHERE id = $1",
    "UPDATE payouts SET receiver = 'thief' WHERE id = $1",
    "UPDATE reservations SET payout_id = $1",
    "UPDATE reservations SET position = position + 100 WHERE payout_id = $1",
    "DELETE FROM reservations WHERE payout_id = $1",
    "INSERT INTO reservations SELECT output_id, $1, 200 FROM reservations WHERE payout_id <> $1 LIMIT 1",
    "INSERT INTO reservations SELECT output_id, $1, 200 FROM free_outputs LIMIT 1",
)
"""What somebody would do who wants a payout to spend something else, or two payouts to spend the same."""


@dataclass
class Life:
    """Payouts, several workers that die and meet, a wallet that answers badly, and somebody who tampers."""

    world: MoneyWorld
    dice: random.Random
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0

    async def live(self) -> None:
        deeds = [
            self.pay_in,
            self.ask,
            self.step,
            self.step,
            self.step,
            self.die,
            self.meet,
            self.fail,
            self.tamper,
        ]
        for _ in range(DEEDS):
            await self.dice.choice(deeds)()
            await self.look()
        self.world.wallet.faults.clear()
        self.world.wallet.refusals.clear()
        await self.world.settle(30)
        await self.look()

    async def pay_in(self) -> None:
        self.world.wallet.pay_in(self.someone(), USDT.asset_id, str(self.dice.randrange(2, 30)))
        await self.world.process().deposits.collect()

    async def ask(self) -> None:
        try:
            await self.world.request(self.someone(), str(self.dice.randrange(1, 40)))
        except Refused:
            return  # they have too little left

    async def step(self) -> None:
        if payout_id := await self.some_payout():
            await self.world.process().payouts.advance(payout_id)

    async def die(self) -> None:
        if payout_id := await self.some_payout():
            try:
                await self.world.process(Fuse(self.dice.randrange(1, 25))).payouts.drive(payout_id)
            except SimulatedCrash:
                await self.world.process().deposits.collect()

    async def meet(self) -> None:
        if payout_id := await self.some_payout():
            await asyncio.gather(*(self.world.process().payouts.drive(payout_id) for _ in range(3)))

    async def fail(self) -> None:
        call = self.dice.choice(["build", "sign", "submit", "find"])
        if call != "find" and self.dice.random() < 0.3:
            self.world.wallet.refusals[call].append(self.dice.choice(["receiver_deleted", "something_new"]))
        else:
            answers = [*Fault, DENIED] if call == "submit" else [*Fault]
            self.world.wallet.faults[call].append(self.dice.choice(answers))

    async def tamper(self) -> None:
        """Change rows with the rights of our own program: refused, or there was nothing to change."""
        payout_id = await self.some_payout(states="'reserved', 'built', 'signed', 'sent', 'done'")
        statement = self.dice.choice(TAMPERING)
        try:
            touched = await self.world.store.execute(statement, payout_id) if payout_id else 0
        except (InvariantBroken, Refused):
            self.refused += 1
        else:
            assert touched == 0, statement

    async def look(self) -> None:
        """Compare what is fixed of each payout with what was seen of it before."""
        rows = await self.world.store.fetch(
            """SELECT id, state, request_id, raw, transaction_hash, signed_raw,
                      array(SELECT output_id FROM reservations WHERE payout_id = p.id ORDER BY position)
                      AS inputs
               FROM payouts p"""
        )
        for row in rows:
            known = self.known.setdefault(row["id"], {})
            names = ["request_id", "raw", "transaction_hash", "signed_raw"]
            for name in names if row["state"] == "refused" else [*names, "inputs"]:
                assert row[name] == known.get(name, row[name]), (row["id"], name)
                known |= {name: row[name]} if row[name] else {}
            if row["signed_raw"]:
                assert self.world.wallet.sent_bytes[row["request_id"]] <= {row["signed_raw"]}

    def someone(self) -> UserId:
        return self.dice.choice([ALICE, BOB])

    async def some_payout(
        self, states: str = "'requested', 'waiting', 'reserved', 'built', 'signed', 'sent'"
    ) -> Any:
        rows = await self.world.store.fetch(f"SELECT id FROM payouts WHERE state IN ({states}) ORDER BY id")  # noqa: S608
        return WithdrawalId(self.dice.choice(rows)["id"]) if rows else None


@pytest.fixture
async def world(migrated_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url) as made:
        yield made


async def test_bytes_and_inputs_of_a_payout_are_set_once_whatever_happens(world: MoneyWorld) -> None:
    refused = 0
    for seed in SEEDS:
        life = Life(world, random.Random(seed))
        try:
            await life.live()
            await world.check()
            assert set(await world.states()) <= {"done", "refused"}
        except (AssertionError, MrMarketError) as error:
            error.add_note(f"seed {seed}")
            raise
        refused += life.refused
    assert refused > len(SEEDS), "nobody got so far as to be refused"


@dataclass
class Slow:
    """The way to Mixin: what is sent first arrives when it is let through, and nobody waits for it."""

    mixin: FakeWallet
    under_way: list[tuple[str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mixin, name)

    async def submit(self, request_id: str, signed_raw: str) -> Any:
        self.under_way.append((request_id, signed_raw))
        raise OutcomeUnknown("answer_lost")


async def test_a_no_gives_nothing_back_while_the_same_bytes_are_on_their_way(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    slow = Slow(world.wallet)
    await world.process(wallet=slow).payouts.drive(payout_id)
    world.wallet.refusals["submit"] += ["receiver_deleted"] * (NO_STANDS_AFTER - 1)
    for _ in range(NO_STANDS_AFTER - 1):
        assert "receiver_deleted" in await world.process().payouts.drive(payout_id)
        assert await world.held(ALICE) == 40
    await world.wallet.submit(*slow.under_way[0])
    await world.settle()
    assert await world.states() == ["done"]
    await world.check()
