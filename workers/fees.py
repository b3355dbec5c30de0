"""The loop that tells people of fees to come."""

from domain.services.fees import FeeService

NAME = "fees"
EVERY_S = 5.0


class FeeWorker:
    """Tells a batch of people at a time, so that a change announced to many delays nobody."""

    def __init__(self, fees: FeeService) -> None:
        self._fees = fees

    async def round(self) -> str:
        """Tell the next people; say how many."""
        return await self._fees.tell()
