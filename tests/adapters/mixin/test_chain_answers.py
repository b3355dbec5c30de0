"""What Mixin says of chains, bent in one fact: nothing is built, signed or believed on a guess."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from adapters.mixin.codec import transaction as safe
from adapters.mixin.keystore import Keystore
from adapters.mixin.wallet import MixinWallet
from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId
from domain.payouts.onward import ChainAddress, NetworkFee, fee_request_id
from domain.ports.chain_wallet import ChainPayment
from domain.secrets import Secret
from sandbox.rails.networks import ETHEREUM
from sandbox.world import ETH, USDT
from tests.adapters.mixin.told import Answer, Told, clear, missing
from tests.fakes.leases import unasked
from tests.vectors import group

BOT = "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10"
MAIN = "0c2f7b6e-0000-4000-8000-000000000001"
FEE = fee_request_id(MAIN)
KNOWN = {entry["name"]: entry for entry in group("transactions")}
VENUE = ChainAddress(ETH, ETHEREUM.address_of("a venue"))
ENTRY: Mapping[str, Any] = {
    "chain_id": ETH, "members": [BOT], "threshold": 1, "destination": "0xAbC", "tag": "", "is_primary": True,
}  # fmt: skip

needs_vectors = pytest.mark.skipif(
    "withdrawal_other_fee_asset_fee" not in KNOWN, reason="the small vectors hold no withdrawals"
)


@dataclass
class Pair:
    """A known pair's signed bytes, and what Mixin says of each half."""

    main: Mapping[str, Any]
    fee: Mapping[str, Any]

    @property
    def raw(self) -> str:
        return f"{self.main['raw_signed']} {self.fee['raw_signed']}"

    def rows(self, state: str = "signed") -> list[dict[str, Any]]:
        halves = ((MAIN, self.main), (FEE, self.fee))
        return [{"request_id": n, "transaction_hash": t["hash"], "state": state} for n, t in halves]


def pair() -> Pair:
    return Pair(KNOWN["withdrawal_other_fee_asset_main"], KNOWN["withdrawal_other_fee_asset_fee"])


def wallet(answers: Mapping[str, Answer | None]) -> MixinWallet:
    keys = Keystore(BOT, BOT, Secret(bytes(32)), bytes(32), Secret(bytes(range(32))))
    return MixinWallet(Told(answers, BOT), keys, unasked)  # type: ignore[arg-type]  # what it calls of the client


def outcome(call: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(call)
    except MrMarketError as error:
        return error


def address(*entries: Mapping[str, Any], chain_id: str = ETH) -> Any:
    answers = {f"/safe/assets/{USDT}": clear({"chain_id": chain_id}), "/safe/deposit/entries": clear(entries)}
    return outcome(wallet(answers).deposit_address(AssetId(USDT), ETH))


def test_the_address_is_our_own_primary_one_to_the_byte() -> None:
    old = {**ENTRY, "destination": "0xOld", "is_primary": False}
    assert address(old, ENTRY) == ChainAddress(ETH, "0xAbC")
    assert address({**old, "tag": "7"}) == ChainAddress(ETH, "0xOld", "7")


@pytest.mark.parametrize(
    "change",
    [
        {"members": ["somebody"]},
        {"members": [BOT, "somebody"]},
        {"threshold": 2},
        {"chain_id": USDT},
        {"destination": ""},
        {"destination": None},
    ],
)
def test_an_address_that_is_not_ours_alone_is_none(change: dict[str, Any]) -> None:
    assert type(address({**ENTRY, **change})) is Unavailable
    assert type(address()) is Unavailable


def test_an_asset_of_another_chain_has_no_address_there() -> None:
    assert str(address(ENTRY, chain_id=USDT)).startswith("network_unknown")
    answers = {f"/safe/assets/{USDT}": missing()}
    assert type(outcome(wallet(answers).deposit_address(AssetId(USDT), ETH))) is Refused


def fees(*listed: object) -> Any:
    answers = {"/external/addresses/check": clear({}), f"/safe/assets/{USDT}/fees": clear(listed)}
    return outcome(wallet(answers).network_fees(AssetId(USDT), VENUE))


def test_fees_are_read_as_they_stand_and_none_is_zero() -> None:
    asked = NetworkFee(AssetId(ETH), Decimal("0.0011"))
    assert fees({"asset_id": ETH, "amount": "0.0011"}, {"asset_id": USDT, "amount": "0"}) == [
        asked,
        NetworkFee(AssetId(USDT), Decimal(0)),
    ]
    assert fees() == [NetworkFee(AssetId(USDT), Decimal(0))]


@pytest.mark.parametrize("amount", ["-1", "1e3", "0.000000001", "", None, "NaN", "0x1", " 1"])
def test_a_fee_that_is_no_amount_is_no_answer(amount: object) -> None:
    assert type(fees({"asset_id": ETH, "amount": amount})) is Unavailable
    assert type(fees({"amount": "1"})) is Unavailable


@needs_vectors
def test_a_pair_is_accepted_when_mixin_says_so_of_both_halves() -> None:
    rows = pair().rows()
    for listed in (rows, rows[::-1]):
        sent = outcome(wallet({"/safe/transactions": clear(listed)}).submit(MAIN, pair().raw))
        assert (sent.request_id, sent.transaction_hash) == (MAIN, pair().main["hash"])


@needs_vectors
@pytest.mark.parametrize(
    "bend",
    [
        lambda rows: rows[:1],
        lambda rows: rows[1:],
        lambda rows: [],
        lambda rows: [rows[0], rows[1] | {"transaction_hash": "00" * 32}],
        lambda rows: [rows[0] | {"transaction_hash": rows[1]["transaction_hash"]}, rows[1]],
        lambda rows: [rows[0], rows[1] | {"state": "unspent"}],
        lambda rows: [rows[0], rows[1] | {"request_id": MAIN}],
    ],
)
def test_half_an_answer_to_a_pair_is_none(bend: Any) -> None:
    told = {"/safe/transactions": clear(bend(pair().rows()))}
    assert type(outcome(wallet(told).submit(MAIN, pair().raw))) is OutcomeUnknown


@needs_vectors
def test_a_chain_hash_is_that_of_what_left_and_of_nothing_else() -> None:
    change = {"destination": "", "withdrawal_hash": "0xother"}
    for receivers, chain_hash in (
        ([change, {"destination": VENUE.address, "withdrawal_hash": "0xabc"}], "0xabc"),
        ([{"destination": VENUE.address, "withdrawal_hash": ""}], ""),
        ([change], ""),
        (None, ""),
    ):
        row = pair().rows()[0] | {"receivers": receivers}
        assert outcome(wallet({f"/safe/transactions/{MAIN}": clear(row)}).find(MAIN)).chain_hash == chain_hash


def test_inputs_of_a_fee_belong_to_a_pair_and_to_nothing_else() -> None:
    inside, apart = NetworkFee(AssetId(USDT), Decimal(1)), NetworkFee(AssetId(ETH), Decimal(1))
    for fee, fee_inputs in ((inside, ("o2",)), (apart, ())):
        what = ChainPayment(MAIN, AssetId(USDT), VENUE, Decimal(5), fee, "t", ("o1",), fee_inputs)
        assert type(outcome(wallet({}).build_onward(what))) is InvariantBroken


@needs_vectors
def test_more_than_a_pair_is_never_sent() -> None:
    with pytest.raises(ValueError, match="zip"):
        asyncio.run(wallet({}).submit(MAIN, f"{pair().raw} {pair().raw}"))
    assert safe.decode(bytes.fromhex(pair().main["raw_signed"])).outputs[0].withdrawal
