"""I8: every difference that nothing under way explains is found, to the digit, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.leases import Scope
from domain.market.model import Pair, Side
from domain.market.orders import Fill
from domain.money import ZERO, Coin
from domain.reconciliation.compare import CAP, PATIENCE, UNIT, compare, judge, moved, tolerances
from domain.reconciliation.model import InFlight, Line, Outcome, Round, Stray, StrayOrder

USDT, BTC, BNB = Coin("USDT"), Coin("BTC"), Coin("BNB")
AT = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = Scope("venue:main")

amounts = st.decimals("0", "1000000", places=8)
moves = st.decimals("-1000", "1000", places=8)


def in_flight(least: str, most: str, name: str = "x") -> InFlight:
    return InFlight(name, USDT, Decimal(least), Decimal(most))


def line(ledger: str, outside: str, *explained: InFlight, tolerance: Decimal = ZERO) -> Line:
    return Line(USDT, Decimal(ledger), Decimal(outside), explained=explained, tolerance=tolerance)


@pytest.mark.parametrize(
    ("found", "unexplained"),
    [
        (line("100", "100"), "0"),
        (line("100", "99.99999999"), "-0.00000001"),
        (line("100", "100.00000001"), "0.00000001"),
        (line("100", "90", in_flight("-10", "0")), "0"),
        (line("100", "89", in_flight("-10", "0")), "-1"),
        (line("100", "95", in_flight("-10", "-10")), "5"),
        (line("100", "100", in_flight("-10", "-10")), "10"),
        (line("100", "90", in_flight("-4", "0"), in_flight("-6", "0")), "0"),
        (line("100", "104", in_flight("-4", "0"), in_flight("0", "3")), "1"),
        (line("100", "99.99999999", tolerance=UNIT), "0"),
        (line("100", "99.99999998", tolerance=UNIT), "-0.00000002"),
        (line("0", "0"), "0"),
    ],
    ids=str,
)
def test_what_is_unexplained(found: Line, unexplained: str) -> None:
    assert found.unexplained == Decimal(unexplained)
    assert (found.short, found.surplus) == (Decimal(unexplained) < 0, Decimal(unexplained) > 0)


@given(amounts, st.lists(st.tuples(moves, moves), max_size=4), st.data())
def test_nothing_that_is_explained_is_ever_found(
    ledger: Decimal, ranges: list[tuple[Decimal, Decimal]], data: st.DataObject
) -> None:
    under_way = [InFlight(str(n), USDT, min(pair), max(pair)) for n, pair in enumerate(ranges)]
    really = sum((data.draw(st.decimals(each.least, each.most, places=8)) for each in under_way), ZERO)
    [found] = compare({USDT: ledger}, {USDT: ledger + really}, {}, under_way) or [line("0", "0")]
    assert found.unexplained == 0


@given(amounts, st.lists(moves, max_size=4), moves.filter(bool))
def test_whatever_is_not_explained_is_found_to_the_digit(
    ledger: Decimal, exact: list[Decimal], stolen: Decimal
) -> None:
    under_way = [InFlight(str(n), USDT, by, by) for n, by in enumerate(exact)]
    outside = ledger + sum(exact, ZERO) + stolen
    found = compare({"USDT": ledger}, {"USDT": outside}, {}, under_way)
    if ledger or outside:
        assert [each.unexplained for each in found] == [stolen]


def test_lines_are_of_whatever_either_side_knows() -> None:
    found = compare({USDT: Decimal(5), BTC: ZERO}, {BNB: Decimal(1)}, {}, [in_flight("-5", "-5")])
    assert [(each.coin, int(each.unexplained)) for each in found] == [("BNB", 1), ("USDT", 0)]
    [token] = compare({"asset": Decimal(5)}, {"asset": Decimal(5)}, {"asset": USDT}, [])
    assert (token.coin, token.asset_id, token.subject) == (USDT, "asset", "asset")


def fill(quantity: str = "0.01", quote: str = "600", fee: str = "0.00001", side: Side = Side.BUY) -> Fill:
    pair = Pair(BTC, USDT)
    got = BTC if side is Side.BUY else USDT
    numbers = (Decimal(60000), Decimal(quantity), Decimal(quote), Decimal(fee))
    return Fill("1", "1", "", pair, side, *numbers, got, True, AT)


def test_what_a_fill_moves() -> None:
    assert moved(fill()) == {BTC: Decimal("0.00999"), USDT: Decimal(-600)}
    assert moved(fill(side=Side.SELL, fee="0.6")) == {BTC: Decimal("-0.01"), USDT: Decimal("599.4")}
    assert moved(replace(fill(), fee_coin=BNB)) == {
        BTC: Decimal("0.01"),
        USDT: Decimal(-600),
        BNB: Decimal("-0.00001"),
    }


def test_only_a_fill_that_was_rounded_gives_room_for_a_unit() -> None:
    """A venue keeps whole units: what a fill tells in whole ones is what moved, and hides nothing."""
    books: dict[str, Decimal] = {BTC: Decimal(10), USDT: Decimal(1_000_000)}
    assert tolerances([fill(), fill()], books, None) == {BTC: ZERO, USDT: ZERO}
    odd = fill(quote="600.0000000001")
    assert tolerances([odd, odd, fill()], books, None) == {BTC: ZERO, USDT: 2 * UNIT}
    many = tolerances([odd] * 5, {USDT: Decimal(3)}, None)
    assert many == {USDT: 3 * CAP}, "no more than the cap, however many there were"


def test_what_rounding_explained_once_it_explains_again_and_no_more() -> None:
    drifted = Round(SCOPE, AT, (line("1000", "999.99999999", tolerance=3 * UNIT),))
    assert tolerances([], {USDT: Decimal(1000)}, drifted) == {USDT: UNIT}
    short = Round(SCOPE, AT, (line("1000", "999"),))
    assert tolerances([], {USDT: Decimal(1000)}, short) == {USDT: ZERO}, "a shortfall is no drift"


def seen(seconds: float, outside: str, *, moving: bool = False) -> Round:
    return Round(SCOPE, AT + timedelta(seconds=seconds), (line("100", outside),), moving=moving)


MINUTE = 60.0
assert timedelta(seconds=MINUTE) > PATIENCE


def test_the_second_shortfall_in_a_row_stops_and_the_first_only_tells() -> None:
    first = judge(seen(0, "99"), judge(seen(-MINUTE, "100"), None).round)
    assert ([len(first.fresh), len(first.stop)]) == [1, 0]
    second = judge(seen(MINUTE, "98.5"), first.round)
    assert ([len(second.fresh), len(second.stop)]) == [0, 1]
    third = judge(seen(2 * MINUTE, "98.5"), second.round)
    assert len(third.stop) == 1, "whoever stops must see that it is done already"


def test_a_good_look_in_between_begins_anew() -> None:
    first = judge(seen(0, "99"), None)
    good = judge(seen(MINUTE, "100"), first.round)
    assert [each.subject for each in good.healed] == [USDT]
    again = judge(seen(2 * MINUTE, "99"), good.round)
    assert ([len(again.fresh), len(again.stop)]) == [1, 0]


def test_looks_that_follow_at_once_count_as_one() -> None:
    """An account that waits to trade is looked at every few seconds: what is told late is told meanwhile."""
    finding = judge(seen(0, "99"), None)
    for seconds in (5, 10, 40):
        finding = judge(seen(seconds, "99"), finding.round)
        assert finding.stop == ()
    assert len(judge(seen(46, "99"), finding.round).stop) == 1


def test_more_than_the_books_say_is_a_ticket_and_stops_nothing() -> None:
    first = judge(seen(0, "101"), None)
    second = judge(seen(MINUTE, "101"), first.round)
    assert first.ticket == ()
    assert [len(second.ticket), len(second.stop), len(second.fresh)] == [1, 0, 0]
    assert second.round.outcome is Outcome.SURPLUS
    turned = judge(seen(2 * MINUTE, "99"), second.round)
    assert [len(turned.fresh), len(turned.stop)] == [1, 0], "a shortfall after a surplus is a new one"


def test_a_look_at_what_moved_says_nothing() -> None:
    moving = judge(seen(0, "50", moving=True), judge(seen(-MINUTE, "99"), None).round)
    assert (moving.fresh, moving.stop, moving.healed) == ((), (), ())
    assert moving.round.outcome is Outcome.MOVING
    assert not moving.round.fine


def test_a_round_says_what_is_odd() -> None:
    odd = replace(seen(0, "99"), strays=(StrayOrder(Stray.ORDER, "mmk1"),))
    assert str(odd) == "venue:main is short: USDT -1 (books 100, there 99); order_without_intent mmk1"
    assert str(seen(0, "100")) == "venue:main is good"
