"""Where a payment leaves Mixin for: an address on a chain, and what the network takes for it."""

from dataclasses import dataclass
from decimal import Decimal

from domain.ids import AssetId, request_id


@dataclass(frozen=True, slots=True)
class ChainAddress:
    """An address as whoever owns it gave it, to the byte; ``tag`` is empty where there is none.

    ``network`` is in the words of the place that gave it: a venue's code, or a Mixin chain id.
    """

    network: str
    address: str
    tag: str = ""


@dataclass(frozen=True, slots=True)
class NetworkFee:
    """What Mixin asks for a withdrawal to a chain, often in another asset; zero when it asks for nothing."""

    asset_id: AssetId
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Onward:
    """The part of a payout that says how it leaves Mixin; ``to.network`` is a Mixin chain id.

    ``fee_hash`` is fixed with the bytes, where the fee is paid by a transaction of its own.
    """

    to: ChainAddress
    fee: NetworkFee
    fee_hash: str = ""


def fee_request_id(main: str) -> str:
    """Return the request id of the fee's own transaction beside the one that goes by ``main`` (TX4)."""
    return request_id(main, "FEE")
