"""Classes of the owner's own, named in the settings beside the built-in ones."""

import importlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from domain.angel.closing import Closing, FailSafe, JoinsLegs, Market, Stranded
from domain.health.recovery import Choice, Decision, HeldBack

T = TypeVar("T")

_WITHIN_S = 1.0
"""How long an owner's own code may think of one run; the event loop waits for it."""


def named(name: str, built_in: Mapping[str, type[T]], method: str) -> T:
    """Return an instance of a built-in class, or of ``module:Class`` from Python's path, made of nothing.

    Raises:
        ValueError: it is not there, cannot be made, or lacks the method that will be called.
    """
    if found := built_in.get(name):
        return found()
    module, _, what = name.partition(":")
    try:
        own: Any = getattr(importlib.import_module(module), what)()
    except Exception as error:  # the owner's own code: whatever it raises, the start says so in a sentence
        raise ValueError(f"{name} cannot be used: {error}") from error
    if callable(getattr(own, method, None)):
        made: T = own
        return made
    raise ValueError(f"{name} has no method {method}()")


class InTime(Generic[T]):
    """Asks the owner's own code in a thread of its own: what hangs there keeps nobody waiting for long."""

    def __init__(self, within_s: float = _WITHIN_S) -> None:
        """Wait so many seconds for an answer."""
        self._within_s = within_s
        self._at_it: threading.Thread | None = None

    def ask(self, question: Callable[[], T]) -> T:
        """Return the answer.

        Raises:
            TimeoutError: there was none in time, or a question before this one still waits for its own.
            Exception: whatever it raises; ending the process is not for it to say.
        """
        if self._at_it is not None and self._at_it.is_alive():
            raise TimeoutError("it still thinks about another question")
        told: list[T] = []
        failed: list[BaseException] = []

        def think() -> None:
            try:
                told.append(question())
            except BaseException as error:
                failed.append(error)

        self._at_it = threading.Thread(target=think, name="own code thinks", daemon=True)
        self._at_it.start()
        self._at_it.join(self._within_s)
        if told:
            return told[0]
        if not failed:
            raise TimeoutError(f"it has said nothing for {self._within_s:g} s")
        if isinstance(failed[0], Exception):
            raise failed[0]
        raise RuntimeError(type(failed[0]).__name__) from failed[0]


@dataclass(slots=True)
class Timely:
    """An owner's own choice of what becomes of runs, asked in time."""

    choice: Choice
    _asked: InTime[Decision] = field(default_factory=InTime)

    def decide(self, held: HeldBack) -> Decision:
        """Return what the choice says; raises as ``InTime.ask``."""
        return self._asked.ask(lambda: self.choice.decide(held))


@dataclass(slots=True)
class TimelyFailSafe:
    """An owner's own fail-safe, asked in time: what is on other accounts' books does not wait for it."""

    own: FailSafe
    _asked: InTime[Closing] = field(default_factory=InTime)

    def close(self, run: Stranded, market: Market) -> Closing:
        """Return what it says; raises as ``InTime.ask``."""
        return self._asked.ask(lambda: self.own.close(run, market))


@dataclass(slots=True)
class TimelyJoining(TimelyFailSafe):
    """One that knows of actions with two legs."""

    joins: JoinsLegs = field(kw_only=True)

    def finish(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return what it says; raises as ``InTime.ask``."""
        return self._asked.ask(lambda: self.joins.finish(leader, leg, market))

    def undo(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        """Return what it says; raises as ``InTime.ask``."""
        return self._asked.ask(lambda: self.joins.undo(leader, leg, market))


def in_time(own: FailSafe) -> FailSafe:
    """Return an owner's own fail-safe as one that answers in time or not at all."""
    return TimelyJoining(own, joins=own) if isinstance(own, JoinsLegs) else TimelyFailSafe(own)
