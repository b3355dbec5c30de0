"""The loop that pays what is due."""

import structlog

from domain.errors import MrMarketError
from domain.services.payouts import PayoutService
from domain.services.withdrawals import WithdrawalService

NAME = "payouts"
EVERY_S = 1.0

log = structlog.get_logger(__name__)


class PayoutWorker:
    """Drives every payout that is due; one that breaks does not stop the others."""

    def __init__(self, withdrawals: WithdrawalService, payouts: PayoutService) -> None:
        self._withdrawals = withdrawals
        self._payouts = payouts

    async def round(self) -> str:
        """Take all payouts as far as they go; say what became of each."""
        due = await self._withdrawals.due()
        said = []
        for payout_id in due:
            try:
                said.append(await self._payouts.drive(payout_id))
            except MrMarketError as error:
                log.exception("payout broke", payout_id=payout_id, code=error.code, advice=error.advice)
                said.append(f"{payout_id} broke: {error}")
        return "; ".join(said) or "nothing due"
