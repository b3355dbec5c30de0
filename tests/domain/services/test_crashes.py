"""A worker that dies at any line, answers that get lost, stops and starts in any order: the books hold."""

import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import UserId
from domain.ledger.model import available
from domain.market.model import Pair, Side
from domain.money import LEDGER_PLACES, ZERO, Coin, fee_of
from domain.services.execution import ExecutionService
from tests.domain.services.trading_world import BNB, BTC, QUICK, USDT, World
from tests.fakes.exchange import Duplicates, FakeVenue, Mischief

DEPOSIT = {BTC: "0.02", USDT: "1000"}
FEE_BPS = 2
"""What we charge of fills: as much as leaves the quotes where they would be without it."""

SECOND_THOUGHTS_STRIDE = int(os.environ.get("SECOND_THOUGHTS_STRIDE", "61"))
"""Every how many-th place a worker dies at while a venue changes its mind; 1 tries them all."""


class SimulatedCrash(BaseException):
    """The process is gone: nothing after this line happens in it."""


@dataclass
class Points:
    """Counts the places where a process may die, and lets it die at one of them."""

    die_at: int = 0
    passed: int = 0

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            raise SimulatedCrash

    def wrap(self, port: Any) -> Any:
        return _Mortal(port, self)


class _Mortal:
    """A port whose every call is two points: before it, and after it was done but nobody heard."""

    def __init__(self, port: Any, points: Points) -> None:
        self._port = port
        self._points = points

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._port, name)
        return self._mortal(there) if callable(there) else there

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def mortal(*args: Any, **kwargs: Any) -> Any:
            self._points.pass_one()
            answer = await call(*args, **kwargs)
            self._points.pass_one()
            return answer

        return mortal

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._port.transaction():
            yield
            self._points.pass_one()  # everything said, nothing committed
        self._points.pass_one()  # committed, and nobody knows


def wander(world: World, dice: random.Random) -> None:
    """Move the market a little, often far enough to meet our orders."""
    step = dice.choice([-4_500, -2_500, -800, 800, 2_500, 4_500])
    middle = 6_000_000 + max(-40_000, min(40_000, world.venue.bid - 5_999_950 + step))
    world.venue.move(middle - 50, middle + 50, Decimal(dice.choice(["0.3", "0.7", "1"])))


@dataclass
class Crew:
    """One worker process after the other: whoever dies is followed by a new one."""

    world: World
    worker: ExecutionService

    async def rounds(self, count: int) -> None:
        done = 0
        while done < count:
            try:
                await self.worker.round()
                done += 1
            except SimulatedCrash:
                self.worker = self.world.worker()

    async def deep(self) -> None:
        """Do rounds until everything has been read again."""
        began = self.world.time.monotonic()
        while self.world.time.monotonic() - began < self.world.policy.reconcile_interval_s + 2:
            await self.rounds(1)


async def journey(world: World, start_worker: Callable[[], ExecutionService]) -> None:
    """Start, fill on both sides, move, fill, stop; whoever dies is followed by a new process."""
    crew = Crew(world, start_worker())
    while not await world.desk_of_people.pairs():
        await crew.rounds(1)
    run = await world.start()
    await crew.rounds(2)
    world.venue.move(6_003_700, 6_003_800)
    await crew.rounds(3)
    world.venue.move(5_996_000, 5_996_100, share=world.venue.rules.lot * 50_000)
    await crew.rounds(6)
    await world.desk_of_people.stop(world.user, run.number)
    world.venue.move(5_990_000, 5_990_100)  # the last fills come while it stops
    while await world.runs.active(crew.worker.desk.account):
        await crew.rounds(1)
    await crew.rounds(1)


def world_number(store: PostgresStore, number: int) -> World:
    user = UserId(f"00000000-0000-4000-8000-{number:012x}")
    return World(store, account=f"fake-{number}", user=user, seed=number, fee_bps=FEE_BPS)


async def check_fees(world: World) -> None:
    """Assert that we were paid for each trade as it stands, and for nothing else."""
    due: dict[Coin, Decimal] = {BTC: ZERO, USDT: ZERO}
    for _, fill in world.venue.trades:
        coin, got = (BTC, fill.quantity) if fill.side is Side.BUY else (USDT, fill.quote_quantity)
        due[coin] += fee_of(got, FEE_BPS, LEDGER_PLACES)
    assert {coin: await world.paid(coin) for coin in due} == due


