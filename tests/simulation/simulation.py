"""One run of everything: a seed, a scenario, weather, and where whom to kill; what comes out is a verdict."""

import asyncio
import random
import subprocess
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from adapters.mixin.codec.keys import public_key
from adapters.mixin.keystore import Keystore
from domain.secrets import Secret
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, BTC, ETH, OWNER, USDT, asset
from tests.simulation.app import Ground, Process, SimulatedClock, bot, settings_of, workers
from tests.simulation.far_mixin import FarMixin
from tests.simulation.far_venue import FarVenue
from tests.simulation.judge import Judge
from tests.simulation.people import Person
from tests.simulation.swarm import Weather, calm_weather, swarm
from tests.simulation.turns import NothingLeftToDo, Passed, SimulatedLoop, Turns
from tests.simulation.watch import Watch

ROOT = Path(__file__).parents[2]
COINS = {USDT: "USDT", BTC: "BTC"}
STORM_S = 90.0
LIVENESS_S = 600.0
_CHECK_EVERY = 40  # commits

Scenario = Callable[[Mapping[str, Person]], Coroutine[Any, Any, None]]

_FACTS: dict[str, Any] = {
    "bot": {k: v for k, v in BOT.items() if k != "user_id"} | {"app_id": BOT["user_id"]},
    "people": [ALICE, BOB, OWNER],
    "assets": [
        asset(BTC, "BTC", BTC, "60000", name="Bitcoin"),
        asset(ETH, "ETH", ETH, "2500", name="Ethereum"),
        asset(USDT, "USDT", ETH, "1", name="Tether USD"),
    ],
    "payments": [
        {"from": "Owner", "asset_id": USDT, "amount": "5000", "memo": "float"},
        {"from": "Owner", "asset_id": BTC, "amount": "1", "memo": "float"},
    ],
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated: everything that a replay needs."""

    seed: int
    scenario: str
    die_at: Mapping[str, frozenset[int]] = field(default_factory=dict)  # boundaries, by process
    weather: str = "calm"  # or "swarm"
    processes: Sequence[str] = ("bot", "workers")


@dataclass(slots=True)
class Verdict:
    """What became of it."""

    plan: Plan
    violations: list[str]
    fingerprint: str
    boundaries: dict[str, int]
    deaths: int
    virtual_s: float
    log: list[Passed]

    def complain(self) -> str:
        """Return what a failure prints: seed, commit, boundaries, and the command that plays it again."""
        plan = self.plan
        deaths = [f"{name}:{number}" for name, numbers in plan.die_at.items() for number in sorted(numbers)]
        where = [str(p) for p in self.log if f"{p.process}:{p.number}" in deaths]
        options = [
            f"--seed {plan.seed}",
            f"--weather {plan.weather}",
            *(f"--die {death}" for death in deaths),
        ]
        options += ["--two-workers"] if len(plan.processes) > 2 else []
        return "\n".join(
            [
                f"{plan.scenario}, seed {plan.seed}, commit {_commit()}, died at: {where or 'nobody'}",
                *(f"  {violation}" for violation in self.violations),
                f"  again: python -m tests.simulation {plan.scenario} {' '.join(options)}",
            ]
        )


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return asked.stdout.strip() or "unknown"


BODIES = {"bot": bot, "workers": workers, "workers-2": workers}


def simulate(plan: Plan, scenario: Scenario, app_url: str, admin_url: str, directory: Path) -> Verdict:
    """Play a plan on a fresh migrated database and return the verdict."""
    weather = swarm(plan.seed) if plan.weather == "swarm" else calm_weather(plan.seed)
    structlog.configure(  # nobody reads a thousand logs
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    chance = random.getstate()
    random.seed(plan.seed)
    turns = Turns(random.Random(f"turns {plan.seed}"))
    watch = Watch(admin_url)
    turns.locked_out = watch.locked_out
    try:
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(turns)) as runner:
            return runner.run(_Play(plan, scenario, weather, turns, watch, app_url, directory).play())
    finally:
        watch.close()
        random.setstate(chance)
        structlog.reset_defaults()


@dataclass
class _Play:
    """The stage of one run."""

    plan: Plan
    scenario: Scenario
    weather: Weather
    turns: Turns
    watch: Watch
    app_url: str
    directory: Path
    violations: list[str] = field(default_factory=list)
    _commits: int = 0

    async def play(self) -> Verdict:
        """Let people act in the storm, end the storm, and wait until all is at rest."""
        ground = self._ground()
        people = {name: Person(name, ground.mixin) for name in ("Alice", "Bob", "Owner")}
        self.judge = Judge(self.watch, ground.mixin, ground.venue, COINS)
        processes = [self._process(ground, name) for name in self.plan.processes]
        acting = asyncio.create_task(self.scenario(people))
        around = [asyncio.create_task(process.run()) for process in processes]
        around += [asyncio.create_task(self._crowd(ground)), asyncio.create_task(self._storm(processes))]
        try:
            await self._watch_over(acting, around)
        except (AssertionError, NothingLeftToDo) as error:
            self.violations.append(f"{type(error).__name__}: {error}")
        except TimeoutError:
            self.violations += [f"not live: {what}" for what in self.judge.at_rest()] or ["people wait"]
            self.violations += [f"{p.name} last heard: {p.last()}" for p in people.values()]
        finally:
            for task in (acting, *around):
                task.cancel()
            await asyncio.gather(acting, *around, return_exceptions=True)
        boundaries = {process.name: process.passed for process in processes}
        loop = asyncio.get_running_loop()
        return Verdict(
            self.plan,
            self.violations,
            self.turns.fingerprint,
            boundaries,
            self.turns.deaths,
            loop.time(),
            self.turns.log,
        )

    def _ground(self) -> Ground:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        clock, seed = SimulatedClock(loop), self.plan.seed
        loop.time_passes = lambda: self.watch.tell_time(clock.now(), loop.time())
        mixin = FarMixin(_FACTS, lambda: int(clock.now().timestamp() * 1e9), seed, self.weather)
        venue = FarVenue(lambda: clock.now().timestamp(), seed, self.weather, {"BTC": "3", "USDT": "200000"})
        return Ground(
            dsn=self.app_url,
            turns=self.turns,
            clock=clock,
            mixin=mixin,
            venue=venue,
            keystore=_keystore(),
            settings=settings_of(self.directory, OWNER["user_id"]),
            dice=random.Random(f"ground {seed}"),
            wait_until_gone=self.watch.wait_until_gone,
            loses_commit=lambda: self.weather.strikes(self.weather.lost_commit),
            after_commit=self._look,
        )

    def _process(self, ground: Ground, name: str) -> Process:
        return Process(ground, name, BODIES[name], set(self.plan.die_at.get(name, ())))

    async def _crowd(self, ground: Ground) -> None:
        while True:
            await asyncio.sleep(1.0)
            ground.venue.step()

    async def _storm(self, processes: Sequence[Process]) -> None:
        await asyncio.sleep(STORM_S)
        self.weather.calm()

    async def _look(self) -> None:
        self._commits += 1
        if self._commits % _CHECK_EVERY == 0:
            self.violations += self.judge.always()

    async def _watch_over(self, acting: "asyncio.Task[None]", around: Sequence["asyncio.Task[None]"]) -> None:
        """Wait until people are done and nothing is under way; whatever ends early is raised."""
        async with asyncio.timeout(STORM_S + LIVENESS_S):
            done, _ = await asyncio.wait({acting, *around}, return_when=asyncio.FIRST_COMPLETED)
            while acting not in done:
                for task in done:
                    task.result()
                done, _ = await asyncio.wait(
                    {acting, *set(around) - done}, return_when=asyncio.FIRST_COMPLETED
                )
            acting.result()
            self.weather.calm()
            while self.judge.at_rest():
                await asyncio.sleep(2.0)  # change comes back, a lease runs out, a last sweep is made


def _keystore() -> Keystore:
    return Keystore(
        BOT["user_id"],
        BOT["session_id"],
        Secret(bytes.fromhex(BOT["session_private_key"])),
        bytes.fromhex(public_key(bytes.fromhex(BOT["server_public_key"])).hex()),
        Secret(bytes.fromhex(BOT["spend_private_key"])),
    )
