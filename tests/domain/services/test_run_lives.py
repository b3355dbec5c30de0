"""Lives of runs: started, changed, paused, stopped and killed at any moment, whoever works for them."""

import asyncio
import contextvars
import os
import random
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused, Unavailable
from domain.ids import UserId, VenueAccountName
from tests.assurance import Assure
from tests.domain.services.trading_world import ALICE, BTC, OWNER, USDT, Worker, World
from tests.fakes.crash import SimulatedCrash
from tests.fakes.exchange import Mischief

DEPOSIT = {BTC: "0.02", USDT: "1000"}

LIVES = int(os.environ.get("RUN_LIVES", "20"))
"""How many seeds are lived through: 20 on every push, the safety plan's thousand by ``make chaos``."""

FIRST = int(os.environ.get("FIRST_LIFE", "0"))
BATCH = 20
"""So many lives share a database and a test: cores can divide a thousand of them."""


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def orders_of(world: World, number: int) -> int:
    """Return the place of a run's newest intent among all."""
    newest = """
        SELECT coalesce(max(i.seq), 0) AS seq FROM order_intents i JOIN runs r ON r.id = i.run_id
        WHERE r.user_id = $1 AND r.number = $2
    """
    return int((await world.store.fetch(newest, world.user, number))[0]["seq"])


