"""However trades arrive (three times, shuffled, with gaps, before their order), the books are the same."""

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.ledger.model import AccountKind, net_of, own
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.orders import Fill, Intent, OrderState, VenueOrder, heard, settles, with_fills
from domain.money import LEDGER_PLACES, ZERO, Coin, round_up
from domain.services.execution import ExecutionService
from domain.services.fill_booking import crumbs, spent
from tests.domain.services.trading_world import ALICE, BTC, OWNER, USDT, World
from tests.fakes.exchange import PAIR, FakeVenue

ACCOUNT = VenueAccountName("fake-1")
DEPOSIT = {BTC: "0.02", USDT: "1000"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

BULK = int(os.environ.get("BULK_FILLS", "100000"))
"""How many fills the arithmetic is tried on; the safety plan's million takes a minute."""


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


def deliver(worker: ExecutionService, change: Any) -> None:
    """Let every read of trades go through a change: ``(trades, whether it was a deep read)`` to trades."""
    there = worker.desk.exchange.fills_since

    async def changed(pair: Any, trade_id: str | None, since: datetime) -> Sequence[Fill]:
        return list(change(await there(pair, trade_id, since), trade_id is None))

    worker.desk.exchange.fills_since = changed  # type: ignore[method-assign]


async def trade_a_lot(world: World, worker: ExecutionService, dice: random.Random, steps: int = 40) -> None:
    for _ in range(steps):
        step = dice.choice([-4_500, -2_500, 2_500, 4_500])
        middle = 6_000_000 + max(-40_000, min(40_000, world.venue.bid - 5_999_950 + step))
        world.venue.move(middle - 50, middle + 50, Decimal(dice.choice(["0.3", "0.7", "1"])))
        await world.rounds(worker, 2)


async def test_trades_that_come_three_times_and_shuffled_are_booked_once(world: World) -> None:
    dice = random.Random(5)
    worker = world.worker()
    deliver(worker, lambda read, deep: dice.sample([*read] * 3, k=3 * len(read)))
    await world.rounds(worker, 2)
    run = await world.start(refresh_s="2")
    await trade_a_lot(world, worker, dice)
    await worker.fills.sweep(deep=True)
    await worker.keeper.give_back()
    worker = world.worker()  # and once more at the start of another process
    await world.rounds(worker, 2)
    booked = await world.store.fetch("SELECT count(*) AS n FROM transfers WHERE kind = 'fill'")
    assert booked[0]["n"] == len(world.venue.trades) > 20
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_tenth_of_what_is_told_may_be_lost(world: World) -> None:
    dice = random.Random(6)
    worker = world.worker()
    # what is told while things happen has gaps; reading the last minutes again finds what was in them
    deliver(worker, lambda read, deep: [fill for fill in read if deep or dice.random() > 0.1])
    await world.rounds(worker, 2)
    run = await world.start(refresh_s="2")
    await trade_a_lot(world, worker, dice, 60)
    began = world.time.monotonic()
    while world.time.monotonic() - began < 2 * world.policy.reconcile_interval_s:
        await world.rounds(worker, 1)
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == len(world.venue.trades) > 30
    await world.check_books()
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_trade_may_be_told_before_its_order_is(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    world.venue.mischief.drop_answer = 1.0  # accepted, and nobody heard the venue's id
    world.venue.mischief.hide_s = 4
    await world.rounds(worker, 1)
    world.venue.mischief.drop_answer = 0.0
    world.venue.move(6_003_700, 6_003_800)
    await worker.fills.sweep()
    assert len(await world.fills.orphans(ACCOUNT)) == len(world.venue.trades) == 1
    await world.rounds(worker, 20)
    assert await world.fills.orphans(ACCOUNT) == []
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == len(world.venue.trades)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_strangers_trade_with_coins_put_there_by_hand_is_booked_all_the_same(world: World) -> None:
    world.venue = FakeVenue(world.time, {"BTC": "1", "USDT": "10"})
    worker = world.worker()
    await world.rounds(worker, 2)
    world.venue.total[USDT] += 100_000  # the books do not know of it
    world.venue.trade_of_a_stranger("1")
    began = world.time.monotonic()
    while world.time.monotonic() - began < 3 * world.policy.orphan_window_s + 60:
        await world.rounds(worker, 1)
    state = await world.accounts.find(ACCOUNT)
    assert state
    assert state.halted == "fill_of_unknown_order"
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BTC))).total > 0
    assert (await world.notices(OWNER)).count("coins_found") == 1
    assert await world.ledger.faults() == []


# Partial fills and a cancel, in any order (FL4)


def an_intent(**changes: Any) -> Intent:
    intent = Intent(
        "i", "mmk1", RunId("r"), ACCOUNT, 1, PAIR, Side.BUY, Decimal(60_000), Decimal("0.01"), True, NOON,
        state=OrderState.OPEN,
    )  # fmt: skip
    return replace(intent, **changes)


