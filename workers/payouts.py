"""The loop that pays what is due."""

from collections.abc import Callable

import structlog

from domain.errors import MrMarketError
from domain.leases import Grip
from domain.services.payouts import PayoutService
from domain.services.withdrawals import WithdrawalService

NAME = "payouts"
EVERY_S = 1.0
LOOK_BACK_EVERY_S = 60.0

log = structlog.get_logger(__name__)


class PayoutWorker:
    """Drives every payout that is due while the wallet is ours; one that breaks does not stop the others."""

    def __init__(
        self,
        withdrawals: WithdrawalService,
        payouts: PayoutService,
        grip: Grip,
        monotonic: Callable[[], float],
    ) -> None:
        self._withdrawals = withdrawals
        self._payouts = payouts
        self._grip = grip
        self._monotonic = monotonic
        self._looked_back_s: float | None = None

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
        return "; ".join([*said, *await self._look_back()]) or f"nothing due, {await self._tidy(epoch)}"

    async def _look_back(self) -> list[str]:
        """Once a minute, look whether what was refused was paid after all; say so if any was."""
        now_s = self._monotonic()
        if self._looked_back_s is not None and now_s - self._looked_back_s < LOOK_BACK_EVERY_S:
            return []
        self._looked_back_s = now_s
        found = await self._payouts.look_back()
        return [found] if found else []

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
