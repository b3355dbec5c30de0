"""The Angel in virtual time, with real workers beside it (AN1-AN8, AN13)."""

import asyncio
import os
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.angel.closing import Bounds, CancelOnly, CloseAll, FailSafe, Liquidate
from domain.angel.entries import Deed
from domain.angel.watch import Window
from domain.ids import RunId
from domain.ledger.model import AccountKind
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.money import Coin
from tests.domain.services.angel_world import CLOSE_ALL, AngelProcess, Host, LateVenue
from tests.domain.services.fleet_world import BASE, Process
from tests.fakes.angel import FakeHaltSign
from tests.fakes.crash import Crashing, Fuse
from tests.fakes.leases import FencedOff

OUTAGE_S = float(os.environ.get("ANGEL_OUTAGE_S", "60"))  # ten minutes by make chaos
SEEDS = int(os.environ.get("ANGEL_SEEDS", "3"))
LIMIT_S = 3 * 2.0 + 5.0
G_S = Window().last_s


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_all_workers_die_and_nothing_of_theirs_rests_longer_than_eleven_seconds(seed: int) -> None:
    """AN1: and when workers come back, each run goes on, and the books are whole."""
    host = Host(seed=seed)
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await clock.sleep(5 + seed * 0.37)
        await worker.kill()
        assert await host.until_clear(LIMIT_S) > 5
        await host.until_safe(G_S + 4)
        angel.check()
        assert {run.state for run in host.fleet.world.runs.rows} == {RunState.HALTED}
        assert Counter(d for s in host.scopes for d in host.store.deeds(s))[Deed.TAKE] == len(host.scopes)
        back = Process(host.fleet, "b").start()
        await clock.sleep(5)
        assert {run.state for run in host.fleet.world.runs.rows} == {RunState.RUNNING}
        assert host.resting(), "the runs trade again"
        await angel.kill()
        await host.end(back)

    await clock.run(story())


@pytest.mark.parametrize(("failsafe", "wanted"), [(CLOSE_ALL, BASE), (Liquidate(Bounds()), Decimal(0))])
async def test_runs_are_closed_within_the_cap(failsafe: FailSafe, wanted: Decimal) -> None:
    host = Host(accounts=1, seed=3)
    clock, world = host.fleet.clock, host.fleet.world

    async def story() -> None:
        worker = await host.begin(runs=2)
        await clock.sleep(30)
        host.calm()
        moved = [await base_of(host, run.id) for run in world.runs.rows]
        assert any(base != BASE for base in moved), "there is something to bring back"
        angel = AngelProcess(host, failsafe=failsafe).start()
        await worker.kill()
        await host.until_clear(LIMIT_S)
        await host.until_safe(G_S + 4)
        angel.check()
        await angel.kill()
        [far] = host.fleet.venues.values()
        mid, closing = far.rules.tick * (far.bid + far.ask) / 2, [f for _, f in far.trades if not f.maker]
        assert closing
        assert all(abs(fill.price - mid) * 10_000 <= mid * 50 for fill in closing)
        back = Process(host.fleet, "b").start()
        while any(run.state is RunState.HALTED for run in world.runs.rows):
            await clock.sleep(0.1)
        for run in world.runs.rows:
            there = await base_of(host, run.id)
            assert abs(there - wanted) < Decimal("0.0002"), (
                "but for fees and what is less than the venue trades"
            )
        host.markets = asyncio.create_task(host.fleet.move_markets())
        await host.end(back)

    await clock.run(story())


async def base_of(host: Host, run_id: RunId) -> Decimal:
    return (await host.fleet.world.ledger.balances(AccountKind.RUN, run_id))[Coin("BTC")].total


FAILSAFE_OF: dict[str, FailSafe] = {
    "stale": CloseAll(Bounds(stale_s=-1.0)),
    "cancel_only": CancelOnly(Bounds()),
}


@pytest.mark.parametrize("doubt", ["stale", "crossed", "cancel_only"])
async def test_book_that_is_no_price_leaves_runs_as_they_are(doubt: str) -> None:
    host = Host(accounts=1, seed=3)

    async def story() -> None:
        worker = await host.begin(runs=2)
        await host.fleet.clock.sleep(20)
        host.calm()
        [far] = host.fleet.venues.values()
        failsafe = FAILSAFE_OF.get(doubt, CLOSE_ALL)
        angel = AngelProcess(host, failsafe=failsafe).start()
        await worker.kill()
        await host.until_clear(LIMIT_S)
        if doubt == "crossed":
            far.bid, far.ask = far.ask, far.bid
        await host.until_safe(G_S + 4)
        if doubt == "crossed":
            far.bid, far.ask = far.ask, far.bid
        assert not [fill for _, fill in far.trades if not fill.maker]
        assert Counter(host.store.deeds(host.scopes[0]))[Deed.LEFT] == 2
        await angel.kill()
        await host.end(Process(host.fleet, "b").start())

    await host.fleet.clock.run(story())


