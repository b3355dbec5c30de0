"""One run's trouble is nobody else's, and rounds that fail leave nothing unattended on the book."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused, Unavailable
from domain.ids import UserId, VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import TERMINAL, LimitOrder, VenueOrder
from domain.market.runs import Run
from domain.services import ticking
from domain.services.run_preview import NewRun
from domain.strategies import get_strategy
from tests.domain.services.trading_world import ALICE, OWNER, Worker, World
from tests.fakes.exchange import PAIR, FakeVenue

ACCOUNT = VenueAccountName("fake-1")
BOB = UserId("00000000-0000-4000-8000-0000000000b2")
ETH = Pair.parse("ETH/USDT")


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


@pytest.fixture
async def neighbour(world: World) -> World:
    """Give another person at the same venue account."""
    other = World(world.store, user=BOB, time=world.time, seed=2)
    other.venue = world.venue
    await other.person(BTC="0.02", USDT="1000")
    return other


async def as_of_another_release(admin: Any, run: Run, sql: str) -> None:
    """Let a stored run be what only a later or an earlier release can read."""
    await admin.execute("SET session_replication_role = replica")
    assert await admin.execute(sql, run.id) == "UPDATE 1"


async def resting_of(world: World, run: Run) -> list[str]:
    unsettled = await world.orders.unsettled(ACCOUNT)
    return [i.id for i in unsettled if i.run_id == run.id and i.state not in TERMINAL]


@pytest.mark.parametrize(
    "sql",
    [
        'UPDATE run_configs SET config = \'{"moon": "1"}\' WHERE run_id = $1',
        'UPDATE run_configs SET config = \'{"levels": "99"}\' WHERE run_id = $1',
        "UPDATE run_configs SET config = '{\"levels\": 3}' WHERE run_id = $1",
        "UPDATE runs SET strategy = 'luck' WHERE id = $1",
    ],
    ids=["an unknown parameter", "a value out of bounds", "no text", "an unknown strategy"],
)
async def test_a_run_that_cannot_be_read_is_told_loses_its_orders_and_stops_nobody_else(
    world: World, neighbour: World, admin: Any, sql: str
) -> None:
    await world.rounds(world.worker(), 2)
    broken, sound = await world.start(), await neighbour.start(preset="calm")
    before = world.worker()
    await world.rounds(before, 2)
    assert await resting_of(world, broken)
    await as_of_another_release(admin, broken, sql)
    worker = world.worker()
    said = await world.rounds(worker, 4)
    assert f"run {broken.id} cannot be read" in said[1]
    assert await resting_of(world, broken) == []
    assert len(await resting_of(world, sound)) == 4
    world.venue.move(6_100_000, 6_100_100)
    await world.rounds(worker, 6)
    assert (await neighbour.desk_of_people.get(BOB, sound.number)).fills
    assert (await neighbour.desk_of_people.get(BOB, sound.number)).trouble == ""
    assert (await world.runs.get(broken.id)).trouble == "settings_unreadable"
    assert (await world.notices()).count("run_trouble") == 1
    assert "run_trouble" not in await world.notices(BOB)
    await world.check_books()
    assert await world.desk_of_people.stop(ALICE, broken.number) == "stopping"
    await world.rounds(worker, 10)
    assert (await world.runs.get(broken.id)).state == "stopped"


async def test_a_strategy_that_raises_is_its_own_run_s_trouble(
    world: World, neighbour: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    broken, sound = await world.start(), await neighbour.start(preset="calm")
    await world.rounds(worker, 2)
    assert await resting_of(world, broken)
    strategy = get_strategy(broken.strategy)

    def quote(book: Any, rules: Any, config: Any, inventory: Any) -> Any:
        return strategy.quote(book, rules, config, inventory) if config.levels == 2 else 1 // 0

    with monkeypatch.context() as patched:
        patched.setattr(ticking, "get_strategy", lambda _: replace(strategy, quote=quote))
        said = await world.rounds(worker, 8)
        assert any(f"the strategy of run {broken.id} failed: ZeroDivisionError" in s for s in said)
        assert await resting_of(world, broken) == []
        assert len(await resting_of(world, sound)) == 4
        assert (await world.runs.get(broken.id)).trouble == "strategy_failed"
        assert (await world.runs.get(sound.id)).trouble == ""
        assert (await world.notices()).count("run_trouble") == 1
    await world.rounds(worker, 8)
    assert len(await resting_of(world, broken)) == 6
    assert (await world.runs.get(broken.id)).trouble == ""


Break = Callable[[Worker, pytest.MonkeyPatch], None]


async def _absurd(*_: Any) -> Any:
    raise LookupError("what nobody foresaw, with a secret in it")


def break_ticks(worker: Worker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(worker.ticking), "tick", _absurd)


def break_listing(worker: Worker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.desk.exchange, "open_orders", _absurd)


def break_books(worker: Worker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.desk.orders, "unsettled", _absurd)


@pytest.mark.parametrize("fault", [break_ticks, break_listing, break_books])
@pytest.mark.parametrize("started", [True, False], ids=["trading", "starting up"])
async def test_rounds_that_fail_as_nobody_foresaw_clear_the_book_and_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Break, started: bool
) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 2)
    assert len(world.venue.resting()) == 6
    if not started:
        worker = world.worker()
    with monkeypatch.context() as patched:
        fault(worker, patched)
        failed = 0
        for _ in range(40):
            try:
                await worker.round()
            except LookupError:
                failed += 1
            world.time.advance(1)
        assert failed >= 3
        if started or fault is not break_listing:  # nothing else tells a new process what rests
            assert world.venue.resting() == []
    assert (await world.runs.get(run.id)).trouble == "round_failed"
    assert (await world.notices()).count("run_trouble") == 1
    [told] = await world.store.fetch("SELECT params::text FROM outbox WHERE kind = 'trading_fails'")
    assert "LookupError" in told["params"]
    assert "secret" not in told["params"]
    assert "trading_fails" in await world.notices(OWNER)
    await world.rounds(worker, 12)
    assert len(world.venue.resting()) == 6
    assert (await world.runs.get(run.id)).trouble == ""
    await world.check_books()


async def test_where_not_even_runs_can_be_read_the_book_is_cleared_and_keepers_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 2)
    assert len(world.venue.resting()) == 6
    monkeypatch.setattr(worker.desk.runs, "active", _absurd)
    for _ in range(15):
        with pytest.raises(LookupError):
            await worker.round()
        world.time.advance(1)
    assert world.venue.resting() == []
    assert (await world.notices(OWNER)).count("trading_fails") == 1


async def test_a_failed_round_is_no_reason_to_clear_what_the_next_attends_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 2)
    sent = len(world.venue.sent)
    for _ in range(5):
        with monkeypatch.context() as patched:
            break_ticks(worker, patched)
            for _ in range(12):
                try:
                    await worker.round()
                except LookupError:
                    break
        await world.rounds(worker, 1)
        world.time.advance(4)
    assert len(world.venue.resting()) == 6
    assert len(world.venue.sent) == sent
    assert "run_trouble" not in await world.notices()


async def test_a_venue_that_is_silent_from_the_start_finds_its_old_orders_gone(world: World) -> None:
    """The orders of an earlier process, while the next cannot even start: by what the venue lists."""
    await world.rounds(world.worker(), 2)
    await world.start()
    before = world.worker()
    await world.rounds(before, 2)
    assert len(world.venue.resting()) == 6
    worker = world.worker()
    worker.desk.exchange.recall = _silent  # type: ignore[assignment, method-assign]
    for _ in range(8):
        assert "waits" in await worker.round()
        world.time.advance(2)
    assert world.venue.resting() == []


async def _silent(*_: Any) -> Any:
    raise Unavailable("venue_silent")


SLOW = {
    "half_spread_bps": "10",
    "levels": "3",
    "step_bps": "5",
    "refresh_s": "3600",
    "tolerance_bps": "2",
}


async def test_a_run_that_looks_once_an_hour_quotes_again_soon_after_a_venue_was_silent(world: World) -> None:
    """Its orders went while nobody could see to them: an hour without any is an hour without trades."""
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(**SLOW)
    await world.rounds(worker, 2)
    assert len(world.venue.resting()) == 6
    world.venue.mischief.silent_read = 1.0
    for _ in range(12):
        await worker.round()
        world.time.advance(2)
    assert world.venue.resting() == []
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "venue_silent"
    world.venue.mischief.silent_read = 0.0
    began = world.time.now()
    await world.rounds(worker, 6)
    assert len(world.venue.resting()) == 6
    assert (world.time.now() - began).total_seconds() < 30
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""


async def test_a_run_that_looks_once_an_hour_looks_again_soon_after_it_saw_no_market(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    world.venue.bid, world.venue.ask = 6_100_000, 6_000_000  # crossed: a feed gone wrong
    run = await world.start(**SLOW)
    await world.rounds(worker, 2)
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "market_empty"
    world.venue.bid, world.venue.ask = 5_999_950, 6_000_050
    began = world.time.now()
    while len(world.venue.resting()) < 6:
        assert (world.time.now() - began).total_seconds() < 30
        await worker.round()
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""
    sent = len(world.venue.sent)
    await world.rounds(worker, 20)
    assert len(world.venue.sent) == sent, "and then once an hour"


# An order that the exchange changed


@pytest.mark.parametrize("part", ["0", "0.4"], ids=["untouched", "filled in part"])
async def test_every_order_the_venue_changed_is_taken_off_whatever_became_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """OR7: of six orders of one run the venue changes two, and refuses the last."""
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    accept, count = world.venue.accept, itertools.count(1)

    def changing(order: LimitOrder) -> VenueOrder:
        number = next(count)
        if number == 6:
            raise Refused("venue_declined")
        word = accept(order)
        if number not in (1, 4):
            return word
        resting = world.venue.find(order.client_order_id)
        assert resting
        cheaper = -1 if order.side is Side.BUY else 1
        resting.order = replace(word, price=word.price + cheaper * world.venue.rules.tick)
        if share := Decimal(part):
            lots = world.venue.rules.lots_down(resting.order.quantity * share)
            world.venue.fill(resting, world.venue.rules.quantity(lots))
        return resting.order

    monkeypatch.setattr(world.venue, "accept", changing)
    await world.rounds(worker, 1)
    assert len(world.venue.sent) == 5
    changed = [world.venue.sent[0], world.venue.sent[3]]
    assert {o.client_order_id for o in world.venue.resting()} == set(world.venue.sent) - set(changed)
    assert (await world.runs.get(run.id)).trouble == "venue_changed_order"


# A pair that the exchange trades no more


@pytest.fixture
async def two_pairs(store: PostgresStore) -> World:
    world = World(store)
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000", "ETH": "50"})
    world.venue.other_books[ETH] = (299_900, 300_100)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def trading_both(world: World) -> tuple[Worker, Run, Run]:
    worker = world.worker()
    worker.offered = [PAIR, ETH]
    await world.rounds(worker, 2)
    runs = [await world.start(base="0.02", quote="500")]
    request = NewRun(ETH, Decimal(0), Decimal(500), preset="calm")
    token = await world.desk_of_people.confirm(world.user, request)
    runs.append(await world.desk_of_people.start(request, world.user, token))
    await world.rounds(worker, 3)
    assert await resting_of(world, runs[1])
    return worker, runs[0], runs[1]


@pytest.mark.parametrize("anew", [False, True], ids=["the same worker", "a new one"])
async def test_a_pair_that_is_delisted_stops_its_own_run_and_no_other(two_pairs: World, anew: bool) -> None:
    world = two_pairs
    worker, sound, lost = await trading_both(world)
    world.venue.delisted.add(ETH)
    if anew:
        worker = world.worker()
        worker.offered = [PAIR, ETH]
    await world.rounds(worker, 12)
    world.venue.move(6_100_000, 6_100_100)
    await world.rounds(worker, 80)
    assert (await world.desk_of_people.get(ALICE, sound.number)).fills
    assert (await world.runs.get(sound.id)).trouble == ""
    assert (await world.runs.get(lost.id)).trouble == "pair_not_traded"
    await world.desk_of_people.stop(ALICE, sound.number)
    await world.desk_of_people.stop(ALICE, lost.number)
    await world.rounds(worker, 100)
    assert (await world.runs.get(sound.id)).state == "stopped"
    assert (await world.runs.get(lost.id)).state == "stopping"  # nobody knows what its orders came to
    assert (await world.notices()).count("run_stop_waits") >= 1
    await world.check_books()
    world.venue.delisted.clear()
    await world.until_stopped(worker)
    await world.check_books()


async def test_the_last_fill_before_a_pair_went_is_booked_when_it_is_shown_again(two_pairs: World) -> None:
    world = two_pairs
    worker, _, lost = await trading_both(world)
    resting = next(r for r in world.venue.orders if r.order.pair == ETH and r.order.state not in TERMINAL)
    world.venue.fill(resting, resting.order.quantity)
    world.venue.delisted.add(ETH)
    await world.desk_of_people.stop(ALICE, lost.number)
    await world.rounds(worker, 30)
    assert (await world.runs.get(lost.id)).state == "stopping"
    world.venue.delisted.clear()
    await world.rounds(worker, 30)
    assert (await world.runs.get(lost.id)).state == "stopped"
    assert (await world.desk_of_people.get(ALICE, lost.number)).fills == 1
    await world.check_books()
