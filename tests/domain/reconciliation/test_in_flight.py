"""What may be under way: whatever really happened to an order or a payout, it is explained, and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import AssetId, RunId, VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent, OrderState, VenueOrder
from domain.money import ZERO, Coin
from domain.reconciliation.at_venue import SETTLES_WITHIN, Cut, Underway, in_flight, strays
from domain.reconciliation.compare import by_name, compare, moved
from domain.reconciliation.in_wallet import FRESH, Listed, Spending, WalletBooks
from domain.reconciliation.in_wallet import in_flight as in_the_wallet
from domain.reconciliation.model import Line, Stray, StrayOrder

BTC, USDT, BNB = Coin("BTC"), Coin("USDT"), Coin("BNB")
PAIR = Pair(BTC, USDT)
AT = datetime(2026, 3, 1, tzinfo=UTC)
BOOKS = {BTC: Decimal(5), USDT: Decimal(500_000), BNB: Decimal(2)}
ASSET = AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5")
COINS = {str(ASSET): USDT}


def intent(side: Side = Side.BUY, state: OrderState = OrderState.OPEN, **facts: object) -> Intent:
    base = Intent(
        id="i",
        client_order_id="mmk1",
        run_id=RunId("r"),
        account=VenueAccountName("main"),
        epoch=1,
        pair=PAIR,
        side=side,
        price=Decimal(60_000),
        quantity=Decimal("0.1"),
        post_only=True,
        not_after=AT,
        state=state,
    )
    return replace(base, **facts)  # type: ignore[arg-type]  # fields by name


def shown(order: Intent, filled: str = "0") -> VenueOrder:
    return VenueOrder(
        *(order.client_order_id, "7", order.pair, order.side, order.price, order.quantity),
        *(Decimal(filled), OrderState.OPEN),
    )


def traded(order: Intent, quantity: Decimal, fee: Decimal = ZERO, fee_coin: Coin = USDT) -> Fill:
    value = order.price * quantity
    return Fill(
        *("9", "7", "", PAIR, order.side, order.price, quantity, value, fee, fee_coin, True, AT),
    )


def lines(balances: dict[Coin, Decimal], known: Underway, *orders: VenueOrder) -> tuple[Line, ...]:
    cut = Cut(balances, {order.client_order_id: order for order in orders}, looks=1)
    return compare(by_name(BOOKS), by_name(balances), {}, in_flight(cut, known))


def after(*fills: Fill) -> dict[Coin, Decimal]:
    """Return what lies at the venue once these were traded there."""
    there = dict(BOOKS)
    for fill in fills:
        for coin, by in moved(fill).items():
            there[coin] += by
    return there


@given(
    st.sampled_from(list(Side)),
    st.integers(0, 100),
    st.sampled_from(["not listed", "unknown", "listed with it", "ended"]),
    st.integers(0, 100),
    st.sampled_from([BTC, USDT, BNB]),
)
def test_whatever_became_of_an_order_without_a_clear_word_is_explained(
    side: Side, percent: int, told: str, fee_bps: int, fee_coin: Coin
) -> None:
    quantity = Decimal(percent) / 1000
    state = {"unknown": OrderState.UNKNOWN, "ended": OrderState.CANCELLED}.get(told, OrderState.OPEN)
    order = intent(side, state, filled=quantity if told == "ended" else ZERO)
    share = Decimal(fee_bps) / 10_000  # the dearest venue takes one of a hundred
    value = {BTC: quantity, USDT: quantity * order.price, BNB: quantity}[fee_coin]
    fill = traded(order, quantity, share * value, fee_coin)
    known = Underway([order], fee_coins={BNB: BOOKS[BNB]})
    listed = [shown(order, str(quantity))] if told == "listed with it" else []
    assert [each.unexplained for each in lines(after(fill), known, *listed)] == [0, 0, 0]


def test_an_order_that_rests_as_our_books_say_explains_nothing() -> None:
    order = intent()
    there = BOOKS | {USDT: BOOKS[USDT] - Decimal("0.00000001")}
    found = {each.coin: each for each in lines(there, Underway([order]), shown(order))}
    assert found[USDT].unexplained == Decimal("-0.00000001")
    assert found[USDT].explained == ()


def test_nobody_takes_more_than_an_order_without_a_word_could_move() -> None:
    order = intent(state=OrderState.UNKNOWN)
    there = BOOKS | {USDT: BOOKS[USDT] - Decimal(6_061)}
    [short] = [each for each in lines(there, Underway([order])) if each.short]
    assert (short.coin, short.unexplained) == (USDT, Decimal(-1))
    assert [each.id for each in short.explained] == ["order mmk1"]


def test_a_trade_whose_order_is_not_known_yet_is_explained_to_the_digit() -> None:
    fill = traded(intent(), Decimal("0.05"), Decimal("0.00005"), BTC)
    assert all(each.unexplained == 0 for each in lines(after(fill), Underway([], orphans=[fill])))
    assert any(each.unexplained for each in lines(dict(BOOKS), Underway([], orphans=[fill])))


def test_a_fee_that_was_not_told_is_explained_in_whichever_coin() -> None:
    told = replace(traded(intent(), Decimal("0.05")), fee_known=False)
    for coin, fee in ((BTC, "0.0005"), (USDT, "30"), (BTC, "-0.0001"), (BNB, "0.3")):
        there = BOOKS | {coin: BOOKS[coin] - Decimal(fee)}
        known = Underway([], unsaid=[told], fee_coins={BNB: BOOKS[BNB]})
        assert all(each.unexplained == 0 for each in lines(there, known))
    dear = BOOKS | {USDT: BOOKS[USDT] - 31}
    assert any(each.short for each in lines(dear, Underway([], unsaid=[told])))


@pytest.mark.parametrize(
    ("order", "listed", "found"),
    [
        (intent(), True, ()),
        (intent(), False, (StrayOrder(Stray.INTENT, "mmk1"),)),
        (intent(state=OrderState.UNKNOWN), False, ()),
        (intent(state=OrderState.CANCELLED), False, ()),
        (intent(not_after=AT + SETTLES_WITHIN), False, ()),
        (None, True, (StrayOrder(Stray.ORDER, "mmk1"),)),
    ],
)
def test_orders_and_intents_that_do_not_meet(
    order: Intent | None, listed: bool, found: tuple[StrayOrder, ...]
) -> None:
    cut = Cut({}, {"mmk1": shown(intent()), "web_1": shown(intent())} if listed else {}, looks=1)
    now = AT + SETTLES_WITHIN + timedelta(seconds=1)
    assert strays(cut, [order] if order else [], "mmk", now) == found


def listed(name: str, amount: str, age: timedelta = timedelta(0)) -> Listed:
    return Listed(name, ASSET, Decimal(amount), AT - age)


def wallet(total: str, there: list[Listed], recorded: str, *spending: Spending, unbooked: str = "0") -> Line:
    books = WalletBooks({ASSET: Decimal(total)}, spending, {ASSET: Decimal(unbooked)})
    explained = in_the_wallet(books, COINS, there, set(recorded.split()), AT)
    outside = {str(ASSET): sum((each.amount for each in there), ZERO)}
    [found] = compare({str(ASSET): Decimal(total)}, outside, COINS, explained)
    return found


PAYOUT = Spending("p", ASSET, {"a": Decimal(10)})


@pytest.mark.parametrize(
    ("found", "unexplained"),
    [
        (wallet("10", [listed("a", "10")], "a"), "0"),
        (wallet("10", [], "a"), "-10"),  # somebody else spent it
        (wallet("10", [listed("a", "10"), listed("b", "3")], "a"), "0"),  # it arrives
        (wallet("10", [listed("a", "10"), listed("b", "3", 2 * FRESH)], "a"), "3"),  # and was never booked
        (wallet("10", [listed("a", "10")], "a", PAYOUT), "0"),  # signed, and not sent
        (wallet("10", [], "a", PAYOUT), "0"),  # sent; the change is on its way
        (wallet("10", [listed("c", "6")], "a", PAYOUT), "0"),  # the change is there, and not booked
        (wallet("10", [listed("c", "6")], "a c", replace(PAYOUT, returned=Decimal(6))), "0"),  # and booked
        (wallet("10", [listed("c", "5")], "a c", replace(PAYOUT, returned=Decimal(6))), "-1"),
        (wallet("6", [listed("c", "6")], "a c"), "0"),  # and all is settled
        (wallet("6", [], "a", Spending("p", ASSET, due=Decimal(6))), "0"),  # settled before the change came
        (wallet("6", [listed("c", "6")], "a", Spending("p", ASSET, due=Decimal(6))), "0"),
        (wallet("10", [listed("a", "10"), listed("k", "2")], "a k", unbooked="2"), "0"),
        (wallet("10", [listed("a", "10")], "a k", unbooked="2"), "-2"),
    ],
)
def test_the_wallet_is_explained_to_the_digit_at_every_moment_of_a_payout(
    found: Line, unexplained: str
) -> None:
    assert found.unexplained == Decimal(unexplained)
