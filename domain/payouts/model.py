"""A payout: one transaction out of the wallet, from a person's word to its settlement.

Most are withdrawals. A consolidation pays the wallet itself, so that many small outputs become
one; it walks the same states and touches nobody's claims.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.fees import FeeKind, ServiceFee
from domain.ids import AssetId, Ids, UserId, WithdrawalId
from domain.ledger.model import Account, AccountKind, Cause, Hold, Posting, Transfer, available, mixin, own
from domain.money import ZERO, Coin, Token
from domain.payouts.onward import NetworkFee, Onward


class Purpose(StrEnum):
    """Why the wallet pays."""

    WITHDRAWAL = "withdrawal"
    CONSOLIDATION = "consolidation"
    REFUND = "refund"  # what was kept aside, back to its sender
    FEES = "fees"  # what the instance has earned, to its owner
    TRANSFER = "transfer"  # the treasury's, to one of our own venue accounts


class PayoutState(StrEnum):
    """The life of a payout (safety §2.6).

    A missing answer is no state: the payout stays where it is, and its next step looks it up first.
    """

    REQUESTED = "requested"  # confirmed by the person, amount held
    WAITING = "waiting"  # the float is too small for now; nothing is reserved
    RESERVED = "reserved"  # its inputs are nobody else's any more
    BUILT = "built"  # raw bytes and their hash are fixed for good
    SIGNED = "signed"  # signed bytes are stored; from here they may have left
    SENT = "sent"  # Mixin accepted them
    DONE = "done"  # final and settled
    REFUSED = "refused"  # a definite no; nothing was and nothing will be paid
    CANCELLED = "cancelled"  # taken back by the person before anything was reserved


PAYOUT_EDGES: dict[PayoutState, frozenset[PayoutState]] = {
    PayoutState.REQUESTED: frozenset({PayoutState.WAITING, PayoutState.RESERVED, PayoutState.CANCELLED}),
    PayoutState.WAITING: frozenset({PayoutState.RESERVED, PayoutState.CANCELLED}),
    PayoutState.RESERVED: frozenset({PayoutState.BUILT, PayoutState.REFUSED}),
    PayoutState.BUILT: frozenset({PayoutState.SIGNED, PayoutState.SENT, PayoutState.REFUSED}),
    PayoutState.SIGNED: frozenset({PayoutState.SENT, PayoutState.REFUSED}),
    PayoutState.SENT: frozenset({PayoutState.DONE}),
    PayoutState.DONE: frozenset(),
    PayoutState.REFUSED: frozenset(),
    PayoutState.CANCELLED: frozenset(),
}

ENDED = frozenset({PayoutState.DONE, PayoutState.REFUSED, PayoutState.CANCELLED})

OPEN_TO_CANCEL = frozenset({PayoutState.REQUESTED, PayoutState.WAITING})
"""Nothing is reserved yet, so nothing can have left."""


_OWN = {Purpose.REFUND: AccountKind.SUSPENSE, Purpose.FEES: AccountKind.FEES}
"""From which of the instance's own accounts a payout is taken, where it is not a person's claim."""

UNAPPROVED = ""
"""The network of a token that nobody approved."""

CONSOLIDATING = "consolidating"
"""Why a payout waits whose money is there, in too many outputs."""


@dataclass(frozen=True, slots=True)
class Payout:
    """One row of the payouts table; ``amount`` leaves the person's claims, ``fee`` is part of it."""

    id: WithdrawalId
    purpose: Purpose
    receiver: UserId
    token: Token
    amount: Decimal
    fee: Decimal
    state: PayoutState
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    reason: str = ""
    raw: str = ""
    transaction_hash: str = ""
    signed_raw: str = ""
    fee_version: int = 0  # the schedule that the fee follows; 0: there is none
    request_id: str = field(kw_only=True)
    """What names it at Mixin, in every attempt: nobody can guess it and take the name before us."""
    onward: Onward | None = field(kw_only=True, default=None)
    """Where on a chain it goes, when its receiver is no one at Mixin; only the treasury's does."""

    @property
    def needs(self) -> Decimal:
        """Return what its inputs must cover: what it pays, and a network's fee of the same asset."""
        if self.onward is None or self.onward.fee.asset_id != self.token.asset_id:
            return self.pays
        return self.pays + self.onward.fee.amount

    @property
    def fee_apart(self) -> NetworkFee | None:
        """Return the network's fee that is paid by a transaction of its own, in another asset (TX4)."""
        if self.onward is None or self.onward.fee.asset_id == self.token.asset_id:
            return None
        return self.onward.fee if self.onward.fee.amount > ZERO else None

    @property
    def pays(self) -> Decimal:
        """Return what the receiver gets."""
        return self.amount - self.fee

    @property
    def booked(self) -> bool:
        """Tell whether the ledger knows the money: of a token that nobody approved it knows nothing."""
        return self.token.network != UNAPPROVED

    @property
    def cause(self) -> Cause:
        """Return the cause of its hold and of its transfer."""
        return Cause(self.purpose, self.id)


def requested(
    ids: Ids, purpose: Purpose, receiver: UserId, token: Token, amount: Decimal, at: datetime
) -> Payout:
    """Return a new payout, due at once and free of charge; who means it otherwise says so by ``replace``."""
    return Payout(
        id=WithdrawalId(ids.new_id()),
        request_id=ids.new_id(),
        purpose=purpose,
        receiver=receiver,
        token=token,
        amount=amount,
        fee=ZERO,
        state=PayoutState.REQUESTED,
        created_at=at,
        due_at=at,
    )


def unapproved(asset_id: AssetId) -> Token:
    """Return an asset that nobody approved, to be named by its id and given back."""
    return Token(asset_id, Coin(asset_id), UNAPPROVED)


def _source(payout: Payout) -> Account:
    if payout.purpose is Purpose.TRANSFER:  # the wallet's own money, whoever it is owed to
        return mixin(payout.token)
    if payout.purpose in _OWN:
        return own(_OWN[payout.purpose], payout.token.coin)
    return available(payout.receiver, payout.token.coin)


def promise(payout: Payout) -> Hold:
    """Return the hold that keeps an amount from being spent twice."""
    return Hold(payout.cause, _source(payout), payout.amount)


def settlement(payout: Payout) -> Transfer:
    """Return the transfer that books a paid withdrawal: out of Mixin, and the fee to the instance."""
    account = _source(payout)
    postings = [Posting(account, mixin(payout.token), payout.pays)]
    if payout.fee:
        postings.append(Posting(account, own(AccountKind.FEES, payout.token.coin), payout.fee))
    return Transfer(payout.cause, tuple(postings))


def fee_of_payout(payout: Payout) -> ServiceFee | None:
    """Return what a withdrawal was charged; ``None`` for nothing, or from before there were versions."""
    if not payout.fee or not payout.fee_version:
        return None
    return ServiceFee(
        FeeKind.WITHDRAWAL,
        payout.cause,
        payout.fee_version,
        payout.receiver,
        "",
        payout.token.coin,
        payout.amount,
        payout.fee,
    )
