"""Which boundaries to die at, so that every crash point of a scenario is met once."""

from collections.abc import Sequence

from tests.simulation.turns import Passed


def crash_points(log: Sequence[Passed]) -> list[Passed]:
    """Return, of the boundaries that a run passed, one for each crash point.

    A crash drops everything but what has lasted: commits, and what far sides have done. So of all boundaries
    a process passes between two such effects the first stands for the others; and every place in the code,
    before and after each kind of call, is met at least once as well.
    """
    met: set[tuple[str, object]] = set()
    chosen = []
    for passed in log:
        news = {(passed.process, passed.effects), (passed.process, passed.where)} - met
        if news:
            met |= news
            chosen.append(passed)
    return chosen
