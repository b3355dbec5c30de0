"""The loop that takes a closing further, where there is one."""

from domain.leases import Grip
from domain.services.closing import ClosingService

NAME = "closing"
EVERY_S = 5.0


class ClosingWorker:
    """Drives the closing while the wallet is ours, so that one process at a time does."""

    def __init__(self, closing: ClosingService, grip: Grip) -> None:
        self._closing = closing
        self._grip = grip

    async def round(self) -> str:
        """Take one step; say what happened."""
        if not self._grip.held:
            return "not ours: standing by for the wallet"
        return await self._closing.round()
