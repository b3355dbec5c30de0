"""A Mixin Safe wallet in memory, with the sequencer's rules of ``mixin.md`` §4.6 and its ways to fail."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId, UserId
from domain.money import plain
from domain.payouts.onward import ChainAddress, NetworkFee, fee_request_id
from domain.ports.chain_wallet import ChainPayment
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction, WalletOutput

BOT = UserId("6f0d0000-0000-4000-8000-00000000b070")
NETWORK = UserId("674d6776-d600-4346-af46-58e77d8df185")
"""Whom Mixin has fees of withdrawals to chains paid to."""


class Fault(Enum):
    """How one call goes wrong."""

    DOWN = "down"  # nothing happens and nobody answers
    LOST = "lost"  # it happens and nobody answers


DENIED = "denied"
"""It happens and the answer says that it cannot."""


@dataclass(frozen=True, slots=True)
class Left:
    """What went to a chain."""

    request_id: str
    asset_id: AssetId
    to: ChainAddress
    amount: Decimal


@dataclass
class _Request:
    raw: str
    transaction_hash: str
    state: SendState
    chain_hash: str = ""


@dataclass
class FakeWallet:
    """The far side: it outlives every crash of ours."""

    guard: Callable[[], None] = lambda: None  # raises when a transaction of ours is open
    polls_to_final: int = 1
    unsettled: dict[str, str] = field(default_factory=dict)  # listed and not final: request id, hash
    outputs: list[WalletOutput] = field(default_factory=list)
    unregistered: set[UserId] = field(default_factory=set)
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, list[Fault | str]] = field(default_factory=lambda: defaultdict(list))
    paid: Counter[tuple[UserId, AssetId]] = field(default_factory=Counter)
    sent_bytes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    executed: list[str] = field(default_factory=list)
    fees: dict[AssetId, NetworkFee] = field(default_factory=dict)  # what chains ask, by what is paid
    addresses: dict[str, ChainAddress] = field(default_factory=dict)  # ours, by chain id
    invalid: set[ChainAddress] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    _requests: dict[str, _Request] = field(default_factory=dict)
    _polls: Counter[str] = field(default_factory=Counter)
    _spent_by: dict[str, str] = field(default_factory=dict)
    _signatures: int = 0

    # What people and thieves do.
    at: datetime = datetime(2026, 3, 1, tzinfo=UTC)  # when what comes in is created

    def pay_in(
        self,
        sender: UserId | None,
        asset_id: AssetId,
        amount: str,
        memo: str = "",
        request_id: str = "",
        *,
        inscription: bool = False,
        at: datetime | None = None,
    ) -> WalletOutput:
        """Let somebody pay the bot; with ``at`` just now, and not final until it is settled."""
        output = self._receive(sender, asset_id, Decimal(amount), memo, request_id, inscription=inscription)
        if at is None:
            return output
        self.outputs[-1] = output = replace(output, created_at=at)
        self.unsettled[output.request_id] = output.transaction_hash
        return output

    def settle(self, request_id: str) -> None:
        """Let a payment to the bot be final."""
        self._requests[request_id] = _Request("", self.unsettled.pop(request_id), SendState.SPENT)

    def steal(self, output_id: str) -> None:
        """Let somebody else spend an output."""
        self._spend((output_id,), "thief")

    def lose(self, request_id: str) -> None:
        """Let Mixin lose what it had accepted and not yet made final, as if it had never been sent."""
        request = self._requests.pop(request_id)
        assert request.state is SendState.SIGNED
        _, asset_id, receiver, amount, inputs, *_ = json.loads(request.raw)
        self._spent_by = {i: by for i, by in self._spent_by.items() if by != request_id}
        self.outputs = [
            replace(o, spent=False) if o.output_id in inputs else o
            for o in self.outputs
            if o.transaction_hash != request.transaction_hash
        ]
        self.paid[receiver, asset_id] -= Decimal(amount)  # type: ignore[assignment]  # counters of decimals
        self.executed.remove(request_id)

    def carry(self, request_id: str, chain_hash: str) -> None:
        """Let a chain carry what was paid to it."""
        self._requests[request_id].chain_hash = chain_hash

    def arrive(self, asset_id: AssetId, amount: str, chain_hash: str) -> WalletOutput:
        """Let a chain pay the bot."""
        output = replace(self._receive(None, asset_id, Decimal(amount), "", ""), deposit_hash=chain_hash)
        self.outputs[-1] = output
        return output

    def unspent(self, asset_id: AssetId) -> Decimal:
        """Return what the wallet really holds."""
        return sum((o.amount for o in self.outputs if o.asset_id == asset_id and not o.spent), Decimal(0))

    # The port.

    async def outputs_from(self, sequence: int, limit: int = 500) -> Sequence[WalletOutput]:
        """List outputs in order, spent ones included."""
        self._begin("outputs_from")
        page = [o for o in self.outputs if o.sequence >= sequence][:limit]
        self._end("outputs_from")
        return page

    async def unspent_outputs(self, asset_id: AssetId) -> Sequence[WalletOutput]:
        """List what is not spent."""
        self._begin("unspent_outputs")
        found = [o for o in self.outputs if o.asset_id == asset_id and not o.spent]
        self._end("unspent_outputs")
        return found

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        """Return a link."""
        return (
            f"https://mixin.one/pay/{BOT}?asset={asset_id}&amount={plain(amount)}&memo={memo}&trace={trace}"
        )

    async def find(self, request_id: str) -> SentTransaction | None:
        """Tell what became of a request; a submitted one is final after some polls."""
        self._begin("find")
        if request_id in self.unsettled:
            return SentTransaction(request_id, self.unsettled[request_id], SendState.SIGNED, "")
        request = self._requests.get(request_id)
        if request and request.state is SendState.SIGNED:
            self._polls[request_id] += 1
            if self._polls[request_id] >= self.polls_to_final:
                request.state = SendState.SPENT
        self._end("find")
        return self._answer(request_id, request) if request else None

    async def build(self, payment: Payment) -> BuiltTransaction:
        """Return bytes that depend on nothing but the payment."""
        self._begin("build")
        if payment.receiver in self.unregistered:
            raise Refused("receiver_unregistered")
        raw = _compact(
            [payment.request_id, payment.asset_id, payment.receiver, plain(payment.amount), payment.inputs]
        )
        self._end("build")
        return BuiltTransaction(raw, _hash(raw))

    async def network_fees(self, asset_id: AssetId, to: ChainAddress) -> Sequence[NetworkFee]:
        """Tell what a chain asks; nothing where nobody said."""
        self._begin("network_fees")
        if to in self.invalid:
            raise Refused("address_invalid")
        self._end("network_fees")
        return [self.fees.get(asset_id, NetworkFee(asset_id, Decimal(0)))]

    async def deposit_address(self, asset_id: AssetId, chain_id: str) -> ChainAddress:
        """Tell where chains pay the bot."""
        self._begin("deposit_address")
        self._end("deposit_address")
        return self.addresses.setdefault(chain_id, ChainAddress(chain_id, f"mixin-{chain_id}"))

    async def build_onward(self, payment: ChainPayment) -> BuiltTransaction:
        """Return bytes, or two, that depend on nothing but the payment."""
        self._begin("build_onward")
        if payment.to in self.invalid:
            raise Refused("address_invalid")
        apart = payment.fee.amount > 0 and payment.fee.asset_id != payment.asset_id
        beside = Decimal(0) if apart else payment.fee.amount
        to = [payment.to.network, payment.to.address, payment.to.tag]
        ids = [payment.request_id, payment.asset_id]
        raw = _compact([*ids, to, plain(payment.amount), payment.inputs, plain(beside)])
        built = BuiltTransaction(raw, _hash(raw))
        if apart:
            ids = [fee_request_id(payment.request_id), payment.fee.asset_id]
            fee = _compact([*ids, NETWORK, plain(payment.fee.amount), payment.fee_inputs, "0", _hash(raw)])
            built = BuiltTransaction(f"{raw} {fee}", _hash(raw), _hash(fee))
        self._end("build_onward")
        return built

    async def sign(self, request_id: str, raw: str, inputs: Sequence[str]) -> str:
        """Check the bytes and sign them; no two signatures are alike."""
        self._begin("sign")
        signed = [self._sign(each) for each in raw.split(" ")]
        self._end("sign")
        return " ".join(signed)

    def _sign(self, raw: str) -> str:
        request_id, _, _, _, inputs, *_ = json.loads(raw)
        known = self._requests.get(request_id)
        if known and known.state is not SendState.CHECKED and known.raw != raw:
            raise OutcomeUnknown("request_id_used")
        if any(i in self._spent_by for i in inputs) and not known:
            raise Refused("inputs_spent")
        self._requests.setdefault(request_id, _Request(raw, _hash(raw), SendState.CHECKED))
        self._signatures += 1
        return _compact([raw, self._signatures])

    async def submit(self, request_id: str, signed_raw: str) -> SentTransaction:
        """Execute signed bytes once; the same request again gets the stored answer."""
        self.sent_bytes[request_id].add(signed_raw)
        self._begin("submit")
        for each in signed_raw.split(" "):
            raw = json.loads(each)[0]
            self._submit(json.loads(raw)[0], raw)
            self._end("half")
        self._end("submit")
        return self._answer(request_id, self._requests[request_id])

    def _submit(self, request_id: str, raw: str) -> None:
        request = self._requests.get(request_id)
        if request is None or request.state is SendState.CHECKED:
            self._execute(request_id, raw)
        elif request.raw != raw:
            raise Refused("request_id_used")

    # The sequencer.

    def _execute(self, request_id: str, raw: str) -> _Request:
        _, asset_id, receiver, amount, inputs, *more = json.loads(raw)
        beside = more[0] if more else "0"
        if any(i in self._spent_by for i in inputs):
            raise Refused("inputs_spent")
        total = sum((o.amount for o in self.outputs if o.output_id in inputs), Decimal(0))
        change = total - Decimal(amount) - Decimal(beside)
        assert change >= 0, "inputs must cover the payment"
        assert 0 < len(inputs) <= 256
        self._spend(inputs, request_id)
        if isinstance(receiver, list):
            self.left.append(Left(request_id, asset_id, ChainAddress(*receiver), Decimal(amount)))
        elif receiver == BOT:
            self._receive(BOT, asset_id, Decimal(amount), "", request_id, transaction_hash=_hash(raw))
        else:
            self.paid[receiver, asset_id] += Decimal(amount)  # type: ignore[assignment]  # counters of decimals
        if change:
            self._receive(BOT, asset_id, change, "", request_id, transaction_hash=_hash(raw))
        self.executed.append(request_id)
        self._requests[request_id] = _Request(raw, _hash(raw), SendState.SIGNED)
        return self._requests[request_id]

    def _receive(
        self,
        sender: UserId | None,
        asset_id: AssetId,
        amount: Decimal,
        memo: str,
        request_id: str,
        *,
        inscription: bool = False,
        transaction_hash: str = "",
    ) -> WalletOutput:
        sequence = 1000 + 7 * len(self.outputs)
        output = WalletOutput(
            output_id=f"output-{sequence}",
            transaction_hash=transaction_hash or _hash(f"in-{sequence}"),
            output_index=0,
            asset_id=asset_id,
            amount=amount,
            sender=sender,
            memo=memo,
            request_id=request_id or f"request-{sequence}",
            sequence=sequence,
            spent=False,
            inscription=inscription,
            created_at=self.at,
            immutable_hash=_hash(f"{sequence}{asset_id}{amount}{sender}"),
        )
        self.outputs.append(output)
        return output

    def _spend(self, output_ids: Sequence[str], request_id: str) -> None:
        self._spent_by |= dict.fromkeys(output_ids, request_id)
        self.outputs = [replace(o, spent=True) if o.output_id in output_ids else o for o in self.outputs]

    def _answer(self, request_id: str, request: _Request) -> SentTransaction:
        snapshot = f"snapshot-{request_id}"
        return SentTransaction(
            request_id, request.transaction_hash, request.state, snapshot, request.chain_hash
        )

    def _begin(self, call: str) -> None:
        self.guard()
        self.calls[call] += 1
        if self.faults[call] and self.faults[call][0] is Fault.DOWN:
            self.faults[call].pop(0)
            raise Unavailable("mixin_down") if call != "submit" else OutcomeUnknown("mixin_down")
        if self.refusals[call]:
            raise Refused(self.refusals[call].pop(0))

    def _end(self, call: str) -> None:
        if self.faults[call] and self.faults[call][0] is Fault.LOST:
            self.faults[call].pop(0)
            unknown = call in ("submit", "half")
            raise OutcomeUnknown("answer_lost") if unknown else Unavailable("answer_lost")
        if self.faults[call] and self.faults[call][0] == DENIED:
            self.faults[call].pop(0)
            raise Refused("receiver_unregistered")


def _compact(parts: list[object]) -> str:
    return json.dumps(parts, separators=(",", ":"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
