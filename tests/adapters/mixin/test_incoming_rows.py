"""From Mixin's rows to a credit: whatever stands there, a single sender gains, and just that (DP6, DP8)."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mixin.keystore import Keystore
from adapters.mixin.wallet import MixinWallet
from domain.errors import Unavailable
from domain.ids import AssetId, UserId
from domain.ledger.model import AccountKind, available, mixin, net_of
from domain.money import MIXIN_PLACES, Coin, Token
from domain.ports.deposits import OutputKind
from domain.ports.wallet import WalletOutput
from domain.secrets import Secret
from domain.services.incoming import FLOAT_MEMO, MOST_BOOKED, Known, booking, classify
from domain.services.tokens import ApprovedToken, Tokens
from tests.adapters.mixin.told import Told, clear, missing
from tests.fakes.leases import unasked

BOT, OWNER = UserId("6f0d0000-0000-4000-8000-00000000b070"), UserId("0aaa0000-0000-4000-8000-000000000001")
ALICE, BOB = UserId("0c2f7b6e-0000-4000-8000-00000000a11c"), UserId("0c2f7b6e-0000-4000-8000-000000000b0b")
USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
FAKE = "9999508b-91c5-375b-92b0-ee702ed29999"
MINIMUM = Decimal(1)
KNOWN = Known(BOT, Tokens([ApprovedToken(USDT, MINIMUM, MINIMUM)]))

ROW: Mapping[str, Any] = {
    "output_id": "o1", "transaction_hash": "ab" * 32, "output_index": 0, "asset_id": USDT.asset_id,
    "amount": "25", "mask": "aa", "keys": ["bb"], "senders": [ALICE], "senders_threshold": 1,
    "receivers": [BOT], "receivers_threshold": 1, "extra": "", "state": "unspent", "sequence": 7,
    "request_id": "0c2f7b6e-0000-4000-8000-000000000001", "inscription_hash": "",
    "created_at": "2026-03-01T09:30:00.123456789Z",
}  # fmt: skip


def read(*rows: object) -> list[WalletOutput]:
    """Return the outputs that the adapter reads from rows.

    Raises:
        Unavailable: it reads none of them.
    """
    keys = Keystore(BOT, BOT, Secret(bytes(32)), bytes(32))
    told = Told(defaultdict(missing, {"/safe/outputs": clear(list(rows))}), BOT)
    wallet = MixinWallet(told, keys, unasked)  # type: ignore[arg-type]  # what it calls of the client
    return list(asyncio.run(wallet.outputs_from(0)))


# What the one who pays chooses: amount and asset, memo and request id, with whom they pay.

DIGITS = st.text("0123456789", min_size=1, max_size=20)
AMOUNTS = st.one_of(
    st.tuples(DIGITS, DIGITS.map(lambda d: d[:18])).map(".".join),
    DIGITS,
    st.sampled_from(["0.99999999", "1", "1.00000000", "1.000000001", "0" * 40 + "7", "9" * 60, "0.00000001"]),
    st.sampled_from(["999999999999999999", "1000000000000000000", "999999999999999999.99999999"]),
).filter(Decimal)
PEOPLE = st.sampled_from([ALICE, BOB, OWNER, BOT])
SENDERS: st.SearchStrategy[Any] = st.one_of(
    PEOPLE.map(lambda who: [who]),
    st.lists(PEOPLE, max_size=3),
    st.sampled_from(
        [None, [""], [None], ["' OR 1=1"], [ALICE.upper()], [f"{ALICE}\n"], "0c2f", {}, [[ALICE]]]
    ),
)
MEMOS: st.SearchStrategy[Any] = st.one_of(
    st.binary(max_size=300).map(bytes.hex),
    st.text(max_size=40),
    st.sampled_from([FLOAT_MEMO.encode().hex(), FLOAT_MEMO, "ff" * 2_000, "00", "eda080", None, 7, {}, []]),
)
CHOSEN = st.fixed_dictionaries(
    {"amount": AMOUNTS, "senders": SENDERS, "extra": MEMOS},
    optional={
        "asset_id": st.sampled_from([USDT.asset_id, FAKE, USDT.asset_id.upper(), "", "USDT"]),
        "request_id": st.one_of(st.text(max_size=40), st.none(), st.integers()),
        "senders_threshold": st.sampled_from([0, 1, 2, "1", "2", None, "many", 1.0, True]),
        "inscription_hash": st.sampled_from(["", "ab" * 32, None]),
        "state": st.sampled_from(["unspent", "signed", "spent", "odd"]),
        "created_at": st.one_of(st.none(), st.text(max_size=30), st.just("0001-01-01T00:00:00Z")),
        "output_index": st.integers(0, 255),
    },
).map(lambda chosen: {**ROW, **chosen})


def payer_of(row: Mapping[str, Any]) -> UserId | None:
    """Return who may be credited for a row: said again, in other words than the code's."""
    senders, threshold = row["senders"], row["senders_threshold"]
    alone = isinstance(senders, list) and len(senders) == 1 and senders[0] in (ALICE, BOB, OWNER)
    return senders[0] if alone and (not threshold or str(threshold) == "1") else None


