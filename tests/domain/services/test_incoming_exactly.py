"""What an output is taken for and booked as, said to the letter."""

from decimal import Decimal

import pytest

from domain.ids import AssetId
from domain.ledger.model import AccountKind, Cause, Posting, available, mixin, own
from domain.ports.deposits import Classified, OutputKind
from domain.services.incoming import FLOAT_MEMO, booking, changed, classify
from tests.domain.services.test_incoming import ALICE, BOT, FAKE_USDT, KNOWN, OWNER, USDT, output


@pytest.mark.parametrize("asset", [USDT.asset_id, FAKE_USDT])
@pytest.mark.parametrize("amount", ["1000000000000000000", "1e18", "1e30", "0.000000001", "5.123456789"])
def test_an_amount_that_no_book_can_hold_is_kept_out_of_it(amount: str, asset: AssetId) -> None:
    seen = output(amount=amount, asset_id=asset)
    assert classify(seen, KNOWN, OWNER) == Classified(seen, OutputKind.STRANGE, "amount_unbookable")


def test_the_largest_amount_that_can_be_booked_is() -> None:
    assert classify(output(amount="999999999999999999"), KNOWN, OWNER).kind is OutputKind.DEPOSIT


def test_whatever_it_is_taken_for_it_stays_the_output_it_was() -> None:
    for seen in (
        output(),
        output(sender=BOT),
        output(spent=True),
        output(asset_id=FAKE_USDT),
        output(sender=None),
        output(inscription=True),
        output(amount="0.5"),
        output(sender=OWNER, memo=FLOAT_MEMO),
    ):
        assert classify(seen, KNOWN, OWNER).output is seen


def test_hashes_are_compared_within_one_version_only() -> None:
    assert changed("v1:a", "v1:b")
    assert not changed("v1:a", "v1:a")
    assert not changed("v1:a", "v2:b")
    assert changed("a", "b")
    assert changed("v1:a:x", "v1:b:x")
    assert not changed("old", "v1:a")


def test_a_booking_names_its_kind_its_output_and_both_accounts() -> None:
    deposit = booking(classify(output(), KNOWN, OWNER), USDT)
    assert deposit is not None
    assert deposit.cause == Cause("deposit", "o1")
    assert deposit.postings[0] == Posting(mixin(USDT), available(ALICE, USDT.coin), Decimal(10))
    float_added = booking(classify(output(sender=OWNER, memo=FLOAT_MEMO), KNOWN, OWNER), USDT)
    assert float_added is not None
    assert (float_added.cause, float_added.postings[0].destination) == (
        Cause("float", "o1"),
        own(AccountKind.INVENTORY, USDT.coin),
    )
    kept = booking(classify(output(sender=None), KNOWN, OWNER), USDT)
    assert kept is not None
    assert (kept.cause, kept.postings[0].destination) == (
        Cause("suspense", "o1"),
        own(AccountKind.SUSPENSE, USDT.coin),
    )
    assert booking(classify(output(sender=BOT), KNOWN, OWNER), USDT) is None
