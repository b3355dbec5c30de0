"""A run from start to stop, and what may come between."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.ledger.model import AccountKind, own, venue
from domain.market.model import Side
from domain.market.orders import OrderState
from domain.services.run_preview import NewRun
from tests.domain.services.trading_world import ALICE, BNB, BTC, LEASES, QUICK, USDT, World
from tests.fakes.exchange import PAIR, FakeVenue
from tests.fakes.leases import FencedOff, move_lease_clock

DEPOSIT = {BTC: "0.02", USDT: "1000"}


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def test_the_first_worker_books_what_the_account_holds_once(world: World) -> None:
    for _ in range(2):
        await world.rounds(world.worker(), 2)
    name = VenueAccountName("fake-1")
    assert (await world.ledger.balance(venue(name, BTC))).total == 5
    assert (await world.ledger.balance(own(AccountKind.INVENTORY, USDT))).total == 500_000
    assert await world.store.fetch("SELECT epoch FROM leases") == [{"epoch": 2}]


async def test_a_run_quotes_fills_and_gives_back_what_it_has(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    assert [(o.side, o.price) for o in world.venue.resting()] == [
        (Side.BUY, Decimal("59964.00")),
        (Side.BUY, Decimal("59940.00")),
        (Side.BUY, Decimal("59916.00")),
        (Side.SELL, Decimal("60036.00")),
        (Side.SELL, Decimal("60060.00")),
        (Side.SELL, Decimal("60084.00")),
    ]
    for bid in (6_003_700, 5_995_000, 6_004_500, 5_990_000):
        world.venue.move(bid, bid + 100, Decimal("0.6"))
        await world.rounds(worker, 8)
        await world.check_books()
    summary = await world.desk_of_people.get(ALICE, run.number)
    assert summary.fills == len(world.venue.trades) >= 4
    assert summary.open_orders == len(world.venue.resting()) >= 4
    assert summary.profit is not None
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopping"
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopping"
    await world.until_stopped(worker)
    assert await world.desk_of_people.stop(ALICE, run.number) == "stopped"
    await world.check_ended(DEPOSIT)
    assert await world.notices() == ["run_started", "run_fill_summary", "run_stopping", "run_stopped"]
    ended = await world.desk_of_people.get(ALICE, run.number)
    assert (ended.base, ended.quote) == (summary.base, summary.quote)


async def test_orders_that_still_serve_keep_their_place(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(tolerance_bps="1")
    await world.rounds(worker, 1)
    before = [o.client_order_id for o in world.venue.resting()]
    world.venue.move(5_999_950 + 500, 6_000_050 + 500)  # less than a basis point: within tolerance
    await world.rounds(worker, 10)
    assert [o.client_order_id for o in world.venue.resting()] == before
    world.venue.move(5_999_950 + 1_200, 6_000_050 + 1_200)
    await world.rounds(worker, 10)
    assert not set(before) & {o.client_order_id for o in world.venue.resting()}
    assert len(world.venue.resting()) == 6
    assert world.venue.trades == []


async def test_two_runs_of_one_account_never_meet(world: World) -> None:
    other = World(world.store, user=type(ALICE)("00000000-0000-4000-8000-0000000000b2"), time=world.time)
    other.venue = world.venue
    await other.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(preset="tight")
    for step in range(40):
        await world.rounds(worker, 1)
        if step == 3:
            await other.start(base="0.02", quote="1000", preset="calm")
        world.venue.move(5_999_950 + 2_500 * (step % 7), 6_000_050 + 2_500 * (step % 7), Decimal("0.5"))
    await world.rounds(worker, 10)
    await world.check_books()  # the venue itself asserts that no two of our orders would meet


async def test_funds_that_are_not_there_are_refused_before_anything_happens(world: World) -> None:
    await world.rounds(world.worker(), 2)
    people = world.desk_of_people
    for request, code in [
        (NewRun(PAIR, Decimal("0.03"), Decimal(0)), "insufficient_funds"),
        (NewRun(PAIR, Decimal("-0.01"), Decimal(0)), "insufficient_funds"),
        (NewRun(PAIR, Decimal(0), Decimal(1)), "funds_too_small"),
        (NewRun(PAIR, Decimal(0), Decimal(0)), "funds_too_small"),
        (NewRun(PAIR, Decimal(0), Decimal(100), preset="wild"), "preset_unknown"),
        (NewRun(PAIR, Decimal(0), Decimal(100), strategy="luck"), "strategy_unknown"),
        (NewRun(PAIR.parse("DOGE/USDT"), Decimal(0), Decimal(100)), "pair_not_offered"),
        (
            NewRun(PAIR, Decimal(0), Decimal(100), preset="", answers={"levels": "99"}),
            "parameter_out_of_range",
        ),
        (
            NewRun(PAIR, Decimal(0), Decimal(100), preset="", answers={"order_amount": "0.00001"}),
            "order_too_small",
        ),
    ]:
        with pytest.raises(Refused, match=code):
            await people.preview(ALICE, request)
    good = NewRun(PAIR, Decimal(0), Decimal(100))
    with pytest.raises(Refused, match="confirmation_unknown"):
        await people.start(good, ALICE, "no such token")
    token = await people.confirm(ALICE, good)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await people.start(replace(good, quote=Decimal(101)), ALICE, token)
    assert await people.list(ALICE) == []


async def test_a_run_beyond_the_float_is_refused(store: PostgresStore) -> None:
    world = World(store)
    world.venue = FakeVenue(world.time, {"BTC": "0.01", "USDT": "100"})
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    with pytest.raises(Refused, match="beyond_float"):
        await world.start()
    await world.start(base="0.01", quote="50")
    with pytest.raises(Refused, match="beyond_float"):  # the float is spoken for: the ledger says so itself
        await world.start(base="0", quote="80")


async def test_a_confirmation_starts_one_run(world: World) -> None:
    await world.rounds(world.worker(), 2)
    request = NewRun(PAIR, Decimal(0), Decimal(100))
    token = await world.desk_of_people.confirm(ALICE, request)
    assert (await world.desk_of_people.start(request, ALICE, token)).number == 1
    with pytest.raises(Refused, match="confirmation"):
        await world.desk_of_people.start(request, ALICE, token)
    assert await world.desk_of_people.stop_all(ALICE) == 1
    assert await world.desk_of_people.stop_all(ALICE) == 0


async def test_foreign_runs_do_not_exist(world: World) -> None:
    await world.rounds(world.worker(), 2)
    run = await world.start()
    stranger = type(ALICE)("00000000-0000-4000-8000-0000000000ff")
    for number in (run.number, 7, 0, -1, 2**40):
        for call in (world.desk_of_people.get, world.desk_of_people.stop):
            with pytest.raises(Refused, match="run_unknown"):
                await call(stranger, number)


async def test_a_worker_that_lost_the_account_stands_by_and_may_have_it_again(
    world: World, admin: Any
) -> None:
    old, new = world.worker(name="old"), world.worker(name="new")
    await world.rounds(old, 2)
    await world.start()
    assert "standing by" in await new.round()
    await move_lease_clock(admin, LEASES.ttl_s + 1)
    assert "in epoch 2" in await new.round()
    said = await world.rounds(old, 2)
    assert "this one stops trading it" in said[0]
    assert "standing by" in said[1]
    assert world.venue.sent == []
    await world.rounds(new, 1)
    assert len(world.venue.sent) == 6
    await new.keeper.give_back()
    assert "took fake-1 in epoch 3: 1 runs, 0 orders differed" in await old.round()
    await world.rounds(old, 8)
    assert "standing by" in await new.round()
    assert len(world.venue.resting()) == 6
    await world.check_books()


async def test_nothing_is_placed_after_a_failed_renewal_and_cancels_go_on(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    worker.desk.grip.wavering = True
    await world.rounds(worker, 4)
    assert world.venue.sent == []
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""
    worker.desk.grip.wavering = False
    await world.rounds(worker, 8)
    assert len(world.venue.resting()) == 6
    worker.desk.grip.wavering = True
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended({BTC: "0.02", USDT: "1000"})


async def test_a_worker_whose_lease_runs_out_clears_the_book_without_the_store(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 2)
    assert len(world.venue.resting()) == 6
    silent = FencedOff(worker.keeper.leases)
    worker.keeper.leases = silent
    world.time.advance(worker.desk.grip.left_s + 0.1)
    assert "ran out: 6 orders cancelled" in await worker.round()
    assert world.venue.resting() == []
    assert "standing by" in await worker.round()
    worker.keeper.leases = silent.real
    await world.rounds(worker, 8)
    assert len(world.venue.resting()) == 6
    await world.check_books()


async def test_a_worker_that_wakes_late_leaves_the_book_to_the_next(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 2)
    worker.keeper.leases = FencedOff(worker.keeper.leases)
    world.time.advance(LEASES.ttl_s + 0.1)
    assert "standing by" in await worker.round()
    assert len(world.venue.resting()) == 6


async def test_an_order_kept_back_at_the_last_moment_was_never_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ends between the commit of an intent and its bytes (D4)."""
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    committed = worker.desk.writing.write

    async def then_freeze(*told: Any) -> Any:
        admitted = await committed(*told)
        world.time.advance(LEASES.ttl_s)
        return admitted

    monkeypatch.setattr(worker.desk.writing, "write", then_freeze)
    await worker.round()
    assert world.venue.sent == []
    states = await world.store.fetch("SELECT DISTINCT state FROM order_intents")
    assert states == [{"state": "abandoned"}]
    assert (await world.ledger.balances(AccountKind.RUN, run.id))[BTC].held == 0


