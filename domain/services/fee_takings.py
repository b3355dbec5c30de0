"""What the instance has earned, to its owner: announced, a day later paid, never what is owed (FE3, FE4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.errors import Refused
from domain.fees import NOTICE
from domain.ids import AssetId, Ids, UserId, WithdrawalId
from domain.ledger.model import AccountKind, mixin, own
from domain.money import ZERO, Token, plain, round_down
from domain.payouts.model import OPEN_TO_CANCEL, Payout, PayoutState, Purpose, promise, requested
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.tokens import Tokens

ACTION = "take_fees"
"""What a confirmation must have been issued for, with ``taking_params``."""

MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Earned:
    """Fees earned of a token's coin, and what of it can be taken as this token now."""

    token: Token
    earned: Decimal
    takeable: Decimal


def taking_params(asset_id: AssetId, amount: Decimal) -> dict[str, str]:
    """Return everything that a confirmation binds."""
    return {"asset_id": asset_id, "amount": plain(amount)}


class FeeTakingService:
    """Fees out of the instance; who is more than a user hears of it a day before."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        payouts: PayoutStore,
        notices: Notices,
        roles: RoleStore,
        confirmations: ConfirmationService,
        tokens: Tokens,
        auth: AuthService,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._payouts = payouts
        self._notices = notices
        self._roles = roles
        self._confirmations = confirmations
        self._tokens = tokens
        self._auth = auth

    def token(self, asset_id: AssetId) -> Token:
        """Return an approved token.

        Raises:
            Refused: ``token_unknown``.
        """
        return self._tokens.get(asset_id).token

    async def list(self, by: UserId) -> tuple[Sequence[Earned], Sequence[Payout]]:
        """Return what has been earned, token by token, and what was or will be taken, the open ones first.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(by, Permission.FEES_TAKE)
            earned = [await self._earned(token) for token in self._tokens.list()]
            return [one for one in earned if one.earned], await self._payouts.takings(MOST_LISTED)

    async def ask(self, by: UserId, asset_id: AssetId, amount: Decimal | None) -> tuple[Decimal, str]:
        """Return what would be taken (``None`` asks for all), and the token with which it can be confirmed.

        Raises:
            Refused: ``not_allowed``; ``token_unknown``; ``amount_not_positive``; ``amount_too_precise``;
                ``fees_beyond`` with what can be taken.
        """
        async with self._store.transaction():
            await self._auth.require(by, Permission.FEES_TAKE)
            amount = await self._check(self.token(asset_id), amount)
            return amount, await self._confirmations.issue(by, ACTION, taking_params(asset_id, amount))

    async def announce(
        self, by: UserId, asset_id: AssetId, amount: Decimal, confirmation: str, cause: str
    ) -> Payout:
        """Promise fees to the owner, to be paid a day from now, and tell all who are more than a user.

        Raises:
            Refused: as ``ask``; ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``.
        """
        token, now = self.token(asset_id), self._clock.now()
        payout = requested(self._ids, Purpose.FEES, by, token, amount, now)
        payout = replace(payout, due_at=now + NOTICE)
        async with self._store.transaction():
            await self._auth.act(by, Permission.FEES_TAKE, taking_params(asset_id, amount), cause)
            await self._confirmations.consume(by, confirmation, ACTION, taking_params(asset_id, amount))
            await self._check(token, amount)
            await self._payouts.add(payout)
            await self._ledger.hold(promise(payout))
            await self._tell_all(payout, "fees_taking_announced")
        return payout

    async def cancel(self, by: UserId, payout_id: WithdrawalId, cause: str) -> Payout:
        """Take back what was announced, while nothing is reserved for it: it stays earned.

        Raises:
            Refused: ``not_allowed``; ``taking_unknown``; ``taking_under_way``.
        """
        async with self._store.transaction():
            await self._auth.act(by, Permission.FEES_TAKE, {"cancel": payout_id}, cause)
            payout = await self._find(payout_id)
            cancelled = replace(payout, state=PayoutState.CANCELLED, reason="")
            if payout.state not in OPEN_TO_CANCEL or not await self._payouts.save(cancelled, payout.state):
                raise Refused("taking_under_way")
            await self._ledger.release(payout.cause)
            await self._tell_all(cancelled, "fees_taking_cancelled")
        return cancelled

    async def _find(self, payout_id: WithdrawalId) -> Payout:
        try:
            payout = await self._payouts.get(payout_id)
        except Refused as refusal:
            raise Refused("taking_unknown") from refusal
        if payout.purpose is not Purpose.FEES:
            raise Refused("taking_unknown")
        return payout

    async def _check(self, token: Token, amount: Decimal | None) -> Decimal:
        """Return an amount that may be taken now; ``None`` asks for all of it."""
        takeable = (await self._earned(token)).takeable
        wanted = takeable if amount is None else amount
        if amount is not None and (not amount.is_finite() or amount <= 0):
            raise Refused("amount_not_positive")
        if wanted != round_down(wanted):
            raise Refused("amount_too_precise", places=8)
        if wanted > takeable or not wanted:
            raise Refused("fees_beyond", available=plain(takeable), coin=token.coin)
        return wanted

    async def _earned(self, token: Token) -> Earned:
        """Return what is earned, and the part that is neither promised, owed to anybody, nor elsewhere."""
        fees = await self._ledger.balance(own(AccountKind.FEES, token.coin))
        spare = await self._ledger.spare(token.coin) - fees.held
        there = (await self._ledger.balance(mixin(token))).total
        return Earned(token, fees.total, round_down(max(min(fees.free, spare, there), ZERO)))

    async def _tell_all(self, payout: Payout, kind: str) -> None:
        params = {
            "coin": payout.token.coin,
            "network": payout.token.network,
            "amount": plain(payout.amount),
            "id": payout.id,
            "ready_at": (payout.created_at + NOTICE).isoformat(),
        }
        for person in await self._roles.privileged():
            await self._notices.tell(person, kind, payout.id, params)
