"""Bytes of payments that leave Mixin for a chain, and what Mixin says of the way there (mixin.md §4.4)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import transaction as safe
from adapters.mixin.codec.ids import kernel_asset_id
from adapters.mixin.wallet_rows import any_amount, as_input, pays, readable
from domain.errors import InvariantBroken, Unavailable
from domain.ids import AssetId
from domain.payouts.onward import ChainAddress, NetworkFee, fee_request_id
from domain.ports.chain_wallet import ChainPayment

NETWORK = "674d6776-d600-4346-af46-58e77d8df185"
"""The user whom the network's fees are paid to."""

_FEE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,8})?", re.ASCII)

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One transaction before it has keys: where it leaves to, and who is paid beside, by index."""

    request_id: str
    asset_id: AssetId
    spent: Rows
    leaves: safe.Output | None
    shares: tuple[tuple[str, Decimal], ...]
    memo: str
    references: tuple[bytes, ...] = ()

    @property
    def first_index(self) -> int:
        """Return the index of the first share: behind what leaves, if something does."""
        return 0 if self.leaves is None else 1

    def transaction(self, ghosts: Rows) -> safe.Transaction:
        """Return the unsigned transaction, with one-time keys for each share.

        Raises:
            Unavailable: the keys are none.
        """
        with readable(Unavailable):
            shares = tuple(pays(some, ghost) for (_, some), ghost in zip(self.shares, ghosts, strict=True))
            tx = safe.Transaction(
                asset=bytes.fromhex(kernel_asset_id(self.asset_id)),
                inputs=tuple(map(as_input, self.spent)),
                outputs=(self.leaves, *shares) if self.leaves else shares,
                extra=self.memo.encode(),
                references=self.references,
            )
            safe.decode(safe.encode(tx))  # what we send is what we would accept
        return tx


def main_plan(payment: ChainPayment, spent: Rows, ourselves: str) -> Plan:
    """Return the transaction that leaves; it pays the fee too where that is of the same asset.

    Raises:
        InvariantBroken: the inputs are of another asset, hold an inscription, or are too little.
    """
    beside = Decimal(0) if is_pair(payment) else payment.fee.amount
    rest = _rest(payment.request_id, payment.asset_id, spent, payment.amount + beside)
    to = safe.Destination(payment.to.address, payment.to.tag)
    shares = ((NETWORK, beside), (ourselves, rest))
    return Plan(
        payment.request_id,
        payment.asset_id,
        spent,
        safe.Output(payment.amount, withdrawal=to),
        tuple((who, some) for who, some in shares if some > 0),
        payment.memo,
    )


def fee_plan(payment: ChainPayment, spent: Rows, ourselves: str, main_hash: str) -> Plan:
    """Return the transaction that pays the fee in another asset, and names the main one.

    Raises:
        InvariantBroken: as ``main_plan``.
    """
    request_id, fee = fee_request_id(payment.request_id), payment.fee
    rest = _rest(request_id, fee.asset_id, spent, fee.amount)
    shares = ((NETWORK, fee.amount), (ourselves, rest))
    paid = tuple((who, some) for who, some in shares if some > 0)
    return Plan(request_id, fee.asset_id, spent, None, paid, payment.memo, (bytes.fromhex(main_hash),))


def is_pair(payment: ChainPayment) -> bool:
    """Tell whether the fee needs a transaction of its own."""
    return payment.fee.amount > 0 and payment.fee.asset_id != payment.asset_id


def _rest(request_id: str, asset_id: AssetId, spent: Rows, leaves: Decimal) -> Decimal:
    if any(row.get("asset_id") != asset_id or row.get("inscription_hash") for row in spent):
        raise InvariantBroken("inputs_unfit", request_id=request_id)
    total = sum((any_amount(str(row.get("amount"))) for row in spent), Decimal(0))
    if total < leaves:
        raise InvariantBroken("inputs_short", request_id=request_id)
    return total - leaves


def as_fee(row: Mapping[str, Any]) -> NetworkFee:
    """Return what Mixin asks for a payment to a chain; nothing may be asked.

    Raises:
        Unavailable: it is no fee.
    """
    with readable(Unavailable):
        if not _FEE.fullmatch(amount := str(row["amount"])):
            raise ValueError("amount")
        return NetworkFee(AssetId(str(row["asset_id"])), Decimal(amount))


def as_address(listed: Rows, chain_id: str, ourselves: str) -> ChainAddress:
    """Return where a chain pays us, of the entries that Mixin lists.

    Raises:
        Unavailable: none is ours alone on this chain.
    """
    with readable(Unavailable):
        ours = [
            row
            for row in listed
            if (row["chain_id"], row["members"], row["threshold"]) == (chain_id, [ourselves], 1)
        ]
        entry = next((row for row in ours if row.get("is_primary")), ours[0])
        if not isinstance(entry["destination"], str) or not entry["destination"]:
            raise ValueError("destination")
        return ChainAddress(chain_id, entry["destination"], str(entry.get("tag") or ""))
