"""Classes of the owner's own, named in the settings beside the built-in ones."""

import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from domain.health.recovery import Choice, Decision, HeldBack

T = TypeVar("T")

_WITHIN_S = 1.0
"""How long an owner's choice may think of one run; the event loop waits for it."""


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


@dataclass(slots=True)
class _Thought:
    """What came of asking once; both empty: nothing yet."""

    decision: Any = None
    error: BaseException | None = None

    def think(self, choice: Choice, held: HeldBack) -> None:
        """Ask, whatever it raises: ending the process is not for it to say."""
        try:
            self.decision = choice.decide(held)
        except BaseException as error:
            self.error = error


@dataclass(slots=True)
class Timely:
    """An owner's own choice, asked in a thread of its own: one that hangs keeps nobody else waiting."""

    choice: Choice
    within_s: float = _WITHIN_S
    _at_it: threading.Thread | None = field(default=None, init=False)

    def decide(self, held: HeldBack) -> Decision:
        """Return what the choice says.

        Raises:
            TimeoutError: it has not said anything in time, or still thinks about a run before this one.
            Exception: whatever it raises.
        """
        if self._at_it is not None and self._at_it.is_alive():
            raise TimeoutError("it still thinks about another run")
        thought = _Thought()
        self._at_it = threading.Thread(target=thought.think, args=(self.choice, held), daemon=True)
        self._at_it.start()
        self._at_it.join(self.within_s)
        if self._at_it.is_alive():
            raise TimeoutError(f"it has said nothing for {self.within_s:g} s")
        if isinstance(thought.error, Exception):
            raise thought.error
        if thought.error is not None:
            raise RuntimeError(type(thought.error).__name__) from thought.error
        decision: Decision = thought.decision
        return decision
