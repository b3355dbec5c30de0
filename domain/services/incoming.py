"""What an output is taken for: a pure judgement, total over whatever anybody may send us (DP6)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from domain.fees import ServiceFee
from domain.ids import UserId
from domain.ledger.model import Account, AccountKind, Cause, Posting, Transfer, available, mixin, own, pending
from domain.money import Token, round_down
from domain.ports.deposits import SPENT_BEFORE, Classified, OutputKind
from domain.ports.wallet import WalletOutput
from domain.services.tokens import Tokens

FLOAT_MEMO = "float"
"""With this memo the owner adds to the instance's own money instead of their own balance."""

MOST_BOOKED = Decimal(10) ** 18
"""No approved token has so many; a number beyond what our tables hold must not stop all others."""

ADDED_UP = "added_up"
"""The kind of the transfer that credits payments which were too little one by one."""

FROM_CHAIN = "from_chain"
"""A chain paid it: it is a treasury transfer's if one is found for its hash, and nobody's otherwise."""

OLDER_THAN_BOOKS = "older_than_books"
"""Paid before this database had books: it may have been credited, and paid out, in others (PG5)."""

BELOW_MINIMUM = "below_minimum"
"""Too little to be credited by itself; it is when enough of it has come."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who we are and what we take."""

    bot: UserId
    tokens: Tokens
    since: datetime | None = None
    """When our books began: what was paid before was paid to others, who may have given it back since."""


def classify(output: WalletOutput, known: Known, owner: UserId | None) -> Classified:
    """Return what an output is, looking only at what its sender cannot choose; ``owner`` is who it is now.

    A payer chooses memo and request id, so neither makes anybody's payment our change or another
    person's deposit: change is what we ourselves sent (DP8).
    """
    older = known.since is not None and output.created_at < known.since
    if output.sender == known.bot and not older:
        return Classified(output, OutputKind.CHANGE)
    if output.spent:
        return Classified(output, OutputKind.STRANGE, SPENT_BEFORE)
    if output.amount >= MOST_BOOKED or output.amount != round_down(output.amount):
        return Classified(output, OutputKind.STRANGE, "amount_unbookable")
    approved = known.tokens.find(output.asset_id)
    if output.inscription:
        return Classified(output, OutputKind.SUSPENSE if approved else OutputKind.STRANGE, "inscription")
    if approved is None:
        return Classified(output, OutputKind.STRANGE, "asset_unknown")
    floats = output.sender == owner and output.memo == FLOAT_MEMO
    if older and not floats:
        return Classified(output, OutputKind.SUSPENSE, OLDER_THAN_BOOKS)
    if output.sender is None:
        return Classified(
            output, OutputKind.SUSPENSE, FROM_CHAIN if output.deposit_hash else "sender_unknown"
        )
    if floats:
        return Classified(output, OutputKind.FLOAT)
    if output.amount < approved.least_deposit:
        return Classified(output, OutputKind.SUSPENSE, BELOW_MINIMUM)
    return Classified(output, OutputKind.DEPOSIT)


def changed(stored: str, seen: str) -> bool:
    """Return whether two immutable hashes of one output differ; those of two versions tell nothing."""
    return stored != seen and _version(stored) == _version(seen)


def arriving(output: WalletOutput, token: Token) -> Transfer:
    """Return the transfer that books a deposit that is not final: it is the person's, and not to be spent."""
    assert output.sender is not None
    posting = Posting(mixin(token), pending(output.sender, token.coin), output.amount)
    return Transfer(Cause("arriving", output.output_id), (posting,))


def from_pending(credit: Transfer, output: WalletOutput, token: Token) -> Transfer:
    """Return a deposit's transfer with what it brings taken from what was arriving."""
    assert output.sender is not None
    account = pending(output.sender, token.coin)
    return Transfer(credit.cause, tuple(replace(p, source=account) for p in credit.postings))


def added_up(output: WalletOutput, token: Token, total: Decimal, fee: ServiceFee | None = None) -> Transfer:
    """Return the transfer that credits small payments of one person, with the one that was enough."""
    assert output.sender is not None
    kept, person = own(AccountKind.SUSPENSE, token.coin), available(output.sender, token.coin)
    return Transfer(Cause(ADDED_UP, output.output_id), less(fee, kept, person, total))


def less(
    fee: ServiceFee | None, source: Account, destination: Account, amount: Decimal
) -> tuple[Posting, ...]:
    """Return the postings of an amount that comes in: what the fee leaves, and the fee by itself (FE1)."""
    if fee is None:
        return (Posting(source, destination, amount),)
    return Posting(source, destination, amount - fee.amount), fee.paid_by(source)


def _version(immutable_hash: str) -> str:
    version, colon, _ = immutable_hash.partition(":")
    return version if colon else ""


def booking(classified: Classified, token: Token, fee: ServiceFee | None = None) -> Transfer | None:
    """Return the transfer that books an output of an approved token; change moves nothing.

    Of a deposit that is charged for, the person gets what the fee leaves.
    """
    output = classified.output
    destination: Account
    match classified.kind:
        case OutputKind.DEPOSIT:
            assert output.sender is not None
            destination = available(output.sender, token.coin)
        case OutputKind.FLOAT:
            destination = own(AccountKind.INVENTORY, token.coin)
        case OutputKind.SUSPENSE:
            destination = own(AccountKind.SUSPENSE, token.coin)
        case _:
            return None
    assert not output.spent
    postings = less(fee, mixin(token), destination, output.amount)
    return Transfer(Cause(classified.kind, output.output_id), postings)
