"""The venue's dead-man timer: set by whoever holds the lease, and by nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import VenueAccountName
from domain.market.orders import TERMINAL
from domain.market.runs import Run
from domain.ports.account_looks import DeadManState, Watching
from domain.services.execution import ExecutionService
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import ALICE, BTC, USDT, Worker
from tests.fakes.account_looks import FakeAccountLooks, FakeKeyTeller
from tests.fakes.dead_man import FakeDeadManTimer, FakeVenueTimer

ACCOUNT = VenueAccountName("fake-1")


class Watched(MemoryWorld):
    """An account at a venue with a timer, and a run that rests orders there."""

    def __init__(self) -> None:
        super().__init__()
        self.far = FakeVenueTimer(self.venue)
        self.looks = FakeAccountLooks()

    def at_work(self, *, harmless: bool = False) -> tuple[Worker, FakeDeadManTimer]:
        worker = self.worker()
        timer = FakeDeadManTimer(self.far, worker.desk.grip.require, harmless)
        worker.desk.timer = timer
        worker.desk.watching = Watching(self.looks, FakeKeyTeller())
        return worker, timer

    run: Run

    async def trading(self, *, harmless: bool = False) -> tuple[Worker, FakeDeadManTimer]:
        await self.person(BTC="0.02", USDT="1000")
        worker, timer = self.at_work(harmless=harmless)
        await self.rounds(worker, 3)
        self.run = await self.start("0.02", "1000")
        await self.rounds(worker, 3)
        assert self.venue.resting()
        return worker, timer

    async def settle(self, worker: Worker) -> None:
        """Stop the run, and see that all came back to the last digit."""
        await self.desk_of_people.stop(ALICE, self.run.number)
        await self.until_stopped(worker)
        await self.check_ended({BTC: "0.02", USDT: "1000"})


def slow_down(world: Watched, worker: Worker, seconds: int) -> None:
    """Have each question about trades and open orders take so long; the lease is renewed meanwhile."""

    def slow(ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def asked(*args: Any) -> Any:
            for _ in range(seconds):
                world.time.advance(1)
                await worker.keeper.round()
            return await ask(*args)

        return asked

    exchange: Any = worker.desk.exchange
    exchange.fills_since, exchange.open_orders = slow(exchange.fills_since), slow(exchange.open_orders)


def shown(worker: Worker) -> str:
    return str(worker.dead_man.state)


@pytest.fixture
def world() -> Watched:
    return Watched()


async def test_a_worker_that_lives_keeps_it_from_striking(world: Watched) -> None:
    worker, timer = await world.trading()
    began = world.time.monotonic()
    while world.time.monotonic() - began < 300:
        await worker.round()
    assert world.far.struck == 0
    assert set(timer.told) == {40}
    assert 25 <= len(timer.told) <= 40, "every quarter of its time"
    assert worker.dead_man.state is DeadManState.CONFIGURED
    assert world.looks.rows[ACCOUNT].dead_man is DeadManState.CONFIGURED


async def test_a_worker_that_dies_leaves_nothing_resting_and_the_next_one_finds_out(world: Watched) -> None:
    await world.trading()
    world.time.advance(40)  # nobody acts any more
    assert world.far.struck == 1
    assert world.venue.resting() == []
    heir, timer = world.at_work()
    await world.rounds(heir, 4)
    assert timer.told[0] == 40
    assert world.venue.resting(), "it quotes again"
    unsettled = await world.orders.unsettled(ACCOUNT)
    open_there = {order.client_order_id for order in world.venue.resting()}
    assert {i.client_order_id for i in unsettled if i.state not in TERMINAL} == open_there
    await world.settle(heir)


async def test_who_has_lost_the_account_does_not_keep_it_from_striking(world: Watched) -> None:
    worker, timer = await world.trading()
    said = len(timer.told)
    worker.desk.grip.drop()
    for _ in range(60):
        await ExecutionService.round(worker)
        worker.desk.grip.drop()
    assert len(timer.told) == said
    assert world.far.struck == 1
    worker.desk.grip.wavering = True
    await worker.dead_man.keep()
    assert len(timer.told) == said


async def test_a_timer_that_struck_under_a_slow_worker_is_noticed_at_once(world: Watched) -> None:
    worker, _ = await world.trading()
    worker.desk.policy = replace(worker.desk.policy, reconcile_interval_s=3_600)
    before = {order.client_order_id for order in world.venue.resting()}
    world.time.advance(41)
    assert not world.venue.resting()
    await world.rounds(worker, 3)
    after = {order.client_order_id for order in world.venue.resting()}
    assert after
    assert not after & before
    await world.settle(worker)


async def test_rounds_that_last_do_not_let_it_strike(world: Watched) -> None:
    """A slow venue, or one with many pairs: what is read takes longer than the timer."""
    worker, timer = await world.trading()
    worker.desk.policy = replace(worker.desk.policy, reconcile_interval_s=30)
    slow_down(world, worker, 25)
    before = [order.client_order_id for order in world.venue.resting()]
    began_s = world.time.monotonic()
    await world.rounds(worker, 12)
    assert world.time.monotonic() - began_s > 300, "the rounds did last"
    assert (world.far.struck, set(timer.told)) == (0, {40})
    assert [order.client_order_id for order in world.venue.resting()] == before


async def test_one_that_could_not_be_set_at_first_may_have_struck_too(world: Watched) -> None:
    """What the last holder set strikes at its instant, whatever the next one learns of it."""
    await world.trading()
    heir, timer = world.at_work()
    heir.desk.policy = replace(heir.desk.policy, reconcile_interval_s=3_600)
    timer.fails = Refused("venue_declined")
    world.time.advance(15)
    while not world.far.struck:
        await heir.round()
    assert heir.dead_man.state is DeadManState.ABSENT
    timer.fails = None
    began_s = world.time.monotonic()
    while not world.venue.resting() and world.time.monotonic() - began_s < 120:
        await heir.round()
    assert world.venue.resting(), "it has found out, and quotes again"
    await world.settle(heir)


async def test_one_that_strikes_while_it_is_being_set_is_noticed(world: Watched) -> None:
    """The request waits in a queue, or on its way, beyond the instant of the timer that was set before."""
    worker, timer = await world.trading()
    worker.desk.policy = replace(worker.desk.policy, reconcile_interval_s=3_600)
    set_at_once = timer.set

    async def late(seconds: int) -> None:
        world.time.advance(2)
        await set_at_once(seconds)

    world.time.advance(world.far.strikes_s - world.time.monotonic() - 1)
    timer.set = late  # type: ignore[method-assign]
    await worker.dead_man.keep()
    assert world.far.struck == 1
    assert worker.dead_man.unnoticed
    await world.rounds(worker, 3)
    assert world.venue.resting(), "it has found out, and quotes again"
    await world.settle(worker)


async def test_one_that_strikes_before_it_could_first_be_set_is_noticed(world: Watched) -> None:
    """A renewal fails right after the take-over: nothing is set, and what the last holder set strikes."""
    await world.trading()
    heir, timer = world.at_work()
    heir.desk.policy = replace(heir.desk.policy, reconcile_interval_s=3_600)
    await heir.keeper.round()
    heir.desk.grip.wavering = True
    await ExecutionService.round(heir)
    assert timer.told == []
    world.time.advance(world.far.strikes_s - world.time.monotonic() + 1)
    heir.desk.grip.tighten(heir.desk.grip.epoch, world.time.monotonic(), heir.keeper.timing)
    await heir.dead_man.keep()
    assert timer.told == [40]
    assert heir.dead_man.unnoticed
    await world.settle(heir)


async def test_venue_that_gave_no_answer_is_soon_asked_again(world: Watched) -> None:
    """After minutes without a network the orders must not rest for more minutes without a timer."""
    worker, timer = await world.trading()
    timer.fails = OutcomeUnknown("no_clear_answer")
    began_s = world.time.monotonic()
    while world.time.monotonic() - began_s < 600:
        await worker.round()
    timer.fails = None
    began_s = world.time.monotonic()
    while shown(worker) == "absent":
        await worker.round()
    assert world.time.monotonic() - began_s < 12
    await world.settle(worker)


@pytest.mark.parametrize(
    ("failure", "most"),
    [(Refused("venue_declined"), 30), (OutcomeUnknown("no_clear_answer"), 400)],
    ids=["no", "silence"],
)
async def test_one_that_cannot_be_set_is_absent_and_asked_for_less(
    world: Watched, failure: Refused | OutcomeUnknown, most: int
) -> None:
    worker, timer = world.at_work()
    timer.fails = failure
    while world.time.monotonic() < 3_600:
        await worker.round()
    assert shown(worker) == "absent"
    assert worker.dead_man.refusal == failure.code
    assert world.looks.rows[ACCOUNT].dead_man is DeadManState.ABSENT
    assert 12 < len(timer.told) < most
    timer.fails = None
    while world.time.monotonic() < 4_000:
        await worker.round()
    assert shown(worker) == "configured"


async def test_it_is_unset_by_one_who_goes_only_where_nothing_rests(world: Watched) -> None:
    worker, timer = await world.trading()
    assert await worker.leave() == ""
    assert timer.told[-1] == 40, "what rests is left to it"
    await world.settle(worker)
    assert await worker.leave() == "timer unset"
    assert timer.told[-1] == 0
    world.time.advance(600)
    assert world.far.struck == 0
    assert worker.dead_man.state is DeadManState.ABSENT


async def test_where_nothing_is_worth_anything_it_is_let_strike_once(world: Watched) -> None:
    worker, timer = await world.trading(harmless=True)
    assert (timer.told.count(5), world.far.struck) == (1, 1)
    assert worker.dead_man.state is DeadManState.PROVEN
    await world.rounds(worker, 80)
    assert world.venue.resting()
    assert world.looks.rows[ACCOUNT].dead_man is DeadManState.PROVEN
    heir, later = world.at_work(harmless=True)
    await world.rounds(heir, 5)
    assert heir.dead_man.state is DeadManState.PROVEN, "once is enough"
    assert later.told.count(5) == 0
    await world.settle(heir)


async def test_one_that_was_set_and_does_nothing_is_not_called_proven(world: Watched) -> None:
    world.far.sleeps = True
    worker, timer = await world.trading(harmless=True)
    await world.rounds(worker, 80)
    assert worker.dead_man.state is DeadManState.CONFIGURED
    assert timer.told.count(5) == 1, "it is not tried again at once"


async def test_where_money_is_at_stake_it_is_never_let_strike(world: Watched) -> None:
    worker, timer = await world.trading()
    await world.rounds(worker, 20)
    assert set(timer.told) == {40}


async def test_its_time_stays_within_what_the_venue_takes(world: Watched) -> None:
    worker, timer = world.at_work()
    for least, most, told in ((45, 60, 45), (5, 30, 30), (5, 60, 40)):
        timer.least_s, timer.most_s = least, most
        world.time.advance(100)
        await worker.round()
        assert timer.told[-1] == told
