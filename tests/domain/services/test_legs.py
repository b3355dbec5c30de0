"""Orders asked of another account's worker: sent by its holder alone, once, whoever dies in between."""

import contextlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import MrMarketError, Refused
from domain.ids import VenueAccountName
from domain.market.model import Side
from domain.market.orders import LimitOrder, VenueOrder
from domain.market.runs import RunState
from tests.domain.services.legs_world import HIGH, LOW, ONE, TWO, Two
from tests.domain.services.test_crashes import Points, SimulatedCrash


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def two(request: pytest.FixtureRequest) -> Two:
    if request.param == "memory":
        return Two.in_memory()
    store: PostgresStore = request.getfixturevalue("store")
    return Two.on_postgres(store)


def of_leg(two: Two) -> list[Decimal]:
    """Return the prices of what rests at the second account, which has no run but the leg."""
    return [order.price for order in two.venues[TWO].resting()]


async def test_what_is_asked_is_sent_by_the_holder_alone_and_once(two: Two) -> None:
    first, second = await two.begin()
    await two.ask(first)
    await two.world.rounds(first, 3)
    assert two.venues[TWO].sent == []
    asked = len(two.venues[ONE].sent)
    said = await two.world.rounds(second, 4)
    assert any("sent 1 of 1 orders that were asked for" in each for each in said)
    assert of_leg(two) == [Decimal("60500.00")]
    assert (len(two.venues[TWO].sent), len(two.venues[ONE].sent)) == (1, asked)
    await two.ask(first, LOW)
    await two.world.rounds(second, 3)
    assert [fill.quantity for _, fill in two.venues[TWO].trades] == [Decimal("0.00100")]
    await two.stop(first, second)
    assert len(two.venues[TWO].sent) == 2
    await two.check_ended()


async def test_whoever_takes_over_sends_what_was_asked_of_the_dead_one(two: Two) -> None:
    first, second = await two.begin()
    first.desk.policy = replace(first.desk.policy, asked_window_s=10_000)
    await two.ask(first)
    await second.keeper.give_back()  # as one that ends in time does
    heir = two.worker(TWO)
    await two.world.rounds(heir, 4)
    assert of_leg(two) == [Decimal("60500.00")]
    await first.keeper.give_back()  # and who asked may go: the word stays
    with pytest.raises(Refused, match="epoch_lost"):
        await two.ask(first)
    await two.stop(two.worker(ONE), heir)
    assert len(two.venues[TWO].sent) == 1
    await two.check_ended()


async def test_what_is_late_is_never_sent_and_holds_nothing() -> None:
    two = Two.in_memory()
    first, second = await two.begin()
    await two.ask(first)
    two.time.advance(first.desk.policy.asked_window_s)
    await two.world.rounds(second, 10)
    assert two.venues[TWO].sent == []
    await two.stop(first, second)
    await two.check_ended()


async def test_a_leg_pauses_goes_on_and_stops_with_its_run() -> None:
    two = Two.in_memory()
    first, second = await two.begin()
    await two.ask(first)
    await two.world.rounds(second, 2)
    await two.world.pauses.pause(two.world.user, two.leader.number)
    with pytest.raises(Refused, match="run_not_running"):
        await two.ask(first)
    await two.world.rounds(second, 3)
    assert of_leg(two) == []
    assert (await two.runs.get(two.leg.id)).state is RunState.PAUSED
    await two.world.pauses.resume(two.world.user, two.leader.number)
    await two.world.rounds(second, 1)
    await two.ask(first)
    await two.world.rounds(second, 2)
    assert of_leg(two) == [Decimal("60500.00")]
    await two.stop(first, second)
    await two.check_ended()


async def test_only_who_holds_the_leaders_account_asks(two: Two) -> None:
    first, second = await two.begin()
    for worker in (second, two.worker(ONE)):  # of the wrong account, and one that holds nothing yet
        with pytest.raises(MrMarketError, match=r"run_not_running|epoch_lost|asked_orders_accounts"):
            await two.ask(worker)
    assert await two.world.asked.waiting(TWO, two.time.now()) == []
    await two.stop(first, second)
    await two.check_ended()


