"""What we charge for a fill: a part of what it brings in, at the rate that its run began with (FE1, FE2).

Base asset on a buy, quote asset on a sell, before the venue's own fee, rounded up in the ledger's last place.
It is paid from what comes in, so it needs no promise beforehand.
"""

from collections.abc import Sequence
from decimal import Decimal

from domain.fees import FeeKind, Rate, ServiceFee, fee_on
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, net_of, own
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.orders import Fill
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.ports.ledger import Ledger

OWED = "_owed"
"""What the kind of a cause is given, for what the owner pays before it into fees that were taken out."""


def brought_in(fill: Fill) -> tuple[Coin, Decimal]:
    """Return the coin that a fill brings in, and how much of it before any fee."""
    if fill.side is Side.BUY:
        return fill.pair.base, fill.quantity
    return fill.pair.quote, fill.quote_quantity


def trading_fee(fill: Fill, run: Run) -> Decimal:
    """Return what a run pays us for a fill, in the coin that it brings in."""
    return fee_on(FeeKind.TRADING, brought_in(fill)[1], _rate(run))


def fee_postings(fill: Fill, run: Run) -> list[Posting]:
    """Return what makes a run pay us for a fill: nothing where that is free."""
    coin, _ = brought_in(fill)
    fee = trading_fee(fill, run)
    return [Posting(run_account(run.id, run.account, coin), own(AccountKind.FEES, coin), fee)] if fee else []


def fee_in(transfer: Transfer, run: Run) -> ServiceFee | None:
    """Return what a transfer collects from a run, or gives back to it, as it is to be noted.

    Its basis is what the venue gives the run, or takes back, in the same transfer.
    """
    for coin in (run.pair.base, run.pair.quote):
        mine = run_account(run.id, run.account, coin)
        paid = _from_to(transfer, mine.kind, AccountKind.FEES, coin)
        if paid:
            basis = _from_to(transfer, AccountKind.VENUE, mine.kind, coin)
            return ServiceFee(
                FeeKind.TRADING, transfer.cause, run.fee_version, run.user_id, run.id, coin, basis, paid
            )
    return None


async def with_owed(ledger: Ledger, transfers: Sequence[Transfer]) -> list[Transfer]:
    """Return transfers in their order, each after one by which the owner pays what fees lack for it.

    What the owner has taken out of the fees and a trade that never was gives back is the owner's to pay:
    from the float, and where that has nothing, as a loss that somebody has to explain.
    """
    left: dict[Coin, Decimal] = {}
    booked = []
    for transfer in transfers:
        owed: list[Posting] = []
        for coin in sorted({posting.source.coin for posting in transfer.postings}):
            fees, inventory = own(AccountKind.FEES, coin), own(AccountKind.INVENTORY, coin)
            change = net_of([transfer], fees)
            if change >= 0:
                continue
            lack = -change - (left[coin] if coin in left else (await ledger.balance(fees)).free)
            left[coin] = max(ZERO, -lack)
            if lack > 0:
                part = min(lack, max(ZERO, (await ledger.balance(inventory)).free))
                parts = ((inventory, part), (own(AccountKind.EXTERNAL, coin), lack - part))
                owed += [Posting(payer, fees, amount) for payer, amount in parts if amount]
        if owed:
            booked.append(Transfer(Cause(transfer.cause.kind + OWED, transfer.cause.id), tuple(owed)))
        booked.append(transfer)
    return booked


def _rate(run: Run) -> Rate:
    return Rate(run.fee_version, run.fee_bps)


def _from_to(transfer: Transfer, source: AccountKind, destination: AccountKind, coin: Coin) -> Decimal:
    """Return what moves from one kind of account to another in a coin, less what moves back."""
    net = ZERO
    for posting in transfer.postings:
        way = (posting.source.kind, posting.destination.kind)
        if posting.source.coin == coin and way in ((source, destination), (destination, source)):
            net += posting.amount if way == (source, destination) else -posting.amount
    return net
