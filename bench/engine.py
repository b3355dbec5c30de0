"""The trading engine with many runs: how fast it answers a market, what a run costs, what a worker weighs.

Real code on a real Postgres with production's durability; the venue stands inside the process and answers
at once, so that what is measured ends where the request would reach its socket. The engine is one thread
on one core; Postgres may use another. ``python -m bench.engine latency`` (or ``cost``, ``memory``)
measures one thing.
"""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from adapters.db.migrate import migrate
from adapters.db.store import PostgresStore
from adapters.process import settle_memory
from bench._stage import Heard, Stage
from domain.services.ticking import Due
from domain.strategies.pure_market_making import BALANCED
from sandbox.postgres import create_database, start_postgres

RUNS, PAIRS = 200, 50
EVENTS = int(os.environ.get("BENCH_EVENTS", "400"))
EVERY_S = 0.15
MOST_MS = 5.0
FLAT = 1.5
"""A run may cost so many times as much among 2,000 as among 100 and still be called flat: this is noise."""
MOST_MB, MOST_KB = 250, 20
ROUNDS = 5


def main() -> None:
    """Measure, each thing in a process of its own, and fail when a bar was missed."""
    if len(sys.argv) > 1:
        sys.exit(0 if in_a_cluster(BARS[sys.argv[1]]) else 1)
    command = [sys.executable, "-m", "bench.engine"]
    missed = [name for name in BARS if subprocess.run([*command, name], check=False).returncode]  # noqa: S603
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


def in_a_cluster(measure: Callable[[str], Awaitable[bool]]) -> bool:
    """Measure on a database of its own."""
    with tempfile.TemporaryDirectory() as state:
        server = start_postgres(Path(state), durable=True)
        try:
            url = create_database(server, "bench")
            return asyncio.run(_measured(measure, url))
        finally:
            server.stop()


async def _measured(measure: Callable[[str], Awaitable[bool]], url: str) -> bool:
    await migrate(url)
    return await measure(url)


async def latency(url: str) -> bool:
    """Market event → request, one market after the other, while all runs tick in their own rhythm."""
    async with PostgresStore(url) as store:
        stage = Stage(store)
        await stage.open(PAIRS)
        await stage.add_runs(RUNS, PAIRS)
        trading = asyncio.create_task(_trade(stage))
        await asyncio.sleep(2 * BALANCED.refresh_s)
        await store.execute("ANALYZE")  # as the server does by itself once there are rows
        settle_memory()  # as the worker does
        heard, syncs = [], []
        for number in range(EVENTS):
            heard.append(stage.venue.move(number * 7 % PAIRS))
            await asyncio.sleep(EVERY_S / 2)
            syncs.append(await asyncio.to_thread(_sync_ms))
            await asyncio.sleep(EVERY_S / 2)
            if trading.done():
                await trading  # it never ends by itself: say what ended it
        await asyncio.sleep(1)
        trading.cancel()
        await asyncio.gather(trading, return_exceptions=True)
    return _say_latency(heard, syncs)


async def _trade(stage: Stage) -> None:
    while True:
        await stage.keeper.round()
        await stage.execution.round()


def _sync_ms() -> float:
    """Return how long the disk takes for what a commit asks of it: a page written and synced."""
    with tempfile.NamedTemporaryFile() as file:
        os.pwrite(file.fileno(), b"x" * 8192, 0)
        os.fdatasync(file.fileno())
        began = time.perf_counter()
        os.pwrite(file.fileno(), b"y" * 8192, 0)
        os.fdatasync(file.fileno())
        return (time.perf_counter() - began) * 1000


