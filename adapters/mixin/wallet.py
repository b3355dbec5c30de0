"""The bot's Safe wallet: outputs in, transactions out; nothing here decides (mixin.md §4)."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import signing
from adapters.mixin.codec import transaction as safe
from adapters.mixin.codec.ids import kernel_asset_id, members_hash
from adapters.mixin.codec.keys import ghost_hint
from adapters.mixin.codec.links import PayLink
from adapters.mixin.http import Gate, MixinHttp
from adapters.mixin.keystore import Keystore
from adapters.mixin.outcomes import Silence, rows
from adapters.mixin.times import as_time
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId, UserId
from domain.money import plain
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction, WalletOutput

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
_LONGEST_EXTRA = 256
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LARGEST_OUTPUT = 32 * 1024 * 1024
"""A transaction that burns XIN carries 4 MB of its sender's choice, which Mixin shows as hex."""

_MOST_FETCHED = 100


class MixinWallet:
    """The ``Wallet`` port: one member, threshold one."""

    def __init__(self, http: MixinHttp, keystore: Keystore, lease: Gate) -> None:
        """Use one HTTP client and one spend key. ``lease`` refuses when this process may not spend."""
        self._http = http
        self._lease = lease
        self._keystore = keystore

    async def check_spend_key(self) -> None:
        """Refuse a spend key that is not the one Mixin has for this bot.

        Raises:
            Refused: ``spend_key_wrong``.
            BadKeystore: this process was given no spend key.
        """
        profile = await self._http.read("/me")
        registered = str(profile.get("spend_public_key") or "") if isinstance(profile, dict) else ""
        if registered and registered != self._keystore.spend_public_key.hex():
            raise Refused("spend_key_wrong")

    async def outputs_from(self, sequence: int, limit: int = 500) -> Sequence[WalletOutput]:
        """Return outputs with this sequence number or a higher one, ascending, spent ones included.

        Senders choose how long their outputs are: what is too large in one answer is asked for in halves.
        """
        try:
            return await self._listed(sequence, limit)
        except Unavailable as e:
            if e.code != "mixin_answer_too_large" or limit == 1:
                raise
        half = limit // 2
        first = await self.outputs_from(sequence, half)
        if len(first) < half:
            return first
        return [*first, *await self.outputs_from(max(o.sequence for o in first) + 1, limit - half)]

    async def _listed(self, sequence: int, limit: int) -> Sequence[WalletOutput]:
        query: dict[str, str | int] = {
            "members": members_hash([self._http.app_id]),
            "threshold": 1,
            "offset": sequence,
            "limit": limit,
            "order": "ASC",
        }
        largest = {"largest": _LARGEST_OUTPUT} if limit == 1 else {}
        listed = rows(await self._http.read("/safe/outputs", query, **largest))
        with _readable(Unavailable):
            return [_as_output(row) for row in listed]

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        """Return the link that opens a payment sheet to the bot."""
        return str(PayLink(self._http.app_id, trace, asset_id, plain(amount), memo))

    async def find(self, request_id: str) -> SentTransaction | None:
        """Return what Mixin knows of a request id."""
        try:
            told = await self._http.read(f"/safe/transactions/{request_id}")
            return _as_sent(told, request_id, Unavailable)
        except Refused as e:
            if e.code == "not_found":
                return None
            raise Unavailable("mixin_silent", said=str(e)) from e

    async def build(self, payment: Payment) -> BuiltTransaction:
        """Return the unsigned transaction of a payment; hints make it the same each time."""
        if len(payment.memo.encode()) > _LONGEST_EXTRA:
            raise InvariantBroken("memo_too_long", request_id=payment.request_id)
        spent = await self._outputs(payment.inputs)
        shares = self._shares(payment, spent)
        hints = [
            {"receivers": [who], "index": index, "hint": ghost_hint(payment.request_id, index)}
            for index, (who, _) in enumerate(shares)
        ]
        ghosts = rows(await self._http.ask("/safe/keys", hints))
        with _readable(Unavailable):
            tx = safe.Transaction(
                asset=bytes.fromhex(kernel_asset_id(payment.asset_id)),
                inputs=tuple(map(_as_input, spent)),
                outputs=tuple(
                    _pays(amount, ghost) for (_, amount), ghost in zip(shares, ghosts, strict=True)
                ),
                extra=payment.memo.encode(),
            )
            raw = safe.encode(tx)
            safe.decode(raw)  # what we send is what we would accept
        return BuiltTransaction(raw.hex(), safe.transaction_hash(tx))

    async def sign(self, request_id: str, raw: str, inputs: Sequence[str]) -> str:
        """Have Mixin check the unsigned bytes, and return the signed ones.

        Raises, beyond what the port says:
            InvariantBroken: ``spend_key_mismatch``: Mixin's views and our key do not open these inputs.
        """
        spending, tx = self._keystore.spending, safe.decode(bytes.fromhex(raw))
        entry = {"request_id": request_id, "raw": raw}
        answer = rows(await self._http.ask("/safe/transaction/requests", [entry]))
        with _readable(Unavailable):
            checked = _as_sent(answer[0], request_id, Unavailable)
            views = [bytes.fromhex(view) for view in answer[0].get("views") or ()]
        if checked.transaction_hash != safe.transaction_hash(tx) or checked.state is not SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=request_id, state=checked.state)
        spent = await self._outputs(inputs)
        with _readable(Unavailable):
            spent_keys = [tuple(map(bytes.fromhex, row["keys"])) for row in spent]
            listed = tuple(map(_as_input, spent))
        if listed != tx.inputs:
            raise InvariantBroken("inputs_differ", request_id=request_id)
        if len(views) != len(listed):
            raise Unavailable("mixin_answer_unreadable", views=len(views))
        try:
            return safe.encode(signing.sign_transaction(tx, views, spending.reveal(), spent_keys)).hex()
        except signing.WrongKey as e:
            raise InvariantBroken("spend_key_mismatch", request_id=request_id) from e

    async def submit(self, request_id: str, signed_raw: str) -> SentTransaction:
        """Send signed bytes; ``signed`` and ``spent`` are both success."""
        ours = safe.transaction_hash(safe.decode(bytes.fromhex(signed_raw)))
        entry = {"request_id": request_id, "raw": signed_raw}
        try:
            answer = rows(await self._http.write("/safe/transactions", [entry], self._lease), OutcomeUnknown)
        except Unavailable as e:  # it most likely did not happen; with money we look it up all the same
            raise OutcomeUnknown(e.code, **e.facts) from e
        sent = _as_sent(answer[0] if answer else None, request_id, OutcomeUnknown)
        if sent.transaction_hash != ours or sent.state is SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=request_id, state=sent.state)
        return sent

    def _shares(self, payment: Payment, spent: Sequence[Mapping[str, Any]]) -> list[tuple[str, Decimal]]:
        """Return who gets how much: the receiver first, then ourselves what is left.

        Raises:
            InvariantBroken: the inputs are of another coin, hold an inscription, or are too little.
        """
        if any(row.get("asset_id") != payment.asset_id or row.get("inscription_hash") for row in spent):
            raise InvariantBroken("inputs_unfit", request_id=payment.request_id)
        total = sum((_any_amount(str(row.get("amount"))) for row in spent), Decimal(0))
        if total < payment.amount:
            raise InvariantBroken("inputs_short", request_id=payment.request_id)
        shares = [(str(payment.receiver), payment.amount), (self._http.app_id, total - payment.amount)]
        return [(who, amount) for who, amount in shares if amount > 0]

    async def _outputs(self, output_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return the rows of outputs in the order asked for."""
        listed: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(output_ids), _MOST_FETCHED):
            for row in await self._fetched(list(output_ids[start : start + _MOST_FETCHED])):
                listed[str(row.get("output_id"))] = row
        missing = [output_id for output_id in output_ids if output_id not in listed]
        if missing:
            raise Unavailable("outputs_not_listed", count=len(missing))
        return [listed[output_id] for output_id in output_ids]

    async def _fetched(self, ids: list[str]) -> Sequence[Mapping[str, Any]]:
        """Return rows of outputs; what is too large in one answer is asked for in halves."""
        asked = {"user_id": self._http.app_id, "ids": ids}
        largest = {"largest": _LARGEST_OUTPUT} if len(ids) == 1 else {}
        try:
            return rows(await self._http.ask("/safe/outputs/fetch", asked, **largest))
        except Unavailable as e:
            if e.code != "mixin_answer_too_large" or len(ids) == 1:
                raise
        half = len(ids) // 2
        return [*await self._fetched(ids[:half]), *await self._fetched(ids[half:])]


@contextmanager
def _readable(silence: Silence) -> Iterator[None]:
    """Take an answer that lacks what we need, or holds nonsense, for no answer at all."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as e:
        raise silence("mixin_answer_unreadable", reason=f"{type(e).__name__}: {e}"[:200]) from e


def _as_input(row: Mapping[str, Any]) -> safe.Input:
    return safe.Input(bytes.fromhex(row["transaction_hash"]), int(row["output_index"]))


def _pays(amount: Decimal, ghost: Mapping[str, Any]) -> safe.Output:
    if len(ghost["keys"]) != 1:
        raise ValueError("one key for one receiver")
    return safe.Output(
        amount, (bytes.fromhex(ghost["keys"][0]),), bytes.fromhex(ghost["mask"]), safe.script(1)
    )


def _as_output(row: Mapping[str, Any]) -> WalletOutput:
    return WalletOutput(
        output_id=str(row["output_id"]),
        transaction_hash=str(row["transaction_hash"]),
        output_index=int(row["output_index"]),
        asset_id=AssetId(str(row["asset_id"])),
        amount=_any_amount(str(row["amount"])),
        sender=_sender(row),
        memo=_memo(str(row.get("extra") or "")),
        request_id=str(row.get("request_id") or ""),
        sequence=int(row["sequence"]),
        spent=row["state"] != "unspent",
        inscription=bool(row.get("inscription_hash")),
        created_at=as_time(str(row.get("created_at") or "")) or datetime.fromtimestamp(0, UTC),
        immutable_hash=_immutable_hash(row),
    )


def _sender(row: Mapping[str, Any]) -> UserId | None:
    """Return the one person who paid, if it was one: whatever else stands there is nobody."""
    senders = row.get("senders")
    if not isinstance(senders, list) or len(senders) != 1 or str(row.get("senders_threshold") or 1) != "1":
        return None
    return UserId(senders[0]) if _UUID.fullmatch(str(senders[0])) else None


def _any_amount(text: str) -> Decimal:
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


def _immutable_hash(row: Mapping[str, Any]) -> str:
    """Return what must be the same at every reading: of the protocol's facts alone, in our own writing."""
    amount = plain(_any_amount(str(row["amount"])))
    facts = [amount, *(str(row.get(name) or "") for name in _IMMUTABLE)]
    facts += [",".join(sorted(map(str, row.get(name) or ()))) for name in _IMMUTABLE_LISTS]
    return f"{_IMMUTABLE_VERSION}:{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"


def _as_sent(row: Mapping[str, Any] | None, asked: str, silence: Silence) -> SentTransaction:
    """Return what an answer says of the request asked about; what it says of another one is no answer."""
    if row is None:
        raise silence("mixin_answer_unreadable")
    with _readable(silence):
        if str(row["request_id"]).lower() != asked.lower():
            raise ValueError("it is about another request")
        return SentTransaction(
            request_id=str(row["request_id"]),
            transaction_hash=str(row["transaction_hash"]),
            state=SendState("unspent" if row["state"] == "pending" else row["state"]),
            snapshot_id=str(row.get("snapshot_id") or ""),
        )
