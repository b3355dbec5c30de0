"""Which boundaries to die at, so that every crash point of a scenario is met once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.turns import Passed

Log = Sequence[Passed]


@dataclass
class CrashPoints:
    """Finds the crash points of one scenario after the other, each once."""

    _logs: list[Log] = field(default_factory=list)
    _places: set[tuple[str, str]] = field(default_factory=set)

    def of(self, log: Log) -> list[Passed]:
        """Return, of the boundaries that a run passed, one for each crash point that no run before it had.

        A crash drops everything but what has lasted: commits, and what far sides have done. So of all
        boundaries a process passes between two effects of its own the first stands for the others; and every
        place in the code, before and after each kind of call, is met once as well, in the scenario that comes
        to it first. As long as a run goes as another one went before it, its points are known.
        """
        known = max((_alike(log, other) for other in self._logs), default=0)
        self._logs.append(log)
        lasted = {(passed.process, passed.effects) for passed in log[:known]}
        chosen = []
        for passed in log[known:]:
            effects, place = (passed.process, passed.effects), (passed.process, passed.where)
            if effects not in lasted or place not in self._places:
                lasted.add(effects)
                self._places.add(place)
                chosen.append(passed)
        return chosen


def _alike(one: Log, other: Log) -> int:
    """Return how many boundaries two runs passed in the same way."""
    differing = (number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))
