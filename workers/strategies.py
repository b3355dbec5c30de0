"""The trading loop of one venue account: rounds, one after the other, each said in one sentence."""

from dataclasses import dataclass

from domain.services.execution import ExecutionService


@dataclass(slots=True)
class TradingLoop:
    """What a worker process runs for each venue account it trades."""

    execution: ExecutionService

    @property
    def name(self) -> str:
        """Return what this loop is called in logs."""
        return f"trading {self.execution.desk.account}"

    async def round(self) -> str:
        """Trade one round and say what was done; it waits by itself for what comes next."""
        return await self.execution.round()

    async def close(self) -> None:
        """Let go of the venue's sockets."""
        await self.execution.desk.exchange.close()
