"""What was kept aside, back to who sent it: at their word, once, and not for ever to and fro (DP6)."""

from collections.abc import Sequence
from datetime import timedelta

from domain.errors import Refused
from domain.ids import AssetId, Ids, UserId, WithdrawalId
from domain.money import ZERO, Token, plain, round_down
from domain.payouts.model import Payout, PayoutState, Purpose, promise, unapproved
from domain.ports.clock import Clock
from domain.ports.kept import KeptGroup, KeptStore
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.incoming import BELOW_MINIMUM, MOST_BOOKED
from domain.services.tokens import Tokens

ACTION = "refund"
"""What a confirmation must have been issued for, with ``refund_params``."""

REFUNDABLE = ("asset_unknown", BELOW_MINIMUM)
"""Reasons for which money is kept that its single sender can have back.

Spending an inscription would destroy it, and what nobody in particular sent goes to nobody in particular:
those are the owner's to settle by hand.
"""

MOST_PER_DAY = 5
"""Two bots that send each other back what they got stop here."""

DAY = timedelta(days=1)
MOST_LISTED = 20


def refund_params(group: KeptGroup) -> dict[str, str]:
    """Return everything that a confirmation binds."""
    return {
        "asset_id": group.asset_id,
        "reason": group.reason,
        "booked": str(group.booked),
        "amount": plain(group.amount),
        "count": str(group.count),
    }


class RefundService:
    """Refunds, always to the Mixin account that sent the money."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        kept: KeptStore,
        payouts: PayoutStore,
        confirmations: ConfirmationService,
        tokens: Tokens,
        auth: AuthService,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._kept = kept
        self._payouts = payouts
        self._confirmations = confirmations
        self._tokens = tokens
        self._auth = auth

    def name(self, asset_id: AssetId) -> str:
        """Return what an asset is called here: its coin, or its id where nobody approved it."""
        approved = self._tokens.find(asset_id)
        return approved.token.coin if approved else asset_id

    async def list(self, user_id: UserId) -> Sequence[KeptGroup]:
        """Return what of a person's payments is kept aside and can be had back."""
        return await self._kept.of(user_id, REFUNDABLE)

    async def suspense(self, actor: UserId) -> Sequence[KeptGroup]:
        """Return what is kept of anybody.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.SUSPENSE_READ)
            return await self._kept.all(MOST_LISTED)

    async def ask(self, user_id: UserId, asset_id: AssetId) -> tuple[KeptGroup, str]:
        """Return what is kept of an asset, and the single-use token with which this person may have it back.

        Raises:
            Refused: ``nothing_kept``.
        """
        group = await self._of(user_id, asset_id)
        return group, await self._confirmations.issue(user_id, ACTION, refund_params(group))

    async def request(self, user_id: UserId, asset_id: AssetId, confirmation: str) -> Payout:
        """Promise to pay back: confirmation, promise and row in one commit.

        Raises:
            Refused: ``nothing_kept``; ``refunds_too_many``; ``refund_by_hand``: no payment can carry it;
                ``confirmation_unknown`` (also when more has come since), ``confirmation_used``,
                ``confirmation_expired``.
        """
        now = self._clock.now()
        async with self._store.transaction():
            await self._kept.lock(user_id)
            group = await self._of(user_id, asset_id)
            await self._confirmations.consume(user_id, confirmation, ACTION, refund_params(group))
            if await self._kept.refunds_since(user_id, now - DAY) >= MOST_PER_DAY:
                raise Refused("refunds_too_many", most=MOST_PER_DAY)
            if group.amount >= MOST_BOOKED or group.amount != round_down(group.amount):
                raise Refused("refund_by_hand", asset_id=asset_id)
            payout = Payout(
                id=WithdrawalId(self._ids.new_id()),
                purpose=Purpose.REFUND,
                receiver=user_id,
                token=self._token(group),
                amount=group.amount,
                fee=ZERO,
                state=PayoutState.REQUESTED,
                created_at=now,
                due_at=now,
            )
            await self._payouts.add(payout)
            taken = await self._kept.take(group, payout.id)
            assert taken == group.amount, "nobody else decides about it meanwhile"
            if payout.booked:
                await self._ledger.hold(promise(payout))
        return payout

    def _token(self, group: KeptGroup) -> Token:
        """Return what is paid; what the ledger has in suspense must still be approved to be known."""
        return self._tokens.get(group.asset_id).token if group.booked else unapproved(group.asset_id)

    async def _of(self, user_id: UserId, asset_id: AssetId) -> KeptGroup:
        for group in await self._kept.of(user_id, REFUNDABLE):
            if group.asset_id == asset_id:
                return group
        raise Refused("nothing_kept", asset_id=asset_id)