async def test_a_trade_nobody_ordered_stops_the_account_and_is_nobodys(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 2)
    world.venue.trade_of_a_stranger()
    await world.rounds(worker, 40)
    state = await world.accounts.find(VenueAccountName("fake-1"))
    assert state
    assert state.halted == "fill_of_unknown_order"
    assert world.venue.resting() == []
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BTC))).total > 0
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "fill_of_unknown_order"
    assert "run_trouble" in await world.notices()
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_books()


async def test_a_fee_in_a_third_coin_is_the_owners(store: PostgresStore) -> None:
    world = World(store)
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000", "BNB": "0.00003"}, fee_coin="BNB")
    await world.person(BTC="0.02", USDT="1000")
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_004_000, 6_004_100)
    await world.rounds(worker, 5)
    assert world.venue.trades
    await world.check_books()
    assert (await world.ledger.balance(own(AccountKind.INVENTORY, BNB))).total == world.venue.total[BNB]


async def test_an_order_with_our_prefix_that_we_do_not_know_is_cancelled(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 1)
    ghost = replace(world.venue.resting()[0], client_order_id="mmkghost")
    human = replace(world.venue.resting()[0], client_order_id="web_1")
    for order in (ghost, human):
        world.venue.orders.append(
            replace(world.venue.orders[0], order=replace(order, order_id=order.client_order_id))
        )
    said = await world.rounds(world.worker(), 1)
    assert "1 orders differed" in said[0]
    assert {o.client_order_id for o in world.venue.resting()} >= {"web_1"}
    assert "mmkghost" not in {o.client_order_id for o in world.venue.resting()}