def can_be_credited(row: Mapping[str, Any]) -> bool:
    amount = Decimal(row["amount"])
    fits = MINIMUM <= amount < MOST_BOOKED and amount == round(amount, MIXIN_PLACES)
    plain = row["asset_id"] == USDT.asset_id and row["state"] == "unspent" and not row["inscription_hash"]
    return fits and plain and payer_of(row) is not None


@given(CHOSEN)
def test_whoever_pays_whatever_way_only_the_single_payer_is_credited_with_the_amount(
    row: dict[str, Any],
) -> None:
    [output] = read(row)
    classified = classify(output, KNOWN, OWNER)
    transfer = booking(classified, USDT)
    into = {p.destination for p in transfer.postings} if transfer else set()
    payer = payer_of(row)
    if payer is not None and into == {available(payer, USDT.coin)}:
        assert can_be_credited(row)
        assert transfer is not None
        assert net_of([transfer], available(payer, USDT.coin)) == Decimal(row["amount"])
    else:
        is_float = payer == OWNER and output.memo == FLOAT_MEMO
        assert not can_be_credited(row) or is_float
        assert {account.kind for account in into} <= {
            AccountKind.INVENTORY if is_float else AccountKind.SUSPENSE
        }
    if transfer:
        assert net_of([transfer], mixin(USDT)) == Decimal(row["amount"])


@given(st.lists(CHOSEN, max_size=5))
def test_what_payers_choose_never_stops_the_list(rows: list[dict[str, Any]]) -> None:
    numbered = [{**row, "output_id": f"o{n}", "sequence": n} for n, row in enumerate(rows)]
    outputs = read(*numbered)
    assert [output.output_id for output in outputs] == [row["output_id"] for row in numbered]
    for output in outputs:
        written = output.memo.encode()  # what a database could not keep would stop the intake
        assert b"\x00" not in written


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(sorted(ROW)), ODD, max_size=4),
    st.sets(st.sampled_from(sorted(ROW)), max_size=2),
)
def test_a_row_that_is_none_is_read_as_nothing_or_as_nobodys(changes: dict[str, Any], less: set[str]) -> None:
    """What Mixin itself must not say: it stops the page, which is asked for again, or it harms nobody."""
    row = {name: value for name, value in {**ROW, **changes}.items() if name not in less}
    try:
        [output] = read(row)
    except Unavailable:
        return
    assert isinstance(output.amount, Decimal)
    assert output.amount.is_finite()
    if classify(output, KNOWN, OWNER).kind is OutputKind.DEPOSIT:
        assert (output.amount, output.asset_id) == (Decimal(str(row["amount"])), USDT.asset_id)
        assert row["senders"] == [output.sender]


@pytest.mark.parametrize(
    "amount",
    ["", "0", "0.00", " 1", "1 ", "+1", "-1", "1e9", "1E9", "NaN", "Infinity", "0x10", "1_000", "1,5", "１",
     "٣", "1.", ".5", "1.0.0", "1\n", "9" * 61, "0." + "1" * 19, None, {}, [], True, 1.5e300],
)  # fmt: skip
def test_what_is_no_amount_is_none(amount: object) -> None:
    with pytest.raises(Unavailable):
        read({**ROW, "amount": amount})


def test_an_honest_row_is_credited() -> None:
    [output] = read(ROW)
    assert classify(output, KNOWN, OWNER).kind is OutputKind.DEPOSIT
    assert (output.sender, output.amount, output.sequence) == (ALICE, Decimal(25), 7)
