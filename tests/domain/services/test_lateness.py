"""How late a worker is with an account, by its own plan: work that stands still shows, silence is excused."""

from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import Worker


async def ticking() -> tuple[MemoryWorld, Worker]:
    world = MemoryWorld()
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 3)
    await world.start("0.02", "1000")
    await world.rounds(worker, 5)
    return world, worker


async def test_a_worker_that_does_what_is_due_is_not_late() -> None:
    _, worker = await ticking()
    for _ in range(20):
        await worker.round()
        assert (worker.late_s, worker.waits_for) == (0.0, "")


async def test_a_tick_that_is_not_done_makes_it_later_by_each_second() -> None:
    world, worker = await ticking()
    await worker.round()
    await world.time.sleep(30)
    before = worker.late_s
    await world.time.sleep(30)
    assert 25 < before < worker.late_s == before + 30
    await world.rounds(worker, 2)
    assert worker.late_s == 0.0


async def test_a_venue_that_is_silent_makes_it_late_and_is_named() -> None:
    world, worker = await ticking()
    world.venue.mischief.silent_read = 1.0
    for _ in range(30):
        await worker.round()
    assert worker.waits_for == "venue_silent"
    assert worker.late_s > 20
    world.venue.mischief.silent_read = 0.0
    await world.rounds(worker, 3)
    assert (worker.late_s, worker.waits_for) == (0.0, "")


async def test_orders_that_cannot_be_taken_off_for_a_minute_are_said_to_rest() -> None:
    world, worker = await ticking()
    assert world.venue.resting()
    world.venue.mischief.silent_read = world.venue.mischief.drop_request = 1.0
    began_s = world.time.monotonic()
    while not worker.stuck:
        assert world.time.monotonic() - began_s < 90
        await worker.round()
    assert world.time.monotonic() - began_s >= 55
    assert worker.stuck == f"cannot take off {len(world.venue.resting())} orders (venue_silent)"
    world.venue.mischief.silent_read = world.venue.mischief.drop_request = 0.0
    await world.rounds(worker, 3)
    assert worker.stuck == ""


async def test_who_stands_by_is_late_with_nothing() -> None:
    world, worker = await ticking()
    worker.desk.grip.drop()
    await world.time.sleep(60)
    await worker.round()
    assert worker.late_s == 0.0
