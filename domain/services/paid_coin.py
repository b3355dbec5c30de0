"""Fees in the coin that an order pays, such as BNB on sales of BNB: its promise is for the trade alone (FL5).

A venue that takes its fees in a coin of the account's choice may take more than the run has beside what its
orders promise. The run pays what it has free, the instance the rest, as with a fee that comes late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.ledger.model import AccountKind, Transfer, net_of, own
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.orders import Fill
from domain.market.runs import Run
from domain.money import ZERO
from domain.ports.ledger import Ledger
from domain.services.fill_booking import Shares, spent


@dataclass(slots=True)
class Pocket:
    """What run and instance have free of the coin that an order pays, while its fills are booked in a row."""

    run: Decimal
    owner: Decimal


def pays_its_fee(fill: Fill) -> bool:
    """Tell whether a fee is charged in the coin that its order pays."""
    paid = fill.pair.quote if fill.side is Side.BUY else fill.pair.base
    return fill.fee > 0 and fill.fee_coin == paid


def shares(fill: Fill, pocket: Pocket) -> Shares:
    """Let a fill take what it takes out of a pocket, and return what of its fee the run cannot pay, by payer.

    What the instance has not either is nobody's here: it was at the venue, and a person must look.
    """
    pocket.run -= spent(fill)
    if not pays_its_fee(fill):
        return ()
    mine = min(fill.fee, max(ZERO, pocket.run))
    owners = min(fill.fee - mine, max(ZERO, pocket.owner))
    pocket.run -= mine
    pocket.owner -= owners
    parts = ((AccountKind.INVENTORY, owners), (AccountKind.EXTERNAL, fill.fee - mine - owners))
    return tuple((kind, part) for kind, part in parts if part)


async def pocket_for(
    ledger: Ledger, run: Run, fills: Sequence[Fill], made: Sequence[Transfer] = ()
) -> Pocket:
    """Return what there is for the fees of an order's fills, after transfers that are not posted yet.

    What the order holds must have been used before. Where no fee needs it nothing is asked.
    """
    coins = {fill.fee_coin for fill in fills if pays_its_fee(fill)}
    if not coins:
        return Pocket(ZERO, ZERO)
    [coin] = coins  # an order pays one coin
    mine, owners = run_account(run.id, run.account, coin), own(AccountKind.INVENTORY, coin)
    free = [(await ledger.balance(account)).free + net_of(made, account) for account in (mine, owners)]
    return Pocket(*free)
