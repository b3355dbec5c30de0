"""The instance's Mixin Safe wallet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import AssetId, UserId


@dataclass(frozen=True, slots=True)
class WalletOutput:
    """One output of the wallet, as Mixin lists it; ``sequence`` only grows.

    ``sender`` is the paying user when that was one person (threshold 1), else ``None``. ``memo`` is the raw
    extra, decoded leniently. ``immutable_hash`` covers every field that may never change (DP5); it begins
    with the version of how it is made and a colon, since rows outlive our code.
    """

    output_id: str
    transaction_hash: str
    output_index: int
    asset_id: AssetId
    amount: Decimal
    sender: UserId | None
    memo: str
    request_id: str
    sequence: int
    spent: bool
    inscription: bool
    created_at: datetime
    immutable_hash: str
    deposit_hash: str = ""
    """The chain's hash of the transaction by which it came, when it came from a chain."""


class SendState(StrEnum):
    """What Mixin says of a transaction request."""

    CHECKED = "unspent"  # verified, not submitted
    SIGNED = "signed"  # accepted, will be final
    SPENT = "spent"  # final


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction request as Mixin knows it."""

    request_id: str
    transaction_hash: str
    state: SendState
    snapshot_id: str
    chain_hash: str = ""
    """Under which a chain carries it, once one does; empty for what stays within Mixin."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What to pay: whole inputs, one receiver, change back to the wallet."""

    request_id: str
    asset_id: AssetId
    receiver: UserId
    amount: Decimal
    memo: str
    inputs: tuple[str, ...]  # output ids, in order


@dataclass(frozen=True, slots=True)
class BuiltTransaction:
    """Raw unsigned bytes (hex) of a payment, and the hash they will keep.

    Of a payment to a chain with the network's fee in another asset they are two, joined by a space, and
    ``fee_hash`` is what the second will keep (TX4).
    """

    raw: str
    transaction_hash: str
    fee_hash: str = ""


class Wallet(Protocol):
    """Mixin Safe: outputs in, transactions out. Decisions are the caller's."""

    async def outputs_from(self, sequence: int, limit: int = 500) -> Sequence[WalletOutput]:
        """Return outputs with this sequence number or a higher one, ascending, spent ones included."""
        ...

    async def unspent_outputs(self, asset_id: AssetId) -> Sequence[WalletOutput]:
        """Return every output of an asset that is not spent, nor being spent."""
        ...

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        """Return the link that opens a payment sheet to the bot; one link is paid at most once."""
        ...

    async def find(self, request_id: str) -> SentTransaction | None:
        """Return what Mixin knows of a request id, or ``None`` when it knows nothing.

        Raises:
            Unavailable: no clear answer.
        """
        ...

    async def build(self, payment: Payment) -> BuiltTransaction:
        """Return the unsigned transaction of a payment: the same payment always gives the same bytes.

        Raises:
            Refused: ``receiver_unregistered`` and the like: this payment can never be made.
            Unavailable: no clear answer; nothing happened.
        """
        ...

    async def sign(self, request_id: str, raw: str, inputs: Sequence[str]) -> str:
        """Have Mixin check the unsigned bytes, then return the signed ones (hex). Nothing is spent.

        Raises:
            Refused: a definite error, such as ``inputs_spent``.
            OutcomeUnknown: the request id was used before by other bytes, or no clear answer.
            Unavailable: no clear answer; nothing happened.
        """
        ...

    async def submit(self, request_id: str, signed_raw: str) -> SentTransaction:
        """Send signed bytes; sending the same bytes again is harmless.

        Raises:
            Refused: a definite error: these bytes were not and will not be accepted.
            OutcomeUnknown: no clear answer; look it up by the request id.
        """
        ...
