"""A process beats only while none of its loops is stuck."""

from datetime import datetime

from tests.fakes.clock import FakeClock
from workers.beat import BeatWorker
from workers.loops import FAILING_AT, SILENT_AFTER_S, Loop, Loops


async def nothing() -> str:
    return "done"


async def test_a_stuck_loop_stops_the_beat() -> None:
    clock, beats = FakeClock(), list[datetime]()

    async def say(now: datetime) -> str:
        beats.append(now)
        return "beat"

    worker = BeatWorker(Loops([Loop("payouts", 1.0, nothing, clock)]), say, clock)
    assert await worker.round() == "beat"
    clock.advance(SILENT_AFTER_S + 3)
    assert await worker.round() == "no beat: stuck are payouts"
    assert len(beats) == 1


async def test_a_loop_that_fails_again_and_again_stops_the_beat() -> None:
    clock = FakeClock()

    async def fails() -> str:
        raise LookupError

    async def say(now: datetime) -> str:
        return "beat"

    trading = Loop("trading binance-1", 0.0, fails, clock)
    worker = BeatWorker(Loops([trading, Loop("payouts", 1.0, nothing, clock)]), say, clock)
    for _ in range(FAILING_AT):
        assert await worker.round() == "beat"
        await trading._one_round()
    assert await worker.round() == "no beat: failing are trading binance-1"
