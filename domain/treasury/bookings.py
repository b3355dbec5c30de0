"""What a treasury transfer books: every coin is at Mixin, at a venue, or in the transfer's own account."""

from decimal import Decimal

from domain.ledger.model import (
    Account,
    AccountKind,
    Cause,
    Hold,
    Posting,
    Transfer,
    mixin,
    own,
    transit,
    venue,
)
from domain.money import Coin, Token
from domain.treasury.model import TreasuryTransfer


def moved(amount: Decimal, there: Account, here: Account) -> Posting:
    """Return the posting by which one asset account holds less and another more."""
    return Posting(here, there, amount)


def _at(transfer: TreasuryTransfer) -> tuple[Account, Account]:
    coin = transfer.token.coin
    return venue(transfer.account, coin), transit(transfer.id, coin)


def _fee(kind: AccountKind, coin: Coin, source: Account, amount: Decimal) -> tuple[Posting, ...]:
    """Return who bears a fee: the owner's own money, by way of the account that shows what such fees cost."""
    if not amount:
        return ()
    shown = own(kind, coin)
    return Posting(own(AccountKind.INVENTORY, coin), shown, amount), Posting(shown, source, amount)


def promise(transfer: TreasuryTransfer) -> Hold:
    """Return the hold on what a transfer takes from where it lies (TX1)."""
    if transfer.direction == "to_venue":
        return Hold(transfer.cause, mixin(transfer.token), transfer.amount)
    return Hold(transfer.cause, _at(transfer)[0], transfer.leaves)


def fee_promise(transfer: TreasuryTransfer, coin: Coin) -> Hold | None:
    """Return the hold on the owner's own money that pays the fee, if there is one."""
    if not transfer.fee:
        return None
    return Hold(transfer.fee_cause, own(AccountKind.INVENTORY, coin), transfer.fee)


def left_mixin(transfer: TreasuryTransfer, fee_token: Token) -> tuple[Transfer, ...]:
    """Return what is booked when Mixin has released a transfer: the coins, and apart from them the fee."""
    _, under_way = _at(transfer)
    posted = [Transfer(transfer.cause, (moved(transfer.amount, mixin(transfer.token), under_way),))]
    if transfer.fee:
        paid = _fee(AccountKind.NETWORK_FEES, fee_token.coin, mixin(fee_token), transfer.fee)
        posted.append(Transfer(transfer.fee_cause, paid))
    return tuple(posted)


def left_venue(transfer: TreasuryTransfer, arrives: Decimal, fee: Decimal) -> Transfer:
    """Return what is booked of a listed withdrawal: what the chain carries, and what the venue took."""
    there, under_way = _at(transfer)
    paid = _fee(AccountKind.VENUE_FEES, transfer.token.coin, there, fee)
    return Transfer(transfer.cause, (moved(arrives, there, under_way), *paid))


def given_back(transfer: TreasuryTransfer, arrives: Decimal, fee: Decimal) -> Transfer:
    """Return the reverse of ``left_venue``: the venue cancelled it and the coins are there again (EX7)."""
    cause = Cause("transfer_returned", transfer.id)
    reverse = tuple(
        Posting(p.destination, p.source, p.amount) for p in left_venue(transfer, arrives, fee).postings
    )
    return Transfer(cause, reverse)


def reached_venue(transfer: TreasuryTransfer, amount: Decimal, fee: Decimal) -> Transfer:
    """Return what is booked of a venue's deposit: what it credited, its fee, and anything beyond to suspense.

    What is missing beyond the fee stays in transit (TX7).
    """
    there, under_way = _at(transfer)
    coin, carried = transfer.token.coin, transfer.amount
    within = min(amount, carried)
    explained = min(fee, carried - within)
    postings = [moved(within, under_way, there), *_fee(AccountKind.VENUE_FEES, coin, under_way, explained)]
    if amount > within:
        postings.append(Posting(there, own(AccountKind.SUSPENSE, coin), amount - within))
    return Transfer(Cause("transfer_arrived", transfer.id), tuple(postings))


def reached_mixin(transfer: TreasuryTransfer, amount: Decimal, carried: Decimal) -> Transfer:
    """Return what is booked when an output that lay in suspense is known to be a transfer's.

    What is beyond stays in suspense; what is missing stays in transit (EX6).
    """
    coin = transfer.token.coin
    posting = Posting(own(AccountKind.SUSPENSE, coin), transit(transfer.id, coin), min(amount, carried))
    return Transfer(Cause("transfer_arrived", transfer.id), (posting,))


def written_off(transfer: TreasuryTransfer) -> Transfer:
    """Return what is booked when a person says that what is missing is lost: the owner bears it."""
    coin = transfer.token.coin
    posting = Posting(own(AccountKind.INVENTORY, coin), transit(transfer.id, coin), transfer.short)
    return Transfer(Cause("transfer_written_off", transfer.id), (posting,))
