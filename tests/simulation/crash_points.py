"""Which boundaries to die at, so that every crash point of a scenario is met once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulation.turns import Passed

REMEMBERED = int(os.environ.get("REMEMBERED_EFFECTS", "3"))
"""How many effects before a moment make it what it is; ``make chaos`` remembers eight."""


@dataclass
class CrashPoints:
    """Finds the crash points of one scenario after the other, each once."""

    _moments: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    _places: set[tuple[str, str]] = field(default_factory=set)

    def of(self, log: Sequence[Passed], effects: Mapping[str, Sequence[str]]) -> list[Passed]:
        """Return, of the boundaries that a run passed, one for each crash point that was not met before.

        A crash drops everything but what has lasted: commits, and what far sides have done. So of all
        boundaries a process passes between two effects of its own the first stands for the others. Moments
        are the same when the effects right before and the one after them are: a second withdrawal, asked for
        and paid as the first one was, need not be died in again. And every place in the code, before and
        after each kind of call, is met once as well, in the scenario that comes to it first.
        """
        chosen = []
        for passed in log:
            first = max(0, passed.effects - REMEMBERED)
            moment = passed.process, tuple(effects[passed.process][first : passed.effects + 1])
            place = passed.process, passed.where
            if moment not in self._moments or place not in self._places:
                self._moments.add(moment)
                self._places.add(place)
                chosen.append(passed)
        return chosen
