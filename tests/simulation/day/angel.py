"""The Angel in the simulated day: it looks and sweeps as in earnest; its files outlive it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from domain.angel.closing import Bounds, CloseAll
from domain.angel.entries import Deed
from domain.angel.watch import Patience, Watch, Window
from domain.ids import VenueAccountName
from domain.leases import Grip, Scope, venue_scope
from domain.market.orders import Intent
from domain.market.runs import Run
from domain.services.angel import Angel
from domain.services.angel_desk import AngelDesk
from domain.services.angel_log import AngelLog
from domain.services.angel_sweep import Sweeping
from domain.services.execution import ExecutionService
from tests.fakes.angel import MemoryAngelStore, MemoryDiary, MemoryKeepsake
from tests.simulation.day.process import Door, Process
from tests.simulation.day.venue import DayExchange

if TYPE_CHECKING:
    from tests.simulation.day.instance import Instance

LOOKS_S, SWEEPS_S = 2.0, 0.5


class DayAngelStore(MemoryAngelStore):
    """The Angels' door to the day's tables, and the files of each one's machine."""

    def __init__(self, instance: "Instance") -> None:
        super().__init__(cast("Any", instance))
        self._instance = instance
        self.diaries: defaultdict[str, MemoryDiary] = defaultdict(MemoryDiary)
        self.keepsakes: defaultdict[str, MemoryKeepsake] = defaultdict(MemoryKeepsake)
        self.works: dict[tuple[str, Scope], ExecutionService] = {}
        """By worker and account, who says whether it can do its work there."""

    def _words(self, scope: Scope, holder: str) -> tuple[str, str]:
        work = self.works.get((holder, scope))
        return (work.stuck, work.waits_for) if work else ("", "")

    def _halt_runs(self, account: VenueAccountName) -> None:
        self._instance.runs.halt(account)

    def _runs_of(self, account: VenueAccountName) -> Sequence[Run]:
        return self._instance.runs.of_account(account)

    def _partner(self, run: Run) -> Run | None:
        """Return nothing: no run of the day has two legs."""

    def _find(self, account: VenueAccountName, client_order_id: str) -> Intent | None:
        intent_id = self._instance.orders.of_client(account, client_order_id)
        return self._instance.orders.rows[intent_id] if intent_id else None

    def _keep(self, intent: Intent) -> None:
        self._instance.orders.keep(intent)

    def count(self, deed: Deed) -> int:
        """Return how often something was done, and not told late."""
        return sum(e.deed is deed and answer.ours and not late for e, late, answer in self.entries.values())


class DayWitness:
    """Somebody who looks at the database from elsewhere."""

    def __init__(self, instance: "Instance") -> None:
        self._instance = instance

    async def sees_store(self) -> bool:
        return not self._instance.database.away


def angel(instance: "Instance", process: Process, us: str) -> Process:
    """Let a process be the Angel of this name."""
    clock, store = process.clock, instance.angels
    door: Any = Door(store, process, instance.database)
    log = AngelLog(door, store.diaries[us], clock, instance.ids, us)
    desks: dict[Scope, AngelDesk] = {}
    for account, far in instance.venues.items():
        grip = Grip(venue_scope(account), clock.monotonic)
        exchange = DayExchange(far, account, process, grip.require)
        desks[grip.scope] = AngelDesk(exchange, grip, (), Window(), instance.timing, "mmk")
    watch, sweeping = Watch(Patience(), us, clock.monotonic()), Sweeping(log, CloseAll(Bounds()))
    being = Angel(log, watch, sweeping, desks, store.keepsakes[us], DayWitness(instance))
    being.wake()

    async def sweeps() -> None:
        await asyncio.gather(*(being.sweep(scope) for scope in list(being.sweeps)))

    process.grips = [desk.grip for desk in desks.values()]
    process.repeat(LOOKS_S, being.look)
    process.repeat(SWEEPS_S, sweeps)
    return process