@pytest.mark.timeout(600)
async def test_a_crash_at_any_port_call_loses_and_doubles_nothing(store: PostgresStore) -> None:
    points = Points()
    world = world_number(store, 0)
    await world.person(BTC="0.02", USDT="1000")
    await journey(world, lambda: world.worker(points.wrap))
    await world.check_ended(DEPOSIT)
    await check_fees(world)
    await world.close_account()
    assert len(world.venue.trades) >= 4
    assert points.passed > 100
    for die_at in range(1, points.passed + 1):
        world = world_number(store, die_at)
        await world.person(BTC="0.02", USDT="1000")
        await journey(world, lambda at=die_at, world=world: world.worker(Points(at).wrap))  # type: ignore[misc]
        await world.check_ended(DEPOSIT)
        await check_fees(world)
        await world.close_account()


async def second_thoughts(world: World, start_worker: Callable[[], ExecutionService]) -> None:
    """Trade at a venue that tells fees late and in a third coin, changes a trade and takes one back; stop."""
    crew = Crew(world, start_worker())
    venue = world.venue
    while not await world.desk_of_people.pairs():
        await crew.rounds(1)
    run = await world.start(levels="1", refresh_s="5")
    for side, middle in ((Side.SELL, 6_003_750), (Side.BUY, 5_996_050)):
        while side not in {order.side for order in venue.resting()}:
            await crew.rounds(1)
        venue.move(middle - 50, middle + 50)
        await crew.deep()
    first, second = venue.trades[0][1], venue.trades[1][1]
    venue.amend(first.trade_id, fee=Decimal("0.00002"), fee_coin=BNB)
    price = first.price - 1
    venue.amend(second.trade_id, fee=second.fee * 2)
    await crew.deep()
    venue.amend(first.trade_id, price=price, quote_quantity=price * first.quantity)
    await crew.deep()
    venue.bust(second.trade_id)  # what it bought stands in an ask: that has to go first
    for _ in range(3):
        await crew.deep()
    await world.desk_of_people.stop(world.user, run.number)
    while await world.runs.active(crew.worker.desk.account):
        await crew.rounds(1)
    await crew.rounds(1)


async def check_second_thoughts(world: World) -> None:
    """Assert that what the person has is the first trade as the venue last described it, and nothing else."""
    await world.check_books()
    await check_fees(world)
    first = next(fill for _, fill in world.venue.trades if fill.trade_id == "1")
    sold = first.quote_quantity - Decimal("0.012")  # its fee: 0.00002 BNB at 600
    rest = [fill for _, fill in world.venue.trades if fill.trade_id != "1"]
    sign = {Side.BUY: 1, Side.SELL: -1}
    got = sum((-sign[fill.side] * fill.quote_quantity for fill in rest), ZERO) + sold
    taken = sum((Decimal("0.006") if fill.fee_coin == BNB else ZERO for fill in rest), ZERO)
    had = await world.ledger.balance(available(world.user, USDT))
    assert had.total == 1000 + got - taken - await world.paid(USDT)
    versions = "SELECT trade_id, kind FROM fill_versions WHERE account = $1 ORDER BY trade_id, version"
    rows = await world.store.fetch(versions, world.account)
    assert [(row["trade_id"], row["kind"]) for row in rows] == [
        ("1", "fee"), ("1", "trade"), ("2", "fee"), ("2", "bust"),
    ]  # fmt: skip


def with_third_coin(world: World) -> World:
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000", "BNB": "1"}, fee_coin="BNB")
    world.venue.other_books[Pair(BNB, USDT)] = (59_999, 60_001)
    return world


@pytest.mark.timeout(1_800)
async def test_a_crash_while_a_venue_has_second_thoughts_loses_and_doubles_nothing(
    store: PostgresStore,
) -> None:
    points = Points()
    world = with_third_coin(world_number(store, 10_000))
    await world.person(BTC="0.02", USDT="1000")
    await second_thoughts(world, lambda: world.worker(points.wrap))
    await check_second_thoughts(world)
    await world.close_account()
    assert points.passed > 200
    for die_at in range(1, points.passed + 1, SECOND_THOUGHTS_STRIDE):
        world = with_third_coin(world_number(store, 10_000 + die_at))
        await world.person(BTC="0.02", USDT="1000")
        await second_thoughts(world, lambda at=die_at, world=world: world.worker(Points(at).wrap))  # type: ignore[misc]
        await check_second_thoughts(world)
        await world.close_account()


