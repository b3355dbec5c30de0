"""What the instance charges for a withdrawal."""

from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Refused
from domain.fees import FeeKind, Rate, fee_on
from domain.money import BPS, MIXIN_PLACES, Token, plain, round_down

SMALLEST = Decimal(1).scaleb(-MIXIN_PLACES)
"""The least that Mixin can move."""


@dataclass(frozen=True, slots=True)
class WithdrawalQuote:
    """What leaves a person's balance, what the instance keeps of it by which schedule, and what arrives."""

    token: Token
    amount: Decimal
    fee: Decimal
    fee_version: int

    @property
    def receives(self) -> Decimal:
        """Return what arrives in the person's Mixin wallet."""
        return self.amount - self.fee

    @property
    def params(self) -> dict[str, str]:
        """Return what a confirmation of this quote is bound to."""
        return {
            "asset_id": self.token.asset_id,
            "amount": plain(self.amount),
            "fee": plain(self.fee),
            "fee_version": str(self.fee_version),
        }


def least_withdrawal(fee_bps: int) -> Decimal:
    """Return the smallest amount of which something arrives."""
    return SMALLEST if fee_bps == 0 else 2 * SMALLEST


def quote_withdrawal(token: Token, amount: Decimal, rate: Rate) -> WithdrawalQuote:
    """Return the quote for an amount; the fee is rounded up to Mixin's last place.

    Raises:
        Refused: ``amount_not_positive``, ``amount_too_precise`` or ``amount_too_small``.
    """
    assert 0 <= rate.bps < BPS, rate
    if not amount.is_finite() or amount <= 0:
        raise Refused("amount_not_positive")
    if amount != round_down(amount):
        raise Refused("amount_too_precise", places=MIXIN_PLACES)
    quote = WithdrawalQuote(token, amount, fee_on(FeeKind.WITHDRAWAL, amount, rate), rate.version)
    if quote.receives <= 0:
        raise Refused("amount_too_small", minimum=plain(least_withdrawal(rate.bps)))
    return quote
