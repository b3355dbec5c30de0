"""Market makers that are taken over, stopped, paused, asked about and brought back, as a seed has it."""

import os
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.health.recovery import AN_HOUR, MOST_AN_HOUR, Ask, Resume
from domain.ids import RunId
from domain.market.runs import RunState
from domain.ports.freezes import NEW
from domain.ports.recoveries import Outcome
from tests.domain.services.test_recovery import Careless, Stage, dying
from tests.domain.services.trading_world import ALICE
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.exchange import PAIR

SEEDS = int(os.environ.get("RECOVERY_SEEDS", "20"))

ENDS = {RunState.RUNNING, RunState.PAUSED, RunState.AWAITING_USER, RunState.STOPPED}


class Life:
    """One instance and whatever happens to it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.stage = Stage(Careless(self._answer))
        self.stopped: set[RunId] = set()
        self.happens: list[Callable[[], Awaitable[None]]] = [
            *(self.taken_over,) * 3,
            *(self.stop, self.pause, self.resume, self.crash, self.freeze, self.halt, self.suspend),
            *(self.mischief, self.wait),
        ]

    async def begin(self) -> None:
        await self.stage.trading(runs=4)
        self.world = self.stage.world
        self.worker = self.world.worker()
        await self.world.rounds(self.worker, 2)

    def _answer(self) -> Any:
        """Return what the owner's choice says: mostly yes, now and then nothing at all."""
        return self.dice.choice([Resume(), Resume(), Resume(), Ask("too_far"), None])

    async def taken_over(self) -> None:
        with suppress(OutcomeUnknown):
            await self.stage.taken_over()
        self.worker = self.world.worker()

    async def stop(self) -> None:
        run = self.dice.choice(self.world.runs.rows)
        if self.dice.random() < 0.15:
            await self.world.desk_of_people.stop(ALICE, run.number)
            self.stopped.add(run.id)

    async def pause(self) -> None:
        with suppress(Refused):
            await self.world.pauses.pause(ALICE, self.dice.choice(self.world.runs.rows).number)

    async def resume(self) -> None:
        for run in self.world.runs.rows:
            with suppress(Refused):
                await self.world.pauses.resume(ALICE, run.number)

    async def crash(self) -> None:
        with suppress(SimulatedCrash):
            await self.world.rounds(self.world.worker(dying(Fuse(self.dice.randrange(1, 60)))), 4)
        self.worker = self.world.worker()

    async def freeze(self) -> None:
        if self.dice.random() < 0.5:
            await self.world.freezes.freeze(NEW, "by_hand", self.world.time.now())
        else:
            self.world.freezes.rows = []

    async def halt(self) -> None:
        self._halt(self.dice.choice(["", "", "balance_short:x"]))

    def _halt(self, reason: str) -> None:
        accounts, name = self.world.accounts.rows, self.stage.run.account
        accounts[name] = replace(accounts[name], halted=reason)

    async def suspend(self) -> None:
        away = self.world.venue.delisted
        (away.add if self.dice.random() < 0.3 else away.discard)(PAIR)

    async def mischief(self) -> None:
        pick = self.dice.choice
        self.world.venue.mischief = replace(
            self.world.venue.mischief,
            drop_answer=pick([0, 0, 0.3]),
            drop_request=pick([0, 0, 0.2]),
            hide_s=pick([0, 0, 2.0]),
            late_fills_s=pick([0, 0, 3.0]),
        )
        mid = 6_000_000 + self.dice.randrange(-8_000, 8_000)
        self.world.venue.move(mid, mid + 100)

    async def wait(self) -> None:
        self.world.time.advance(self.dice.choice([1, 30, 600, 2_400]))

    async def calm_down(self) -> None:
        """Let nothing more go wrong, and give the workers time."""
        quiet = replace(self.world.venue.mischief, drop_answer=0, drop_request=0, hide_s=0, late_fills_s=0)
        self.world.venue.mischief, self.world.freezes.rows = quiet, []
        self.world.venue.delisted.clear()
        self._halt("")
        for _ in range(60):
            await self.world.rounds(self.worker, 1)
            self.world.time.advance(2)

    def check(self) -> None:
        """Assert what holds at any moment."""
        for run in self.world.runs.rows:
            assert run.id not in self.stopped or run.state in (RunState.STOPPING, RunState.STOPPED)
            tries = [row for row in self.world.recoveries.rows if row.attempt.run_id == run.id]
            assert sum(row.outcome is None for row in tries) <= 1
            back = sorted(row.ended_at for row in tries if row.outcome is Outcome.RESUMED and row.ended_at)
            gaps = [later - first for first, later in zip(back, back[MOST_AN_HOUR:], strict=False)]
            assert min(gaps, default=timedelta.max) >= AN_HOUR, "a fourth time within an hour"

    async def check_calm(self) -> None:
        """Assert that everything has come to an end, and that nothing rests of a run that stands still."""
        assert {run.state for run in self.world.runs.rows} <= ENDS
        assert not [row for row in self.world.recoveries.rows if row.outcome is None]
        ours = {intent.client_order_id: intent.run_id for intent in self.world.orders.rows.values()}
        resting = {ours[order.client_order_id] for order in self.world.venue.resting()}
        assert {(await self.world.runs.get(run_id)).state for run_id in resting} <= {RunState.RUNNING}
        assert len(self.world.venue.sent) == len(set(self.world.venue.sent))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_happens_each_is_brought_back_once_asked_or_stays_stopped(seed: int) -> None:
    life = Life(seed)
    await life.begin()
    for _ in range(40):
        await life.dice.choice(life.happens)()
        await life.world.rounds(life.worker, life.dice.randrange(1, 4))
        life.check()
    await life.calm_down()
    life.check()
    await life.check_calm()