@pytest.mark.parametrize("duplicates", list(Duplicates))
@pytest.mark.parametrize("seed", range(2))
async def test_lost_answers_never_make_a_second_order(
    store: PostgresStore, duplicates: Duplicates, seed: int
) -> None:
    dice = random.Random(seed)
    world = World(store, seed=seed)
    world.venue.duplicates = duplicates
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(tolerance_bps="0", step_bps="5", refresh_s="3")
    world.venue.mischief = Mischief(
        dice,
        drop_request=0.1,
        drop_answer=0.3,
        refuse=0.05,
        silent_read=0.02,
        late_fills_s=1.5,
        repeat_fills=True,
    )
    for _ in range(250):
        await worker.round()
        wander(world, dice)
    assert len(world.venue.sent) > 100
    assert len(world.venue.trades) > 30
    await world.desk_of_people.stop(world.user, run.number)
    world.venue.mischief = replace(world.venue.mischief, silent_read=0.2)
    await world.until_stopped(worker, most=600)
    await world.check_ended(DEPOSIT)
    assert len({order.order.client_order_id for order in world.venue.orders}) == len(world.venue.orders)


async def test_orders_that_hide_are_found_when_they_show(store: PostgresStore) -> None:
    dice = random.Random(7)
    world = World(store, policy=replace(QUICK, unknown_lookup_window_s=25, orphan_window_s=60))
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(refresh_s="5")
    world.venue.mischief = Mischief(dice, drop_answer=0.3, hide_s=20)
    for _ in range(80):
        await worker.round()
        wander(world, dice)
    await world.desk_of_people.stop(world.user, run.number)
    await world.until_stopped(worker, most=600)
    await world.check_ended(DEPOSIT)


@dataclass
class Chaos:
    """A world in which anything happens in any order, and its worker dies now and then."""

    world: World
    dice: random.Random
    worker: ExecutionService
    stopped: dict[int, int] = field(
        default_factory=dict
    )  # run -> orders that had arrived when it was stopped

    async def round(self) -> None:
        try:
            await self.worker.round()
        except SimulatedCrash:
            self.restart()

    def restart(self) -> None:
        self.worker = self.world.worker(Points(self.dice.randrange(5, 400)).wrap)

    async def stop_everything(self) -> None:
        for run in await self.world.desk_of_people.list(self.world.user):
            await self.world.desk_of_people.stop(self.world.user, run.number)
            self.stopped.setdefault(run.number, len(self.world.venue.sent))

    async def start(self) -> None:
        preset = self.dice.choice(["calm", "balanced", "tight"])
        with contextlib.suppress(Refused):  # earlier runs have lost too much of one side
            await self.world.start(base="0.01", quote="300", preset=preset)

    async def active(self) -> int:
        return len(await self.world.runs.active(self.worker.desk.account))

    async def step(self) -> None:
        match self.dice.randrange(12):
            case 0 if await self.active() < 3:
                await self.start()
            case 1:
                await self.stop_everything()
            case 2:
                self.restart()
            case 3 | 4 | 5:
                wander(self.world, self.dice)
            case _:
                await self.round()


@pytest.mark.parametrize("seed", range(6))
async def test_any_interleaving_of_start_stop_crash_and_market_ends_even(
    store: PostgresStore, seed: int
) -> None:
    world, dice = World(store, seed=seed), random.Random(seed)
    await world.person(BTC="0.06", USDT="3000")
    chaos = Chaos(world, dice, world.worker())
    await world.rounds(chaos.worker, 2)
    world.venue.mischief = Mischief(dice, drop_request=0.05, drop_answer=0.1, silent_read=0.02)
    for _ in range(120):
        await chaos.step()
    await chaos.stop_everything()
    for _ in range(400):
        await chaos.round()
        if not await chaos.active():
            break
    await chaos.round()
    await world.check_ended({BTC: "0.06", USDT: "3000"})
    # nothing of a run arrived at the venue after it was told to stop (ST2)
    for number, arrived in chaos.stopped.items():
        assert not await orders_of(world, number) & set(world.venue.sent[arrived:])


async def orders_of(world: World, number: int) -> set[str]:
    rows = await world.store.fetch(
        "SELECT client_order_id FROM order_intents i JOIN runs r ON r.id = i.run_id WHERE r.number = $1",
        number,
    )
    return {row["client_order_id"] for row in rows}
