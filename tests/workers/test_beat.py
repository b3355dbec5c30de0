"""A process beats only while none of its loops is stuck."""

from datetime import datetime

from tests.fakes.clock import FakeClock
from workers.beat import BeatWorker
from workers.loops import SILENT_AFTER_S, Loop, Loops


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
