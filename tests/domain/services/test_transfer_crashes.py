"""A process dies at every boundary of a treasury transfer; the next one ends it, and nothing goes twice."""

import os
import random

import pytest

from domain.errors import Refused
from domain.ports.venue_funds import WithdrawalStage
from domain.treasury.model import ENDED, Decision, Direction, TransferState
from tests.domain.services.money_world import IN_MEMORY, ON_POSTGRES
from tests.domain.services.treasury_world import (
    AT_MIXIN,
    AT_VENUE,
    TreasuryWorld,
    survive,
    treasury_world,
)
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.venue_funds import Personality
from tests.fakes.wallet import Fault

PLACES = {AT_VENUE, AT_MIXIN}
RUNS = int(os.environ.get("TRANSFER_RUNS", "100"))
"""How many withdrawals are tried over the four kinds of venues; the bar is 2,000 (safety §2.7)."""


async def live_and_die(database: tuple[str, str], direction: Direction, blow_at: int) -> tuple[int, str]:
    """Make a transfer with a death at a boundary, end it, and look; return how many boundaries there were."""
    async with treasury_world(database) as world:
        fuse = Fuse(blow_at)
        died = ""
        try:
            await world.plan(direction, "100", world.process(fuse))
            await survive(world, fuse)
        except SimulatedCrash as crash:
            died = str(crash)
        await end(world)
        await world.check()
        assert len(world.far.withdrawals) <= 1, died
        assert len(world.wallet.left) <= 1, died
        assert world.addresses_paid() <= PLACES
        states = [t.state for t in await world.transfers()]
        assert set(states) <= ENDED, (died, states)
        return fuse.passed, died


async def end(world: TreasuryWorld) -> None:
    """Go on after a death until all has ended, with the owner's word where only that ends it."""
    for _ in range(6):
        await world.settle(40)
        waiting = [t for t in await world.transfers() if Decision.RESEND in t.open_to]
        if not waiting:
            return
        await world.decide(Decision.RESEND)


@IN_MEMORY
@pytest.mark.timeout(600)
@pytest.mark.parametrize("direction", list(Direction))
async def test_death_at_every_boundary_moves_nothing_twice(
    database: tuple[str, str], direction: Direction
) -> None:
    boundaries, _ = await live_and_die(database, direction, 0)
    assert boundaries > 60
    for blow_at in range(1, boundaries + 1):
        await live_and_die(database, direction, blow_at)


@ON_POSTGRES
@pytest.mark.parametrize("direction", list(Direction))
async def test_death_at_some_boundaries_moves_nothing_twice_on_postgres(
    database: tuple[str, str], direction: Direction
) -> None:
    """One death for each database; which boundary it is changes with the day, and all are tried in memory."""
    await live_and_die(database, direction, 75)


async def ask_a_venue(personality: Personality, seed: int) -> tuple[str, bool]:
    """Ask a venue for a withdrawal with answers that get lost and processes that die; return how it ended.

    The owner decides whenever they are let: to ask again, or to give up.
    """
    chance = random.Random(seed)
    async with treasury_world(personality=personality) as world:
        world.far.listed_after = world.far.listed_after * chance.choice((1, 2, 12))
        await world.plan(Direction.TO_MIXIN, "100")
        for call in ("withdraw", "withdrawals_since", "holdings", "terms"):
            lost = [Fault.LOST] if call == "withdraw" else []
            world.far.faults[call] = [f for f in (*lost, Fault.DOWN) if chance.random() < 0.5]
        for _ in range(chance.choice((0, 1, 3))):
            fuse = Fuse(chance.randint(1, 130))
            try:
                await survive(world, fuse, rounds=chance.randint(1, 12))
            except SimulatedCrash:
                world.clock.advance(chance.choice((0, 30, 1200)))
        asked = False
        for _ in range(12):
            await world.settle(20)
            if [t for t in await world.transfers() if Decision.RESEND in t.open_to]:
                assert world.far.withdrawals == [], "a person is asked only about what was never paid"
                asked = True
                await world.decide(chance.choice((Decision.RESEND, Decision.RESEND, Decision.GIVE_UP)))
        await world.check()
        moved = [w for w in world.far.withdrawals if w.stage is not WithdrawalStage.CANCELLED]
        (transfer,) = await world.transfers()
        assert transfer.state in ENDED, (seed, transfer.state, transfer.reason)
        assert len(moved) == (transfer.state is TransferState.CREDITED), (seed, transfer.state, len(moved))
        return transfer.state, asked


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("personality", list(Personality))
async def test_no_venue_is_made_to_pay_twice(personality: Personality) -> None:
    ended = [await ask_a_venue(personality, seed) for seed in range(RUNS // len(Personality))]
    assert len(ended) > 0
    assert {"credited"} <= {state for state, _ in ended}


@IN_MEMORY
@pytest.mark.parametrize("direction", list(Direction))
async def test_whoever_lost_the_wallet_moves_nothing_at_any_step(
    database: tuple[str, str], direction: Direction
) -> None:
    """TX9: every step checks the epoch in its own transaction, and none asks a venue before that."""
    async with treasury_world(database) as world:
        await world.plan(direction)
        steps = 0
        while [t for t in await world.transfers() if t.state not in ENDED]:
            before, calls = await world.transfers(), dict(world.far.calls)
            stale = world.process(ours=False)
            for transfer in before:
                with pytest.raises(Refused, match="epoch_lost"):
                    await stale.transfers.advance(transfer.id)
            for payout_id in await stale.due_payouts(world.clock.now(), 100):
                with pytest.raises(Refused, match="epoch_lost"):
                    await stale.payouts.advance(payout_id)
            assert await world.transfers() == before
            assert world.far.calls["withdraw"] == calls.get("withdraw", 0)
            await world.round()
            world.clock.advance(31)
            steps += 1
        assert steps >= 4
        await world.check()
