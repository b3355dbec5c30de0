"""Loops outlive their errors and stop between two rounds."""

import asyncio

import pytest

from adapters.clock import SystemClock
from domain.errors import OutcomeUnknown, Refused, Unavailable
from tests.fakes.clock import FakeClock
from workers.loops import FAILING_AT, LONGEST_WAIT_S, SILENT_AFTER_S, Loop, Loops, backoff


async def test_a_loop_outlives_an_error_in_a_round() -> None:
    rounds, stop = 0, asyncio.Event()

    async def do_round() -> str:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise RuntimeError("unforeseen")
        stop.set()
        return "done"

    async with asyncio.timeout(5):
        await Loop("test", 0.01, do_round, SystemClock()).run(stop)
    assert rounds == 2


async def test_a_wake_up_brings_the_next_round_at_once() -> None:
    rounds, stop = 0, asyncio.Event()

    async def do_round() -> str:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            stop.set()
        return "done"

    loops = Loops([Loop("test", 60.0, do_round, SystemClock())])
    task = asyncio.create_task(loops.run(stop))
    while not rounds:
        await asyncio.sleep(0.01)
    loops.wake("somebody else's")
    loops.wake("test")
    async with asyncio.timeout(5):
        await task
    assert rounds == 2


async def test_a_round_that_has_begun_is_finished_before_the_process_ends() -> None:
    finished, begun, stop = False, asyncio.Event(), asyncio.Event()

    async def do_round() -> str:
        nonlocal finished
        begun.set()
        await asyncio.sleep(0.05)
        finished = True
        return "done"

    task = asyncio.create_task(Loops([Loop("test", 60.0, do_round, SystemClock())]).run(stop))
    await begun.wait()
    stop.set()
    await task
    assert finished


async def test_a_round_that_does_not_end_is_cut_off() -> None:
    stop = asyncio.Event()

    async def do_round() -> str:
        stop.set()
        await asyncio.sleep(3600)
        return "never"

    async with asyncio.timeout(5):
        await Loops([Loop("test", 60.0, do_round, SystemClock())]).run(stop, grace_s=0.05)


def test_a_stuck_loop_is_silent() -> None:
    async def do_round() -> str:
        return "done"

    clock = FakeClock()
    loops = Loops([Loop("test", 1.0, do_round, clock)])
    assert loops.ills() == {}
    clock.advance(SILENT_AFTER_S + 3)
    assert loops.ills() == {"test": "is stuck"}


def test_the_wait_after_errors_grows_to_a_limit() -> None:
    assert backoff(1, 1.0) == 1.0
    assert backoff(3, 1.0) == 4.0
    assert backoff(1_000, 1.0) == LONGEST_WAIT_S
    assert backoff(3, 0.0) == 2.0


@pytest.mark.parametrize(
    ("error", "well"),
    [
        (Unavailable("venue_silent"), True),
        (OutcomeUnknown("lost"), True),
        (Refused("odd"), False),
        (KeyError(), False),
    ],
    ids=["silence", "no clear answer", "a no", "a bug"],
)
async def test_rounds_that_fail_as_nobody_foresaw_are_shown_and_silence_is_not(
    error: Exception, well: bool
) -> None:
    said: list[Exception | str] = [error] * FAILING_AT

    async def do_round() -> str:
        if isinstance(word := said.pop(0), Exception):
            raise word
        return word

    loop = Loop("test", 0.0, do_round, FakeClock())
    loops = Loops([loop])
    for _ in range(FAILING_AT - 1):
        await loop._one_round()
        assert loops.ills() == {}
    await loop._one_round()
    assert loops.ills() == ({} if well else {"test": "fails"})
    said.append("done")
    await loop._one_round()
    assert loops.ills() == {}
