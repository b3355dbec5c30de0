"""What may be under way in the wallet: payouts whose inputs are gone, change and deposits not booked yet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from domain.ids import AssetId
from domain.money import ZERO, Coin
from domain.reconciliation.model import InFlight

FRESH = timedelta(minutes=10)
"""An output is booked long before it is so old; an older one that is not is a surplus, and no explanation."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One output that the wallet lists as unspent."""

    output_id: str
    asset_id: AssetId
    amount: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Spending:
    """A payout of which bytes may have left, or whose change has yet to come back.

    ``inputs`` are its outputs with their amounts, empty once it is settled. ``returned`` is what of its
    change is booked, ``due`` what of a settled one's is not.
    """

    id: str
    asset_id: AssetId
    inputs: Mapping[str, Decimal] = field(default_factory=dict)
    returned: Decimal = ZERO
    due: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class WalletBooks:
    """What our books say of the wallet at one instant; two that are equal have nothing between them.

    ``unbooked``: what is kept aside and the ledger does not know, such as amounts that it cannot hold.
    """

    totals: Mapping[AssetId, Decimal]
    spending: Sequence[Spending]
    unbooked: Mapping[AssetId, Decimal]


def in_flight(
    books: WalletBooks,
    coins: Mapping[str, Coin],
    listed: Sequence[Listed],
    recorded: Collection[str],
    now: datetime,
) -> list[InFlight]:
    """Return everything that explains a difference in the wallet: each to the digit, by its id.

    ``recorded`` are the ids of those listed outputs that are in our books.
    """
    there = {output.output_id for output in listed}
    found = [
        _exactly(f"output {output.output_id}", coins, output.asset_id, output.amount)
        for output in listed
        if output.output_id not in recorded and now - output.created_at <= FRESH
    ]
    for asset_id, amount in sorted(books.unbooked.items()):
        found.append(_exactly("kept aside", coins, asset_id, amount))
    for payout in books.spending:
        found += _of_payout(payout, coins, there)
    return [each for each in found if each.least]


def _of_payout(payout: Spending, coins: Mapping[str, Coin], there: Collection[str]) -> Iterator[InFlight]:
    """Yield what a payout has taken already, while the books still say that it is there, or the reverse."""
    gone = sum((amount for name, amount in payout.inputs.items() if name not in there), ZERO)
    if gone:
        yield _exactly(f"payout {payout.id}", coins, payout.asset_id, payout.returned - gone)
    if payout.due:
        yield _exactly(f"change of payout {payout.id}", coins, payout.asset_id, -payout.due)


def _exactly(name: str, coins: Mapping[str, Coin], asset_id: AssetId, amount: Decimal) -> InFlight:
    return InFlight(name, coins.get(asset_id, Coin(asset_id)), amount, amount, asset_id)
