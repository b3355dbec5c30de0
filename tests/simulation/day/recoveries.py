"""Attempts to bring runs back in memory, for a day of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import InvariantBroken
from domain.ids import RunId, VenueAccountName
from domain.ports.recoveries import Attempt, Outcome
from tests.simulation.day.tables import Journal, Noted

Group = tuple[VenueAccountName, datetime]


class DayRecoveries:
    """Attempts by run, and how many that began together ended in which way."""

    def __init__(self, journal: Journal) -> None:
        self._open: defaultdict[VenueAccountName, Noted[RunId, Attempt]] = defaultdict(lambda: Noted(journal))
        self._resumed: Noted[RunId, tuple[datetime, ...]] = Noted(journal)
        self._tally: defaultdict[Group, Noted[Outcome | None, int]] = defaultdict(lambda: Noted(journal))
        self.outcomes: Noted[Outcome, int] = Noted(journal)

    async def begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            mine = self._open[attempt.account]
            if attempt.run_id in mine:
                raise InvariantBroken("store_refused", constraint="recoveries_once")
            mine[attempt.run_id] = attempt
            self._count(attempt, None, 1)

    async def open(self, account: VenueAccountName) -> Sequence[Attempt]:
        return list(self._open[account].values())

    async def end(self, run_id: RunId, outcome: Outcome, reason: str, at: datetime) -> None:
        attempt = next((mine.pop(run_id) for mine in self._open.values() if run_id in mine), None)
        if attempt is None:
            raise InvariantBroken("recovery_ended", run=run_id)
        self._count(attempt, None, -1)
        self._count(attempt, outcome, 1)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if outcome is Outcome.RESUMED:
            self._resumed[run_id] = (*self._resumed.get(run_id, ()), at)

    async def resumed(self, run_ids: Sequence[RunId], since: datetime) -> Mapping[RunId, int]:
        counted = {run_id: sum(at > since for at in self._resumed.get(run_id, ())) for run_id in run_ids}
        return Counter(counted)

    async def tally(self, account: VenueAccountName, began_at: datetime) -> Mapping[Outcome | None, int]:
        return {outcome: n for outcome, n in self._tally[account, began_at].items() if n}

    async def forgive(self, run_ids: Sequence[RunId]) -> None:
        for run_id in run_ids:
            self._resumed.pop(run_id, None)

    def _count(self, attempt: Attempt, outcome: Outcome | None, by: int) -> None:
        tally = self._tally[attempt.account, attempt.began_at]
        tally[outcome] = tally.get(outcome, 0) + by
