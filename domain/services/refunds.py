"""What was kept aside, back to who sent it, at their word or the owner's: once, and not to and fro (DP6)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.errors import Refused
from domain.ids import AssetId, Ids, UserId
from domain.money import ZERO, Token, plain, round_down
from domain.payouts.model import Payout, Purpose, promise, requested, unapproved
from domain.ports.clock import Clock
from domain.ports.kept import KeptGroup, KeptStore
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.roles import Permission
from domain.services.admission import Admission
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

RETURN_ACTION = "suspense.return"
MOST_RETURNED = 20
"""So many senders are paid back at one word of the owner, who sees each; the rest at the next."""


def refund_params(group: KeptGroup) -> dict[str, str]:
    """Return everything that a confirmation binds."""
    return {
        "asset_id": group.asset_id,
        "reason": group.reason,
        "booked": str(group.booked),
        "amount": plain(group.amount),
        "count": str(group.count),
    }


def return_params(asset_id: AssetId, groups: Sequence[KeptGroup]) -> dict[str, str]:
    """Return everything that a confirmation of the owner binds: who gets back what."""
    each = (f"{g.sender}:{g.reason}:{g.booked}:{plain(g.amount)}:{g.count}" for g in groups)
    total = plain(sum((g.amount for g in groups), ZERO))
    return {"asset_id": asset_id, "amount": total, "senders": " ".join(each)}


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
        admission: Admission,
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
        self._admission = admission

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
            Refused: ``nothing_kept``; ``user_frozen``, ``coin_frozen``.
        """
        group = await self._of(user_id, asset_id)
        await self._admission.check(user_id, self._token(group).coin)
        return group, await self._confirmations.issue(user_id, ACTION, refund_params(group))

    async def request(self, user_id: UserId, asset_id: AssetId, confirmation: str) -> Payout:
        """Promise to pay back: confirmation, promise and row in one commit.

        Raises:
            Refused: ``nothing_kept``; ``refunds_too_many``; ``refund_by_hand``: no payment can carry it;
                ``confirmation_unknown`` (also when more has come since), ``confirmation_used``,
                ``confirmation_expired``; ``user_frozen``, ``coin_frozen``.
        """
        now = self._clock.now()
        async with self._store.transaction():
            await self._kept.lock(user_id)
            group = await self._of(user_id, asset_id)
            await self._admission.check(user_id, self._token(group).coin)
            await self._confirmations.consume(user_id, confirmation, ACTION, refund_params(group))
            if await self._kept.refunds_since(user_id, now - DAY) >= MOST_PER_DAY:
                raise Refused("refunds_too_many", most=MOST_PER_DAY)
            if not _can_be_paid(group):
                raise Refused("refund_by_hand", asset_id=asset_id)
            return await self._promise(user_id, group, now)

    # At the owner's word: everything of an asset, each part to who sent it.

    async def ask_for_all(self, actor: UserId, asset_id: AssetId) -> tuple[Sequence[KeptGroup], str]:
        """Return what of an asset would go back, each group to its sender, and the token that lets it.

        Raises:
            Refused: ``not_allowed``; ``nothing_to_send_back``: nobody in particular sent it, spending it
                would destroy it, or no payment can carry it.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.SUSPENSE_RETURN)
            groups = await self._returnable(asset_id)
            params = return_params(asset_id, groups)
            return groups, await self._confirmations.issue(actor, RETURN_ACTION, params)

    async def return_all(
        self, actor: UserId, asset_id: AssetId, confirmation: str, cause: str
    ) -> Sequence[KeptGroup]:
        """Promise to pay everybody back what they sent of an asset, in one commit with the audit of it.

        The limit of refunds a day is for machines that answer each other; here a person decides each time.

        Raises:
            Refused: ``not_allowed``; ``nothing_to_send_back``; ``confirmation_unknown`` (also when anything
                has come, or gone back, since), ``confirmation_used``, ``confirmation_expired``.
        """
        now = self._clock.now()
        async with self._store.transaction():
            await self._auth.require(actor, Permission.SUSPENSE_RETURN)
            seen = await self._returnable(asset_id)
            for sender in sorted({group.sender for group in seen if group.sender}):
                await self._kept.lock(sender)
            groups = await self._returnable(asset_id)
            if groups != seen:
                raise Refused("confirmation_unknown")
            params = return_params(asset_id, groups)
            await self._auth.act(actor, Permission.SUSPENSE_RETURN, params, cause)
            await self._confirmations.consume(actor, confirmation, RETURN_ACTION, params)
            for group in groups:
                assert group.sender is not None
                await self._promise(group.sender, group, now)
        return groups

    async def _returnable(self, asset_id: AssetId) -> Sequence[KeptGroup]:
        groups = await self._kept.of_asset(asset_id, REFUNDABLE, MOST_RETURNED)
        if not (payable := [group for group in groups if _can_be_paid(group)]):
            raise Refused("nothing_to_send_back", asset_id=asset_id)
        return payable

    async def _promise(self, receiver: UserId, group: KeptGroup, now: datetime) -> Payout:
        """Write down the payout of a group and take what it pays; call it inside, alone with the sender."""
        payout = requested(self._ids, Purpose.REFUND, receiver, self._token(group), group.amount, now)
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


def _can_be_paid(group: KeptGroup) -> bool:
    return group.amount < MOST_BOOKED and group.amount == round_down(group.amount)
