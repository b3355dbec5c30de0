"""One simulated day from its morning to its rest: processes, people, faults, and figures of it all."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.angel.entries import Deed
from domain.market.runs import RunState
from tests.simulation.day.faults import FAULTS, Fault
from tests.simulation.day.instance import OWNER, TOKENS, Instance
from tests.simulation.day.judge import Judge
from tests.simulation.day.loop import VirtualLoop
from tests.simulation.day.people import Person
from tests.simulation.day.process import Killed, Process

LIVE_WITHIN_S = 600.0
LOOK_EVERY_S = 1_800
"""How often the judge adds up the whole ledger while the day goes on."""

FLOAT = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Size:
    """How long the day is, and how many take part."""

    seconds: float
    people: int
    runs: int
    workers: int = 3
    fault_every_s: float = 60.0  # on average; zero: none at all
    refresh_s: tuple[int, ...] = (240, 300, 600, 900)  # how often runs look at their market, one of these
    market_every_s: float = 30.0  # how often prices move
    faults: tuple[tuple[Fault, int], ...] = FAULTS
    angels: int = 1


@dataclass
class Post:
    """A place for one process, and its supervisor."""

    name: str
    begin: Callable[[str], Process]
    process: Process | None = None
    lives: int = 0

    def starts(self) -> None:
        """Begin the next life."""
        self.lives += 1
        self.process = self.begin(f"{self.name}.{self.lives}")

    async def dies(self, rest_s: float) -> None:
        """Be killed, and started again after a while."""
        process, self.process = self.process, None
        if process is None:
            return  # it is dead already
        await process.kill()
        await asyncio.sleep(rest_s)
        self.starts()

    async def freezes(self, for_s: float, waits_s: float = 0.0) -> None:
        """Be stopped where it is, or when it next sends an order, and go on."""
        if (process := self.process) is None:
            return
        process.trapped = waits_s > 0
        while process.trapped and waits_s > 0:
            await asyncio.sleep(1)
            waits_s -= 1
        process.freeze()
        await asyncio.sleep(for_s)
        process.wake()

    async def is_deployed(self, rest_s: float) -> None:
        """End in order, and begin anew."""
        process = self.process
        if process is None or process.frozen:
            return
        self.process = None
        try:
            async with asyncio.timeout(15):
                await process.end()
        except TimeoutError:
            await process.kill()
        await asyncio.sleep(rest_s)
        self.starts()


@dataclass
class Verdict:
    """What a day came to."""

    violations: list[str]
    figures: dict[str, int]
    did: Counter[str]
    happened: Counter[str]


@dataclass
class Day:
    """Everything that takes part."""

    size: Size
    seed: int = 1
    instance: Instance = field(init=False)
    posts: list[Post] = field(init=False)  # of workers
    angels: list[Post] = field(init=False)
    people: list[Person] = field(init=False)
    judge: Judge = field(init=False)
    happened: Counter[str] = field(default_factory=Counter)
    tell: Callable[[str], None] = lambda _: None  # how the day goes, at every look
    still: list[str] = field(default_factory=list)  # what was wrong when one last looked

    def __post_init__(self) -> None:
        """Let the books and the far sides be there; nobody has begun."""
        size, self.instance = self.size, Instance(self.seed)
        self.posts = [Post(f"worker-{n}", self.instance.worker) for n in range(1, size.workers + 1)]
        self.angels = [Post(f"angel-{n}", self.instance.angel) for n in range(1, size.angels + 1)]
        shares = [size.runs // size.people + (n < size.runs % size.people) for n in range(size.people)]
        self.people = [Person(n, self, share) for n, share in enumerate(shares, 1)]
        self.judge = Judge(self)
        self._begun_faults: set[asyncio.Task[None]] = set()

    @property
    def angel(self) -> Post:
        """Return the place of the first Angel, which on most days is the only one."""
        return self.angels[0]

    async def live(self) -> Verdict:
        """Let the day pass, end its faults, see that all is live, and bring it to rest."""
        began_s = time.process_time()
        asyncio.get_running_loop().set_exception_handler(self._note)
        for coin, token in TOKENS.items():
            self.instance.wallet.pay_in(OWNER, token.asset_id, str(FLOAT), f"float {coin}")
        for post in (*self.posts, *self.angels):
            post.starts()
        self.bot = self.instance.bot("bot")
        markets = asyncio.create_task(self._markets())
        await self._passes()
        self._heals()
        violations, figures = self.judge.always(), await self._figures()
        if not violations:
            figures["live_after_s"] = int(await self._until(self.judge.not_live))
            violations = [f"not live: {each}" for each in self.still]
            await self._stops_all()
            await self._until(self.judge.not_ended)
            violations += self.judge.at_rest()
        await asyncio.gather(*(post.process.end() for post in (*self.posts, *self.angels) if post.process))
        await self.bot[0].kill()
        markets.cancel()
        figures["cpu_s"] = int(time.process_time() - began_s)
        did = sum((person.did for person in self.people), Counter())
        return Verdict(violations, figures, did, self.happened)

    def _note(self, _: object, told: Mapping[str, Any]) -> None:
        """Note what went wrong where nobody waits for it, such as at a venue."""
        error = told.get("exception")
        if not isinstance(error, Killed):
            self.instance.unforeseen.append(f"{told['message']}: {error!r}")

    async def _passes(self) -> None:
        """Let people live and things go wrong, until the evening or until something is broken."""
        around = [asyncio.create_task(self._looks()), asyncio.create_task(asyncio.sleep(self.size.seconds))]
        for person in self.people:
            person.brings()
            around.append(asyncio.create_task(person.live()))
        if self.size.fault_every_s:
            around.append(asyncio.create_task(self._faults()))
        ended, _ = await asyncio.wait(around, return_when=asyncio.FIRST_COMPLETED)
        for task in around:
            task.cancel()
        await asyncio.gather(*around, return_exceptions=True)
        await asyncio.gather(*self._begun_faults, *ended)

    async def _figures(self) -> dict[str, int]:
        instance = self.instance
        return {
            "simulated_s": int(instance.clock.monotonic()),
            "cpu_s": int(time.process_time()),
            "faults": sum(self.happened.values()),
            "deaths": sum(post.lives - 1 for post in self.posts),
            "by_workers": len(instance.takeovers),
            "takeovers": instance.angels.count(Deed.TAKE),
            **{f"recoveries_{outcome}": n for outcome, n in instance.recoveries.outcomes.items()},
            "closed": instance.angels.count(Deed.ORDER),
            "runs": len(await instance.runs.going()),
            "runs_ever": len(instance.runs.rows),
            "orders": len(instance.orders.rows),
            "trades": len(instance.fills.fills),
            "postings": len(instance.ledger.transfers),
            "payouts": len(instance.wallet.executed),
            "late_orders": sum(self.judge.fence.late.values()),
        }

    async def _markets(self) -> None:
        while True:
            await asyncio.sleep(self.size.market_every_s)
            for venue in self.instance.venues.values():
                venue.stroll()

    async def _looks(self) -> None:
        """Look now and then, until something is broken; who acts for what is looked at every second."""
        while not self.judge.always():
            self.tell(str(await self._figures()))
            for _ in range(LOOK_EVERY_S):
                await asyncio.sleep(1)
                self.judge.watch()

    async def _faults(self) -> None:
        dice = random.Random(f"faults {self.seed}")
        kinds, weights = zip(*self.size.faults, strict=True)
        while True:
            await asyncio.sleep(dice.expovariate(1 / self.size.fault_every_s))
            fault = dice.choices(kinds, weights)[0]
            self.happened[fault.__name__] += 1
            begun = asyncio.create_task(fault(self, dice))
            self._begun_faults.add(begun)
            begun.add_done_callback(self._begun_faults.discard)

    def _heals(self) -> None:
        """Let nothing be wrong any more."""
        instance = self.instance
        instance.database.clear()
        instance.mixin.clear()
        for venue in instance.venues.values():
            venue.weather.clear()
            venue.skew_s = 0.0

    async def bot_dies(self, rest_s: float) -> None:
        """Kill the process that people talk to, and start it again after a while."""
        process, _ = self.bot
        if not process.alive:
            return
        await process.kill()
        await asyncio.sleep(rest_s)
        self.bot = self.instance.bot("bot")

    async def _until(self, wrong: Callable[[], list[str]]) -> float:
        """Wait until nothing is wrong any more, or too long, or until an alarm; return how long that took."""
        clock = self.instance.clock
        until_s = clock.monotonic() + LIVE_WITHIN_S
        while (still := wrong()) and clock.monotonic() <= until_s and not self.judge.alarms():
            await asyncio.sleep(5)
        self.still = still
        return clock.monotonic() - until_s + LIVE_WITHIN_S

    async def _stops_all(self) -> None:
        runs = self.instance.runs
        for run in await runs.going():
            await runs.move(run.id, run.state, RunState.STOPPING, self.instance.clock.now())


def live(size: Size, seed: int = 1, tell: Callable[[str], None] = lambda _: None) -> Verdict:
    """Live through a day in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_lived(size, seed, tell))
    finally:
        loop.close()


async def _lived(size: Size, seed: int, tell: Callable[[str], None]) -> Verdict:
    return await Day(size, seed, tell=tell).live()
