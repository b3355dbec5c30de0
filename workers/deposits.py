"""The loop that books what came in."""

from domain.services.deposits import DepositService

NAME = "deposits"
EVERY_S = 1.0


class DepositWorker:
    """Collects outputs of the wallet."""

    def __init__(self, deposits: DepositService) -> None:
        self._deposits = deposits

    async def round(self) -> str:
        """Book everything that is new."""
        return await self._deposits.collect()
