"""A person's own data: told to who asks, and erased at their word once nothing of theirs is here (WI7)."""

from domain.errors import Refused
from domain.ids import UserId
from domain.market.runs import ACTIVE
from domain.money import plain
from domain.payouts.fees import SMALLEST
from domain.payouts.model import ENDED
from domain.ports.clock import Clock
from domain.ports.erasure import ErasureStore
from domain.ports.kept import KeptStore
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.runs import RunStore
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.roles import Role
from domain.services.confirmations import ConfirmationService
from domain.services.refunds import REFUNDABLE
from domain.services.user_balance import UserBalanceService

ACTION = "forget"
"""What a confirmation must have been issued for, with ``PARAMS``."""

PARAMS = {"what": "everything that is personal"}

LATEST = 20
"""Payouts that have not ended come first, so these are enough to see one."""


class ForgettingService:
    """What a person may ask of what is kept of them."""

    def __init__(
        self,
        store: Store,
        balances: UserBalanceService,
        runs: RunStore,
        payouts: PayoutStore,
        kept: KeptStore,
        roles: RoleStore,
        erasure: ErasureStore,
        notices: Notices,
        confirmations: ConfirmationService,
        clock: Clock,
    ) -> None:
        self._store = store
        self._balances = balances
        self._runs = runs
        self._payouts = payouts
        self._kept = kept
        self._roles = roles
        self._erasure = erasure
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock

    async def ask(self, user_id: UserId) -> str:
        """Return the single-use token with which this person may be forgotten.

        Raises:
            Refused: ``forget_has_role``, ``forget_has_runs``, ``forget_has_payouts``,
                ``forget_has_balance`` with the coins, ``forget_has_kept``.
        """
        async with self._store.transaction():
            await self._check(user_id)
            return await self._confirmations.issue(user_id, ACTION, PARAMS)

    async def forget(self, user_id: UserId, confirmation: str) -> None:
        """Erase what is personal; who writes again is somebody new, with the same books.

        Raises:
            Refused: as ``ask``; ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._confirmations.consume(user_id, confirmation, ACTION, PARAMS)
            await self._check(user_id)
            await self._erasure.forget(user_id, self._clock.now())

    async def ask_for_data(self, user_id: UserId) -> bool:
        """Tell the owner, once a day, that a person asks for their data; ``False`` without an owner."""
        async with self._store.transaction():
            owner = await self._roles.owner()
            if owner is not None:
                cause = f"data:{user_id}:{self._clock.now():%Y-%m-%d}"
                await self._notices.tell(owner, "data_asked_for", cause, {"who": user_id})
        return owner is not None

    async def _check(self, user_id: UserId) -> None:
        if await self._roles.role_of(user_id) is not Role.USER:
            raise Refused("forget_has_role")
        if any(run.state in ACTIVE for run in await self._runs.list(user_id)):
            raise Refused("forget_has_runs")
        if any(payout.state not in ENDED for payout in await self._payouts.of(user_id, LATEST)):
            raise Refused("forget_has_payouts")
        has = {
            balance.coin: balance.available + balance.held + balance.in_runs + balance.arriving
            for balance in await self._balances.of(user_id)
        }
        if left := [f"{plain(total)} {coin}" for coin, total in has.items() if total >= SMALLEST]:
            raise Refused("forget_has_balance", coins=", ".join(left))
        if await self._kept.of(user_id, REFUNDABLE):
            raise Refused("forget_has_kept")
