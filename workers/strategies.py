"""The trading loop of one venue account: rounds, one after the other, each said in one sentence."""

from dataclasses import dataclass

from domain.services.execution import ExecutionService
from workers.beat import LeaseWork

EVERY_S = 0.0
"""A round of trading waits by itself for what comes next."""


@dataclass(slots=True)
class TradingLoop:
    """What a worker process runs for each venue account it trades."""

    execution: ExecutionService

    @property
    def name(self) -> str:
        """Return what this loop is called in logs."""
        return f"trading {self.execution.desk.account}"

    @property
    def work(self) -> LeaseWork:
        """Return what this loop tells of the account's lease."""
        at = self.execution
        return LeaseWork(at.desk.grip, self.name, lambda: at.late_s, lambda: at.waits_for, lambda: at.stuck)

    async def round(self) -> str:
        """Trade one round and say what was done; it waits by itself for what comes next."""
        return await self.execution.round()
