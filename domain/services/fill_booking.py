"""What a fill does to the books: pure functions from a fill to a transfer."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from domain.ids import VenueAccountName
from domain.ledger.model import Account, AccountKind, Cause, Posting, Transfer, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.services.trading_fee import fee_postings

_ROUNDING = Decimal("0.000001")
"""How far a venue's quote quantity may be from price times quantity: venues cut to six places or more.

Of an order, which may have filled in many pieces, the same part of its cost.
"""

Holder = Callable[[Coin], Account]

Shares = Sequence[tuple[AccountKind, Decimal]]
"""What accounts of the instance pay of a fee in place of a run."""


def cause_of(account: VenueAccountName, pair: Pair, trade_id: str) -> Cause:
    """Return the cause under which a fill is booked, once."""
    return Cause("fill", f"{account}:{pair}:{trade_id}")


def run_transfer(
    fill: Fill,
    account: VenueAccountName,
    run: Run,
    fees_from: AccountKind,
    charge: Decimal = ZERO,
    borne: Shares = (),
) -> Transfer:
    """Return the transfer of a run's fill: pay and receive at the venue, each fee as a posting of its own.

    A fee in a coin of the pair passes through ``venue_fees``, so that the run pays it, but for what is
    ``borne`` for it, and the books show it; a rebate passes the other way. A fee in a third coin is no debt
    of a person who never had that coin: ``fees_from`` pays it, and the run gives the instance ``charge`` in
    quote for it (FL5). Our own fee comes last (FE1).
    """
    holder: Holder = lambda coin: run_account(run.id, account, coin)  # noqa: E731 - a name for one line
    fees = own(AccountKind.VENUE_FEES, fill.fee_coin)
    third = has_third_coin(fill)
    payer = own(fees_from, fill.fee_coin) if third else holder(fill.fee_coin)
    there = venue_account(account, fill.fee_coin)
    paid_for = charge_postings(run_account(run.id, account, fill.pair.quote), charge)
    payers = [(own(kind, fill.fee_coin), part) for kind, part in borne]
    payers.append((payer, fill.fee - sum((part for _, part in borne), ZERO)))
    taken = [Posting(each, fees, part) for each, part in payers if part > 0]
    charged = [*taken, Posting(fees, there, fill.fee)] if fill.fee > 0 else []
    rebate = [Posting(there, fees, -fill.fee), Posting(fees, payer, -fill.fee)] if fill.fee < 0 else []
    return Transfer(
        cause_of(account, fill.pair, fill.trade_id),
        (*_exchange(fill, account, holder), *charged, *rebate, *paid_for, *fee_postings(fill, run)),
    )


def charge_postings(run: Account, charge: Decimal) -> list[Posting]:
    """Return what makes a run pay the instance for a fee in a third coin, or (negative) get a rebate."""
    owner = own(AccountKind.INVENTORY, run.coin)
    if charge == 0:
        return []
    return [Posting(run, owner, charge) if charge > 0 else Posting(owner, run, -charge)]


def external_transfer(fill: Fill, account: VenueAccountName) -> Transfer:
    """Return the transfer of a fill that nobody here ordered, or nobody here can pay (FL7)."""
    holder: Holder = lambda coin: own(AccountKind.EXTERNAL, coin)  # noqa: E731 - a name for one line
    there, outside = venue_account(account, fill.fee_coin), holder(fill.fee_coin)
    fee = [Posting(outside, there, fill.fee)] if fill.fee > 0 else []
    rebate = [Posting(there, outside, -fill.fee)] if fill.fee < 0 else []
    return Transfer(
        cause_of(account, fill.pair, fill.trade_id), (*_exchange(fill, account, holder), *fee, *rebate)
    )


def _exchange(fill: Fill, account: VenueAccountName, holder: Holder) -> tuple[Posting, Posting]:
    base, quote = fill.pair.base, fill.pair.quote
    if fill.side is Side.BUY:
        paid, paid_coin, got, got_coin = fill.quote_quantity, quote, fill.quantity, base
    else:
        paid, paid_coin, got, got_coin = fill.quantity, base, fill.quote_quantity, quote
    return (
        Posting(holder(paid_coin), venue_account(account, paid_coin), paid),
        Posting(venue_account(account, got_coin), holder(got_coin), got),
    )


def has_third_coin(fill: Fill) -> bool:
    """Tell whether a fee is in a coin that is none of the pair's."""
    return fill.fee != 0 and fill.fee_coin not in (fill.pair.base, fill.pair.quote)


def spent(fill: Fill) -> Decimal:
    """Return what a fill took of the coin its order pays."""
    return fill.quote_quantity if fill.side is Side.BUY else fill.quantity


def crumb_transfer(fill: Fill, intent: Intent, excess: Decimal) -> Transfer:
    """Return the transfer by which rounding pays what the venue rounded up beyond an order's whole cost."""
    rounding = own(AccountKind.ROUNDING, intent.pays)
    cause = Cause("fill_rounding", cause_of(intent.account, fill.pair, fill.trade_id).id)
    return Transfer(
        cause, (Posting(rounding, run_account(intent.run_id, intent.account, intent.pays), excess),)
    )


def crumbs(intent: Intent, fills: Sequence[Fill]) -> list[Transfer]:
    """Return the transfers for what fills took beyond their order's cost, if rounding explains it (FL9).

    Each of an order's fills may have been rounded, so what explains it grows with the order.
    """
    excess = sum(map(spent, fills), ZERO) - max(ZERO, intent.cost - intent.spent)
    most = max(_ROUNDING, intent.cost * _ROUNDING)
    explained = intent.pays == intent.pair.quote and 0 < excess <= most
    return [crumb_transfer(fills[-1], intent, excess)] if explained else []


def makes_sense(fill: Fill) -> bool:
    """Tell whether the venue's quote quantity is price times quantity but for its last place."""
    return abs(fill.quote_quantity - fill.price * fill.quantity) <= _ROUNDING
