"""What Mixin's wallet tells in rows, read into our words; nonsense is no answer."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import transaction as safe
from adapters.mixin.outcomes import Silence
from adapters.mixin.times import as_time
from domain.errors import Unavailable
from domain.ids import AssetId, UserId
from domain.money import plain
from domain.ports.wallet import SendState, SentTransaction, WalletOutput

_IMMUTABLE_VERSION = "v1"
"""Raise it with every change to how the hash is made: rows of another version are not compared."""

_IMMUTABLE = (
    "output_id",
    "transaction_hash",
    "output_index",
    "asset_id",
    "mask",
    "extra",
    "senders_threshold",
    "inscription_hash",
)
_ANY_AMOUNT = re.compile(r"[0-9]{1,60}(\.[0-9]{1,18})?", re.ASCII)
_IMMUTABLE_LISTS = ("keys", "senders", "receivers")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@contextmanager
def readable(silence: Silence) -> Iterator[None]:
    """Take an answer that lacks what we need, or holds nonsense, for no answer at all."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as e:
        raise silence("mixin_answer_unreadable", reason=f"{type(e).__name__}: {e}"[:200]) from e


def as_input(row: Mapping[str, Any]) -> safe.Input:
    """Return an output as what spends it names it."""
    return safe.Input(bytes.fromhex(row["transaction_hash"]), int(row["output_index"]))


def pays(amount: Decimal, ghost: Mapping[str, Any]) -> safe.Output:
    """Return an output that pays the receiver a one-time key was made for."""
    if len(ghost["keys"]) != 1:
        raise ValueError("one key for one receiver")
    return safe.Output(
        amount, (bytes.fromhex(ghost["keys"][0]),), bytes.fromhex(ghost["mask"]), safe.script(1)
    )


def as_output(row: Mapping[str, Any], deposit_hash: str = "") -> WalletOutput:
    """Return an output as the wallet's owner sees it."""
    return WalletOutput(
        output_id=str(row["output_id"]),
        transaction_hash=str(row["transaction_hash"]),
        output_index=int(row["output_index"]),
        asset_id=AssetId(str(row["asset_id"])),
        amount=any_amount(str(row["amount"])),
        sender=_sender(row),
        memo=_memo(str(row.get("extra") or "")),
        request_id=str(row.get("request_id") or ""),
        sequence=int(row["sequence"]),
        spent=row["state"] != "unspent",
        inscription=bool(row.get("inscription_hash")),
        created_at=as_time(str(row.get("created_at") or "")) or datetime.fromtimestamp(0, UTC),
        immutable_hash=immutable_hash(row),
        deposit_hash=deposit_hash,
    )


def _sender(row: Mapping[str, Any]) -> UserId | None:
    """Return the one person who paid, if it was one: whatever else stands there is nobody."""
    senders = row.get("senders")
    if not isinstance(senders, list) or len(senders) != 1 or str(row.get("senders_threshold") or 1) != "1":
        return None
    return UserId(senders[0]) if _UUID.fullmatch(str(senders[0])) else None


def any_amount(text: str) -> Decimal:
    """Return an amount of any size: who issues a token chooses its supply, and must not stop the page.

    Raises:
        Unavailable: it is no amount.
    """
    if not _ANY_AMOUNT.fullmatch(text) or (amount := Decimal(text)) == 0:  # the network has no output of 0
        raise Unavailable("mixin_answer_unreadable", reason="amount")
    return amount


def _memo(extra: str) -> str:
    """Return the raw extra as text, leniently; a memo is a hint and proves nothing."""
    try:
        return bytes.fromhex(extra[:1024]).decode(errors="replace").replace("\x00", "\ufffd")
    except ValueError:
        return ""


def immutable_hash(row: Mapping[str, Any]) -> str:
    """Return what must be the same at every reading: of the protocol's facts alone, in our own writing."""
    amount = plain(any_amount(str(row["amount"])))
    facts = [amount, *(str(row.get(name) or "") for name in _IMMUTABLE)]
    facts += [",".join(sorted(map(str, row.get(name) or ()))) for name in _IMMUTABLE_LISTS]
    return f"{_IMMUTABLE_VERSION}:{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"


def as_sent(row: Mapping[str, Any] | None, asked: str, silence: Silence) -> SentTransaction:
    """Return what an answer says of the request asked about; what it says of another one is no answer."""
    if row is None:
        raise silence("mixin_answer_unreadable")
    with readable(silence):
        if str(row["request_id"]).lower() != asked.lower():
            raise ValueError("it is about another request")
        return SentTransaction(
            request_id=str(row["request_id"]),
            transaction_hash=str(row["transaction_hash"]),
            state=SendState("unspent" if row["state"] == "pending" else row["state"]),
            snapshot_id=str(row.get("snapshot_id") or ""),
            chain_hash=_chain_hash(row.get("receivers") or ()),
        )


def _chain_hash(receivers: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash under which a chain carries what left for it, if it does yet."""
    hashes = (str(each.get("withdrawal_hash") or "") for each in receivers if each.get("destination"))
    return next(filter(None, hashes), "")
