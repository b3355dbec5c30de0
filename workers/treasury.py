"""The loop that moves coins between the wallet and the venues, and plans what should move next."""

from collections.abc import Callable

import structlog

from domain.errors import MrMarketError
from domain.leases import Grip
from domain.services.planning import PlanningService
from domain.services.transfers import TransferService

NAME = "treasury"
EVERY_S = 2.0
PLAN_EVERY_S = 30.0
LOOK_BACK_EVERY_S = 600.0

log = structlog.get_logger(__name__)


class TreasuryWorker:
    """Drives every transfer that is due while the wallet is ours; one that breaks stops no other."""

    def __init__(
        self,
        transfers: TransferService,
        planning: PlanningService,
        grip: Grip,
        monotonic: Callable[[], float],
    ) -> None:
        self._transfers = transfers
        self._planning = planning
        self._grip = grip
        self._monotonic = monotonic
        self._planned_s: float | None = None
        self._looked_back_s = monotonic()

    async def round(self) -> str:
        """Take a step of each transfer that is due, and plan now and then; say what became of each."""
        if not self._grip.held:
            return "not ours: standing by for the wallet"
        epoch, said, failed = self._grip.epoch, list[str](), list[Exception]()
        for transfer_id in await self._transfers.due():
            if not self._grip.sure:
                return "; ".join([*said, "the wallet is not surely ours: the rest waits"])
            try:
                said.append(await self._transfers.advance(transfer_id))
            except MrMarketError as error:
                if error.code == "epoch_lost":
                    if self._grip.epoch == epoch:
                        self._grip.drop()
                    return "; ".join([*said, "another worker took the wallet"])
                log.exception("transfer broke", transfer=transfer_id, code=error.code, advice=error.advice)
                said.append(f"{transfer_id} broke: {error}")
            except Exception as error:  # a bug that one transfer meets keeps no other from arriving
                log.exception("transfer failed", transfer=transfer_id)
                failed.append(error)
        if failed:
            raise ExceptionGroup("transfers failed", failed)
        return "; ".join([*said, *await self._plan()]) or "nothing due"

    async def _plan(self) -> list[str]:
        """Plan every half minute, and look every ten at what venues have credited of late."""
        now_s, said = self._monotonic(), []
        if self._planned_s is None or now_s - self._planned_s >= PLAN_EVERY_S:
            self._planned_s = now_s
            said.append(await self._planning.round())
        if now_s - self._looked_back_s >= LOOK_BACK_EVERY_S:
            self._looked_back_s = now_s
            said.append(await self._transfers.look_back())
        return [each for each in said if each]
