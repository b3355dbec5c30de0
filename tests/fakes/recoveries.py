"""Attempts to bring runs back, in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import InvariantBroken
from domain.ids import RunId, VenueAccountName
from domain.ports.recoveries import Attempt, Outcome


@dataclass(frozen=True)
class Row:
    """An attempt, and what became of it."""

    attempt: Attempt
    outcome: Outcome | None = None
    reason: str = ""
    ended_at: datetime | None = None
    counts: bool = True

    def __deepcopy__(self, memo: dict[int, object]) -> "Row":
        """Return it as it is: it is replaced and never altered."""
        return self


class FakeRecoveries:
    """Attempts in order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def begin(self, attempts: Sequence[Attempt]) -> None:
        opened = {row.attempt.run_id for row in self.rows if row.outcome is None}
        if opened & {attempt.run_id for attempt in attempts}:
            raise InvariantBroken("store_refused", constraint="recoveries_once")
        self.rows += [Row(attempt) for attempt in attempts]

    async def open(self, account: VenueAccountName) -> Sequence[Attempt]:
        return [r.attempt for r in self.rows if r.outcome is None and r.attempt.account == account]

    async def end(self, run_id: RunId, outcome: Outcome, reason: str, at: datetime) -> None:
        for n, row in enumerate(self.rows):
            if row.attempt.run_id == run_id and row.outcome is None:
                self.rows[n] = replace(row, outcome=outcome, reason=reason, ended_at=at)
                return
        raise InvariantBroken("recovery_ended", run=run_id)

    async def resumed(self, run_ids: Sequence[RunId], since: datetime) -> Mapping[RunId, int]:
        mine = (r for r in self.rows if r.outcome is Outcome.RESUMED and r.counts)
        late = (r for r in mine if r.ended_at and r.ended_at > since)
        return Counter(r.attempt.run_id for r in late if r.attempt.run_id in run_ids)

    async def tally(self, account: VenueAccountName, began_at: datetime) -> Mapping[Outcome | None, int]:
        return Counter(
            r.outcome for r in self.rows if (r.attempt.account, r.attempt.began_at) == (account, began_at)
        )

    async def forgive(self, run_ids: Sequence[RunId]) -> None:
        self.rows = [replace(r, counts=r.counts and r.attempt.run_id not in run_ids) for r in self.rows]
