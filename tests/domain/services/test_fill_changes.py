"""What a venue says of trades later: fees that come late, in a third coin, rebates, changes and busts."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.ledger.model import AccountKind, Balance, available, own
from domain.ledger.model import run as run_account
from domain.market.model import Pair
from domain.market.orders import Fill
from domain.market.runs import Run
from domain.money import BPS, ZERO, round_down, round_up
from domain.services.execution import ExecutionService
from tests.domain.services.trading_world import ALICE, BNB, BTC, OWNER, USDT, World
from tests.fakes.exchange import FakeVenue

ACCOUNT = VenueAccountName("fake-1")
DEPOSIT = {BTC: "0.02", USDT: "1000"}
BNB_USDT = Pair(BNB, USDT)


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


@pytest.fixture
async def worker(world: World) -> ExecutionService:
    worker = world.worker()
    await world.rounds(worker, 2)
    return worker


async def has(world: World, run: Run) -> dict[str, Decimal]:
    balances = await world.ledger.balances(AccountKind.RUN, run.id)
    return {coin: balance.total for coin, balance in balances.items()}


async def deep(world: World, worker: ExecutionService, seconds: float | None = None) -> None:
    """Do rounds until everything has been read again, and once more."""
    began, lasts = world.time.monotonic(), seconds or 2 * world.policy.reconcile_interval_s
    while world.time.monotonic() - began < lasts:
        await world.rounds(worker, 1)


async def inventory(world: World, coin: str) -> Decimal:
    return (await world.ledger.balance(own(AccountKind.INVENTORY, coin))).total  # type: ignore[arg-type]


async def halted(world: World) -> str:
    state = await world.accounts.find(ACCOUNT)
    assert state
    return state.halted


# A fee in a third coin (FL5)


def in_bnb(world: World, stock: str = "1", price: int | None = 60_000) -> None:
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000", "BNB": stock}, fee_coin="BNB")
    if price:
        world.venue.other_books[BNB_USDT] = (price - 1, price + 1)  # in cents


async def test_a_fee_in_a_third_coin_is_charged_in_quote_at_the_price_the_venue_shows(world: World) -> None:
    in_bnb(world)
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [charge] = await world.fills.charges(ACCOUNT, run.pair, world.venue.trades[0][1].trade_id)
    assert charge.price == 600
    assert (charge.fee, charge.charged) == (Decimal("0.00001"), Decimal("0.006"))
    charged = len(world.venue.trades) * charge.charged
    sold = sum((fill.quote_quantity for _, fill in world.venue.trades), ZERO)
    assert (await has(world, run))["USDT"] == 1000 + sold - charged
    assert await inventory(world, "USDT") == 500_000 + charged
    assert await inventory(world, "BNB") == 1 - len(world.venue.trades) * charge.fee
    assert "BNB" not in await has(world, run)
    await world.check_books()


async def test_a_charge_waits_for_a_price_and_is_then_made_once(world: World) -> None:
    in_bnb(world, price=None)
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    before = (await has(world, run))["USDT"]
    assert len(await world.fills.waiting_charges(ACCOUNT)) == len(world.venue.trades) == 1
    world.venue.other_books[BNB_USDT] = (49_999, 50_001)
    await deep(world, worker)
    assert await world.fills.waiting_charges(ACCOUNT) == []
    assert (await has(world, run))["USDT"] == before - Decimal("0.005")
    await deep(world, worker)
    assert (await has(world, run))["USDT"] == before - Decimal("0.005")
    await world.check_books()


async def test_a_charge_nobody_knows_the_price_of_is_the_instances_when_the_run_ends(world: World) -> None:
    in_bnb(world, price=None)
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    world.venue.other_books[BNB_USDT] = (49_999, 50_001)
    await deep(world, worker)
    rows = await world.store.fetch("SELECT state, charged FROM fee_charges WHERE run_id = $1", run.id)
    assert [(row["state"], row["charged"]) for row in rows] == [("forgone", 0)]
    await world.check_books()


async def test_what_a_run_has_no_quote_for_the_instance_bears_and_it_is_counted(world: World) -> None:
    in_bnb(world)
    world.venue.third_fee = Decimal("0.01")  # six dollars a trade
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(base="0", quote="65", levels="1", order_amount="0.001", refresh_s="60")
    await world.rounds(worker, 1)
    world.venue.move(5_990_000, 5_990_100)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    [charge] = await world.fills.charges(ACCOUNT, run.pair, fill.trade_id)
    assert charge.due == 6
    assert 0 < charge.charged < 6
    assert (await has(world, run))["USDT"] == 0
    assert await halted(world) == ""
    await world.check_books()


async def test_a_stock_that_is_too_small_for_all_fees_at_once_makes_nobody_negative(world: World) -> None:
    in_bnb(world, stock="0.000035")
    world.venue.third_fee = Decimal("0.00001")
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(levels="5")
    await world.rounds(worker, 1)
    world.venue.total[BNB] += 1  # somebody put some there, and our books do not know it yet
    for share in ("0.4", "1"):
        world.venue.move(6_008_700, 6_008_800, Decimal(share))
    await world.rounds(worker, 5)
    assert len(world.venue.trades) >= 6
    assert await inventory(world, "BNB") >= 0
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BNB))).total < 0
    assert (await world.notices(OWNER)).count("coins_found") == 1, "more than one fee, but within an hour"
    assert await world.ledger.faults() == []


async def test_a_rebate_in_a_third_coin_is_given_to_the_run_in_quote(world: World) -> None:
    in_bnb(world)
    world.venue.third_fee = Decimal("-0.00001")
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    assert (await has(world, run))["USDT"] == 1000 + fill.quote_quantity + Decimal("0.006")
    assert await inventory(world, "BNB") == Decimal("1.00001")
    await world.check_books()


# A fee that comes late, or is a rebate (FL6)


async def trade_late_fees(world: World, worker: ExecutionService) -> Run:
    world.venue.fees_come_late = True
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    return run


async def test_a_fee_that_comes_late_is_a_posting_of_its_own(world: World, worker: ExecutionService) -> None:
    run = await trade_late_fees(world, worker)
    [(_, provisional)] = world.venue.trades
    assert provisional.fee == 0
    assert not provisional.fee_known
    before = (await has(world, run))["USDT"]
    assert before == 1000 + provisional.quote_quantity
    await deep(world, worker)
    world.venue.tell_fees()
    await deep(world, worker)
    fee = round_down(provisional.quote_quantity * 2 / BPS)
    assert (await has(world, run))["USDT"] == before - fee
    kinds = await world.store.fetch("SELECT kind, cause FROM transfers WHERE kind LIKE 'fill%' ORDER BY id")
    assert [(row["kind"], row["cause"].rpartition("USDT:")[2]) for row in kinds] == [
        ("fill", "1"),
        ("fill_fee", "1:2"),
    ]
    await deep(world, worker)
    assert (await has(world, run))["USDT"] == before - fee
    await world.check_books()


async def test_a_fee_that_comes_hours_late_is_still_asked_for(world: World, worker: ExecutionService) -> None:
    run = await trade_late_fees(world, worker)
    world.time.advance(7_200)
    world.venue.fees_come_late = False
    world.venue.move(5_990_000, 5_990_100)  # other trades move the window on
    await deep(world, worker)
    [(_, provisional)] = [(at, f) for at, f in world.venue.trades if not f.fee_known]
    before = await has(world, run)
    world.venue.tell_fees()
    await deep(world, worker)
    changed = (await has(world, run))["USDT"] - before["USDT"]
    assert changed == -round_down(provisional.quote_quantity * 2 / BPS)
    await world.check_books()


async def test_a_fee_that_is_left_out_later_is_not_given_back(world: World, worker: ExecutionService) -> None:
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [(at_s, fill)] = world.venue.trades
    before = await has(world, run)
    world.venue.trades = [(at_s, replace(fill, fee=ZERO, fee_coin=USDT, fee_known=False))]
    await deep(world, worker)
    assert await has(world, run) == before
    assert await world.store.fetch("SELECT FROM fill_versions") == []


async def test_a_charge_that_becomes_a_rebate_is_credited(world: World, worker: ExecutionService) -> None:
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    world.venue.amend(fill.trade_id, fee=-fill.fee)
    before = (await has(world, run))["USDT"]
    await deep(world, worker)
    assert (await has(world, run))["USDT"] == before + 2 * fill.fee
    await world.check_books()


async def test_a_stop_waits_for_a_fee_but_not_for_ever(world: World, worker: ExecutionService) -> None:
    run = await trade_late_fees(world, worker)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.rounds(worker, 12)
    assert (await world.desk_of_people.get(ALICE, run.number)).state == "stopping"
    world.venue.tell_fees()
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_fee_that_comes_after_the_end_is_the_instances_and_a_rebate_the_persons(
    world: World, worker: ExecutionService
) -> None:
    run = await trade_late_fees(world, worker)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    [(_, fill)] = world.venue.trades
    had = await world.ledger.balance(available(ALICE, USDT))
    assert had == Balance(1000 + fill.quote_quantity, ZERO)
    world.venue.tell_fees()
    await deep(world, worker)
    assert await world.ledger.balance(available(ALICE, USDT)) == had
    fee = world.venue.trades[0][1].fee
    assert await inventory(world, "USDT") == 500_000 - fee
    [row] = await world.store.fetch("SELECT borne FROM fill_versions")
    assert row["borne"] == fee
    world.venue.amend(fill.trade_id, fee=Decimal("-0.01"))
    await deep(world, worker)
    assert (await world.ledger.balance(available(ALICE, USDT))).total == had.total + fee + Decimal("0.01")
    await world.check_books()


async def test_a_fee_that_changes_its_coin_goes_back_where_it_came_from(world: World) -> None:
    in_bnb(world)
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    world.venue.other_books[BNB_USDT] = (
        99_999,
        100_001,
    )  # another price: what was charged goes back as it came
    world.time.advance(120)
    world.venue.amend(fill.trade_id, fee=Decimal("0.07"), fee_coin=USDT)
    await deep(world, worker)
    assert (await has(world, run))["USDT"] == 1000 + fill.quote_quantity - Decimal("0.07")
    assert await inventory(world, "BNB") == 1
    assert await inventory(world, "USDT") == 500_000
    await world.check_books()


# A trade that changes, or never was (FL8)


async def one_trade(world: World, worker: ExecutionService) -> tuple[Run, Fill]:
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    return run, fill


async def test_a_bust_trade_is_taken_back_posting_by_posting(world: World, worker: ExecutionService) -> None:
    run, fill = await one_trade(world, worker)
    world.venue.move(5_999_950, 6_000_050)
    world.venue.bust(fill.trade_id)
    await deep(world, worker, world.policy.unknown_lookup_window_s + 3 * world.policy.reconcile_interval_s)
    assert await has(world, run) == {"BTC": Decimal("0.02"), "USDT": Decimal(1000)}
    assert await halted(world) == ""
    assert (await world.desk_of_people.get(ALICE, run.number)).fills == 0
    assert "run_trade_changed" in await world.notices()
    assert "trade_changed" in await world.notices(OWNER)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_coins_that_were_found_for_a_fee_stay_when_the_trade_is_bust(world: World) -> None:
    in_bnb(world, stock="0.000001")
    worker = world.worker()
    await world.rounds(worker, 2)
    world.venue.total[BNB] += 1  # somebody put some there, and our books do not know it yet
    run, fill = await one_trade(world, worker)
    found = (await world.ledger.balance(own(AccountKind.EXTERNAL, BNB))).total
    assert found == -Decimal("0.000001")  # what the books had lacks, and what was found paid the rest
    assert (await world.notices(OWNER)).count("coins_found") == 1
    [told] = await world.store.fetch("SELECT params FROM outbox WHERE kind = 'coins_found'")
    assert json.loads(told["params"]) == {
        "account": world.account, "coin": "BNB", "amount": "0.000009", "total": "-0.000001",
    }  # fmt: skip
    world.venue.bust(fill.trade_id)
    began = world.time.monotonic()
    while world.time.monotonic() - began < 5 * world.policy.reconcile_interval_s:
        await world.rounds(worker, 1)
    assert [row["kind"] for row in await world.store.fetch("SELECT kind FROM fill_versions")] == ["bust"]
    assert (await has(world, run))["USDT"] == 1000
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BNB))).total == Decimal("0.000009")


async def test_one_look_that_does_not_show_a_trade_proves_nothing(
    world: World, worker: ExecutionService
) -> None:
    run, fill = await one_trade(world, worker)
    [hidden] = world.venue.trades
    world.venue.trades.clear()
    await worker.fills.sweep(deep=True)
    world.venue.trades.append(hidden)
    await deep(world, worker, 3 * world.policy.unknown_lookup_window_s)
    assert await world.store.fetch("SELECT FROM fill_versions") == []
    assert (await has(world, run))["USDT"] == 1000 + fill.quote_quantity - fill.fee
    await world.check_books()


async def test_a_trade_that_vanishes_while_the_balances_stay_halts_the_account_and_books_nothing(
    world: World, worker: ExecutionService
) -> None:
    run, fill = await one_trade(world, worker)
    before = await has(world, run)
    world.venue.bust(fill.trade_id, balances_too=False)
    await deep(
        world, worker, 2 * world.policy.unknown_lookup_window_s + 4 * world.policy.reconcile_interval_s
    )
    assert await halted(world) == "fill_vanished"
    assert (await world.notices(OWNER)).count("account_halted") == 1
    assert await has(world, run) == before
    assert world.venue.resting() == []


async def test_a_trade_whose_figures_change_is_booked_anew(world: World, worker: ExecutionService) -> None:
    run, fill = await one_trade(world, worker)
    quantity = fill.quantity - Decimal("0.001")
    cost = quantity * fill.price
    world.venue.amend(fill.trade_id, quantity=quantity, quote_quantity=cost, fee=round_up(cost * 2 / BPS))
    await deep(world, worker)
    assert await has(world, run) == {
        "BTC": Decimal("0.02") - quantity,
        "USDT": 1000 + cost - round_up(cost * 2 / BPS),
    }
    assert await halted(world) == ""
    assert (await world.desk_of_people.get(ALICE, run.number)).volume == cost
    world.venue.amend(fill.trade_id, quantity=fill.quantity, quote_quantity=fill.quote_quantity, fee=fill.fee)
    await deep(world, worker)
    assert (await has(world, run))["USDT"] == 1000 + fill.quote_quantity - fill.fee
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_trade_that_changes_after_the_run_has_ended_costs_its_person_nothing(
    world: World, worker: ExecutionService
) -> None:
    run, fill = await one_trade(world, worker)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    had = await world.ledger.balance(available(ALICE, USDT))
    price = fill.price - 100
    world.venue.amend(fill.trade_id, price=price, quote_quantity=price * fill.quantity)
    await deep(world, worker)
    assert await world.ledger.balance(available(ALICE, USDT)) == had
    lost = (await world.ledger.balance(own(AccountKind.EXTERNAL, USDT))).total
    assert lost == -100 * fill.quantity
    assert await halted(world) == "fill_changed_unpaid"
    await world.check_books()


async def test_a_change_that_makes_no_sense_halts_and_books_nothing(
    world: World, worker: ExecutionService
) -> None:
    run, fill = await one_trade(world, worker)
    before = await has(world, run)
    world.venue.amend(fill.trade_id, quantity=fill.quantity / 2)  # and the quote quantity stays
    await deep(world, worker)
    assert await halted(world) == "fill_makes_no_sense"
    assert await has(world, run) == before
    assert await world.ledger.balance(run_account(run.id, ACCOUNT, BNB)) == Balance(ZERO, ZERO)
