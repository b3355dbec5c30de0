"""A thread that ends the process when its event loop hangs: it must not hold leases (safety §2.9)."""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LIMIT_S = 5.0
EXIT_CODE = 70


def end_at_once(silent_s: float) -> None:
    """End the process without asking anybody, and say where it hung."""
    sys.stderr.write(f"watchdog: the event loop has not ticked for {silent_s:.1f} s: this process ends now\n")
    faulthandler.dump_traceback(all_threads=True)
    os._exit(EXIT_CODE)


class Watchdog:
    """Watches one event loop from outside of it.

    A process that was frozen as a whole is ended when it wakes: what it meant to do has been somebody else's.
    """

    def __init__(
        self,
        limit_s: float = LIMIT_S,
        *,
        end: Callable[[float], None] = end_at_once,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin as if the loop had just ticked."""
        self._limit_s = limit_s
        self._end = end
        self._monotonic = monotonic
        self._ticked_s = monotonic()
        self._over = threading.Event()

    def tick(self) -> None:
        """Note that the loop is alive."""
        self._ticked_s = self._monotonic()

    def look(self) -> None:
        """End the process if the loop has been silent for too long."""
        silent_s = self._monotonic() - self._ticked_s
        if silent_s > self._limit_s:
            self._end(silent_s)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the running loop; imports that take seconds come before."""
        loop, every_s = asyncio.get_running_loop(), self._limit_s / 10
        thread = threading.Thread(target=self._watch, args=(every_s,), name="watchdog", daemon=True)

        def tick() -> None:
            if not self._over.is_set():
                self.tick()
                loop.call_later(every_s, tick)

        tick()
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    def _watch(self, every_s: float) -> None:
        while not self._over.wait(every_s):
            self.look()