def a_fill(number: int, quantity: Decimal, price: Decimal = Decimal(60_000), **changes: Any) -> Fill:
    fill = Fill(
        str(number), "7", "", PAIR, Side.BUY, price, quantity, price * quantity, ZERO, USDT, True, NOON
    )
    return replace(fill, **changes)


@given(st.data())
def test_held_minus_used_comes_back_exactly_in_whatever_order_fills_and_the_end_are_heard(
    data: st.DataObject,
) -> None:
    side = data.draw(st.sampled_from(Side))
    pieces = data.draw(st.lists(st.integers(1, 300), min_size=0, max_size=6))
    lots = [Decimal(each).scaleb(-5) for each in pieces]
    filled = sum(lots, ZERO)
    intent = an_intent(side=side, quantity=max(filled, Decimal("0.01")))
    end = OrderState.FILLED if filled == intent.quantity else OrderState.CANCELLED
    word = VenueOrder("mmk1", "7", PAIR, side, intent.price, intent.quantity, filled, end)
    events: list[Fill | VenueOrder] = [a_fill(n, lot, side=side) for n, lot in enumerate(lots)]
    hold = remaining = round_up(intent.cost, LEDGER_PLACES)
    released = False
    for event in data.draw(st.permutations([*events, word, word])):
        if isinstance(event, Fill):
            owed = min(spent(event), intent.cost - intent.spent)
            remaining -= owed
            assert remaining >= 0
            intent = with_fills(intent, [event])
        else:
            intent = heard(intent, event)
        if settles(intent) and not released:
            released = True
            assert intent.booked == filled
    assert released
    assert hold - remaining == intent.spent == sum((spent(e) for e in events if isinstance(e, Fill)), ZERO)


# Rounding (FL9)


@pytest.mark.parametrize("way", [ROUND_UP, ROUND_DOWN, ROUND_HALF_UP])
def test_what_drifts_is_what_rounding_recorded(way: str) -> None:
    """Fill orders in a hundred pieces each, at a venue that keeps eight places of the quote asset."""
    dice = random.Random(9)
    cent, satoshi = Decimal("0.0001"), Decimal("0.000001")
    drift = recorded = ZERO
    for _ in range(BULK // 3 // 100):
        price = dice.randrange(10_000, 10**9) * cent
        lots = [dice.randrange(1, 10**6) * satoshi for _ in range(100)]
        intent = an_intent(price=price, quantity=sum(lots, ZERO))
        used = ZERO
        for start in range(0, 100, 25):
            fills = [
                a_fill(n, lot, price, quote_quantity=(price * lot).quantize(Decimal("1e-8"), way))
                for n, lot in enumerate(lots[start : start + 25])
            ]
            used += sum(map(spent, fills), ZERO)
            made = crumbs(intent, fills)
            recorded += net_of(made, run_account(intent.run_id, ACCOUNT, Coin("USDT")))
            intent = with_fills(intent, fills)
        assert abs(used - intent.cost) < 100 * Decimal("1e-8")  # less than a unit a fill
        drift += max(ZERO, used - intent.cost)
    assert recorded == drift
    assert (drift > 0) is (way != ROUND_DOWN)


class EightPlaces(FakeVenue):
    """A venue that rounds what is paid up to eight places."""

    def value(self, price: Decimal, quantity: Decimal) -> Decimal:
        return round_up(price * quantity, 8)


async def test_an_order_filled_in_thousands_of_pieces_drifts_by_what_rounding_recorded(
    store: PostgresStore,
) -> None:
    world = World(store)
    rules = replace(FakeVenue(world.time, {}).rules, tick=Decimal("0.0001"), lot=Decimal("0.0000001"))
    world.venue = EightPlaces(world.time, {"BTC": "5", "USDT": "500000"}, rules=rules)
    world.venue.bid, world.venue.ask = 599_995_137, 600_005_011
    await world.person(USDT="60.0239713073")
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start("0", "60.0239713073", levels="1", order_amount="0.001001", refresh_s="3600")
    await world.rounds(worker, 1)
    [resting] = [order for order in world.venue.orders if order.order.state is OrderState.OPEN]
    pieces = 3_003
    for number in range(pieces):
        left = resting.order.quantity - resting.order.filled
        world.venue.fill(
            resting,
            left if number == pieces - 1 else resting.order.quantity / pieces // rules.lot * rules.lot,
        )
        if number % 500 == 0:
            await worker.fills.sweep()
    await worker.fills.sweep()
    took = sum((fill.quote_quantity for _, fill in world.venue.trades), ZERO)
    order = resting.order
    drift = took - order.price * order.quantity
    assert 0 < drift < pieces * Decimal("1e-8")
    await world.rounds(worker, 1)
    rounding = (await world.ledger.balance(own(AccountKind.ROUNDING, USDT))).total
    assert rounding == -drift
    state = await world.accounts.find(ACCOUNT)
    assert state
    assert state.halted == ""
    await world.check_books()
