"""What an output is taken for: the sender alone decides (DP6, DP8)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import AssetId, UserId
from domain.ledger.model import AccountKind, available, mixin, net_of
from domain.money import Coin, Token
from domain.ports.deposits import OutputKind
from domain.ports.wallet import WalletOutput
from domain.services.incoming import FLOAT_MEMO, Known, booking, classify
from domain.services.tokens import ApprovedToken, Tokens

USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
FAKE_USDT = AssetId("9999508b-91c5-375b-92b0-ee702ed29999")
BOT, OWNER, ALICE = UserId("bot"), UserId("owner"), UserId("alice")
KNOWN = Known(BOT, Tokens([ApprovedToken(USDT, Decimal(1), Decimal(1))]))


def output(
    sender: UserId | None = ALICE,
    asset_id: AssetId = USDT.asset_id,
    amount: str = "10",
    memo: str = "",
    request_id: str = "r",
    inscription: bool = False,
    spent: bool = False,
) -> WalletOutput:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return WalletOutput(
        "o1", "hash", 0, asset_id, Decimal(amount), sender, memo, request_id, 1, spent, inscription, now, "h"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "kind", "reason"),
    [
        (output(), OutputKind.DEPOSIT, ""),
        (output(amount="1"), OutputKind.DEPOSIT, ""),
        (output(amount="0.99999999"), OutputKind.SUSPENSE, "below_minimum"),
        (output(asset_id=FAKE_USDT), OutputKind.STRANGE, "asset_unknown"),
        (output(inscription=True), OutputKind.SUSPENSE, "inscription"),
        (output(asset_id=FAKE_USDT, inscription=True), OutputKind.STRANGE, "inscription"),
        (output(sender=None), OutputKind.SUSPENSE, "sender_unknown"),
        (output(spent=True), OutputKind.STRANGE, "spent_before"),
        (output(sender=BOT), OutputKind.CHANGE, ""),
        (output(sender=BOT, amount="0.00000001", memo=FLOAT_MEMO), OutputKind.CHANGE, ""),
        (output(sender=OWNER), OutputKind.DEPOSIT, ""),
        (output(sender=OWNER, memo=FLOAT_MEMO, amount="0.1"), OutputKind.FLOAT, ""),
        (output(sender=OWNER, memo=FLOAT_MEMO, asset_id=FAKE_USDT), OutputKind.STRANGE, "asset_unknown"),
        (output(sender=ALICE, memo=FLOAT_MEMO), OutputKind.DEPOSIT, ""),
    ],
)
def test_an_output_is_taken_for(seen: WalletOutput, kind: OutputKind, reason: str) -> None:
    classified = classify(seen, KNOWN, OWNER)
    assert (classified.kind, classified.reason) == (kind, reason)


@given(
    sender=st.sampled_from([None, BOT, OWNER, ALICE]),
    asset_id=st.sampled_from([USDT.asset_id, FAKE_USDT]),
    amount=st.integers(1, 10**12).map(lambda units: str(Decimal(units).scaleb(-8))),
    memo=st.sampled_from(["", FLOAT_MEMO, "deposit", "\x00"]),
    inscription=st.booleans(),
)
def test_only_a_single_payer_of_an_approved_token_is_ever_credited(
    sender: UserId | None, asset_id: AssetId, amount: str, memo: str, inscription: bool
) -> None:
    seen = output(sender, asset_id, amount, memo, inscription=inscription)
    classified = classify(seen, KNOWN, OWNER)
    transfer = booking(classified, USDT)
    if classified.kind is OutputKind.DEPOSIT:
        assert sender in (ALICE, OWNER)
        assert asset_id == USDT.asset_id
        assert not inscription
        assert transfer is not None
        assert net_of([transfer], available(UserId(sender or ""), USDT.coin)) == Decimal(amount)
    elif transfer:
        assert {p.destination.kind for p in transfer.postings} <= {
            AccountKind.SUSPENSE,
            AccountKind.INVENTORY,
        }
    booked = net_of([transfer], mixin(USDT)) if transfer else Decimal(0)
    into_ledger = asset_id == USDT.asset_id and sender != BOT
    assert booked == (Decimal(amount) if into_ledger else Decimal(0))