@pytest.mark.parametrize("late_s", [0.5, 3.0, 8.0, 10.9])
async def test_frozen_workers_last_request_arrives_and_does_not_stay(late_s: float) -> None:
    """AN2 at a venue that refuses nothing by its age: none is left open after the final sweep."""
    host = Host(accounts=1)
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin(runs=2)
        angel = AngelProcess(host).start()
        [desk] = [each.desk for each in worker.executions]
        [(account, far)] = host.fleet.venues.items()
        resting = far.resting()[0]
        in_flight = LateVenue(far, account, desk.grip.require, late_s + 8.5)
        order = replace((await host.fleet.world.orders.unsettled(account))[0].order, client_order_id="mmlate")
        order = replace(order, price=order.price - 10 if order.side == "buy" else order.price + 10)
        await worker.kill()
        for each in far.orders:  # room for it
            if each.order == resting:
                each.order = replace(each.order, state=OrderState.CANCELLED)
        sent = asyncio.create_task(in_flight.place(order, None))
        await host.until_safe(LIMIT_S + G_S + 4)
        await sent
        assert "mmlate" in far.sent
        assert host.resting() == [], "it came, and was taken off"
        await angel.kill()

    await clock.run(story())


async def test_worker_cut_off_from_the_store_stops_and_the_angel_acts_when_its_lease_is_over() -> None:
    """AN4."""
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        cut = host.cut_off(worker)
        await host.fleet.clock.sleep(14)
        assert all(not each.desk.grip.held for each in worker.executions)
        assert host.resting() == []
        worker.keeper.leases = cut.real
        await host.until_safe(G_S + 4)
        angel.check()
        await host.fleet.clock.sleep(5)
        assert all(each.desk.grip.held for each in worker.executions), "it has its accounts back"
        await angel.kill()
        await host.end(worker)

    await host.fleet.clock.run(story())


async def test_store_that_is_gone_for_minutes() -> None:
    """AN5, T10: workers stop by their deadline; the Angel waits, cancels by what it has kept."""
    host = Host()
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await clock.sleep(5)
        cut, host.store.away = host.cut_off(worker), True
        gone_s = clock.monotonic()
        await worker.kill()  # and it had no time to clear anything
        assert await host.until_clear(16) >= 10
        assert host.store.entries == {}
        cancels = [entry for entry in angel.diary.rows.values() if entry.deed is Deed.CANCEL]
        assert cancels
        assert all(entry.epoch is None for entry in cancels)
        await clock.sleep(OUTAGE_S)
        assert clock.monotonic() - gone_s > OUTAGE_S
        host.store.away = False
        back = Process(host.fleet, "b").start()
        await clock.sleep(6)
        assert all(each.desk.grip.held for each in back.executions), "the worker was first, and is let alone"
        assert angel.diary.unnoted() == []
        told = [late for entry, late, _ in host.store.entries.values() if entry.deed is Deed.CANCEL]
        assert all(told)
        assert len(told) >= len(cancels)
        assert all(Deed.TAKE not in host.store.deeds(scope) for scope in host.scopes)
        del cut
        await angel.kill()
        await host.end(back)

    await clock.run(story())


async def test_after_a_stop_the_angel_clears_at_once_when_the_store_is_gone() -> None:
    """The halt file: nobody waits until a lease would be over."""
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await host.fleet.clock.sleep(5)
        angel.angel.halt = said = FakeHaltSign(said=True)
        await host.fleet.clock.sleep(5)
        assert (angel.angel.sweeps, host.store.entries) == ({}, {}), (
            "while the store answers, workers see to it"
        )
        host.store.away = True
        await worker.kill()
        assert await host.until_clear(5) <= 5
        assert angel.diary.rows
        said.said, host.store.away = False, False
        back = Process(host.fleet, "b").start()
        await host.fleet.clock.sleep(10)
        assert angel.angel.sweeps == {}
        await angel.kill()
        await host.end(back)

    await host.fleet.clock.run(story())


async def test_angel_that_starts_without_a_store_acts_on_what_it_has_kept() -> None:
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        first = AngelProcess(host).start()
        await host.fleet.clock.sleep(3)
        await first.kill()
        host.store.away = True
        await worker.kill()
        second = AngelProcess(host, keepsake=first.keepsake, diary=first.diary).start()
        await host.until_clear(14)
        await second.kill()

    await host.fleet.clock.run(story())


async def test_angel_cut_off_alone_does_nothing_while_a_witness_sees_the_store() -> None:
    """AN3, the other way round: it is the Angel that is cut off."""
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await host.fleet.clock.sleep(3)
        host.store.away, host.witness.sees = True, True
        await host.fleet.clock.sleep(60)
        assert angel.angel.sweeps == {}
        host.store.away = False
        await host.fleet.clock.sleep(3)
        assert host.store.entries == {}
        await angel.kill()
        await host.end(worker)

    await host.fleet.clock.run(story())


