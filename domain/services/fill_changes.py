"""What a venue's later word on a trade does to the books: pure functions to correcting transfers (FL6, FL8).

Nothing is edited: a fee that came late is the difference, a trade that was bust is every posting it made,
the other way round.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from domain.ids import VenueAccountName
from domain.ledger.model import Account, AccountKind, Cause, Posting, Transfer, own
from domain.ledger.model import venue as venue_account
from domain.market.orders import Fill
from domain.money import ZERO, Coin
from domain.services.fill_booking import cause_of

FIRST = ("fill", "fill_rounding")
"""What a fill posts when it is booked, under its own id."""

_SPARED = frozenset({AccountKind.RUN, AccountKind.INVENTORY, AccountKind.FEES})

LATER = ("fill_fee", "fill_charge", "fill_bust", "fill_again")
"""What may follow, under its id and the number of a version."""


def versioned(kind: str, account: VenueAccountName, fill: Fill, version: int) -> Cause:
    """Return the cause of what a later version of a fill posts."""
    return Cause(kind, f"{cause_of(account, fill.pair, fill.trade_id).id}:{version}")


def causes_until(account: VenueAccountName, fill: Fill, version: int) -> list[Cause]:
    """Return every cause under which a fill may have posted, up to a version.

    What was found at the venue for it is not of them: that was there, and stays.
    """
    first = [Cause(kind, cause_of(account, fill.pair, fill.trade_id).id) for kind in FIRST]
    numbers = range(1, version + 1)
    return first + [versioned(kind, account, fill, number) for number in numbers for kind in LATER]


def same_trade(one: Fill, other: Fill) -> bool:
    """Tell whether two descriptions of a trade differ in its fee at most."""
    return (one.price, one.quantity, one.quote_quantity) == (
        other.price,
        other.quantity,
        other.quote_quantity,
    )


def same_fee(one: Fill, other: Fill) -> bool:
    """Tell whether two descriptions of a trade have the same fee; nothing has no coin."""
    there = (one.fee, one.fee_coin if one.fee else "") == (other.fee, other.fee_coin if other.fee else "")
    return there and one.fee_known == other.fee_known


def fee_changes(before: Fill, after: Fill) -> dict[Coin, Decimal]:
    """Return by coin how much more the venue took than we had booked; negative: less."""
    changes: dict[Coin, Decimal] = {}
    for fill, sign in ((before, -1), (after, 1)):
        changes[fill.fee_coin] = changes.get(fill.fee_coin, ZERO) + sign * fill.fee
    return {coin: change for coin, change in changes.items() if change}


def more_fee(account: VenueAccountName, parts: Iterable[tuple[Account, Decimal]]) -> list[Posting]:
    """Return the postings by which accounts pay the venue more of one coin, through ``venue_fees``."""
    postings = []
    for payer, amount in parts:
        fees = own(AccountKind.VENUE_FEES, payer.coin)
        postings += [Posting(payer, fees, amount), Posting(fees, venue_account(account, payer.coin), amount)]
    return postings


def less_fee(account: VenueAccountName, payee: Account, amount: Decimal) -> list[Posting]:
    """Return the postings by which an account gets back what the venue did not take after all."""
    fees = own(AccountKind.VENUE_FEES, payee.coin)
    return [Posting(venue_account(account, payee.coin), fees, amount), Posting(fees, payee, amount)]


def undone(
    transfers: Sequence[Transfer], cause: Cause, instead: AccountKind | None = None
) -> Transfer | None:
    """Return the transfer that takes back all that transfers did, or ``None`` where they even out.

    With ``instead`` that account of the instance takes the place of every one that could say no.
    """
    net: dict[tuple[Account, Account], Decimal] = {}
    for posting in (posting for transfer in transfers for posting in transfer.postings):
        way, back = (posting.destination, posting.source), (posting.source, posting.destination)
        if back in net:
            net[back] -= posting.amount
        else:
            net[way] = net.get(way, ZERO) + posting.amount
    postings = []
    for (source, destination), amount in net.items():
        out, into = _spare(source, instead), _spare(destination, instead)
        if amount and out != into:
            postings.append(Posting(out, into, amount) if amount > 0 else Posting(into, out, -amount))
    return Transfer(cause, tuple(postings)) if postings else None


def _spare(account: Account, kind: AccountKind | None) -> Account:
    """Return the account, or one of the instance's own where this one is to be spared."""
    return own(kind, account.coin) if kind and account.kind in _SPARED else account
