"""Loops that speak in sentences, outlive their errors, and stop between two rounds."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Iterable

import structlog

from domain.errors import OutcomeUnknown, Unavailable
from domain.ports.clock import Clock

LONGEST_WAIT_S = 5.0
SILENT_AFTER_S = 20.0
FAILING_AT = 5
"""How many rounds in a row must fail as nobody foresaw before the process says that it is not well."""

log = structlog.get_logger(__name__)

Round = Callable[[], Awaitable[str]]


def backoff(failures: int, jitter: float) -> float:
    """Return seconds to wait after so many failures in a row; ``jitter`` is between 0 and 1."""
    return float(min(LONGEST_WAIT_S, 0.5 * 2 ** min(failures, 10))) * (0.5 + jitter / 2)


class Loop:
    """One thing that is done again and again; one broad catch keeps it going."""

    def __init__(self, name: str, every_s: float, do_round: Round, clock: Clock) -> None:
        self.name = name
        self._every_s = every_s
        self._round = do_round
        self._clock = clock
        self._woken = asyncio.Event()
        self._said = ""
        self._last_end = clock.monotonic()
        self._failures = 0
        self._unforeseen = 0

    def wake(self) -> None:
        """Have the next round now."""
        self._woken.set()

    @property
    def idle_s(self) -> float:
        """Return for how many seconds no round has ended, well or badly."""
        return self._clock.monotonic() - self._last_end

    @property
    def silent(self) -> bool:
        """Tell whether no round has ended for long."""
        return self.idle_s > SILENT_AFTER_S + self._every_s + self._wait_s

    @property
    def failing(self) -> bool:
        """Tell whether every round lately ended in an error that is more than somebody's silence."""
        return self._unforeseen >= FAILING_AT

    async def run(self, stop: asyncio.Event) -> None:
        """Do rounds until told to stop; a round that has begun is finished."""
        while not stop.is_set():
            self._woken.clear()
            await self._one_round()
            await self._rest(stop)
        log.info("loop ended", loop=self.name)

    @property
    def _wait_s(self) -> float:
        return backoff(self._failures, 1.0) if self._failures else self._every_s

    async def _one_round(self) -> None:
        with structlog.contextvars.bound_contextvars(flow_id=f"{self.name}-{uuid.uuid4().hex[:12]}"):
            await self._guarded_round()
        self._last_end = self._clock.monotonic()

    async def _guarded_round(self) -> None:
        try:
            said = await self._round()
        except Exception as error:
            self._failures += 1
            silence = isinstance(error, (Unavailable, OutcomeUnknown))
            self._unforeseen = 0 if silence else self._unforeseen + 1
            log.exception("round failed", loop=self.name, failures=self._failures, error=str(error))
        else:
            self._failures = self._unforeseen = 0
            speak = log.debug if said == self._said else log.info
            speak("round done", loop=self.name, said=said)
            self._said = said

    async def _rest(self, stop: asyncio.Event) -> None:
        wait_s = backoff(self._failures, random.random()) if self._failures else self._every_s  # noqa: S311 - jitter
        waits = {asyncio.ensure_future(event.wait()) for event in (stop, self._woken)}
        try:
            await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()


class Loops:
    """All loops of a process."""

    def __init__(self, loops: Iterable[Loop]) -> None:
        self._loops = {loop.name: loop for loop in loops}

    def wake(self, name: str) -> None:
        """Wake a loop by name; a name nobody here has is somebody else's."""
        if loop := self._loops.get(name):
            loop.wake()

    def idle_s(self, name: str) -> float:
        """Return for how many seconds no round of a loop has ended."""
        return self._loops[name].idle_s

    def ills(self) -> dict[str, str]:
        """Return by name what is wrong with loops that do no work, in words."""
        stuck = {loop.name: "is stuck" for loop in self._loops.values() if loop.silent}
        return {loop.name: "fails" for loop in self._loops.values() if loop.failing} | stuck

    async def run(self, stop: asyncio.Event, grace_s: float = 15.0) -> None:
        """Run all until told to stop, then give them time to finish their round."""
        tasks = [asyncio.create_task(loop.run(stop), name=name) for name, loop in self._loops.items()]
        await stop.wait()
        _, unfinished = await asyncio.wait(tasks, timeout=grace_s)
        for task in unfinished:
            log.warning("loop cut off", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
