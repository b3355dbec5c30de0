"""A process of the simulated day: it can be killed, frozen and woken, and its clock can be wrong."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.errors import OutcomeUnknown, Unavailable
from domain.ids import VenueAccountName
from domain.leases import Grip
from domain.services.lease_keeping import LeaseKeeper
from tests.fakes.wallet import FakeWallet
from tests.simulation.day.tables import DayTransactions

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone; no handler of ours may catch this."""


@dataclass
class Weather:
    """How one far side behaves now: chances of each call, and how long answers take."""

    dice: random.Random
    fastest_s: float
    slowest_s: float
    away: bool = False  # nothing arrives, and nobody answers
    drop_request: float = 0.0
    drop_answer: float = 0.0
    slower_s: float = 0.0  # an answer takes up to so much longer
    patience_s: float = 2.0  # then a call without an answer is given up

    def lasts_s(self) -> float:
        """Return how long a call takes."""
        return self.dice.uniform(self.fastest_s, self.slowest_s + self.slower_s)

    def strikes(self, chance: float) -> bool:
        """Tell whether something with this chance happens now."""
        return chance > 0 and self.dice.random() < chance

    def clear(self) -> None:
        """Be as one wishes it."""
        self.away, self.drop_request, self.drop_answer, self.slower_s = False, 0.0, 0.0, 0.0


class DayClock:
    """The loop's time as one process sees it: ``domain.ports.clock.Clock`` and ``MarketClock``."""

    def __init__(self, process: "Process | None" = None) -> None:
        self._process = process
        self.wrong_by_s = 0.0
        self.monotonic = asyncio.get_running_loop().time

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic() + self.wrong_by_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._process:
            await self._process.gate()


