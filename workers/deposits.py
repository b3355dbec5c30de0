"""The loop that books what came in."""

from domain.services.deposits import DepositService
from domain.services.safe_boot import SafeBoot

NAME = "deposits"
EVERY_S = 1.0


class DepositWorker:
    """Collects outputs of the wallet."""

    def __init__(self, deposits: DepositService, safe: SafeBoot | None = None) -> None:
        self._deposits, self._safe = deposits, safe

    async def round(self) -> str:
        """Book everything that is new, unless nothing may be done."""
        if self._safe and await self._safe.holds():
            return "safe boot: nothing is credited until the owner says so"
        return await self._deposits.collect()
