"""The loop that pays what is due."""

import structlog

from domain.errors import MrMarketError
from domain.leases import Grip
from domain.services.payouts import PayoutService
from domain.services.withdrawals import WithdrawalService

NAME = "payouts"
EVERY_S = 1.0

log = structlog.get_logger(__name__)


class PayoutWorker:
    """Drives every payout that is due while the wallet is ours; one that breaks does not stop the others."""

    def __init__(self, withdrawals: WithdrawalService, payouts: PayoutService, grip: Grip) -> None:
        self._withdrawals = withdrawals
        self._payouts = payouts
        self._grip = grip

    async def round(self) -> str:
        """Take all payouts as far as they go; say what became of each."""
        if not self._grip.held:
            return "not ours: standing by for the wallet"
        due, epoch = await self._withdrawals.due(), self._grip.epoch
        said, failed = [], list[Exception]()
        for payout_id in due:
            if not self._grip.sure:
                said.append("the wallet is not surely ours: the rest waits")
                break
            try:
                said.append(await self._payouts.drive(payout_id))
            except MrMarketError as error:
                if error.code == "epoch_lost":
                    if self._grip.epoch == epoch:
                        self._grip.drop()
                    said.append("another worker took the wallet")
                    break
                log.exception("payout broke", payout_id=payout_id, code=error.code, advice=error.advice)
                said.append(f"{payout_id} broke: {error}")
            except Exception as error:  # a bug that one payout meets keeps nobody else from being paid
                log.exception("payout failed", payout_id=payout_id)
                failed.append(error)
        if failed:
            raise ExceptionGroup("payouts failed", failed)
        return "; ".join(said) or f"nothing due, {await self._tidy(epoch)}"

    async def _tidy(self, epoch: int) -> str:
        """Use an idle round to merge small outputs."""
        try:
            return await self._payouts.tidy()
        except MrMarketError as error:
            if error.code != "epoch_lost":
                raise
            if self._grip.epoch == epoch:
                self._grip.drop()
            return "another worker took the wallet"
