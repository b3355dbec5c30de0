"""One run as its person watches it."""

from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Refused
from domain.ids import UserId
from domain.market.runs import FRESH, RunState
from domain.ports.live_runs import LiveRun, LiveRunStore
from domain.services.trading_strategy import profit_of


@dataclass(frozen=True, slots=True)
class LiveView:
    """A run and what follows from it; ``profit`` is after all fees, ``None`` while no price is known.

    ``fresh`` says whether its market was seen lately: an older one gives no profit.
    """

    run: LiveRun
    fresh: bool
    profit: Decimal | None


class LiveRunService:
    """Everybody's own runs."""

    def __init__(self, runs: LiveRunStore) -> None:
        self._runs = runs

    async def look(self, user_id: UserId, number: int) -> LiveView:
        """Return how a run stands now.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's.
            Unavailable: the database does not answer.
        """
        run = await self._runs.look(user_id, number)
        if run is None:
            raise Refused("run_unknown", number=number)
        return view_of(run)


def view_of(run: LiveRun) -> LiveView:
    """Return what follows from a run as it stands."""
    fresh = run.seen_at is not None and run.as_of - run.seen_at <= FRESH
    known = run.mid is not None and (fresh or run.state is RunState.STOPPED)
    profit = profit_of(run, run.base, run.quote, run.mid) if known and run.mid is not None else None
    return LiveView(run, fresh, profit)