async def test_a_sell_between_two_prices_of_the_venue_is_sent_at_the_better_one(two: Two) -> None:
    """The venue of the other account has prices of its own: what it is asked may be none of them."""
    first, second = await two.begin()
    sell = await two.ask(first)
    between = replace(sell, id=two.world.ids.new_id(), price=sell.price + Decimal("0.005"))
    await two.world.asked.add_all([between])
    await two.world.rounds(second, 2)
    assert sorted(of_leg(two)) == [Decimal("60500.00"), Decimal("60500.01")]
    await two.stop(first, second)
    await two.check_ended()


async def test_what_the_venue_changed_comes_off() -> None:
    two = Two.in_memory()
    first, second = await two.begin()
    await two.ask(first)
    exchange: Any = second.desk.exchange
    place = exchange.place

    async def otherwise(order: LimitOrder, not_after: datetime) -> VenueOrder:
        placed: VenueOrder = await place(order, not_after)
        return replace(placed, quantity=order.quantity / 2)

    exchange.place = otherwise
    await two.world.rounds(second, 2)
    assert (len(two.venues[TWO].sent), of_leg(two)) == (1, [])
    await two.stop(first, second)
    await two.check_ended()


async def test_what_would_meet_an_order_of_our_own_is_sent_at_a_better_price() -> None:
    two = Two.in_memory()
    first, second = await two.begin()
    await two.ask(first)
    await two.world.rounds(second, 2)
    sell = await two.ask(first)
    bid = replace(sell, id=two.world.ids.new_id(), side=Side.BUY, price=Decimal("60600.00"), post_only=False)
    await two.world.asked.add_all([bid])
    await two.world.rounds(second, 3)  # the fake venue itself asserts that they never meet
    assert sorted(of_leg(two)) == [Decimal("60499.99"), Decimal("60500.00"), Decimal("60500.00")]
    await two.stop(first, second)
    await two.check_ended()


async def journey(two: Two, points: Points) -> None:
    """Ask for a sell that rests and one that takes, of workers of whom one may die; then stop."""
    first, second = await two.begin()
    second = two.worker(TWO, points.wrap)
    for ticks in (HIGH, LOW):
        await two.ask(first, ticks)
        for _ in range(4):
            try:
                await second.round()
            except SimulatedCrash:
                second = two.worker(TWO)
    await two.stop(first, two.worker(TWO))


async def test_a_holder_that_dies_anywhere_sends_each_order_once_or_never() -> None:
    """What had been written down and not been sent, as far as the next holder can tell, is abandoned."""
    whole = Points()
    await journey(Two.in_memory(), whole)
    sold = Counter[Decimal]()
    for point in range(1, whole.passed + 1):
        two = Two.in_memory(asked_window_s=10_000)
        await journey(two, Points(point))
        assert len(two.venues[TWO].sent) <= 2, point
        sold[sum((fill.quantity for _, fill in two.venues[TWO].trades), Decimal(0))] += 1
        await two.check_ended()
    assert set(sold) == {Decimal(0), Decimal("0.00100")}
    assert sold[Decimal(0)] <= 3, "of all places but those around the socket the order is sent"


@pytest.mark.database
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": Decimal("60499.99")}, "not_asked_for"),
        ({"quantity": Decimal("0.00101")}, "not_asked_for"),
        ({"id": "another"}, "not_asked_for"),
        ({"immediate": True, "post_only": False}, "not_asked_for"),
        ({"not_after": datetime(2100, 1, 1, tzinfo=UTC)}, "not_asked_for"),
        ({}, ""),
        ({"price": Decimal("60500.01")}, ""),
    ],
)
async def test_the_database_lets_a_leg_send_nothing_but_what_was_asked_for(
    store: PostgresStore, change: dict[str, object], code: str
) -> None:
    two = Two.on_postgres(store)
    first, second = await two.begin()
    asked = await two.ask(first)
    [intent] = await second.legs._apart([asked])
    wrong = replace(intent, **change)  # type: ignore[arg-type]  # fields by name
    with pytest.raises(MrMarketError, match=code) if code else contextlib.nullcontext():
        async with second.desk.transaction():
            await second.desk.write([], [wrong])
    there = [each.id for each in await two.world.orders.unsettled(VenueAccountName(TWO))]
    assert there == ([] if code else [asked.id])
