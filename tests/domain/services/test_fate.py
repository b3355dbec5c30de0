"""What fate does to runs: half a venue silent, orders that hide and come back, prices after the end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.ledger.model import AccountKind, own
from domain.market.model import TradingRules
from domain.market.orders import OrderState
from domain.money import round_up
from domain.ports.orders import Cursor
from domain.services.run_preview import NewRun
from tests.domain.services.trading_world import ALICE, BTC, USDT, World
from tests.fakes.exchange import PAIR, RULES, FakeExchange, FakeVenue

DEPOSIT = {BTC: "0.02", USDT: "1000"}
ACCOUNT = VenueAccountName("fake-1")


@dataclass
class HalfDeaf:
    """A venue of which some calls get no answer."""

    silent: set[str] = field(default_factory=set)

    def wrap(self, port: Any) -> Any:
        return _Partly(port, self.silent) if isinstance(port, FakeExchange) else port


class _Partly:
    def __init__(self, port: Any, silent: set[str]) -> None:
        self._port = port
        self._silent = silent

    def __getattr__(self, name: str) -> Any:
        there: Callable[..., Any] = getattr(self._port, name)

        async def nothing(*args: Any, **kwargs: Any) -> Any:
            raise Unavailable("venue_silent", subject=name)

        return nothing if name in self._silent else there


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def test_when_trades_cannot_be_read_orders_are_taken_off(world: World) -> None:
    venue = HalfDeaf()
    worker = world.worker(venue.wrap)
    await world.rounds(worker, 2)
    await world.start()
    await world.rounds(worker, 1)
    assert len(world.venue.resting()) == 6
    venue.silent.add("fills_since")
    began = world.time.monotonic()
    while world.time.monotonic() - began < world.policy.blind_cancel_s + 2 * world.policy.longest_pause_s:
        await world.rounds(worker, 1)
    assert world.venue.resting() == []
    venue.silent.clear()
    await world.rounds(worker, 8)
    assert len(world.venue.resting()) == 6
    await world.check_books()


async def test_a_stop_takes_orders_off_at_once_even_if_trades_cannot_be_read(world: World) -> None:
    venue = HalfDeaf()
    worker = world.worker(venue.wrap)
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    venue.silent.add("fills_since")
    await world.desk_of_people.stop(ALICE, run.number)
    await world.rounds(worker, 4)
    assert world.venue.resting() == []
    assert (await world.desk_of_people.get(ALICE, run.number)).state == "stopping"
    venue.silent.clear()
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_fill_is_not_given_away_while_its_order_cannot_be_looked_up(world: World) -> None:
    venue = HalfDeaf()
    worker = world.worker(venue.wrap)
    await world.rounds(worker, 2)
    run = await world.start()
    world.venue.mischief.drop_answer = 1.0
    await world.rounds(worker, 1)
    world.venue.mischief.drop_answer = 0.0
    venue.silent.add("find_order")  # the answer was lost, and so is every look-up
    world.venue.move(6_004_000, 6_004_100)
    began = world.time.monotonic()
    while world.time.monotonic() - began < 5 * world.policy.orphan_window_s:
        await world.rounds(worker, 1)
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BTC))).total == 0
    venue.silent.clear()
    await world.rounds(worker, 10)
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == len(world.venue.trades) > 0
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_strangers_trade_is_given_up_although_an_order_of_ours_is_lost(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    world.venue.mischief.drop_request = 1.0
    await world.rounds(worker, 1)
    world.venue.trade_of_a_stranger()
    world.venue.mischief.drop_request = 0.0
    await world.rounds(worker, 120)
    state = await world.accounts.find(ACCOUNT)
    assert state
    assert state.halted == "fill_of_unknown_order"
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_books()


async def test_the_result_of_a_stopped_run_stays_what_it_was(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_004_000, 6_004_100)
    await world.rounds(worker, 3)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    ended = await world.desk_of_people.get(ALICE, run.number)
    assert ended.profit is not None
    assert ended.mid is not None
    made = (ended.base - ended.base_start) * ended.mid + ended.quote - ended.quote_start
    assert ended.profit == made.quantize(Decimal("1e-8"), ROUND_FLOOR)
    world.venue.move(9_000_000, 9_000_100)
    world.time.advance(60)
    await world.rounds(worker, 3)
    later = await world.desk_of_people.get(ALICE, run.number)
    assert (later.profit, later.mid) == (ended.profit, ended.mid)
    await world.close_account()
    assert (await world.desk_of_people.get(ALICE, run.number)).profit == ended.profit


async def test_an_order_size_below_one_lot_is_refused_not_ignored(world: World) -> None:
    await world.rounds(world.worker(), 2)
    for size in ("0.000000001", "0.00001", "0.00008"):
        request = NewRun(PAIR, Decimal("0.02"), Decimal(1000), preset="", answers={"order_amount": size})
        with pytest.raises(Refused, match="order_too_small") as refused:
            await world.desk_of_people.preview(ALICE, request)
    least = str(refused.value.facts["minimum"])
    request = NewRun(PAIR, Decimal("0.02"), Decimal(1000), preset="", answers={"order_amount": least})
    preview = await world.desk_of_people.preview(ALICE, request)
    assert len(preview.bids) == len(preview.asks) == 3


async def test_the_least_that_is_told_is_enough(world: World) -> None:
    await world.rounds(world.worker(), 2)
    for mid in (6_000_000, 5_555_500, 6_666_600):
        world.venue.bid, world.venue.ask = mid - 50, mid + 50
        world.time.advance(30)
        await world.rounds(world.worker(), 2)
        [offer] = await world.desk_of_people.pairs()
        for base, quote in ((offer.min_base, Decimal(0)), (Decimal(0), offer.min_quote)):
            preview = await world.desk_of_people.preview(ALICE, NewRun(PAIR, base, quote, preset="calm"))
            assert len(preview.bids) + len(preview.asks) == 1


async def test_what_the_float_still_has_is_said_before_and_in_words(store: PostgresStore) -> None:
    world = World(store)
    world.venue = FakeVenue(world.time, {"BTC": "0.01", "USDT": "100"})
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    await world.start(base="0.01", quote="50")
    with pytest.raises(Refused, match="beyond_float") as refused:
        await world.desk_of_people.preview(ALICE, NewRun(PAIR, Decimal(0), Decimal(80)))
    assert refused.value.facts == {"coin": "USDT", "fits": "50"}


async def test_an_order_called_dead_that_comes_back_while_its_run_stops_is_booked(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    world.venue.mischief.drop_answer = 1.0
    world.venue.mischief.hide_s = 10_000  # accepted, and not shown for hours
    await world.rounds(worker, 1)
    world.venue.mischief.drop_answer = 0.0
    lost = [order.client_order_id for order in world.venue.resting()]
    began = world.time.monotonic()
    while world.time.monotonic() - began < 3 * world.policy.unknown_lookup_window_s:
        await world.rounds(worker, 1)
    known = await world.orders.find_by_client_ids(ACCOUNT, lost)
    assert {intent.state for intent in known.values()} == {OrderState.ABANDONED}
    await world.desk_of_people.stop(ALICE, run.number)
    await world.rounds(worker, 3)
    world.venue.mischief.hide_s = 0.0
    world.venue.move(6_003_700, 6_003_800, Decimal("0.5"))  # one of them is partly filled when it shows
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


class RoundingVenue(FakeVenue):
    """A venue that keeps eight places of the quote asset and rounds what is paid up."""

    def value(self, price: Decimal, quantity: Decimal) -> Decimal:
        return round_up(price * quantity, 8)


async def test_a_crumb_of_rounding_is_nobodys_trouble(store: PostgresStore) -> None:
    world = World(store)
    rules = TradingRules(
        tick=Decimal("0.0001"),
        lot=Decimal("0.000001"),
        min_quantity=Decimal("0.000001"),
        min_notional=Decimal(5),
        maker_fee_bps=Decimal(2),
        taker_fee_bps=Decimal(5),
    )
    world.venue = RoundingVenue(world.time, {"BTC": "5", "USDT": "500000"}, rules=rules)
    world.venue.bid, world.venue.ask = 599_995_137, 600_005_011
    await world.person(USDT="60.0239713073")  # exactly one order: nothing is left to round with
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start("0", "60.0239713073", levels="1", order_amount="0.001001", refresh_s="60")
    await world.rounds(worker, 1)
    [order] = world.venue.resting()
    assert order.price * order.quantity != round_up(order.price * order.quantity, 8)
    for share in ("0.31", "0.47", "1"):
        world.venue.move(590_000_000, 590_000_100, Decimal(share))
        await world.rounds(worker, 3)
    assert len(world.venue.trades) == 3
    await world.rounds(worker, 10)
    state = await world.accounts.find(ACCOUNT)
    assert state
    assert state.halted == ""
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == 3
    assert -Decimal("3e-8") < (await world.ledger.balance(own(AccountKind.ROUNDING, USDT))).total < 0
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_books()


async def test_pairs_without_orders_are_read_now_and_then_only(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.fills.save_cursor(ACCOUNT, PAIR.parse("ETH/USDT"), Cursor(None, world.time.now()))
    read: list[str] = []
    there = worker.desk.exchange.fills_since

    async def counted(pair: Any, trade_id: Any, since: Any) -> Any:
        read.append(str(pair))
        return await there(pair, trade_id, since)

    worker.desk.exchange.fills_since = counted  # type: ignore[method-assign]
    await world.start(refresh_s="2")
    began = world.time.monotonic()
    while world.time.monotonic() - began < 2 * world.policy.reconcile_interval_s:
        await world.rounds(worker, 1)
    assert read.count("ETH/USDT") <= 4 < 15 < read.count("BTC/USDT")


async def test_what_is_known_of_a_run_is_forgotten_with_it(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    for _ in range(3):
        run = await world.start()
        await world.rounds(worker, 2)
        await world.desk_of_people.stop(ALICE, run.number)
        await world.until_stopped(worker)
    await world.start()
    await world.rounds(worker, 2)
    assert len(worker.settings._read) == len(worker.beats._next) == 1


async def test_presets_keep_their_distance_from_a_standard_fee_and_say_so(store: PostgresStore) -> None:
    world = World(store)
    rules = replace(RULES, maker_fee_bps=Decimal(10), taker_fee_bps=Decimal(10))
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000"}, rules=rules)
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    found: dict[str, tuple[object, ...]] = {}
    for preset in ("calm", "balanced", "tight"):
        request = NewRun(PAIR, Decimal("0.02"), Decimal(1000), preset=preset)
        preview = await world.desk_of_people.preview(ALICE, request)
        found[preset] = (preview.half_spread_bps, preview.edge_bps, preview.widened)
        for price, _ in (*preview.bids, *preview.asks):
            assert abs(price / preview.offer.mid - 1) * 10_000 >= preview.half_spread_bps - Decimal("0.01")
    assert found == {"calm": (20, 10, False), "balanced": (12, 2, True), "tight": (11, 1, True)}
