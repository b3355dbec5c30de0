"""The bot's Safe wallet: outputs in, transactions out; nothing here decides (mixin.md §4)."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import signing
from adapters.mixin.codec import transaction as safe
from adapters.mixin.codec.ids import kernel_asset_id, members_hash
from adapters.mixin.codec.keys import ghost_hint
from adapters.mixin.codec.links import PayLink
from adapters.mixin.http import MixinHttp, rows
from adapters.mixin.inbound import as_time
from adapters.mixin.keystore import Keystore
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId, UserId
from domain.money import exact, plain
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction, WalletOutput

_IMMUTABLE = (
    "output_id",
    "transaction_hash",
    "output_index",
    "asset_id",
    "amount",
    "mask",
    "sequence",
    "extra",
)
_ANY_AMOUNT = re.compile(r"[0-9]{1,60}(\.[0-9]{1,18})?", re.ASCII)
_IMMUTABLE_LISTS = ("keys", "senders", "receivers")


class MixinWallet:
    """The ``Wallet`` port: one member, threshold one."""

    def __init__(self, http: MixinHttp, keystore: Keystore) -> None:
        """Use one HTTP client and one spend key."""
        self._http = http
        self._keystore = keystore

    async def check_spend_key(self) -> None:
        """Refuse a spend key that is not the one Mixin has for this bot.

        Raises:
            Refused: ``spend_key_wrong``.
        """
        profile = await self._http.read("/me")
        registered = str(profile.get("spend_public_key") or "")
        if registered and registered != self._keystore.spend_public_key.hex():
            raise Refused("spend_key_wrong")

    async def outputs_from(self, sequence: int, limit: int = 500) -> Sequence[WalletOutput]:
        """Return outputs with this sequence number or a higher one, ascending, spent ones included."""
        query: dict[str, str | int] = {
            "members": members_hash([self._http.app_id]),
            "threshold": 1,
            "offset": sequence,
            "limit": limit,
            "order": "ASC",
        }
        listed = rows(await self._http.read("/safe/outputs", query))
        return [_as_output(row) for row in listed]

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        """Return the link that opens a payment sheet to the bot."""
        return str(PayLink(self._http.app_id, trace, asset_id, plain(amount), memo))

    async def find(self, request_id: str) -> SentTransaction | None:
        """Return what Mixin knows of a request id."""
        try:
            return _as_sent(await self._http.read(f"/safe/transactions/{request_id}"))
        except Refused as e:
            if e.code == "mixin_not_found":
                return None
            raise Unavailable("mixin_silent", said=str(e)) from e

    async def build(self, payment: Payment) -> BuiltTransaction:
        """Return the unsigned transaction of a payment; hints make it the same each time."""
        spent = await self._outputs(payment.inputs)
        total = sum((exact(str(row["amount"])) for row in spent), Decimal(0))
        if total < payment.amount:
            raise InvariantBroken("inputs_short", request_id=payment.request_id)
        shares = [(payment.receiver, payment.amount), (self._http.app_id, total - payment.amount)]
        shares = [(who, amount) for who, amount in shares if amount > 0]
        keys = rows(
            await self._http.ask(
                "/safe/keys",
                [
                    {"receivers": [who], "index": index, "hint": ghost_hint(payment.request_id, index)}
                    for index, (who, _) in enumerate(shares)
                ],
            )
        )
        tx = safe.Transaction(
            asset=bytes.fromhex(kernel_asset_id(payment.asset_id)),
            inputs=tuple(
                safe.Input(bytes.fromhex(r["transaction_hash"]), int(r["output_index"])) for r in spent
            ),
            outputs=tuple(
                safe.Output(
                    amount, tuple(map(bytes.fromhex, key["keys"])), bytes.fromhex(key["mask"]), safe.script(1)
                )
                for (_, amount), key in zip(shares, keys, strict=True)
            ),
            extra=payment.memo.encode(),
        )
        raw = safe.encode(tx)
        safe.decode(raw)  # what we send is what we would accept
        return BuiltTransaction(raw.hex(), safe.transaction_hash(tx))

    async def sign(self, request_id: str, raw: str, inputs: Sequence[str]) -> str:
        """Have Mixin check the unsigned bytes, and return the signed ones."""
        tx = safe.decode(bytes.fromhex(raw))
        answer = rows(
            await self._http.ask("/safe/transaction/requests", [{"request_id": request_id, "raw": raw}])
        )
        checked = answer[0]
        if checked["transaction_hash"] != safe.transaction_hash(tx) or checked["state"] != SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=request_id, state=checked["state"])
        views = [bytes.fromhex(view) for view in checked["views"]]
        spent_keys = [tuple(map(bytes.fromhex, row["keys"])) for row in await self._outputs(inputs)]
        signed = signing.sign_transaction(tx, views, self._keystore.spending, spent_keys)
        return safe.encode(signed).hex()

    async def submit(self, request_id: str, signed_raw: str) -> SentTransaction:
        """Send signed bytes; ``signed`` and ``spent`` are both success."""
        body = [{"request_id": request_id, "raw": signed_raw}]
        sent = _as_sent(rows(await self._http.write("/safe/transactions", body))[0])
        ours = safe.transaction_hash(safe.decode(bytes.fromhex(signed_raw)))
        if sent.transaction_hash != ours or sent.state is SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=request_id, state=sent.state)
        return sent

    async def _outputs(self, output_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return the rows of outputs in the order asked for."""
        listed = {
            row["output_id"]: row
            for row in rows(await self._http.ask("/safe/outputs/fetch", list(output_ids)))
        }
        missing = [output_id for output_id in output_ids if output_id not in listed]
        if missing:
            raise Unavailable("outputs_not_listed", count=len(missing))
        return [listed[output_id] for output_id in output_ids]


