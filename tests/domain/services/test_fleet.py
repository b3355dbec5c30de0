"""Workers that share the accounts; one dies, one comes, one goes: nothing is left, lost or doubled."""

import asyncio
import os

import pytest

from domain.leases import venue_scope
from tests.domain.services.fleet_world import TIMING, Fleet, Process

ACCOUNTS = int(os.environ.get("FLEET_ACCOUNTS", "4"))
RUNS = int(os.environ.get("FLEET_RUNS", "12"))


async def until(fleet: Fleet, holds: dict[Process, int], most_s: float) -> float:
    """Wait until every process acts for so many accounts; return how long that took."""
    began_s = fleet.clock.monotonic()
    while {process: len(process.held) for process in holds} != holds:
        waited_s = fleet.clock.monotonic() - began_s
        assert waited_s <= most_s, {process.name: len(process.held) for process in holds}
        await fleet.clock.sleep(0.1)
    return fleet.clock.monotonic() - began_s


@pytest.mark.timeout(60 + 4 * RUNS)
@pytest.mark.parametrize("seed", range(2))
async def test_a_worker_dies_and_all_its_accounts_are_acted_for_within_the_lease_and_two_seconds(
    seed: int,
) -> None:
    fleet = Fleet(ACCOUNTS, seed)
    every, half = ACCOUNTS, ACCOUNTS // 2

    async def story() -> None:
        first, second = Process(fleet, "a").start(), Process(fleet, "b")
        await until(fleet, {first: every}, 1)
        await fleet.clock.sleep(3)  # the accounts are opened
        await fleet.begin(RUNS)
        markets = asyncio.create_task(fleet.move_markets())
        await fleet.clock.sleep(4)
        second.start()
        assert await until(fleet, {first: every - half, second: half}, 5) < 5
        await fleet.clock.sleep(6 + seed / 3)
        assert first.held.isdisjoint(second.held)
        theirs = sum(len(fleet.venues[each.desk.account].resting()) for each in first.executions)
        assert theirs > RUNS, "there is something to lose"
        await first.kill()
        took_s = await until(fleet, {second: every}, TIMING.ttl_s + 2)
        assert took_s > 2, "the lease of the dead lasts a while"
        await fleet.clock.sleep(5)
        for account in fleet.venues:  # and each is traded again
            assert any(f"took {account} in epoch" in said for said in second.said)
        third = Process(fleet, "c").start()
        await until(fleet, {second: every - half, third: half}, TIMING.ttl_s)
        await fleet.clock.sleep(4)
        await second.stop()
        assert await until(fleet, {third: every}, 2) <= 2, "a clean end hands over at once"
        await fleet.stop_runs()
        while not await fleet.stopped():
            third.check()
            await fleet.clock.sleep(1)
        markets.cancel()
        await third.stop()

    await fleet.clock.run(story())
    await fleet.check_ended()
    assert sum(len(far.trades) for far in fleet.venues.values()) > RUNS


async def test_three_workers_have_parts_that_differ_by_one_and_nobody_takes_from_another_for_nothing() -> (
    None
):
    fleet = Fleet(5)

    async def story() -> None:
        workers = [Process(fleet, name).start() for name in "abc"]
        await fleet.clock.sleep(8)
        assert sorted(len(worker.held) for worker in workers) == [1, 2, 2]
        assert set().union(*(worker.held for worker in workers)) == {
            venue_scope(name) for name in fleet.venues
        }
        epochs = fleet.world.leases.epochs()
        await fleet.clock.sleep(30)
        assert fleet.world.leases.epochs() == epochs, "what is even stays as it is"
        for worker in workers:
            await worker.stop()

    await fleet.clock.run(story())
