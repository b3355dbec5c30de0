"""What of a venue account's coins runs may still claim."""

from decimal import Decimal

from domain.ids import VenueAccountName
from domain.ledger.model import AccountKind, own
from domain.ledger.model import venue as venue_account
from domain.money import ZERO, Coin
from domain.ports.ledger import Ledger


async def room(ledger: Ledger, account: VenueAccountName, coin: Coin) -> Decimal:
    """Return what a venue account has beyond the claims of its runs, less all that we have earned.

    What runs have paid us lies there and is kept: a trade that is taken back gives it back, and then the run
    claims it again.
    """
    earned = (await ledger.balance(own(AccountKind.FEES, coin))).total
    return max(ZERO, await ledger.unclaimed(venue_account(account, coin)) - earned)
