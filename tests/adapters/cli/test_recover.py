"""``mrmarket recover``: what it says, what it changes, and that a dry run changes nothing."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from adapters.cli.findings import spoken
from adapters.cli.recover import plan_of, recover
from adapters.db.store import PostgresStore
from domain.health.recovery import MOST_AN_HOUR, Automatic
from domain.ids import VenueAccountName
from domain.market.runs import Run, RunState
from domain.services.recovery_plan import RecoveryPlan
from tests.domain.services.trading_world import OWNER, Worker, World

pytestmark = pytest.mark.database

ACCOUNT, WORDS = VenueAccountName("fake-1"), spoken("en")


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store, reconciles=True)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def take_over(world: World, run: Run) -> None:
    world.time.advance(20)
    assert await world.runs.move(run.id, RunState.RUNNING, RunState.HALTED, world.time.now())


async def with_workers(world: World, plan: RecoveryPlan, within_s: float = 10.0) -> int:
    """Recover while a new worker does its rounds."""
    worker = world.worker()

    async def work() -> None:
        while True:
            await worker.round()
            await asyncio.sleep(0.01)

    at_work = asyncio.create_task(work())
    try:
        return await recover(plan, WORDS, dry_run=False, within_s=within_s)
    finally:
        at_work.cancel()
        with suppress(asyncio.CancelledError):
            await at_work


async def trading(world: World) -> tuple[Worker, Run, RecoveryPlan]:
    worker = world.worker()
    await world.rounds(worker, 4)
    run = await world.start()
    await world.rounds(worker, 2)
    return worker, run, replace(plan_of(world.store, Automatic()), clock=world.time)


async def test_it_says_what_becomes_of_each_and_brings_back_what_fell_too_often(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run, plan = await trading(world)
    assert await recover(plan, WORDS, dry_run=False, within_s=0) == 0
    assert "nothing to bring back" in capsys.readouterr().out
    for _ in range(MOST_AN_HOUR):
        await take_over(world, run)
        assert await recover(plan, WORDS, dry_run=True, within_s=0) == 0
        assert (await world.runs.get(run.id)).state is RunState.HALTED, "a dry run changes nothing"
        assert await with_workers(world, plan) == 0
        said = capsys.readouterr().out
        assert "goes on" in said
        assert "All of them trade again" in said
    await take_over(world, run)
    await world.rounds(world.worker(), 5)
    assert await recover(plan, WORDS, dry_run=True, within_s=0) == 0
    said = capsys.readouterr().out
    assert "is brought back by mrmarket recover  it was brought back three times within an hour" in said
    assert world.user not in said
    assert await recover(plan, spoken("zh"), dry_run=True, within_s=0) == 0
    assert "由 mrmarket recover 恢复  一小时内已恢复三次" in capsys.readouterr().out
    assert await with_workers(world, plan) == 0
    assert "1 runs are brought back once more" in capsys.readouterr().out
    assert (await world.runs.get(run.id)).state is RunState.RUNNING
    [audited] = await world.store.fetch("SELECT action, who FROM audit")
    assert audited == {"action": "recovery.again", "who": ""}
    assert (await world.notices()).count("run_recovered") == MOST_AN_HOUR + 1
    assert "recovery_done" in await world.notices(OWNER)


async def test_a_venue_that_lacks_coins_keeps_its_runs_halted_until_a_person_has_looked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run, plan = await trading(world)
    await take_over(world, run)
    world.venue.total[run.pair.quote] -= 5
    worker = world.worker()
    for _ in range(4):
        await world.rounds(worker, 3)
        world.time.advance(30)
    stays = await world.runs.get(run.id)
    assert stays.state is RunState.HALTED
    assert stays.trouble.startswith("balance_short:venue:fake-1 USDT 5")
    assert await recover(plan, WORDS, dry_run=True, within_s=0) == 1
    assert "waits for its account  less is there than our books say" in capsys.readouterr().out
    assert await with_workers(world, plan, within_s=0.1) == 1
    assert "are the workers running?" in capsys.readouterr().out
    assert "account_halted" in await world.notices(OWNER)
    halts = [halt for halt in await world.accounts.halts() if halt.account == ACCOUNT]
    assert await world.accounts.lift(halts, OWNER, world.time.now())
    assert await with_workers(world, plan) == 0
    assert (await world.runs.get(run.id)).state is RunState.RUNNING
