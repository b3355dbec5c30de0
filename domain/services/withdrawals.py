"""Money going out at a person's word: what it costs, and the promise to pay."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from domain.errors import Refused
from domain.fees import FeeKind, Rate, in_force
from domain.ids import AssetId, Ids, UserId, WithdrawalId
from domain.ledger.model import available
from domain.money import ZERO, plain, round_down
from domain.payouts.fees import WithdrawalQuote, quote_withdrawal
from domain.payouts.model import (
    CONSOLIDATING,
    ENDED,
    OPEN_TO_CANCEL,
    Payout,
    PayoutState,
    Purpose,
    promise,
    requested,
)
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.services.admission import Admission
from domain.services.confirmations import ConfirmationService
from domain.services.payouts import FROZEN, STUCK_AFTER, PayoutService
from domain.services.tokens import Tokens
from domain.services.user_balance import CoinBalance, UserBalanceService

ACTION = "withdraw"
"""What a confirmation must have been issued for, with ``WithdrawalQuote.params``."""

DUE_AT_ONCE = 100
MOST_LISTED = 10


class Outlook(StrEnum):
    """When a withdrawal will be paid, as far as anybody can honestly say."""

    NOW = "now"  # its money is there: seconds
    CHANGE = "change"  # its money is on its way back from other payments: a minute or two
    MERGING = "merging"  # its money is there, in too many pieces: a few minutes
    COMING = "coming"  # its money is on its way from an exchange: minutes to hours
    FUNDS = "funds"  # when the owner adds funds, or others pay in
    FROZEN = "frozen"  # when the owner has looked
    STUCK = "stuck"  # when Mixin takes it: it has been tried for minutes
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class WithdrawalStatus:
    """A withdrawal, its place in the line (1 is next, 0 is in no line), and when to expect it."""

    payout: Payout
    place: int
    outlook: Outlook

    @property
    def can_be_cancelled(self) -> bool:
        """Tell whether it may still be taken back."""
        return self.payout.state in OPEN_TO_CANCEL and self.payout.purpose is Purpose.WITHDRAWAL


class WithdrawalService:
    """Withdrawals, always to the Mixin account of the person who asks (D6)."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        payouts: PayoutStore,
        payout_service: PayoutService,
        balances: UserBalanceService,
        confirmations: ConfirmationService,
        tokens: Tokens,
        fees: FeeStore,
        admission: Admission,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._payouts = payouts
        self._payout_service = payout_service
        self._balances = balances
        self._confirmations = confirmations
        self._tokens = tokens
        self._fees = fees
        self._admission = admission

    async def choices(self, user_id: UserId) -> list[CoinBalance]:
        """Return the coins of which the person can withdraw anything."""
        coins = {token.coin for token in self._tokens.list()}
        return [b for b in await self._balances.of(user_id) if b.coin in coins and round_down(b.available)]

    async def quote(self, user_id: UserId, asset_id: AssetId, amount: Decimal | None) -> WithdrawalQuote:
        """Return what a withdrawal would cost and bring; no amount means everything.

        Raises:
            Refused: ``user_frozen``, ``coin_frozen``; ``token_unknown``; ``insufficient_funds`` with what
                is available; ``amount_too_small`` with the minimum; ``amount_not_positive``,
                ``amount_too_precise``.
        """
        approved = self._tokens.get(asset_id)
        await self._admission.check(user_id, approved.token.coin)
        free = round_down((await self._ledger.balance(available(user_id, approved.token.coin))).free)
        if free == 0:
            raise Refused("insufficient_funds", available="0")
        quote = quote_withdrawal(approved.token, free if amount is None else amount, await self._rate())
        if quote.amount > free:
            raise Refused("insufficient_funds", available=plain(free))
        if quote.amount < min(free, approved.minimum_withdrawal):
            raise Refused("amount_too_small", minimum=plain(approved.minimum_withdrawal))
        return quote

    async def confirm(self, user_id: UserId, quote: WithdrawalQuote) -> str:
        """Return the single-use token with which this person may request exactly this quote."""
        return await self._confirmations.issue(user_id, ACTION, quote.params)

    async def request(self, quote: WithdrawalQuote, user_id: UserId, confirmation: str) -> WithdrawalId:
        """Promise to pay: confirmation, hold and row in one commit.

        Raises:
            Refused: ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``;
                ``insufficient_funds`` with what is available; ``quote_expired`` when the fee has changed;
                ``user_frozen``, ``coin_frozen``.
        """
        token = self._tokens.get(quote.token.asset_id).token
        if quote_withdrawal(token, quote.amount, await self._rate()) != quote:
            raise Refused("quote_expired")
        now = self._clock.now()
        payout = requested(self._ids, Purpose.WITHDRAWAL, user_id, quote.token, quote.amount, now)
        payout = replace(payout, fee=quote.fee, fee_version=quote.fee_version)
        async with self._store.transaction():
            await self._admission.check(user_id, token.coin)
            await self._confirmations.consume(user_id, confirmation, ACTION, quote.params)
            await self._payouts.add(payout)
            await self._ledger.hold(promise(payout))
        return payout.id

    async def status(self, user_id: UserId) -> list[WithdrawalStatus]:
        """Return a person's open and latest withdrawals, the open ones first."""
        return [await self._status(payout) for payout in await self._payouts.of(user_id, MOST_LISTED)]

    async def cancel(self, user_id: UserId, payout_id: WithdrawalId) -> Payout:
        """Take back a withdrawal of which nothing is reserved yet: its amount is spendable again.

        The worker that wants to reserve for it at the same moment finds the row gone from its state, or is
        found to have been first.

        Raises:
            Refused: ``withdrawal_unknown`` (also when it is somebody else's); ``withdrawal_under_way``.
        """
        async with self._store.transaction():
            payout = await self._payouts.get(payout_id)
            if payout.receiver != user_id or payout.purpose is not Purpose.WITHDRAWAL:
                raise Refused("withdrawal_unknown", id=payout_id)
            cancelled = replace(payout, state=PayoutState.CANCELLED, reason="")
            if payout.state not in OPEN_TO_CANCEL or not await self._payouts.save(cancelled, payout.state):
                raise Refused("withdrawal_under_way")
            await self._ledger.release(payout.cause)
        return cancelled

    async def _status(self, payout: Payout) -> WithdrawalStatus:
        if payout.state in ENDED:
            return WithdrawalStatus(payout, 0, Outlook.ENDED)
        if payout.reason == FROZEN:
            return WithdrawalStatus(payout, 0, Outlook.FROZEN)
        if payout.attempts >= STUCK_AFTER:
            return WithdrawalStatus(payout, 0, Outlook.STUCK)
        if payout.state is not PayoutState.WAITING:
            return WithdrawalStatus(payout, 0, Outlook.NOW)
        asset = payout.token.asset_id
        line = await self._payouts.line(asset)
        place = sum((one.since, one.id) <= (payout.created_at, payout.id) for one in line)
        needed = sum((one.pays for one in line[:place]), ZERO)
        if payout.reason == CONSOLIDATING:
            return WithdrawalStatus(payout, place, Outlook.MERGING)
        there = await self._payouts.free_total(asset) + await self._payouts.change_due(asset)
        if there >= needed:
            return WithdrawalStatus(payout, place, Outlook.CHANGE)
        comes = there + await self._payouts.coming(asset) >= needed
        return WithdrawalStatus(payout, place, Outlook.COMING if comes else Outlook.FUNDS)

    async def _rate(self) -> Rate:
        return in_force(await self._fees.schedules(), self._clock.now()).rate(FeeKind.WITHDRAWAL)

    async def due(self) -> list[WithdrawalId]:
        """Return the payouts that have a step to take now, oldest first."""
        return await self._payouts.due(self._clock.now(), DUE_AT_ONCE)

    async def advance(self, payout_id: WithdrawalId) -> str:
        """Take a payout one step further, however often this runs; say what happened."""
        return await self._payout_service.advance(payout_id)
