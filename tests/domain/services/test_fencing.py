"""The wallet's lease: every step of a payout checks it in its own transaction (TX9, WD5)."""

from typing import Any

import pytest

from adapters.build import build_name, schema_version
from adapters.db.leases import Claimant, PostgresFence, PostgresLeases
from domain.errors import Refused
from domain.leases import WALLET, Grip, LeaseTiming
from domain.services.fencing import FencedStore
from domain.services.lease_keeping import LeaseKeeper
from tests.domain.services.money_world import ALICE, MoneyWorld, Process, money_world
from tests.fakes.leases import move_lease_clock
from workers.payouts import PayoutWorker

TIMING = LeaseTiming(ttl_s=300, renew_s=100)


@pytest.fixture
async def world(migrated_url: str) -> Any:
    async with money_world(migrated_url) as world:
        yield world


class Payer:
    """A worker process whose payouts are fenced, as they are wired in earnest."""

    def __init__(self, world: MoneyWorld, name: str) -> None:
        self.grip = Grip(WALLET, world.clock.monotonic)
        leases = PostgresLeases(world.store, Claimant(name, build_name(), schema_version()))
        self.keeper = LeaseKeeper(leases, world.clock, TIMING, [self.grip])
        self.process: Process = world.process()
        self.process.payouts._store = FencedStore(world.store, PostgresFence(world.store), self.grip)
        self.worker = PayoutWorker(
            self.process.withdrawals, self.process.payouts, self.grip, world.clock.monotonic
        )

    async def round(self) -> str:
        await self.keeper.round()
        return await self.worker.round()


async def test_one_pays_and_the_other_stands_by_until_the_hand_over(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    first, second = Payer(world, "a"), Payer(world, "b")
    await world.request(ALICE, "40")
    assert await first.round() != "nothing due"
    assert "standing by" in await second.round()
    await first.keeper.give_back()
    assert "standing by" in await first.worker.round()
    for _ in range(4):
        world.clock.advance(31)
        await second.round()
    await world.process().deposits.collect()
    assert await world.states() == ["done"]
    await world.check()


@pytest.mark.parametrize("steps", range(6))
async def test_stale_payer_moves_nothing_at_any_step(world: MoneyWorld, admin: Any, steps: int) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    stale, new = Payer(world, "stale"), Payer(world, "new")
    await stale.keeper.round()
    for _ in range(steps):
        await stale.process.payouts.advance(payout_id)
    before = await world.store.fetch("SELECT * FROM payouts")
    reserved = await world.store.fetch("SELECT * FROM reservations")
    await move_lease_clock(admin, TIMING.ttl_s + 1)  # it was frozen, and its own clock does not know
    await new.keeper.round()
    assert stale.grip.held
    if before[0]["state"] not in ("done", "refused"):
        with pytest.raises(Refused, match="epoch_lost"):
            await stale.process.payouts.advance(payout_id)
        assert "another worker took the wallet" in await stale.worker.round()
        assert not stale.grip.held
    assert await world.store.fetch("SELECT * FROM payouts") == before
    assert await world.store.fetch("SELECT * FROM reservations") == reserved
    for _ in range(4):
        world.clock.advance(31)
        await new.round()
    await world.process().deposits.collect()
    assert await world.states() == ["done"]
    await world.check()


async def test_whoever_never_held_the_wallet_moves_no_payout(world: MoneyWorld) -> None:
    """The bot's process: it has the service, and never the lease."""
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    with pytest.raises(Refused, match="epoch_lost"):
        await Payer(world, "bot").process.payouts.advance(payout_id)
    assert await world.states() == ["requested"]
