"""The watchdog: a loop that hangs ends its process, one that is busy does not."""

import asyncio
import subprocess
import sys
import time

from adapters.watchdog import EXIT_CODE, Watchdog
from tests.fakes.clock import FakeClock


def test_silence_ends_the_process_only_beyond_the_limit() -> None:
    clock = FakeClock()
    ends: list[float] = []
    dog = Watchdog(5.0, end=ends.append, monotonic=clock.monotonic)
    clock.advance(5.0)
    dog.look()
    assert ends == []
    clock.advance(0.5)
    dog.look()
    assert ends == [5.5]
    dog.tick()
    dog.look()
    assert ends == [5.5]


async def test_thread_sees_a_loop_that_hangs_and_not_one_that_works() -> None:
    ends: list[float] = []
    with Watchdog(0.3, end=ends.append).watching():
        await asyncio.sleep(0.5)
        assert ends == []
        time.sleep(0.6)  # noqa: ASYNC251 - this is what hangs
        assert ends
    seen = len(ends)
    time.sleep(0.4)  # noqa: ASYNC251 - nobody watches any more
    assert len(ends) <= seen + 1


def test_process_that_hangs_is_gone_with_a_word_on_where() -> None:
    program = (
        "import asyncio, time\n"
        "from adapters.watchdog import Watchdog\n"
        "async def hang():\n"
        "    with Watchdog(0.3).watching():\n"
        "        time.sleep(30)\n"
        "asyncio.run(hang())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False)
    assert done.returncode == EXIT_CODE
    assert b"the event loop has not ticked for" in done.stderr
    assert b"in hang" in done.stderr
