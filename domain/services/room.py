"""What of a venue account's coins new runs may claim."""

from datetime import datetime, timedelta
from decimal import Decimal

from domain.ids import VenueAccountName
from domain.ledger.model import venue as venue_account
from domain.money import ZERO, Coin
from domain.ports.fees import FeeStore
from domain.ports.ledger import Ledger

MAY_GO_BACK = timedelta(days=1)
"""How long after a trade the venue's word on it is listened to."""


async def room(
    ledger: Ledger, fees: FeeStore, account: VenueAccountName, coin: Coin, now: datetime
) -> Decimal:
    """Return what a venue account has beyond the claims of its runs, less what they have lately paid us.

    That lies there and is not lent: a trade that is taken back gives its fee back, and its run claims that
    again.
    """
    paid = await fees.collected_at(account, coin, now - MAY_GO_BACK)
    return max(ZERO, await ledger.unclaimed(venue_account(account, coin)) - paid)
