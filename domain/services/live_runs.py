"""One run as its person watches it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from domain.errors import Refused
from domain.ids import UserId
from domain.market.runs import FRESH, RunState
from domain.ports.live_runs import LiveRun, LiveRunStore, RunDay
from domain.services.trading_strategy import profit_of

TENDED = timedelta(seconds=35)
"""A worker looks at every market each ten seconds: three looks missed, and nobody tends the run."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """A run and what follows from it; ``profit`` is after all fees, ``None`` while no price is known.

    ``fresh`` says whether its market was seen lately: an older one gives no profit. ``tended`` says whether
    a worker looks after it, so that what is shown is what is so; a stopped run needs nobody.
    """

    run: LiveRun
    fresh: bool
    tended: bool
    profit: Decimal | None


class LiveRunService:
    """Everybody's own runs."""

    def __init__(self, runs: LiveRunStore) -> None:
        self._runs = runs

    async def look(self, user_id: UserId, number: int, before: LiveView | None = None) -> LiveView:
        """Return how a run stands now; whoever looked before may spare the totals since.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's.
            Unavailable: the database does not answer.
        """
        run = await self._runs.look(user_id, number, before.run.totals if before else None)
        if run is None:
            raise Refused("run_unknown", number=number)
        return view_of(run)

    async def day(self, user_id: UserId, number: int) -> RunDay:
        """Return the last 24 hours of the market that a run trades on.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's.
            Unavailable: the database does not answer.
        """
        day = await self._runs.day(user_id, number)
        if day is None:
            raise Refused("run_unknown", number=number)
        return day


def view_of(run: LiveRun) -> LiveView:
    """Return what follows from a run as it stands."""
    stopped = run.state is RunState.STOPPED
    age = run.as_of - run.seen_at if run.seen_at is not None else None
    fresh, tended = (age is not None and age <= span for span in (FRESH, TENDED))
    known = run.mid is not None and (fresh or stopped)
    profit = profit_of(run, run.base, run.quote, run.mid) if known and run.mid is not None else None
    return LiveView(run, fresh, tended or stopped, profit)