def _as_output(row: Mapping[str, Any]) -> WalletOutput:
    senders = [UserId(sender) for sender in row.get("senders") or ()]
    single = len(senders) == 1 and int(row.get("senders_threshold") or 1) == 1
    return WalletOutput(
        output_id=str(row["output_id"]),
        transaction_hash=str(row["transaction_hash"]),
        output_index=int(row["output_index"]),
        asset_id=AssetId(str(row["asset_id"])),
        amount=_any_amount(str(row["amount"])),
        sender=senders[0] if single else None,
        memo=_memo(str(row.get("extra") or "")),
        request_id=str(row.get("request_id") or ""),
        sequence=int(row["sequence"]),
        spent=row["state"] != "unspent",
        inscription=bool(row.get("inscription_hash")),
        created_at=as_time(str(row.get("created_at") or "")) or datetime.fromtimestamp(0, UTC),
        immutable_hash=_immutable_hash(row),
    )


def _any_amount(text: str) -> Decimal:
    """Return an amount of any size: who issues a token chooses its supply, and must not stop the page.

    Raises:
        Unavailable: it is no amount.
    """
    if not _ANY_AMOUNT.fullmatch(text):
        raise Unavailable("mixin_answer_unreadable")
    return Decimal(text)


def _memo(extra: str) -> str:
    """Return the raw extra as text, leniently; a memo is a hint and proves nothing."""
    try:
        return bytes.fromhex(extra[:1024]).decode(errors="replace").replace("\x00", "\ufffd")
    except ValueError:
        return ""


def _immutable_hash(row: Mapping[str, Any]) -> str:
    facts = [str(row.get(name)) for name in _IMMUTABLE]
    facts += [",".join(map(str, row.get(name) or ())) for name in _IMMUTABLE_LISTS]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _as_sent(row: Mapping[str, Any]) -> SentTransaction:
    try:
        return SentTransaction(
            request_id=str(row["request_id"]),
            transaction_hash=str(row["transaction_hash"]),
            state=SendState("unspent" if row["state"] == "pending" else row["state"]),
            snapshot_id=str(row.get("snapshot_id") or ""),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise OutcomeUnknown("mixin_answer_unreadable") from e