async def test_worker_comes_back_while_the_angel_sweeps_and_waits_until_it_is_safe() -> None:
    """AN8."""
    host = Host()
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await clock.sleep(4)
        await worker.kill()
        await clock.sleep(7)
        back = Process(host.fleet, "b").start()
        while host.store.table.angels or not back.held:
            held = back.held
            assert held.isdisjoint(host.store.table.angels), "two at one account"
            await clock.sleep(0.2)
        await clock.sleep(8)
        assert back.held == set(host.scopes)
        await angel.kill()
        await host.end(back)

    await clock.run(story())


async def test_two_angels_close_each_run_once() -> None:
    """AN7."""
    host = Host(seed=3)

    async def story() -> None:
        worker = await host.begin()
        await host.fleet.clock.sleep(20)
        host.calm()
        angels = [AngelProcess(host, f"angel:{name}").start() for name in "ab"]
        await worker.kill()
        await host.until_clear(LIMIT_S)
        await host.until_safe(2 * G_S)
        await host.fleet.clock.sleep(15)
        for angel in angels:
            angel.check()
            await angel.kill()
        sent = Counter(e.facts["run_id"] for e, _, a in host.store.entries.values() if e.deed is Deed.ORDER)
        assert sent
        assert set(sent.values()) == {1}
        deeds = [deed for scope in host.scopes for deed in host.store.deeds(scope)]
        assert deeds.count(Deed.SAFE) == len(host.scopes)
        host.markets = asyncio.create_task(host.fleet.move_markets())
        await host.end(Process(host.fleet, "b").start())

    await host.fleet.clock.run(story())


async def killed_at(blow_at: int) -> tuple[int, str]:
    """Kill the Angel at one boundary and start it again; return what it had passed, and where."""
    host = Host(accounts=1, seed=3)
    fuse = Fuse(blow_at)
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin(runs=2)
        await clock.sleep(20)
        host.calm()
        first = AngelProcess(host, wrap=lambda port: Passing(port, fuse))
        await worker.kill()
        first.start()
        began_s = clock.monotonic()
        while not first.crashed and clock.monotonic() - began_s < 40:
            await clock.sleep(0.5)
        if first.crashed:
            second = AngelProcess(host, diary=first.diary, keepsake=first.keepsake).start()
            await clock.sleep(40)
            second.check()
            await second.kill()
        await first.kill()
        assert host.resting() == []
        orders = [
            e for e, late, _ in host.store.entries.values() if e.deed is Deed.ORDER and not late
        ]  # what the store heard of only later was never sent
        sent = Counter(e.facts["run_id"] for e in orders)
        assert not sent or set(sent.values()) == {1}, "a run was closed twice"
        host.markets = asyncio.create_task(host.fleet.move_markets())
        await host.end(Process(host.fleet, "b").start())

    await clock.run(story())
    return fuse.passed, fuse.where


class Passing(Crashing):
    """A port with boundaries, whose plain facts are passed on as they are."""

    def __getattr__(self, name: str) -> object:
        if name == "account":
            return self._port.account  # type: ignore[attr-defined]  # an exchange's
        return super().__getattr__(name)


STRIDE = int(os.environ.get("ANGEL_CRASH_STRIDE", "17"))


@pytest.mark.timeout(120 + 3600 // STRIDE)
async def test_angel_dies_at_each_boundary_and_goes_on() -> None:
    """AN6: nothing stays on the book, no run is closed twice, the books are whole."""
    passed, _ = await killed_at(0)
    assert passed > 60
    for blow_at in range(1, passed + 1, STRIDE):
        await killed_at(blow_at)


CALM_ROUNDS = int(os.environ.get("ANGEL_CALM_ROUNDS", "2"))


@pytest.mark.timeout(120 + 20 * CALM_ROUNDS)
async def test_fault_free_day_sees_no_take_over() -> None:
    """AN13, in part: hours of work with late renewals, restarts in order and one of two workers killed."""
    host = Host()
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin(runs=2)
        angel = AngelProcess(host).start()
        for hour in range(CALM_ROUNDS):
            real, keeper = worker.keeper.leases, worker.keeper
            await clock.sleep(20 + hour)
            keeper.leases = FencedOff(real)
            await clock.sleep(3.5)  # two renewals are lost
            keeper.leases = real
            await clock.sleep(10)
            other = Process(host.fleet, f"b{hour}").start()
            await clock.sleep(12)
            if hour % 2:
                await worker.kill()  # the other takes over
                worker = other
            else:
                await worker.stop()
                worker = other
            await clock.sleep(15)
            assert worker.held == set(host.scopes)
        assert host.store.entries == {}
        assert len(angel.said) > 30
        await worker.stop()  # a deploy of the whole instance
        await clock.sleep(50)
        assert host.store.entries == {}
        await angel.kill()
        await host.end(Process(host.fleet, "last").start())

    await clock.run(story())
