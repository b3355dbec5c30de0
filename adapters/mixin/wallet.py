"""The bot's Safe wallet: outputs in, transactions out; nothing here decides (mixin.md §4)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import signing
from adapters.mixin.codec import transaction as safe
from adapters.mixin.codec.ids import kernel_asset_id, members_hash
from adapters.mixin.codec.keys import ghost_hint
from adapters.mixin.codec.links import PayLink
from adapters.mixin.http import Gate, MixinHttp
from adapters.mixin.keystore import Keystore
from adapters.mixin.onward import Plan, as_address, as_fee, fee_plan, is_pair, main_plan
from adapters.mixin.outcomes import Silence, rows
from adapters.mixin.wallet_rows import any_amount, as_input, as_output, as_sent, pays, readable
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId
from domain.money import plain
from domain.payouts.onward import ChainAddress, NetworkFee, fee_request_id
from domain.ports.chain_wallet import ChainPayment
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction, WalletOutput

_LONGEST_EXTRA = 256
_LARGEST_OUTPUT = 32 * 1024 * 1024
"""A transaction that burns XIN carries 4 MB of its sender's choice, which Mixin shows as hex."""

_MOST_FETCHED = 100
_PAGE = 500


class MixinWallet:
    """The ports ``Wallet`` and ``ChainWallet``: one member, threshold one."""

    def __init__(self, http: MixinHttp, keystore: Keystore, lease: Gate) -> None:
        """Use one HTTP client and one spend key. ``lease`` refuses when this process may not spend."""
        self._http = http
        self._lease = lease
        self._keystore = keystore
        self._deposits: dict[str, str] = {}  # by output id: it never changes

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
        """Return outputs with this sequence number or a higher one, ascending, spent ones included."""
        return await self._page(sequence, limit, {})

    async def unspent_outputs(self, asset_id: AssetId) -> Sequence[WalletOutput]:
        """Return every output of an asset that is not spent, nor being spent; all pages."""
        only = {"asset": asset_id, "state": "unspent"}
        found: list[WalletOutput] = []
        page = await self._page(0, _PAGE, only)
        while page:
            found += page
            if len(page) < _PAGE:
                break
            page = await self._page(max(o.sequence for o in page) + 1, _PAGE, only)
        if wrong := [o.output_id for o in found if o.asset_id != asset_id or o.spent]:
            raise Unavailable("mixin_answer_unreadable", reason="unspent", output_id=wrong[0])
        return found

    async def _page(self, sequence: int, limit: int, only: Mapping[str, str]) -> Sequence[WalletOutput]:
        """Return one page. Senders choose how long their outputs are: what is too large is read in halves."""
        try:
            return await self._listed(sequence, limit, only)
        except Unavailable as e:
            if e.code != "mixin_answer_too_large" or limit == 1:
                raise
        half = limit // 2
        first = await self._page(sequence, half, only)
        if len(first) < half:
            return first
        return [*first, *await self._page(max(o.sequence for o in first) + 1, limit - half, only)]

    async def _listed(self, sequence: int, limit: int, only: Mapping[str, str]) -> Sequence[WalletOutput]:
        query: dict[str, str | int] = {
            "members": members_hash([self._http.app_id]),
            "threshold": 1,
            "offset": sequence,
            "limit": limit,
            "order": "ASC",
            **only,
        }
        largest = {"largest": _LARGEST_OUTPUT} if limit == 1 else {}
        listed = rows(await self._http.read("/safe/outputs", query, **largest))
        with readable(Unavailable):
            return [as_output(row, await self._deposit_hash(row)) for row in listed]

    async def _deposit_hash(self, row: Mapping[str, Any]) -> str:
        """Return the chain's hash of what nobody within Mixin sent."""
        if row.get("senders"):
            return ""
        output_id = str(row["output_id"])
        if output_id not in self._deposits:
            try:
                told = await self._http.read(f"/safe/outputs/{output_id}/deposit")
                self._deposits[output_id] = str(told.get("deposit_hash") or "") if told else ""
            except Refused:  # it came from no chain
                self._deposits[output_id] = ""
        return self._deposits[output_id]

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        """Return the link that opens a payment sheet to the bot."""
        return str(PayLink(self._http.app_id, trace, asset_id, plain(amount), memo))

    async def find(self, request_id: str) -> SentTransaction | None:
        """Return what Mixin knows of a request id."""
        try:
            told = await self._http.read(f"/safe/transactions/{request_id}")
            return as_sent(told, request_id, Unavailable)
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
        with readable(Unavailable):
            tx = safe.Transaction(
                asset=bytes.fromhex(kernel_asset_id(payment.asset_id)),
                inputs=tuple(map(as_input, spent)),
                outputs=tuple(pays(amount, ghost) for (_, amount), ghost in zip(shares, ghosts, strict=True)),
                extra=payment.memo.encode(),
            )
            raw = safe.encode(tx)
            safe.decode(raw)  # what we send is what we would accept
        return BuiltTransaction(raw.hex(), safe.transaction_hash(tx))

    async def network_fees(self, asset_id: AssetId, to: ChainAddress) -> Sequence[NetworkFee]:
        """Return what Mixin asks for a payment to an address, which it must find valid first."""
        await self._check_address(asset_id, to)
        asked = rows(await self._http.read(f"/safe/assets/{asset_id}/fees", {"destination": to.address}))
        return [as_fee(row) for row in asked] or [NetworkFee(asset_id, Decimal(0))]

    async def _check_address(self, asset_id: AssetId, to: ChainAddress) -> None:
        query: dict[str, str | int] = {"asset": asset_id, "destination": to.address}
        await self._http.read("/external/addresses/check", query | ({"tag": to.tag} if to.tag else {}))

    async def deposit_address(self, asset_id: AssetId, chain_id: str) -> ChainAddress:
        """Return where a chain pays the bot, exactly as Mixin says it."""
        ourselves = self._http.app_id
        wanted = {"members": [ourselves], "threshold": 1, "chain_id": chain_id}
        try:
            asset = await self._http.read(f"/safe/assets/{asset_id}")
            listed = rows(await self._http.ask("/safe/deposit/entries", wanted))
        except Refused as e:
            raise Refused("network_unknown", chain_id=chain_id, said=str(e)) from e
        with readable(Unavailable):
            of_chain = asset["chain_id"] == chain_id
        if not of_chain:
            raise Refused("network_unknown", asset_id=asset_id, chain_id=chain_id)
        return as_address(listed, chain_id, ourselves)

    async def build_onward(self, payment: ChainPayment) -> BuiltTransaction:
        """Return the unsigned transaction of a payment to a chain, or the pair, joined by a space."""
        if len(payment.memo.encode()) > _LONGEST_EXTRA:
            raise InvariantBroken("memo_too_long", request_id=payment.request_id)
        if is_pair(payment) is not bool(payment.fee_inputs):
            raise InvariantBroken("inputs_unfit", request_id=payment.request_id)
        await self._check_address(payment.asset_id, payment.to)
        ourselves = self._http.app_id
        main = await self._made(main_plan(payment, await self._outputs(payment.inputs), ourselves))
        raw, main_hash = safe.encode(main).hex(), safe.transaction_hash(main)
        if not is_pair(payment):
            return BuiltTransaction(raw, main_hash)
        spent = await self._outputs(payment.fee_inputs)
        fee = await self._made(fee_plan(payment, spent, ourselves, main_hash))
        return BuiltTransaction(f"{raw} {safe.encode(fee).hex()}", main_hash, safe.transaction_hash(fee))

    async def _made(self, plan: Plan) -> safe.Transaction:
        """Return the transaction of a plan; hints make it the same each time."""
        hints = [
            {"receivers": [who], "index": index, "hint": ghost_hint(plan.request_id, index)}
            for index, (who, _) in enumerate(plan.shares, plan.first_index)
        ]
        return plan.transaction(rows(await self._http.ask("/safe/keys", hints)) if hints else ())

    async def sign(self, request_id: str, raw: str, inputs: Sequence[str]) -> str:
        """Have Mixin check the unsigned bytes, and return the signed ones; a pair together.

        Raises, beyond what the port says:
            InvariantBroken: ``spend_key_mismatch``: Mixin's views and our key do not open these inputs.
        """
        entries = _entries(request_id, raw)
        answer = rows(await self._http.ask("/safe/transaction/requests", entries))
        spent, signed = await self._outputs(inputs), []
        for entry in entries:
            tx = safe.decode(bytes.fromhex(entry["raw"]))
            mine, spent = spent[: len(tx.inputs)], spent[len(tx.inputs) :]
            signed.append(self._sign(entry["request_id"], tx, _about(answer, entry, Unavailable), mine))
        if spent:
            raise InvariantBroken("inputs_differ", request_id=request_id)
        return " ".join(signed)

    def _sign(
        self,
        request_id: str,
        tx: safe.Transaction,
        answer: Mapping[str, Any] | None,
        spent: Sequence[Mapping[str, Any]],
    ) -> str:
        checked = as_sent(answer, request_id, Unavailable)
        if checked.transaction_hash != safe.transaction_hash(tx) or checked.state is not SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=request_id, state=checked.state)
        with readable(Unavailable):
            views = [bytes.fromhex(view) for view in (answer or {}).get("views") or ()]
            spent_keys = [tuple(map(bytes.fromhex, row["keys"])) for row in spent]
            listed = tuple(map(as_input, spent))
        if listed != tx.inputs:
            raise InvariantBroken("inputs_differ", request_id=request_id)
        if len(views) != len(listed):
            raise Unavailable("mixin_answer_unreadable", views=len(views))
        seed = self._keystore.spending.reveal()
        try:
            return safe.encode(signing.sign_transaction(tx, views, seed, spent_keys)).hex()
        except signing.WrongKey as e:
            raise InvariantBroken("spend_key_mismatch", request_id=request_id) from e

    async def submit(self, request_id: str, signed_raw: str) -> SentTransaction:
        """Send signed bytes, a pair in one call; ``signed`` and ``spent`` are both success."""
        entries = _entries(request_id, signed_raw)
        try:
            answer = rows(await self._http.write("/safe/transactions", entries, self._lease), OutcomeUnknown)
        except Unavailable as e:  # it most likely did not happen; with money we look it up all the same
            raise OutcomeUnknown(e.code, **e.facts) from e
        accepted = [self._accepted(entry, _about(answer, entry, OutcomeUnknown)) for entry in entries]
        return accepted[0]

    @staticmethod
    def _accepted(entry: Mapping[str, str], told: Mapping[str, Any] | None) -> SentTransaction:
        """Return what became of bytes of ours; what is said of other bytes is no answer."""
        ours = safe.transaction_hash(safe.decode(bytes.fromhex(entry["raw"])))
        sent = as_sent(told, entry["request_id"], OutcomeUnknown)
        if sent.transaction_hash != ours or sent.state is SendState.CHECKED:
            raise OutcomeUnknown("request_used_before", request_id=entry["request_id"], state=sent.state)
        return sent

    def _shares(self, payment: Payment, spent: Sequence[Mapping[str, Any]]) -> list[tuple[str, Decimal]]:
        """Return who gets how much: the receiver first, then ourselves what is left.

        Raises:
            InvariantBroken: the inputs are of another coin, hold an inscription, or are too little.
        """
        if any(row.get("asset_id") != payment.asset_id or row.get("inscription_hash") for row in spent):
            raise InvariantBroken("inputs_unfit", request_id=payment.request_id)
        total = sum((any_amount(str(row.get("amount"))) for row in spent), Decimal(0))
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


def _entries(request_id: str, raw: str) -> list[dict[str, str]]:
    """Return what is asked for: one transaction, or one and beside it the one that pays its fee (TX4)."""
    ids, raws = (request_id, fee_request_id(request_id)), raw.split(" ")
    pairs = zip(ids[: len(raws)], raws, strict=True)
    return [{"request_id": each, "raw": its} for each, its in pairs]


def _about(
    answer: Sequence[Mapping[str, Any]], entry: Mapping[str, str], silence: Silence
) -> Mapping[str, Any] | None:
    """Return what an answer says of one of the transactions asked about."""
    if len(answer) == 1:
        return answer[0]  # who reads it looks whether it is about this one
    asked = entry["request_id"].lower()
    with readable(silence):
        return next((row for row in answer if str(row["request_id"]).lower() == asked), None)
