"""Coins and the networks they travel by: what a venue takes for it, and what names them on their chain."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.rails.crossing import Crossing
from sandbox.rails.networks import BITCOIN, ETHEREUM, RIPPLE, TRON, Network
from sandbox.venue.model import SCALE, units


@dataclass(frozen=True, slots=True)
class Way:
    """One coin by one network. The fee is taken from the amount that is asked for."""

    coin: str
    network: Network
    asset_key: str  # on the chain; empty for its own coin
    fee: str
    least: str
    least_deposit: str
    step: str = "0.00000001"  # amounts to withdraw are multiples of it

    @property
    def fee_units(self) -> int:
        """Return the fee in units."""
        return units(self.fee)

    @property
    def least_units(self) -> int:
        """Return the least amount to withdraw in units."""
        return units(self.least)

    @property
    def least_deposit_units(self) -> int:
        """Return the least that is credited in units."""
        return units(self.least_deposit)

    @property
    def places(self) -> int:
        """Return how many decimals an amount to withdraw may have."""
        return -int(Decimal(self.step).normalize().as_tuple().exponent)

    def takes(self, amount: int) -> bool:
        """Tell whether an amount has no more decimals than may be."""
        return amount % int(Decimal(self.step) * SCALE) == 0


_USDT_ON_ETHEREUM = "0xdac17f958d2ee523a2206206994597c13d831ec7"
_USDT_ON_TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"

WAYS = (  # the first of a coin is its default
    Way("BTC", BITCOIN, "", "0.0001", "0.001", "0.0001"),
    Way("ETH", ETHEREUM, "", "0.0012", "0.01", "0.001"),
    Way("USDT", ETHEREUM, _USDT_ON_ETHEREUM, "4", "10", "1", "0.000001"),
    Way("USDT", TRON, _USDT_ON_TRON, "1", "10", "1", "0.000001"),
    Way("XRP", RIPPLE, "", "0.2", "1", "1", "0.000001"),
)


def ways_of(coin: str) -> list[Way]:
    """Return the networks a coin travels by, its default first."""
    return [way for way in WAYS if way.coin == coin]


def find_way(coin: str, network: str) -> Way | None:
    """Return a coin by a network of the venue's name."""
    return next((way for way in ways_of(coin) if way.network.name == network), None)


def way_of(crossing: Crossing) -> Way | None:
    """Return which coin a chain's payment is of; a look-alike is none."""
    return next(
        (w for w in WAYS if w.network is crossing.network and w.asset_key == crossing.asset_key), None
    )
