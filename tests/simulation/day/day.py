"""One simulated day from its morning to its rest: processes, people, faults, and figures of it all."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from domain.market.runs import RunState
from tests.simulation.day.faults import FAULTS
from tests.simulation.day.instance import OWNER, TOKENS, Instance
from tests.simulation.day.judge import Judge
from tests.simulation.day.people import Person
from tests.simulation.day.process import Process
from tests.simulation.day.loop import VirtualLoop

LIVE_WITHIN_S = 600.0
MARKET_EVERY_S = 10.0
LOOK_EVERY_S = 1_800.0
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


@dataclass
class Post:
    """A place for one worker process, and its supervisor."""

    day: "Day"
    name: str
    process: Process | None = None
    lives: int = 0

    def starts(self) -> None:
        """Begin the next life."""
        self.lives += 1
        self.process = self.day.instance.worker(f"{self.name}.{self.lives}")

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
    live_after_s: float
    figures: dict[str, int]
    did: Counter[str]
    happened: Counter[str]


@dataclass
class Day:
    """Everything that takes part."""

    size: Size
    seed: int = 1
    instance: Instance = field(init=False)
    posts: list[Post] = field(init=False)
    people: list[Person] = field(init=False)
    judge: Judge = field(init=False)
    happened: Counter[str] = field(default_factory=Counter)
    still: list[str] = field(default_factory=list)  # what was wrong when one last looked

    def __post_init__(self) -> None:
        """Let the books and the far sides be there; nobody has begun."""
        size, self.instance = self.size, Instance(self.seed)
        self.posts = [Post(self, f"worker-{n}") for n in range(1, size.workers + 1)]
        shares = [size.runs // size.people + (n < size.runs % size.people) for n in range(size.people)]
        self.people = [Person(n, self, share) for n, share in enumerate(shares, 1)]
        self.judge = Judge(self)
        self._begun_faults: set[asyncio.Task[None]] = set()

    async def live(self) -> Verdict:
        """Let the day pass, end its faults, and bring it to rest."""
        instance, began_s, loop = self.instance, time.process_time(), asyncio.get_running_loop()
        for coin, token in TOKENS.items():
            instance.wallet.pay_in(OWNER, token.asset_id, str(FLOAT), f"float {coin}")
        for post in self.posts:
            post.starts()
        self.bot = instance.bot("bot")
        around = [asyncio.create_task(self._markets()), asyncio.create_task(self._looks())]
        for person in self.people:
            person.brings()
            around.append(asyncio.create_task(person.live()))
        if self.size.fault_every_s:
            around.append(asyncio.create_task(self._faults()))
        evening = asyncio.create_task(asyncio.sleep(self.size.seconds))
        await asyncio.wait([evening, *around], return_when=asyncio.FIRST_COMPLETED)
        self._raise_odd(around)
        for task in around[1:]:
            task.cancel()
        await asyncio.gather(*around[1:], return_exceptions=True)
        await asyncio.gather(*self._begun_faults)
        self._heals()
        live_s = await self._until(lambda: self.judge.not_live())
        not_live = self.still
        takeovers, runs = len(instance.takeovers), len(await instance.runs.going())
        await self._stops_all()
        await self._until(lambda: list(self.judge._left_over()) + list(self.judge._payouts()))
        violations = self.judge.at_rest()
        if live_s > LIVE_WITHIN_S:
            violations += [f"not live: {each}" for each in not_live]
        for post in self.posts:
            if post.process:
                await post.process.end()
        await self.bot[0].kill()
        around[0].cancel()
        figures = {
            "simulated_s": int(loop.time()),
            "cpu_s": int(time.process_time() - began_s),
            "faults": sum(self.happened.values()),
            "deaths": sum(post.lives - 1 for post in self.posts),
            "takeovers": takeovers,
            "runs": runs,
            "runs_ever": len(instance.runs.rows),
            "orders": len(instance.orders.rows),
            "trades": len(instance.fills.fills),
            "postings": len(instance.ledger.transfers),
            "payouts": len(instance.wallet.executed),
            "late_orders": sum(self.judge.fence.late.values()),
            "live_after_s": int(live_s),
        }
        did = sum((person.did for person in self.people), Counter())
        return Verdict(violations, live_s, figures, did, self.happened)

    def _raise_odd(self, around: list[asyncio.Task[None]]) -> None:
        for task in around:
            if task.done() and not task.cancelled():
                task.result()

    async def _markets(self) -> None:
        while True:
            await asyncio.sleep(MARKET_EVERY_S)
            for venue in self.instance.venues.values():
                venue.stroll()

    async def _looks(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            assert not (broken := self.judge.always()), broken[:10]

    async def _faults(self) -> None:
        dice = random.Random(f"faults {self.seed}")
        kinds, weights = zip(*FAULTS, strict=True)
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
        """Wait until nothing is wrong any more; return how long that took."""
        began_s = self.instance.clock.monotonic()
        while (still := wrong()) and self.instance.clock.monotonic() - began_s <= LIVE_WITHIN_S:
            await asyncio.sleep(5)
        self.still = still
        return self.instance.clock.monotonic() - began_s

    async def _stops_all(self) -> None:
        runs = self.instance.runs
        for run in await runs.going():
            await runs.move(run.id, run.state, RunState.STOPPING, self.instance.clock.now())


def live(size: Size, seed: int = 1) -> Verdict:
    """Live through a day in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_lived(size, seed))
    finally:
        loop.close()


async def _lived(size: Size, seed: int) -> Verdict:
    return await Day(size, seed).live()