def _say_latency(heard: Sequence[Heard], syncs: Sequence[float]) -> bool:
    answered = [each for each in heard if each.cancels and each.places]
    first = [(min(each.cancels + each.places) - each.came_s) * 1000 for each in answered]
    quotes = [(min(each.places) - each.came_s) * 1000 for each in answered]
    last = [(max(each.places) - each.came_s) * 1000 for each in answered]
    requests = sum(len(each.cancels) + len(each.places) for each in answered)
    bar = MOST_MS + _p(syncs, 99)
    moved = f"{len(heard)} markets moved, {len(answered)} answered by {requests} requests"
    print(f"{RUNS} runs on {PAIRS} pairs: {moved}")
    for what, times in (
        ("one fsync", syncs),
        ("event → first cancel", first),
        ("event → first quote", quotes),
        ("event → last quote", last),
    ):
        print(f"{what:20}  p50 {_p(times, 50):6.1f} ms  p99 {_p(times, 99):6.1f} ms")
    all_answered, good = len(answered) >= 0.98 * len(heard), True
    for what, times in (("first request", first), ("first quote, which waits for a commit,", quotes)):
        met = all_answered and _p(times, 99) <= bar
        ratio = f"{_p(times, 99) / bar:.2f} × the bar of {MOST_MS:g} ms + one fsync"
        print(f"{_verdict(met)}: {what} p99 {_p(times, 99):.1f} ms, {ratio}")
        good = good and met
    return good


def _p(times: Sequence[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def _verdict(good: bool) -> str:
    return "met" if good else "MISSED"


async def cost(url: str) -> bool:
    """What evaluating every run once costs each, with 5 % of them requoting, among few and among many."""
    async with PostgresStore(url) as store:
        stage, costs = Stage(store), {}
        await stage.open(500)
        for many in (100, 500, 2000):
            await stage.add_runs(many - stage.count, many // 4)
            due = [Due(run, BALANCED) for run in await stage.desk.runs.active(stage.venue.account)]
            for start in range(0, many, 100):  # so many orders leave within the time they may
                await stage.execution.ticking.tick(due[start : start + 100])
            await store.execute("ANALYZE")
            costs[many] = statistics.median([await _beat(stage, due, turn) for turn in range(ROUNDS)])
            print(f"{many:5} runs, 5 % requoting: {costs[many]:6.1f} µs of CPU a run")
    ratio = costs[2000] / costs[100]
    print(f"{_verdict(ratio <= FLAT)}: a run among 2,000 costs {ratio:.2f} × one among 100 (flat: ≤ {FLAT})")
    return ratio <= FLAT


async def _beat(stage: Stage, due: Sequence[Due], turn: int) -> float:
    pairs = len(due) // 4
    for number in range(-(-pairs // 20)):
        stage.venue.move((turn * 31 + number * 20) % pairs)
    began = time.process_time()
    await stage.execution.ticking.tick(due)
    await stage.desk.sight.look([each.run for each in due])
    return (time.process_time() - began) / len(due) * 1e6


async def memory(url: str) -> bool:
    """What a worker weighs that has read everything about its runs, with all that a worker loads."""
    import ccxt.pro

    import workers.__main__  # noqa: F401 - what is weighed is the process that trades

    ccxt.pro.binance()
    async with PostgresStore(url) as store:
        stage, weights = Stage(store), {}
        await stage.open(500)
        for many in (1000, 2000):
            await stage.add_runs(many - stage.count, 500)
            end = time.monotonic() + 2 * BALANCED.refresh_s
            while time.monotonic() < end:
                await stage.keeper.round()
                await stage.execution.round()
            gc.collect()
            weights[many] = _resident_mb()
            print(f"{many:5} runs: {weights[many]:6.1f} MB resident")
    more = (weights[2000] - weights[1000]) * 1024 / 1000
    good = weights[1000] <= MOST_MB and more <= MOST_KB
    print(
        f"{_verdict(good)}: {weights[1000]:.0f} MB (≤ {MOST_MB}), {more:.1f} KB a further run (≤ {MOST_KB})"
    )
    return good


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


BARS: dict[str, Callable[[str], Awaitable[bool]]] = {"latency": latency, "cost": cost, "memory": memory}

if __name__ == "__main__":
    main()
