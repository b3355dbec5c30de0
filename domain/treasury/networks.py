"""Chains as Mixin, venues and we name them: an explicit map, so that no name is ever guessed (TX2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from domain.errors import Refused


@dataclass(frozen=True, slots=True)
class Network:
    """One chain: its Mixin id, its code at each venue, whether addresses need a tag, and when it is late.

    A network that shares one address among many people needs the tag; on any other a tag is a mistake.
    """

    name: str
    chain_id: str
    codes: Mapping[str, str]
    tagged: bool = False
    late_after: timedelta = timedelta(hours=1)

    def code_at(self, venue: str) -> str:
        """Return what a venue calls it.

        Raises:
            Refused: ``network_unmapped``: nobody has written down that name.
        """
        if (code := self.codes.get(venue)) is None:
            raise Refused("network_unmapped", network=self.name, venue=venue)
        return code


def _both(code: str) -> Mapping[str, str]:
    return MappingProxyType({"gate": code, "binance": code})


_ALL = (
    Network("Bitcoin", "c6d0c728-2624-429b-8e0d-d9d19b6592fa", _both("BTC"), late_after=timedelta(hours=3)),
    Network("Ethereum", "43d61dcd-e413-450d-80b8-101d5e903357", _both("ETH")),
    Network("TRON", "25dabac5-056a-48ff-b9f9-f67395dc407c", _both("TRX")),
    Network("BSC", "1949e683-6a08-49e2-b087-d6b72398588f", _both("BSC")),
    Network("Polygon", "b7938396-3f94-4e0a-9179-d3440718156f", _both("MATIC")),
    Network("Solana", "64692c23-8971-4cf4-84a7-4dd1271dd887", _both("SOL")),
    Network("Litecoin", "76c802a2-7c88-447f-a93e-c29c9e5dd9c8", _both("LTC")),
    Network("Dogecoin", "6770a1e5-6086-44d5-b60f-545f9d9e8ffd", _both("DOGE")),
    Network("XRP", "23dfb5a5-5d7b-48b6-905f-3970e3176e27", _both("XRP"), tagged=True),
    Network("EOS", "6cfe566e-4aad-470b-8c9a-2fd35b49c68d", _both("EOS"), tagged=True),
)

NETWORKS: Mapping[str, Network] = MappingProxyType({network.name: network for network in _ALL})
"""By the name that approved tokens carry."""


def network_of(name: str) -> Network:
    """Return a network by the name that our tokens carry.

    Raises:
        Refused: ``network_unmapped``.
    """
    if (network := NETWORKS.get(name)) is None:
        raise Refused("network_unmapped", network=name)
    return network
