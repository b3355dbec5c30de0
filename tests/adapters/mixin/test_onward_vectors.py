"""What leaves for a chain is built byte for byte as another implementation built it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from adapters.mixin.codec import transaction as safe
from adapters.mixin.onward import Plan, fee_plan, main_plan
from domain.errors import InvariantBroken
from domain.ids import AssetId
from domain.payouts.onward import ChainAddress, NetworkFee
from domain.ports.chain_wallet import ChainPayment
from sandbox.world import ETH, USDT
from tests.vectors import group

KNOWN = {entry["name"]: entry for entry in group("transactions")}
APP = "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10"

needs_vectors = pytest.mark.skipif(
    "withdrawal_other_fee_asset_fee" not in KNOWN, reason="the small vectors hold no withdrawals"
)


def spent(name: str, asset_id: str) -> Sequence[dict[str, Any]]:
    return [row | {"asset_id": asset_id} for row in KNOWN[name]["spent_outputs"]]


def bytes_of(plan: Plan, name: str) -> str:
    """Return a plan's bytes with the keys of the known transaction."""
    made = [out for out in KNOWN[name]["transaction"]["outputs"] if out["keys"]]
    return safe.encode(plan.transaction(made)).hex()


def payment(name: str, asset_id: str, fee: NetworkFee) -> ChainPayment:
    out = KNOWN[name]["transaction"]["outputs"][0]
    to = ChainAddress(ETH, out["withdrawal"]["address"], out["withdrawal"]["tag"])
    return ChainPayment("r", AssetId(asset_id), to, Decimal(out["amount"]), fee, "wd", ("i",))


@needs_vectors
def test_a_fee_of_the_same_asset_stands_between_what_leaves_and_the_change() -> None:
    name = "withdrawal_with_fee_same_asset"
    what = payment(name, ETH, NetworkFee(AssetId(ETH), Decimal("0.0016")))
    plan = main_plan(what, spent(name, ETH), APP)
    assert bytes_of(plan, name) == KNOWN[name]["raw_unsigned"]


@needs_vectors
def test_a_fee_of_another_asset_is_a_transaction_that_names_the_main_one() -> None:
    main, fee = "withdrawal_other_fee_asset_main", "withdrawal_other_fee_asset_fee"
    what = payment(main, USDT, NetworkFee(AssetId(ETH), Decimal("0.0021")))
    assert bytes_of(main_plan(what, spent(main, USDT), APP), main) == KNOWN[main]["raw_unsigned"]
    plan = fee_plan(what, spent(fee, ETH), APP, KNOWN[main]["hash"])
    assert bytes_of(plan, fee) == KNOWN[fee]["raw_unsigned"]


@needs_vectors
def test_what_mixin_asks_nothing_for_pays_nobody() -> None:
    name = "withdrawal_with_fee_same_asset"
    plan = main_plan(payment(name, ETH, NetworkFee(AssetId(ETH), Decimal(0))), spent(name, ETH), APP)
    assert plan.shares == ((APP, Decimal("0.75")),)
    assert plan.first_index == 1


@needs_vectors
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"asset_id": USDT}, "inputs_unfit"),
        ({"inscription_hash": "ab"}, "inputs_unfit"),
        ({"amount": "0.6"}, "inputs_short"),
    ],
)
def test_inputs_that_do_not_fit_are_never_built_into_a_payment(change: dict[str, str], code: str) -> None:
    name = "withdrawal_with_fee_same_asset"
    rows = [row | change for row in spent(name, ETH)]
    with pytest.raises(InvariantBroken, match=code):
        main_plan(payment(name, ETH, NetworkFee(AssetId(ETH), Decimal("0.0016"))), rows, APP)
