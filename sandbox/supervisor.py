"""Keeps the parts of the sandbox running, tells what befalls them, and stops them in order.

Everything happens in the main thread: the kernel's promise that a child ends with its starter is bound
to the thread that started it.
"""

import signal
import time
from collections.abc import Callable, Collection
from types import FrameType
from typing import NoReturn

from sandbox.parts import Part, read_json

_ROUND_S = 0.2
_SAME_AGAIN_S = 10.0
_BESIDE_THE_POINT = ("event", "level", "timestamp", "logger", "process", "exception")

Say = Callable[[str], None]


class StopAsked(BaseException):
    """Somebody asked us to stop: Ctrl-C, or SIGTERM."""


class Supervisor:
    """The parts in the order they were started; they stop in the reverse order, group by group."""

    def __init__(
        self,
        say: Say,
        changed: Callable[[], None] = lambda: None,
        down: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Look after nothing yet; ``down`` names parts that are killed and kept down, for a drill."""
        self._say, self._changed, self._down = say, changed, down
        self._groups: list[list[Part]] = []
        self._told: dict[str, float] = {}
        self._hurried = False

    @property
    def parts(self) -> list[Part]:
        """Return all parts, in the order they were started."""
        return [part for group in self._groups for part in group]

    def pids(self) -> dict[str, int]:
        """Return the process ids of all parts that run."""
        return {part.name: part.pid for part in self.parts if part.pid is not None}

    def start(self, *parts: Part) -> None:
        """Start parts that belong together and do not wait for each other."""
        self._groups.append([])
        for part in parts:
            part.start()
            self._groups[-1].append(part)

    def round(self) -> None:
        """Look at every part once: start again what ended, repeat what its log calls an error."""
        down = self._down()
        for part in self.parts:
            self._repeat_errors(part)
            if part.name in down:
                if part.kill():
                    self._say(f"{part.name} was killed, and is kept down")
                continue
            if what := part.look(time.monotonic()):
                self._say(what)
                self._changed()

    def watch(self) -> NoReturn:
        """Look after the parts until asked to stop."""
        while True:
            self.round()
            time.sleep(_ROUND_S)

    def stop(self) -> None:
        """Stop every part, last started first; asked again, do it at once."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._hurry)
        while self._groups:
            group = self._groups.pop()
            for part in group:
                part.ask_to_stop()
            for part in group:
                part.wait(lambda: self._hurried)

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        self._hurried = True

    def _repeat_errors(self, part: Part) -> None:
        for line in part.new_lines():
            entry = read_json(line)
            if not entry or entry.get("level") not in ("error", "critical"):
                continue
            facts = " ".join(
                f"{name}={value}" for name, value in entry.items() if name not in _BESIDE_THE_POINT
            )
            self._say_once(f"{part.name}: {entry.get('event')}", facts, part)

    def _say_once(self, what: str, facts: str, part: Part) -> None:
        now = time.monotonic()
        if now - self._told.get(what, -_SAME_AGAIN_S) >= _SAME_AGAIN_S:
            self._told[what] = now
            self._say(f"{what} {facts}".rstrip() + f" (more in {part.log})")


def stop_on_signals() -> None:
    """Turn Ctrl-C and SIGTERM into :class:`StopAsked`, once."""

    def stop(number: int, frame: FrameType | None) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise StopAsked

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
