"""Workers, venues and Angels as tasks in virtual time: who dies or is cut off is the test's to say."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from domain.angel.closing import Bounds, CloseAll, FailSafe
from domain.angel.entries import Deed
from domain.angel.watch import Patience, Watch, Window
from domain.leases import Grip, Scope, venue_scope
from domain.market.orders import LimitOrder
from domain.market.runs import RunState
from domain.services.angel import Angel
from domain.services.angel_desk import AngelDesk
from domain.services.angel_log import AngelLog
from domain.services.angel_sweep import Sweeping
from tests.domain.services.fleet_world import TIMING, Fleet, Process, Venue
from tests.domain.services.trading_world import unwrapped
from tests.fakes.angel import FakeWitness, MemoryAngelStore, MemoryDiary, MemoryKeepsake
from tests.fakes.crash import SimulatedCrash
from tests.fakes.exchange import FakeVenue
from tests.fakes.leases import FencedOff

Wrap = Callable[[Any], Any]
CLOSE_ALL = CloseAll(Bounds())
SWEEP_S = 0.5

LONGEST_S = 600.0


class AngelProcess:
    """An Angel: it looks every two seconds, and sweeps beside it; its files outlive it."""

    def __init__(
        self,
        host: "Host",
        name: str = "angel:a",
        failsafe: FailSafe = CLOSE_ALL,
        wrap: Wrap = unwrapped,
        diary: MemoryDiary | None = None,
        keepsake: MemoryKeepsake | None = None,
    ) -> None:
        fleet, clock = host.fleet, host.fleet.clock
        self.name, self.diary, self.keepsake = name, diary or MemoryDiary(), keepsake or MemoryKeepsake()
        log = AngelLog(wrap(host.store), self.diary, clock, fleet.world.ids, name)
        desks = {}
        for account, far in fleet.venues.items():
            grip = Grip(venue_scope(account), clock.monotonic)
            exchange = wrap(Venue(far, account, grip.require))
            desks[grip.scope] = AngelDesk(exchange, grip, (), Window(), TIMING, "mm")
        watch = Watch(Patience(), name, clock.monotonic())
        self.angel = Angel(log, watch, Sweeping(log, failsafe), desks, self.keepsake, host.witness)
        self.angel.wake()
        self.said: list[tuple[float, str]] = []
        self.crashed = ""
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> "AngelProcess":
        self._tasks = [asyncio.create_task(self._alive(self._look))]
        self._tasks += [asyncio.create_task(self._alive(partial(self._sweep, s))) for s in self.angel.desks]
        return self

    async def _alive(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop of the process; a crash in one ends all of them."""
        try:
            await loop()
        except SimulatedCrash as crash:
            self.crashed = str(crash)
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()

    async def _look(self) -> None:
        while True:
            self.said.append((self._clock.monotonic(), await self.angel.look()))
            await self._clock.sleep(2)

    async def _sweep(self, scope: Scope) -> None:
        while True:
            if said := await self.angel.sweep(scope):
                self.said.append((self._clock.monotonic(), said))
            await self._clock.sleep(SWEEP_S)

    async def kill(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raise what a loop raised."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()


class Host:
    """A fleet with runs at work, and what Angels see of it."""

    def __init__(self, accounts: int = 2, seed: int = 1) -> None:
        self.fleet = Fleet(accounts, seed)
        self.store = MemoryAngelStore(self.fleet.world)
        self.witness = FakeWitness()
        self.markets: asyncio.Task[None] | None = None

    async def begin(self, runs: int = 4, name: str = "a") -> Process:
        """Start a worker, let it open its accounts, and have runs lay orders in a market that moves."""
        worker = Process(self.fleet, name).start()
        await self.fleet.clock.sleep(3)
        await self.fleet.begin(runs)
        self.markets = asyncio.create_task(self.fleet.move_markets())
        await self.fleet.clock.sleep(6)
        assert len(self.resting()) >= runs
        return worker

    def resting(self) -> list[str]:
        return [order.client_order_id for far in self.fleet.venues.values() for order in far.resting()]

    def calm(self) -> None:
        """Let no market move any more."""
        assert self.markets is not None
        self.markets.cancel()

    async def until_clear(self, most_s: float) -> float:
        """Wait until nothing rests; return how long that took."""
        began_s = self.fleet.clock.monotonic()
        while left := self.resting():
            waited_s = self.fleet.clock.monotonic() - began_s
            assert waited_s <= most_s, f"{len(left)} orders rest after {waited_s:.1f} s"
            await self.fleet.clock.sleep(0.1)
        return self.fleet.clock.monotonic() - began_s

    async def until_safe(self, most_s: float) -> None:
        """Wait until every account was given back."""
        began_s = self.fleet.clock.monotonic()
        while [scope for scope in self.scopes if Deed.SAFE not in self.store.deeds(scope)]:
            assert self.fleet.clock.monotonic() - began_s <= most_s, self.store.table.rows
            await self.fleet.clock.sleep(0.1)

    @property
    def scopes(self) -> list[Scope]:
        return [venue_scope(account) for account in self.fleet.venues]

    async def end(self, worker: Process) -> None:
        """Stop all runs in order, and assert that the books are the venues' to the last digit."""
        await self._until(worker, self._all_run, "every run is back")
        self.calm()
        await self.fleet.stop_runs()
        await self._until(worker, self.fleet.stopped, "every run has stopped")
        await worker.stop()
        await self.fleet.check_ended()

    async def _all_run(self) -> bool:
        return all(run.state is RunState.RUNNING for run in self.fleet.world.runs.rows)

    async def _until(self, worker: Process, done: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something is so; who waits longer than anything here lasts has found something."""
        began_s = self.fleet.clock.monotonic()
        while not await done():
            worker.check()
            runs = [(run.number, run.state) for run in self.fleet.world.runs.rows]
            assert self.fleet.clock.monotonic() - began_s <= LONGEST_S, f"not so: {what}: {runs}"
            await self.fleet.clock.sleep(1)

    def cut_off(self, worker: Process) -> FencedOff:
        """Cut a worker off from the store, as far as its leases go; put ``real`` back to mend it."""
        worker.keeper.leases = cut = FencedOff(worker.keeper.leases)
        return cut


class LateVenue(Venue):
    """Requests pass the gate and arrive later: what a frozen process had in its socket."""

    def __init__(self, far: FakeVenue, account: str, lease: Callable[[], None], late_s: float) -> None:
        super().__init__(far, account, lease)
        self._far, self._gate, self._late_s = far, lease, late_s

    async def place(self, order: LimitOrder, not_after: Any) -> Any:
        self._gate()
        await self._far.time.sleep(self._late_s)
        return self._far.accept(order)