async def test_a_stop_while_nobody_works_is_done_by_the_next_who_does(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopping"
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopping"
    assert len(world.venue.resting()) == 6  # the worker has died
    world.time.advance(3_600)
    await world.until_stopped(world.worker())
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopped"
    await world.check_ended(DEPOSIT)
    assert (await world.notices()).count("run_stopping") == 1
    assert (await world.notices()).count("run_stopped") == 1


async def test_a_stop_goes_on_stopping_while_orders_cannot_be_listed(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    there = worker.desk.exchange.open_orders

    async def silent(pair: Any) -> Any:
        raise Unavailable("venue_silent", subject="open orders")

    worker.desk.exchange.open_orders = silent  # type: ignore[method-assign]
    await world.desk_of_people.stop(ALICE, run.number)
    await world.rounds(worker, 30)
    assert (await world.desk_of_people.get(ALICE, run.number)).state == "stopping"
    assert (await world.ledger.balances("run", run.id))["USDT"].total == 1000  # type: ignore[arg-type, index]
    worker.desk.exchange.open_orders = there  # type: ignore[method-assign]
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_stop_that_waits_for_a_trade_nobody_lists_says_so_and_loses_nothing(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.mischief.late_fills_s = 10**6
    world.venue.move(6_003_700, 6_003_800)
    await world.desk_of_people.stop(ALICE, run.number)
    began = world.time.monotonic()
    while world.time.monotonic() - began < world.policy.stop_patience_s / 2:
        await world.rounds(worker, 1)
    assert "run_stop_waits" not in await world.notices()
    while world.time.monotonic() - began < world.policy.stop_patience_s + 30:
        await world.rounds(worker, 1)
    assert (await world.notices()).count("run_stop_waits") == 1
    assert (await world.notices(OWNER)).count("stop_waits") == 1
    [told] = await world.store.fetch("SELECT params FROM outbox WHERE kind = 'run_stop_waits'")
    assert "stop_fills" in told["params"]
    assert (await world.desk_of_people.get(ALICE, run.number)).state == "stopping"
    assert world.venue.resting() == []
    world.venue.mischief.late_fills_s = 0
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


# A thousand lives (ST2, ST4, ST6)


@dataclass
class Life:
    """One account, one person who acts at any moment, workers that die at any moment."""

    world: World
    dice: random.Random
    worker: Worker = field(init=False)
    doing: set[asyncio.Task[None]] = field(default_factory=set)
    newest_when_stopped: dict[int, int] = field(default_factory=dict)
    chance: float = 0.0  # of something happening at a call of a port
    deadly: float = 0.0
    paused: int = 0  # and resumed

    def __post_init__(self) -> None:
        self.worker = self.world.worker(self.wrap)

    def wrap(self, port: Any) -> Any:
        return _Interrupted(port, self)

    async def interrupt(self) -> None:
        """Let the person begin something now, or the process die; between any two lines of the worker."""
        if self.dice.random() < self.deadly:
            raise SimulatedCrash("at any line")
        if self.dice.random() < self.chance:
            self.begin(self.dice.choice([self.start, self.start, self.stop, self.change, self.pause])())
            await asyncio.sleep(0.002)

    def begin(self, action: Coroutine[Any, Any, None]) -> None:
        """Do something in another process, as it were: it knows no transaction of the worker's."""
        task = asyncio.create_task(action, context=contextvars.Context())
        self.doing.add(task)
        task.add_done_callback(self.doing.discard)

    async def start(self) -> None:
        try:
            await self.world.start(base="0.004", quote="200", levels="2", order_amount="0")
        except Refused:
            return  # the person has too little left

    async def stop(self) -> None:
        for run in await self.world.desk_of_people.list(self.world.user):
            if run.state in ("running", "paused") and self.dice.random() < 0.7:
                await self.world.desk_of_people.stop(self.world.user, run.number)
                newest = await orders_of(self.world, run.number)
                self.newest_when_stopped.setdefault(run.number, newest)

    async def change(self) -> None:
        answers = {"half_spread_bps": str(self.dice.randrange(2, 40)), "levels": self.dice.choice("123")}
        for run in await self.world.desk_of_people.list(self.world.user):
            try:
                wanted = await self.world.changes.preview(self.world.user, run.number, answers)
                token = await self.world.changes.confirm(self.world.user, wanted)
                await self.world.changes.change(self.world.user, run.number, answers, token)
            except Refused:
                continue  # it stops, it was changed meanwhile, or it is like that already

    async def pause(self) -> None:
        """Let a run stand aside, or go on."""
        for run in await self.world.desk_of_people.list(self.world.user):
            act = self.world.pauses.resume if run.state == "paused" else self.world.pauses.pause
            with suppress(Refused):  # it stops meanwhile
                self.paused += await act(self.world.user, run.number)

    async def round(self) -> None:
        try:
            await self.worker.round()
        except SimulatedCrash:
            self.worker = self.world.worker(self.wrap)
        if self.doing:
            await asyncio.gather(*self.doing)

    async def live(self) -> None:
        world, venue = self.world, self.world.venue
        await self.round()
        await self.round()
        venue.mischief = Mischief(self.dice, drop_request=0.05, drop_answer=0.1, silent_read=0.02)
        self.chance, self.deadly = 0.04, 0.004
        await self.start()
        for _ in range(25):
            await self.round()
            if self.dice.random() < 0.6:
                step = self.dice.choice([-6_500, -3_000, 3_000, 6_500])
                venue.move(venue.bid + step, venue.ask + step)
        self.chance = self.deadly = 0.0
        for run in await world.desk_of_people.list(world.user):
            await world.desk_of_people.stop(world.user, run.number)
            self.newest_when_stopped.setdefault(run.number, await orders_of(world, run.number))
        venue.mischief = Mischief(self.dice)  # the venue has recovered
        began = world.time.monotonic()
        while await world.runs.active(VenueAccountName(world.account)):
            assert world.time.monotonic() - began <= 60, "a run is stuck"
            await self.round()


class _Interrupted:
    def __init__(self, port: Any, life: Life) -> None:
        self._port = port
        self._life = life

    def transaction(self) -> AbstractAsyncContextManager[None]:
        transaction: AbstractAsyncContextManager[None] = self._port.transaction()
        return transaction

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._port, name)
        if not callable(there):
            return there

        async def called(*args: Any, **kwargs: Any) -> Any:
            await self._life.interrupt()
            answer = await there(*args, **kwargs)
            await self._life.interrupt()
            return answer

        return called


@pytest.mark.timeout(400)
@pytest.mark.parametrize("first", range(FIRST, FIRST + LIVES, BATCH))
async def test_whenever_a_run_is_started_changed_stopped_or_killed_it_ends_even(
    store: PostgresStore, first: int, assure: Assure
) -> None:
    traded = changed = paused = 0
    seeds = range(first, min(first + BATCH, FIRST + LIVES))
    for seed in seeds:
        user = UserId(f"00000000-0000-4000-8000-{seed:012x}")
        world = World(store, account=f"life-{seed}", user=user, seed=seed)
        await world.person(BTC="0.02", USDT="1000")
        life = Life(world, random.Random(seed))
        try:
            await life.live()
            await world.check_ended(DEPOSIT)
            for number, newest in life.newest_when_stopped.items():
                assert await orders_of(world, number) == newest, "an order was created after the stop"
        except BaseException as error:
            error.add_note(f"seed {seed}: FIRST_LIFE={seed} RUN_LIVES=1")
            raise
        traded += len(world.venue.trades)
        changed += sum(run.config_version - 1 for run in await world.runs.list(user))
        paused += life.paused
        await world.close_account()
    assure("ST lives", cases=len(seeds), violations=0, trades=traded, changes=changed, pauses=paused)
    if len(seeds) == BATCH:
        assert traded > BATCH
        assert min(changed, paused) > BATCH / 2
