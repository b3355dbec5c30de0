"""T8 with real processes: two workers and two Angels; anybody dies or freezes, and comes back too early.

``ANGEL_TIMINGS`` says how often; ``make chaos`` asks for 40. In virtual time, far more often and with runs,
people and the wallet: ``tests/simulation/test_two_of_each.py``.
"""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.angel.stage import Stage
from tests.angel.test_processes import SHORT, asked_for, stage
from tests.assurance import Assure

__all__ = ["stage"]  # the fixture
pytestmark = [pytest.mark.database, pytest.mark.journey]

TIMINGS = int(os.environ.get("ANGEL_TIMINGS", "3"))
LOOKED_EVERY_S = 0.02

_LEASES = "SELECT scope, epoch, holder FROM leases WHERE scope LIKE 'venue:%' AND state <> 'released'"
_EPOCHS = "SELECT client_order_id, epoch FROM order_intents WHERE account = $1"


class OneAtATime:
    """A connection to the database that many may use: each waits until the others have their answer."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._turn = connection, asyncio.Lock()

    def __getattr__(self, name: str) -> Any:
        async def call(*args: object) -> Any:
            async with self._turn:
                return await getattr(self._connection, name)(*args)

        return call


class Duel:
    """Two workers and two Angels, and who was seen to hold what in which epoch."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.dice = stage, random.Random(seed)
        self.holders: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self.happened: Counter[str] = Counter()
        self.angels: dict[str, Process] = {}
        self._lives = 0

    async def start_angel(self, name: str) -> None:
        self.angels[name] = await self.stage.start_angel(MRMARKET_ANGEL_DIR=str(self.stage.state / name))

    async def start_worker(self) -> Process:
        self._lives += 1
        return await self.stage.start_worker(f"worker-{self._lives}")

    async def next_worker(self) -> Process:
        """Start one that waits until the accounts are free."""
        worker = await self.start_worker()
        self.stage.listens(worker)
        return worker

    async def look(self) -> None:
        """Note who holds what, many times a second."""
        while True:
            for row in await self.stage.admin.fetch(_LEASES):
                self.holders[row["scope"], row["epoch"]].add(row["holder"])
            await asyncio.sleep(LOOKED_EVERY_S)

    async def timing(self) -> None:
        """Let both workers go and come back, each at an instant of its own, and an Angel too; end all."""
        first = await self.start_worker()
        await self.stage.at_work(first)
        second = await self.next_worker()
        comes = [asyncio.create_task(self._worker_goes(each)) for each in (first, second)]
        comes.append(asyncio.create_task(self._angel_goes()))
        lives = [process for each in await asyncio.gather(*comes) for process in each]
        await self.stage.rest(self.dice.uniform(0, 6))
        for process in lives:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()
        await self.stage.until(self.stage.is_clear, 40, "nothing rests")
        await self.stage.until(self._is_free, 60, "nobody has an account")

    async def _worker_goes(self, worker: Process) -> list[Process]:
        """Let a worker die and another come in its place, or freeze and wake; return who lives afterwards."""
        how, rest_s = self.dice.choice(("dies", "freezes")), self.dice.uniform(0.1, 12)
        await self.stage.rest(self.dice.uniform(0, 5))
        self.happened[f"a worker {how}"] += 1
        if how == "freezes":
            await self._freezes(worker, rest_s)
            return [worker]
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        await self.stage.rest(rest_s)
        return [await self.next_worker()]

    async def _angel_goes(self) -> list[Process]:
        name, how = self.dice.choice(sorted(self.angels)), self.dice.choice(("dies", "freezes", "stays"))
        rest_s = self.dice.uniform(0.5, 8)
        await self.stage.rest(self.dice.uniform(0, 15))
        self.happened[f"an Angel {how}"] += 1
        if how == "freezes":
            await self._freezes(self.angels[name], rest_s)
        elif how == "dies":
            self.angels[name].send_signal(signal.SIGKILL)
            await self.angels[name].wait()
            await self.stage.rest(rest_s)
            await self.start_angel(name)
        return []

    async def _freezes(self, process: Process, for_s: float) -> None:
        process.send_signal(signal.SIGSTOP)
        await self.stage.rest(for_s)
        process.send_signal(signal.SIGCONT)

    async def _is_free(self) -> bool:
        return not await self.stage.admin.fetch(_LEASES) and await self.stage.is_clear()

    async def wrongly_accepted(self) -> list[str]:
        """Return what either exchange took that it must not have been sent."""
        found = []
        for account, names in (await self.stage.accepted()).items():
            rows = await self.stage.admin.fetch(_EPOCHS, account)
            epochs = {row["client_order_id"]: row["epoch"] for row in rows}
            found += [f"{account}: {each}" for each in wrong(names, epochs)]
        return found


def two_holders(holders: Mapping[tuple[str, int], set[str]]) -> list[str]:
    """Return the epochs that two were seen to hold."""
    twice = {of: names for of, names in holders.items() if len(names) > 1}
    return [f"{scope} in epoch {n}: {', '.join(sorted(names))}" for (scope, n), names in twice.items()]


def wrong(names: Sequence[str], epochs: Mapping[str, int]) -> list[str]:
    """Return which orders were sent twice, are nobody's, or were taken after one of a later epoch."""
    found = [f"{each} was taken {n} times" for each, n in Counter(names).items() if n > 1]
    newest = 0
    for each in names:
        if each not in epochs:
            found.append(f"{each} is in no book of ours")
            continue
        if epochs[each] < newest:
            found.append(f"{each} of epoch {epochs[each]} was taken after one of {newest}")
        newest = max(newest, epochs[each])
    return found


def test_what_is_wrong_is_found() -> None:
    epochs = {"a": 1, "b": 1, "c": 2}
    assert wrong(["a", "b", "c"], epochs) == []
    assert wrong(["a", "c", "b"], epochs) == ["b of epoch 1 was taken after one of 2"]
    assert wrong(["a", "a", "d"], epochs) == ["a was taken 2 times", "d is in no book of ours"]
    assert two_holders({("venue:a", 1): {"x"}, ("venue:a", 2): {"y", "x"}}) == ["venue:a in epoch 2: x, y"]


@asked_for
@pytest.mark.timeout(180 + 90 * TIMINGS)
@pytest.mark.parametrize("stage", [(20, SHORT, 0.1)], indirect=True)
async def test_two_workers_and_two_angels_are_never_two_holders(stage: Stage, assure: Assure) -> None:
    stage.admin = OneAtATime(stage.admin)
    duel = Duel(stage, 8)
    for name in ("angel", "angel-b"):
        await duel.start_angel(name)
    around = [asyncio.create_task(duel.look()), asyncio.create_task(stage.recover())]
    for _ in range(TIMINGS):
        await duel.timing()
        assert two_holders(duel.holders) == []
        assert await duel.wrongly_accepted() == []
    for task in around:
        task.cancel()
    ended = await asyncio.gather(*around, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    names = {name for names in duel.holders.values() for name in names}
    angels = {name for name in names if name.startswith("angel:")}
    figures = {
        "orders": sum(len(each) for each in (await stage.accepted()).values()),
        "epochs": len(duel.holders),
        "workers": len(names - angels),
        "angels": len(angels),
    }
    sys.stdout.write(f"\nT8: {TIMINGS} timings: {figures}, {dict(duel.happened)}\n")
    assure("T8 real", TIMINGS, 0, **figures)
    assert len(angels) == 2 or TIMINGS < 10, "both Angels had something to do"
    assert await stage.left_behind() == []