class DayMarketClock:
    """The market's side of the same time, which nobody can set wrong."""

    def __init__(self, clock: DayClock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return START + timedelta(seconds=self._clock.monotonic())

    async def sleep_until(self, instant: datetime) -> None:
        await self._clock.sleep(max(0.0, (instant - await self.now()).total_seconds()))


Round = Callable[[], Awaitable[object]]


@dataclass(eq=False)
class Process:
    """One life. Whatever it does outside itself passes ``gate`` before and after."""

    name: str
    unforeseen: list[str]  # what its loops raised that is more than somebody's silence
    clock: DayClock = field(init=False)
    alive: bool = True
    frozen: bool = False
    cut_off: bool = False  # it does not reach the database, others do
    blind: set[VenueAccountName] = field(default_factory=set)  # whose venues it does not reach, others do
    trapped: bool = False  # it will be frozen when it next sends an order
    keeper: LeaseKeeper | None = None
    grips: Sequence[Grip] = ()
    over: bool = False  # it has been told to end: rounds that have begun are finished
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give it a clock."""
        self.clock = DayClock(self)

    async def gate(self) -> None:
        """Go on only while the process runs; a frozen one waits until it is woken."""
        while self.frozen and self.alive:
            await self._woken.wait()
        if not self.alive:
            raise Killed

    def repeat(self, every_s: float, round_: Round) -> None:
        """Do rounds again and again, as ``workers.loops`` does."""
        self._tasks.append(asyncio.create_task(self._loop(every_s, round_)))

    def own(self, task: "asyncio.Task[None]") -> None:
        """Let something end with it."""
        self._tasks = [*(each for each in self._tasks if not each.done()), task]

    async def _loop(self, every_s: float, round_: Round) -> None:
        failures = 0
        while not self.over:
            try:
                await round_()
                failures = 0
            except (Unavailable, OutcomeUnknown):
                failures += 1
            except Exception as error:
                failures += 1
                self.unforeseen.append(f"{self.name}: {_whence(error)}")
            pause_s = min(5.0, 0.5 * 2 ** min(failures, 10)) if failures else every_s
            if pause_s:
                await self.clock.sleep(pause_s)

    def freeze(self) -> None:
        """Stop it where it is; its clock runs on."""
        self.frozen = True
        self._woken.clear()

    async def at_the_socket(self) -> None:
        """Pass the moment between the last look at the lease and the first byte; a trap freezes it there."""
        if self.trapped:
            self.trapped = False
            self.freeze()
            await self.gate()

    def wake(self) -> None:
        """Let it go on as if nothing had been."""
        self.frozen = self.trapped = False
        self._woken.set()

    async def kill(self) -> None:
        """End it wherever it is."""
        self.alive = False
        self._woken.set()
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        odd = [each for each in ended if isinstance(each, Exception)]
        self.unforeseen += [f"{self.name}, dying: {_whence(each)}" for each in odd]

    async def end(self) -> None:
        """Finish what has begun, as upon a deploy."""
        self.over = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.keeper and self.alive:
            await self.keeper.give_back()


def _whence(error: BaseException) -> str:
    """Return what was raised, and by which line of ours."""
    trace, last = error.__traceback__, ""
    while trace:
        last = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} at {last}"


# What a process has in its hands.


class Reached:
    """A table in a process's hands: while the database is away nobody answers."""

    def __init__(self, table: Any, process: Process, database: Weather) -> None:
        self._table, self._process, self._database = table, process, database

    def __getattr__(self, name: str) -> Any:
        if not self._process.alive:
            return _gone
        away = self._database.away or self._process.cut_off
        return _silent if away else getattr(self._table, name)


async def _gone(*_: object) -> None:
    raise Killed


async def _silent(*_: object, **__: object) -> None:
    raise Unavailable("store_unavailable")


class DayStore:
    """The transactions in a process's hands; a commit's answer takes a moment, and can be lost."""

    def __init__(self, transactions: DayTransactions, process: Process, database: Weather) -> None:
        self._transactions, self._process, self._database = transactions, process, database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        if self._transactions.is_open:
            async with self._transactions.transaction():
                yield
            return
        await self._process.gate()
        database = self._database
        if database.away or self._process.cut_off:
            await asyncio.sleep(database.lasts_s())
            raise Unavailable("store_unavailable")
        async with self._transactions.transaction():
            yield
            if database.strikes(database.drop_request):
                raise OutcomeUnknown("store_outcome_unknown")
        await asyncio.sleep(database.lasts_s())
        await self._process.gate()
        if database.strikes(database.drop_answer):
            raise OutcomeUnknown("store_outcome_unknown")


class Door:
    """A port of the database in a process's hands whose calls take a moment, and can be lost either way."""

    def __init__(self, port: Any, process: Process, database: Weather) -> None:
        self._port, self._process, self._database = port, process, database

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **more: Any) -> Any:
            database = self._database
            await self._process.gate()
            if database.away or self._process.cut_off:
                await asyncio.sleep(database.patience_s)
                raise Unavailable("store_unavailable")
            if database.strikes(database.drop_request):
                raise OutcomeUnknown("store_outcome_unknown")
            answer = await getattr(self._port, name)(*args, **more)
            await asyncio.sleep(database.lasts_s())
            await self._process.gate()
            if database.strikes(database.drop_answer):
                raise OutcomeUnknown("store_outcome_unknown")
            return answer

        return call


class DayWallet:
    """Mixin in a process's hands; what was sent there is done, whoever dies meanwhile."""

    def __init__(self, wallet: FakeWallet, process: Process, mixin: Weather) -> None:
        self._wallet, self._process, self._mixin = wallet, process, mixin

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            mixin, silence = self._mixin, OutcomeUnknown if name == "submit" else Unavailable
            await self._process.gate()
            if mixin.away or mixin.strikes(mixin.drop_request):
                await asyncio.sleep(mixin.patience_s)
                raise silence("mixin_silent")
            answer = await getattr(self._wallet, name)(*args)
            await asyncio.sleep(mixin.lasts_s())
            await self._process.gate()
            if mixin.strikes(mixin.drop_answer):
                raise silence("mixin_silent")
            return answer

        return call
