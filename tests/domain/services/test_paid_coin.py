"""A venue's fee in the coin that an order pays: its promise was for the trade alone."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.ledger.model import AccountKind, net_of, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Side
from domain.market.orders import Fill
from domain.market.runs import Run
from domain.money import ZERO, Coin
from domain.services.fill_booking import run_transfer
from domain.services.paid_coin import Pocket, pays_its_fee, shares
from tests.domain.services.test_fill_booking import ACCOUNT, FILLS, FREE, RUN, changes_at_the_venue
from tests.domain.services.trading_world import BTC, USDT, World
from tests.fakes.exchange import PAIR, FakeVenue

HERE = VenueAccountName("fake-1")
FEE = Decimal("0.0005")  # far more than a run of many small asks has free
MONEY = st.decimals(0, 10**6, places=8)

A_FILL = Fill(
    "1", "1", "", PAIR, Side.SELL, Decimal(1), Decimal(1), Decimal(1), Decimal(1), BTC, True,
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000"}, fee_coin="BTC")
    world.venue.third_fee = FEE
    await world.person(BTC="0.02", USDT="1000")
    return world


async def inventory(world: World, coin: Coin) -> Decimal:
    return (await world.ledger.balance(own(AccountKind.INVENTORY, coin))).total


async def halted(world: World) -> str:
    state = await world.accounts.find(HERE)
    assert state
    return state.halted


async def sold(world: World) -> tuple[Run, list[Fill]]:
    """Let a run sell with all it has in its asks, at a venue that takes its fees in what they pay."""
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_008_700, 6_008_800)
    await world.rounds(worker, 5)
    fills = [fill for _, fill in world.venue.trades]
    assert len(fills) == 3
    assert all((fill.side, fill.fee_coin, fill.fee) == (Side.SELL, BTC, FEE) for fill in fills)
    return run, fills


async def test_the_run_pays_what_it_has_free_and_the_instance_the_rest(world: World) -> None:
    before = Decimal(5) + Decimal("0.02") - Decimal("0.02")  # the account's own, once the run has its part
    run, fills = await sold(world)
    assert await halted(world) == ""
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BTC))).total == 0
    spare = Decimal("0.02") - sum(fill.quantity for fill in fills)
    assert 0 < spare < FEE
    assert await inventory(world, BTC) == before - (3 * FEE - spare)
    balances = await world.ledger.balances(AccountKind.RUN, run.id)
    assert balances[BTC].total == 0
    assert balances[USDT].total == 1000 + sum(fill.quote_quantity for fill in fills)
    await world.check_books()


async def test_what_other_orders_hold_is_not_taken_for_a_fee(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.move(6_003_700, 6_003_800)  # the first ask of three
    await worker.fills.sweep()
    assert len(world.venue.trades) == 1
    balance = (await world.ledger.balances(AccountKind.RUN, run.id))[BTC]
    assert balance.free == 0
    assert balance.held > 0
    assert await halted(world) == ""
    await world.check_books()


async def test_a_trade_that_never_was_gives_each_back_its_part(world: World) -> None:
    _, fills = await sold(world)
    for fill in fills:
        world.venue.bust(fill.trade_id)
    worker = world.worker()
    await world.rounds(worker, 80)
    assert await inventory(world, BTC) == Decimal(5)
    await world.check_books()


async def test_a_trade_that_changes_is_booked_anew_with_its_fee(world: World) -> None:
    run, fills = await sold(world)
    first = fills[0]
    dearer = replace(first, price=first.price + 10)
    world.venue.amend(first.trade_id, price=dearer.price, quote_quantity=dearer.price * dearer.quantity)
    worker = world.worker()
    await world.rounds(worker, 2)
    await worker.fills.sweep(deep=True)
    assert await halted(world) == ""
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, BTC))).total == 0
    assert (await world.runs.get(run.id)).state == "running"
    await world.check_books()


@given(FILLS, MONEY, MONEY)
def test_a_fee_is_shared_to_the_digit_and_nobody_pays_what_he_has_not(
    fill: Fill, free: Decimal, stock: Decimal
) -> None:
    pocket = Pocket(free, stock)
    borne = shares(fill, pocket)
    if not pays_its_fee(fill):
        assert borne == ()
    transfer = run_transfer(fill, ACCOUNT, FREE, AccountKind.INVENTORY, borne=borne)
    for coin, change in changes_at_the_venue(fill).items():
        assert net_of([transfer], venue_account(ACCOUNT, coin)) == change
        assert net_of([transfer], own(AccountKind.VENUE_FEES, coin)) == 0
    if pays_its_fee(fill):
        mine = run_account(RUN, ACCOUNT, fill.fee_coin)
        spent = fill.quantity if fill.side is Side.SELL else fill.quote_quantity
        assert free + net_of([transfer], mine) >= min(ZERO, free - spent)
        assert pocket.owner == stock + net_of([transfer], own(AccountKind.INVENTORY, fill.fee_coin)) >= 0
        assert (net_of([transfer], own(AccountKind.EXTERNAL, fill.fee_coin)) == 0) or pocket.owner == 0


@pytest.mark.parametrize(("side", "coin", "pays"), [("sell", BTC, True), ("sell", USDT, False)])
@pytest.mark.parametrize("fee", [1, 0, -1])
def test_only_a_charge_in_the_coin_that_is_paid_is_shared(
    side: str, coin: Coin, pays: bool, fee: int
) -> None:
    one = replace(A_FILL, side=Side(side), fee=Decimal(fee), fee_coin=coin)
    assert pays_its_fee(one) is (pays and fee > 0)
    turned = replace(one, side=Side.BUY)
    assert pays_its_fee(turned) is (not pays and fee > 0)