async def test_an_empty_market_is_not_quoted_and_orders_go(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.bid, world.venue.ask = 6_100_000, 6_000_000  # crossed: a feed gone wrong
    await world.rounds(worker, 30)
    assert world.venue.resting() == []
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "market_empty"
    world.venue.bid, world.venue.ask = 5_999_950, 6_000_050
    await world.rounds(worker, 10)
    assert len(world.venue.resting()) == 6
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""
    assert (await world.notices()).count("run_trouble") == 1


async def test_a_silent_venue_ends_nothing(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.mischief.silent_read = 1.0
    said = await world.rounds(worker, 6)
    assert all("waits" in sentence for sentence in said[1:])
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == "venue_silent"
    world.venue.mischief.silent_read = 0.0
    await world.rounds(worker, 10)
    assert (await world.desk_of_people.get(ALICE, run.number)).trouble == ""
    assert len(world.venue.resting()) == 6


async def test_a_lost_order_is_abandoned_only_after_two_looks_a_window_apart(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    world.venue.mischief.drop_request = 1.0
    await world.rounds(worker, 1)
    world.venue.mischief.drop_request = 0.0
    lost = {i.id for i in await world.orders.unsettled(VenueAccountName("fake-1"))}
    assert len(lost) == 6
    began = world.time.monotonic()
    while lost & {i.id for i in await world.orders.unsettled(VenueAccountName("fake-1"))}:
        await world.rounds(worker, 1)
    assert world.time.monotonic() - began >= QUICK.unknown_lookup_window_s
    rows = await world.store.fetch("SELECT id, state FROM order_intents")
    assert {row["state"] for row in rows if row["id"] in lost} == {OrderState.ABANDONED}
    await world.rounds(worker, 8)
    assert len(world.venue.resting()) == 6
    await world.check_books()
