"""What a fill does to the books, whatever its numbers: nothing is made or lost."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import RunId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, net_of, own, venue
from domain.ledger.model import run as run_account
from domain.market.model import Pair, Side
from domain.market.orders import Fill
from domain.market.runs import Run, RunState
from domain.money import Coin
from domain.services.fill_booking import external_transfer, makes_sense, run_transfer

ACCOUNT, RUN = VenueAccountName("v"), RunId("r")
PAIR = Pair.parse("BTC/USDT")
BTC, USDT, BNB = Coin("BTC"), Coin("USDT"), Coin("BNB")
FREE = Run(
    RUN, 1, UserId("alice"), ACCOUNT, PAIR, "s", "", {}, 1, RunState.RUNNING, Decimal(1), Decimal(1),
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
SOME = st.decimals("0.00000001", 10**6, places=8)
FILLS = st.builds(
    Fill,
    trade_id=st.just("1"),
    order_id=st.just("1"),
    client_order_id=st.just(""),
    pair=st.just(PAIR),
    side=st.sampled_from(Side),
    price=SOME,
    quantity=SOME,
    quote_quantity=SOME,
    fee=st.decimals(-10, 10, places=8),
    fee_coin=st.sampled_from([BTC, USDT, BNB]),
    maker=st.just(True),
    at=st.just(datetime(2026, 1, 1, tzinfo=UTC)),
)


def changes_at_the_venue(fill: Fill) -> dict[Coin, Decimal]:
    """Return what the venue itself would have done to the account."""
    sign = 1 if fill.side is Side.BUY else -1
    change = {BTC: sign * fill.quantity, USDT: -sign * fill.quote_quantity, BNB: Decimal(0)}
    change[fill.fee_coin] -= fill.fee
    return change


@given(FILLS)
def test_the_books_follow_the_venue_in_every_coin(fill: Fill) -> None:
    for transfer in (
        run_transfer(fill, ACCOUNT, FREE, AccountKind.INVENTORY),
        external_transfer(fill, ACCOUNT),
    ):
        for coin, change in changes_at_the_venue(fill).items():
            assert net_of([transfer], venue(ACCOUNT, coin)) == change


@given(FILLS)
def test_the_run_has_it_all_but_a_fee_in_a_third_coin(fill: Fill) -> None:
    transfer = run_transfer(fill, ACCOUNT, FREE, AccountKind.INVENTORY)
    change = changes_at_the_venue(fill)
    for coin in (BTC, USDT):
        assert net_of([transfer], run_account(RUN, ACCOUNT, coin)) == change[coin]
    assert net_of([transfer], run_account(RUN, ACCOUNT, BNB)) == 0
    assert net_of([transfer], own(AccountKind.INVENTORY, BNB)) == change[BNB]
    for coin in (BTC, USDT, BNB):
        assert net_of([transfer], own(AccountKind.VENUE_FEES, coin)) == 0  # passed through, and visible


@pytest.mark.parametrize(("quote_quantity", "sense"), [("60", True), ("60.0000005", True), ("61", False)])
def test_a_quote_quantity_must_be_price_times_quantity(quote_quantity: str, sense: bool) -> None:
    fill = Fill(
        "1", "1", "", PAIR, Side.BUY, Decimal(60_000), Decimal("0.001"), Decimal(1), Decimal(0), BTC, True,
        datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert makes_sense(replace(fill, quote_quantity=Decimal(quote_quantity))) is sense
