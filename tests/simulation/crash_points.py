"""Which boundaries to die at, so that every crash point of a scenario is met once."""

from collections.abc import Sequence

from tests.simulation.turns import Passed


def crash_points(log: Sequence[Passed], met: set[tuple[str, str]]) -> list[Passed]:
    """Return, of the boundaries that a run passed, one for each crash point; add the places to those ``met``.

    A crash drops everything but what has lasted: commits, and what far sides have done. So of all boundaries
    a process passes between two effects of its own the first stands for the others; and every place in the
    code, before and after each kind of call, is met once as well, in the scenario that comes to it first.
    """
    lasted: set[tuple[str, int]] = set()
    chosen = []
    for passed in log:
        effects, place = (passed.process, passed.effects), (passed.process, passed.where)
        if effects not in lasted or place not in met:
            lasted.add(effects)
            met.add(place)
            chosen.append(passed)
    return chosen
