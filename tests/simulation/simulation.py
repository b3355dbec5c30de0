"""One run of everything: a seed, a scenario, weather, and where whom to kill; what comes out is a verdict."""

import asyncio
import random
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.mixin.codec.keys import public_key
from adapters.mixin.keystore import Keystore
from domain.payouts import inputs
from domain.secrets import Secret
from domain.services import payouts, to_mixin
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, BTC, ETH, OWNER, USDT, asset
from tests.simulation.app import Ground, Process, SimulatedClock, bot, settings_of, workers
from tests.simulation.far_funds import FarRails
from tests.simulation.far_mixin import FarMixin
from tests.simulation.far_venue import FarVenue
from tests.simulation.judge import Judge
from tests.simulation.machine import Machine
from tests.simulation.people import Person
from tests.simulation.store import Told
from tests.simulation.swarm import Weather, calm_weather, swarm
from tests.simulation.turns import NothingLeftToDo, Passed, Turns
from workers import treasury

ROOT = Path(__file__).parents[2]
COINS = {USDT: "USDT", BTC: "BTC", ETH: "ETH"}
STORM_S = 90.0
LIVENESS_S = 600.0

Script = Callable[[Mapping[str, Person]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What people do, and whether the owner has left coins in the wallet before they begin."""

    script: Script
    with_float: bool = True
    keep: str = ""  # the owner's target at the venue, by which coins move
    storm_s: float = STORM_S
    hurried: bool = False  # the treasury plans often, and asks a person after a minute


_ON_ETHEREUM = "0xdac17f958d2ee523a2206206994597c13d831ec7"
_FEE = {"asset_id": ETH, "amount": "0.0011"}
_FACTS: dict[str, Any] = {
    "bot": {k: v for k, v in BOT.items() if k != "user_id"} | {"app_id": BOT["user_id"]},
    "people": [ALICE, BOB, OWNER | {"balances": {**OWNER["balances"], ETH: "5"}}],
    "assets": [
        asset(BTC, "BTC", BTC, "60000", name="Bitcoin"),
        asset(ETH, "ETH", ETH, "2500", name="Ethereum"),
        asset(USDT, "USDT", ETH, "1", name="Tether USD", asset_key=_ON_ETHEREUM, fee=_FEE),
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
    effects: Mapping[str, Sequence[str]]

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


def simulate(plan: Plan, scenario: Scenario, machine: Machine, directory: Path) -> Verdict:
    """Play a plan and return the verdict."""
    weather = swarm(plan.seed) if plan.weather == "swarm" else calm_weather(plan.seed)
    turns = Turns(random.Random(f"turns {plan.seed}"))
    with _seeded(plan.seed), _without_logs(), _few_are_many(hurried=scenario.hurried):
        return machine.run(turns, _Play(plan, scenario, weather, turns, machine, directory).play())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let what throws dice of its own throw the same ones for the same seed."""
    chance = random.getstate()
    random.seed(seed)
    yield
    random.setstate(chance)


@contextmanager
def _without_logs() -> Iterator[None]:
    """Nobody reads a thousand logs."""
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.reset_defaults()


@contextmanager
def _few_are_many(*, hurried: bool) -> Iterator[None]:
    """Have a payment take four outputs at most, and eight be a crowd: what hundreds are, nobody waits for."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (inputs, payouts):
            patch.setattr(module, "MOST_INPUTS", 4)
        patch.setattr(payouts, "CROWDED", 8)
        patch.setattr(payouts, "LEFT_ALONE", 3)
        if hurried:
            patch.setattr(to_mixin, "UNANSWERED_FOR", timedelta(minutes=1))
            patch.setattr(treasury, "PLAN_EVERY_S", 6.0)
        yield


@dataclass
class _Play:
    """The stage of one run."""

    plan: Plan
    scenario: Scenario
    weather: Weather
    turns: Turns
    machine: Machine
    directory: Path
    violations: list[str] = field(default_factory=list)

    async def play(self) -> Verdict:
        """Let people act in the storm, end the storm, and wait until all is at rest."""
        ground = self._ground()
        people = {name: Person(name, ground.mixin, ground.clock) for name in ("Alice", "Bob", "Owner")}
        self.judge = Judge(self.machine.watch, ground.mixin, ground.venue, COINS)
        processes = [self._process(ground, name) for name in self.plan.processes]
        acting = asyncio.create_task(self.scenario.script(people))
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
        return Verdict(
            self.plan,
            self.violations,
            self.turns.fingerprint,
            boundaries,
            self.turns.deaths,
            self.machine.loop.time(),
            self.turns.log,
            self.turns.effects,
        )

    def _ground(self) -> Ground:
        machine, loop = self.machine, self.machine.loop
        clock, seed = SimulatedClock(loop), self.plan.seed
        facts = _FACTS if self.scenario.with_float else _FACTS | {"payments": []}
        mixin = FarMixin(facts, lambda: int(clock.now().timestamp() * 1e9), seed, self.weather)
        venue = FarVenue(lambda: clock.now().timestamp(), seed, self.weather, {"BTC": "3", "USDT": "200000"})
        return Ground(
            machine=machine,
            turns=self.turns,
            clock=clock,
            mixin=mixin,
            venue=venue,
            keystore=_keystore(),
            settings=settings_of(self.directory, OWNER["user_id"]),
            dice=random.Random(f"ground {seed}"),
            keep=self.scenario.keep,
            told=Told(lambda: machine.watch.tell_time(clock.now()), self._look),
        )

    def _process(self, ground: Ground, name: str) -> Process:
        return Process(ground, name, BODIES[name], set(self.plan.die_at.get(name, ())))

    async def _crowd(self, ground: Ground) -> None:
        rails = FarRails(ground.mixin, ground.venue)
        while True:
            await asyncio.sleep(1.0)
            ground.venue.step()
            rails.step()

    async def _storm(self, processes: Sequence[Process]) -> None:
        await asyncio.sleep(self.scenario.storm_s)
        self.weather.calm()

    def _look(self) -> None:
        self.violations += self.judge.always()

    async def _watch_over(self, acting: "asyncio.Task[None]", around: Sequence["asyncio.Task[None]"]) -> None:
        """Wait until people are done and nothing is under way; whatever ends early is raised."""
        async with asyncio.timeout(self.scenario.storm_s + LIVENESS_S):
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
