"""The Mixin wallet's way to chains and back; signing and sending are those of every payment (``Wallet``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from domain.ids import AssetId
from domain.payouts.onward import ChainAddress, NetworkFee
from domain.ports.wallet import BuiltTransaction


@dataclass(frozen=True, slots=True)
class ChainPayment:
    """What to pay to an address on a chain: whole inputs, the network's fee, change back to the wallet.

    With a fee in another asset it is a pair of transactions, and ``fee_inputs`` pay the second; otherwise
    ``inputs`` cover both and there are no ``fee_inputs`` (TX4).
    """

    request_id: str
    asset_id: AssetId
    to: ChainAddress  # its network is a Mixin chain id
    amount: Decimal  # what the chain carries
    fee: NetworkFee
    memo: str
    inputs: tuple[str, ...]  # output ids, in order
    fee_inputs: tuple[str, ...] = ()


class ChainWallet(Protocol):
    """Mixin Safe towards chains."""

    async def network_fees(self, asset_id: AssetId, to: ChainAddress) -> Sequence[NetworkFee]:
        """Return what Mixin asks for a payment to an address: alternatives, of which one is paid.

        Raises:
            Refused: ``address_invalid``: Mixin would not pay there, with this tag or the lack of it.
            Unavailable: no clear answer, or the chain is suspended.
        """
        ...

    async def deposit_address(self, asset_id: AssetId, chain_id: str) -> ChainAddress:
        """Return where chains pay the bot, exactly as Mixin says it; the network is the chain id.

        Raises:
            Refused: ``network_unknown``.
        """
        ...

    async def build_onward(self, payment: ChainPayment) -> BuiltTransaction:
        """Return the unsigned transaction, or the pair joined by one space: the main one, then the fee's.

        The same payment always gives the same bytes. ``Wallet.sign`` and ``Wallet.submit`` take the text as
        it is, a pair in one call, under the main request id, the inputs of both in one sequence; ``submit``
        returns what became of the main one, and completes a pair of which one half was accepted. The fee's
        own request id is ``fee_request_id`` of the main one, and ``Wallet.find`` knows each by its own.

        Raises:
            Refused: ``address_invalid``, ``network_fee_too_small`` and the like.
            Unavailable: no clear answer; nothing happened.
        """
        ...
