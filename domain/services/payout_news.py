"""What is told of payouts: to who receives them, and to the owner where something is needed."""

from decimal import Decimal

from domain.money import ZERO, plain
from domain.payouts.model import Payout, Purpose
from domain.ports.clock import Clock
from domain.ports.freezes import WALLET
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.withdrawals import PayoutStore


class PayoutNews:
    """Writes notices; call it in the transaction of what is told."""

    def __init__(self, notices: Notices, roles: RoleStore, payouts: PayoutStore, clock: Clock) -> None:
        self._notices = notices
        self._roles = roles
        self._payouts = payouts
        self._clock = clock

    async def tell(self, payout: Payout, kind: str, amount: Decimal, **more: str) -> None:
        """Tell the receiver of a payout, once for each kind."""
        params = {"coin": payout.token.coin, "amount": plain(amount), **more}
        await self._notices.tell(payout.receiver, kind, str(payout.cause), params)

    async def stuck(self, payout: Payout, code: str) -> None:
        """Tell the receiver, and the owner why: once an hour for each reason."""
        if payout.purpose is Purpose.WITHDRAWAL:
            await self.tell(payout, "withdrawal_stuck", payout.amount)
        if owner := await self._roles.owner():
            told = {
                "coin": payout.token.coin,
                "amount": plain(payout.amount),
                "id": payout.id,
                "reason": code,
            }
            hour = f"payout_stuck:{code}:{self._clock.now():%Y-%m-%dT%H}"
            await self._notices.tell(owner, "payout_stuck", hour, told)

    async def float_is_short(self, payout: Payout) -> None:
        """Tell the owner by how much the float is too small for the line, once an hour per token.

        A token that nobody approved has no float: what came in of it is all there ever is.
        """
        if not payout.booked or (owner := await self._roles.owner()) is None:
            return
        token, now = payout.token, self._clock.now()
        line = await self._payouts.line(token.asset_id)
        there = await self._payouts.free_total(token.asset_id) + await self._payouts.change_due(
            token.asset_id
        )
        missing = sum((one.pays for one in line), ZERO) - there
        if missing > 0:
            told = {"coin": token.coin, "network": token.network, "missing": plain(missing)}
            cause = f"float_short:{token.asset_id}:{now:%Y-%m-%dT%H}"
            await self._notices.tell(owner, "float_short", cause, {**told, "count": str(len(line))})

    async def wallet_stopped(self, reason: str) -> None:
        """Tell the owner that nothing is paid any more, and why."""
        if owner := await self._roles.owner():
            told = {"scope": WALLET, "reason": reason}
            cause = f"{reason}:{self._clock.now().isoformat()}"
            await self._notices.tell(owner, "payouts_frozen", cause, told)
