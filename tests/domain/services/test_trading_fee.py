"""What we charge of fills, to the last digit: whatever is traded, changed, taken back, wherever we die."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.fees import FeeKind, Schedule, ServiceFee, proposal
from domain.ids import RunId, VenueAccountName
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, net_of, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair, Side
from domain.market.orders import Fill, OrderState
from domain.market.runs import Run, RunState
from domain.money import BPS, LEDGER_PLACES, ZERO, Coin, fee_of, round_up
from domain.services.fill_booking import run_transfer
from domain.services.fill_changes import undone, versioned
from domain.services.room import MAY_GO_BACK, room
from domain.services.run_preview import NewRun
from domain.services.trading_fee import brought_in, fee_in, trading_fee
from tests.domain.services.test_fill_changes import deep, halted, has, inventory
from tests.domain.services.trading_world import ALICE, BNB, BTC, OWNER, TOKENS, USDT, Worker, World
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.exchange import PAIR, FakeVenue
from tests.fakes.fees import set_fee_clock

ACCOUNT = VenueAccountName("fake-1")
DEPOSIT = {BTC: "0.02", USDT: "1000"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FEE_BPS = 2
"""As much as leaves the quotes of the balanced preset where they would be without it."""

UNIT = Fraction(1, 10**LEDGER_PLACES)


def exactly(fill: Fill, bps: int) -> Fraction:
    """Return what a fill costs before it is rounded, reckoned without any decimal."""
    return Fraction(brought_in(fill)[1]) * bps / BPS


# Ten thousand fills, and second thoughts on a third of them


def a_run(bps: int) -> Run:
    return Run(
        RunId("r"), 1, ALICE, ACCOUNT, PAIR, "s", "", {}, 1, RunState.RUNNING, Decimal(1), Decimal(1), NOON,
        fee_version=1, fee_bps=bps,
    )  # fmt: skip


def a_fill(dice: random.Random, number: int) -> Fill:
    """Return a trade of any size, at a venue that charges, pays a rebate, or takes a third coin."""
    places = dice.choice([0, 2, 5, 8, 18])
    quantity = Decimal(dice.randrange(1, 10 ** dice.randrange(1, 20))).scaleb(-places)
    price = Decimal(dice.randrange(1, 10**9)).scaleb(-dice.randrange(6))
    quote = round_up(price * quantity, dice.choice([8, 18]))
    side = dice.choice(list(Side))
    coin, got = (BTC, quantity) if side is Side.BUY else (USDT, quote)
    fee = round_up(got * dice.choice([-1, 0, 2, 10]) / BPS, 18)
    third = dice.random() < 0.1
    return Fill(
        str(number), "1", "", PAIR, side, price, quantity, quote, Decimal("0.001") if third else fee,
        BNB if third else coin, True, NOON,
    )  # fmt: skip


def life_of(dice: random.Random, first: Fill, run: Run) -> Iterator[tuple[Transfer, Fill | None]]:
    """Give what is booked for a trade that may change and may be taken back, and how it stands then."""
    made = [run_transfer(first, ACCOUNT, run, AccountKind.INVENTORY)]
    yield made[0], first
    version = 1
    while dice.random() < 0.3:
        version += 1
        back = undone(made, versioned("fill_bust", ACCOUNT, first, version))
        if back:
            made.append(back)
            yield back, None
        if dice.random() < 0.3:
            continue
        changed = replace(first, quantity=first.quantity * dice.randrange(1, 9))
        changed = replace(changed, quote_quantity=round_up(changed.price * changed.quantity, 8))
        again = run_transfer(changed, ACCOUNT, run, AccountKind.INVENTORY)
        made.append(replace(again, cause=versioned("fill_again", ACCOUNT, first, version)))
        yield made[-1], changed


@dataclass
class Tally:
    """What postings say, what rows say, and what it should be."""

    posted: dict[Coin, Decimal] = field(default_factory=lambda: {BTC: ZERO, USDT: ZERO})
    noted: dict[Coin, Decimal] = field(default_factory=lambda: {BTC: ZERO, USDT: ZERO})
    due: dict[Coin, Decimal] = field(default_factory=lambda: {BTC: ZERO, USDT: ZERO})
    exact: dict[Coin, Fraction] = field(default_factory=lambda: {BTC: Fraction(0), USDT: Fraction(0)})

    def book(self, transfer: Transfer, run: Run) -> ServiceFee | None:
        for coin in self.posted:
            self.posted[coin] += net_of([transfer], own(AccountKind.FEES, coin))
        fee = fee_in(transfer, run)
        if fee:
            self.noted[fee.coin] += fee.amount
        return fee

    def stand(self, fill: Fill, run: Run) -> None:
        coin, got = brought_in(fill)
        self.due[coin] += fee_of(got, run.fee_bps, LEDGER_PLACES)
        self.exact[coin] += exactly(fill, run.fee_bps)


@pytest.mark.parametrize("bps", [0, 1, 7, 100])
def test_of_ten_thousand_fills_every_fee_is_exact_and_noted(bps: int) -> None:
    dice, run, tally = random.Random(bps), a_run(bps), Tally()
    standing = changes = 0
    for number in range(2_500):
        first = a_fill(dice, number)
        stands: Fill | None = None
        booked: list[Transfer] = []
        for transfer, now in life_of(dice, first, run):
            stands = now
            fee = tally.book(transfer, run)
            booked.append(transfer)
            assert (fee is None) == (bps == 0)
            if fee:
                assert abs(fee.amount) == fee_of(abs(fee.basis), bps, LEDGER_PLACES)
                assert (fee.amount < 0) is (transfer.cause.kind == "fill_bust")
        changes += len(booked) - 1
        coin, _ = brought_in(first)
        paid = net_of(booked, own(AccountKind.FEES, coin))
        assert net_of(booked, own(AccountKind.FEES, BTC if coin == USDT else USDT)) == 0
        if stands:
            standing += 1
            tally.stand(stands, run)
            assert 0 <= Fraction(paid) - exactly(stands, bps) < UNIT
        else:
            assert paid == 0
        assert_nothing_is_lost(booked, stands, run)
    assert tally.posted == tally.noted == tally.due
    for coin, exact in tally.exact.items():
        assert 0 <= Fraction(tally.posted[coin]) - exact < standing * UNIT
    assert standing > 2_000
    assert changes > 1_000


def assert_nothing_is_lost(booked: Sequence[Transfer], stands: Fill | None, run: Run) -> None:
    """Assert that the venue has what it says, and the run all of that but the fees."""
    for coin in (BTC, USDT):
        there = net_of(booked, venue_account(ACCOUNT, coin))
        mine = net_of(booked, run_account(run.id, ACCOUNT, coin))
        ours = net_of(booked, own(AccountKind.FEES, coin))
        assert mine + ours == there
        assert net_of(booked, own(AccountKind.VENUE_FEES, coin)) == 0
        if stands is None:
            assert mine == ours == there == 0


async def world_with_fee(store: PostgresStore, bps: int = FEE_BPS, **deposit: str) -> World:
    world = World(store, fee_bps=bps)
    await world.person(**(deposit or {"BTC": "0.02", "USDT": "1000"}))
    return world


@pytest.fixture
async def world(store: PostgresStore) -> World:
    return await world_with_fee(store)


@pytest.fixture
async def worker(world: World) -> Worker:
    worker = world.worker()
    await world.rounds(worker, 2)
    return worker


async def fees(world: World) -> list[tuple[str, int, Decimal]]:
    """Return kind, version and amount of every fee, in order."""
    rows = await world.store.fetch("SELECT kind, version, amount FROM service_fees ORDER BY noted_at")
    return [(row["kind"], row["version"], row["amount"]) for row in rows]


async def test_hundreds_of_fills_with_second_thoughts_reconcile_exactly(store: PostgresStore) -> None:
    """Fill orders in crumbs through Postgres, change and take back some, and recompute all from the venue."""
    dice = random.Random(3)
    world = await world_with_fee(store, bps=7, BTC="2", USDT="100000")
    rules = replace(
        FakeVenue(world.time, {}).rules, lot=Decimal("0.00000001"), min_notional=Decimal("0.0001")
    )
    world.venue = FakeVenue(world.time, {"BTC": "50", "USDT": "5000000"}, rules=rules)
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start("1", "60000", levels="3", refresh_s="3600")
    await world.rounds(worker, 1)
    for number in range(360):
        resting = dice.choice([r for r in world.venue.orders if r.order.state is not OrderState.FILLED])
        left = resting.order.quantity - resting.order.filled
        world.venue.fill(resting, max(rules.lot, left / dice.randrange(2, 400) // rules.lot * rules.lot))
        if number % 60 == 59:
            await worker.fills.sweep()
    for _, fill in dice.sample(world.venue.trades, 60):
        quantity = max(rules.lot, fill.quantity / dice.randrange(2, 9) // rules.lot * rules.lot)
        quote = quantity * fill.price
        world.venue.amend(fill.trade_id, quantity=quantity, quote_quantity=quote)
    await worker.fills.sweep(deep=True)
    doomed = dice.sample([fill.trade_id for _, fill in world.venue.trades], 40)
    for trade_id in doomed:
        world.venue.bust(trade_id)
    await deep(world, worker, world.policy.unknown_lookup_window_s + 3 * world.policy.reconcile_interval_s)
    await world.check_books()
    assert await halted(world) == ""
    due = {BTC: ZERO, USDT: ZERO}
    exact = {BTC: Fraction(0), USDT: Fraction(0)}
    change = {BTC: ZERO, USDT: ZERO}
    trades = [fill for _, fill in world.venue.trades]
    for fill in trades:
        coin, got = brought_in(fill)
        due[coin] += fee_of(got, 7, LEDGER_PLACES)
        exact[coin] += exactly(fill, 7)
        way = 1 if fill.side is Side.BUY else -1
        change[BTC] += way * fill.quantity
        change[USDT] -= way * fill.quote_quantity
        change[fill.fee_coin] -= fill.fee
    kinds = [kind for kind, _, _ in await fees(world)]
    assert (kinds.count("fill"), kinds.count("fill_bust"), kinds.count("fill_again")) == (360, 100, 60)
    assert len(trades) == 320
    for coin, amount in due.items():
        ours = (await world.ledger.balance(own(AccountKind.FEES, coin))).total
        assert ours == await world.paid(coin) == amount
        assert 0 <= Fraction(amount) - exact[coin] < len(trades) * UNIT
    assert await has(world, run) == {
        "BTC": run.base_start + change[BTC] - due[BTC],
        "USDT": run.quote_start + change[USDT] - due[USDT],
    }


async def one_trade(world: World, worker: Worker, side: Side = Side.SELL, **answers: str) -> tuple[Run, Fill]:
    run = await world.start(**answers)
    await world.rounds(worker, 1)
    middle = 6_003_750 if side is Side.SELL else 5_996_250
    world.venue.move(middle - 50, middle + 50)
    await world.rounds(worker, 5)
    [(_, fill)] = world.venue.trades
    return run, fill


@pytest.mark.parametrize("side", list(Side))
async def test_a_fill_pays_of_what_it_brings_in_before_the_venues_fee(
    world: World, worker: Worker, side: Side
) -> None:
    run, fill = await one_trade(world, worker, side)
    coin, got = brought_in(fill)
    assert (coin, fill.side) == (USDT if side is Side.SELL else BTC, side)
    fee = got * FEE_BPS / BPS
    before = {"BTC": Decimal("0.02"), "USDT": Decimal(1000)}[coin]
    assert (await has(world, run))[coin] == before + got - fill.fee - fee
    assert await fees(world) == [("fill", 1, fee)]
    assert await world.paid(coin) == fee > 0
    seen = await world.desk_of_people.get(ALICE, run.number)
    assert (seen.fee_bps, seen.paid) == (FEE_BPS, {coin: fee})
    kept = run.base_start * (seen.mid or ZERO) + run.quote_start
    worth = (await has(world, run))["BTC"] * (seen.mid or ZERO) + (await has(world, run))["USDT"]
    assert seen.profit is not None
    assert 0 <= worth - kept - seen.profit < Decimal("0.00000001")  # what is paid to us has left it
    await world.check_books()
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_what_a_fill_pays_us_stays_within_the_float_of_its_venue(world: World, worker: Worker) -> None:
    run, fill = await one_trade(world, worker)
    there = venue_account(ACCOUNT, USDT)
    fee = trading_fee(fill, await world.runs.get(run.id))
    claimed = (await has(world, run))["USDT"]
    assert await world.ledger.unclaimed(there) == (await world.ledger.balance(there)).total - claimed
    assert (await world.ledger.balance(own(AccountKind.FEES, USDT))).total == fee > 0


# The version (FE2)


async def later(world: World, admin: Any, bps: int) -> Schedule:
    """Announce another rate, and let the time come from which it holds."""
    await set_fee_clock(admin, world.time.now())
    schedules = await world.fees.schedules()
    schedule = proposal(schedules, FeeKind.TRADING, bps, world.time.now(), "owner")
    await world.fees.add(schedule)
    world.time.advance((schedule.effective_at - world.time.now()).total_seconds())
    return schedule


async def test_a_run_keeps_the_rate_it_began_with_whatever_changes(store: PostgresStore, admin: Any) -> None:
    world = await world_with_fee(store, BTC="0.02", USDT="2000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run, _ = await one_trade(world, worker)
    schedule = await later(world, admin, 50)
    await world.rounds(worker, 3)
    change = await world.changes.preview(ALICE, run.number, {"levels": "2"})
    token = await world.changes.confirm(ALICE, change)
    await world.changes.change(ALICE, run.number, {"levels": "2"}, token)
    await world.rounds(worker, 3)
    world.venue.move(5_980_000, 5_980_100)
    await world.rounds(worker, 5)
    assert len(world.venue.trades) > 1
    for _, version, _ in await fees(world):
        assert version == 1 < schedule.version
    second = await world.start("0", "100")
    assert (await world.runs.get(second.id)).fee_bps == 50
    assert (await world.runs.get(run.id)).fee_bps == FEE_BPS
    with pytest.raises(InvariantBroken):
        await world.store.execute("UPDATE runs SET fee_version = 2 WHERE id = $1", run.id)


async def test_a_run_is_started_under_the_fees_that_were_shown_or_not_at_all(
    world: World, worker: Worker, admin: Any
) -> None:
    request = NewRun(PAIR, Decimal(0), Decimal(500))
    shown = (await world.desk_of_people.preview(ALICE, request)).request
    token = await world.desk_of_people.confirm(ALICE, shown)
    assert shown.fee_version == 1
    await later(world, admin, 50)
    await world.rounds(worker, 2)
    for asked in (shown, replace(shown, fee_version=2)):
        code = "quote_expired" if asked == shown else "confirmation_unknown"
        with pytest.raises(Refused, match=code):
            await world.desk_of_people.start(asked, ALICE, token)
    assert await world.runs.list(ALICE) == []


async def test_quotes_stand_where_a_fill_pays_for_both_fees(store: PostgresStore) -> None:
    world = await world_with_fee(store, bps=20)
    worker = world.worker()
    await world.rounds(worker, 2)
    preview = await world.desk_of_people.preview(ALICE, NewRun(PAIR, Decimal("0.02"), Decimal(1000)))
    assert (preview.half_spread_bps, preview.edge_bps) == (Decimal(24), Decimal(2))  # 2 + 20, and 2 are left
    assert preview.widened
    await world.start()
    await world.rounds(worker, 1)
    middle = world.venue.rules.price(world.venue.bid + world.venue.ask) / 2
    nearest = min(abs(order.price - middle) for order in world.venue.resting())
    assert nearest >= middle * 24 / BPS


# What the venue says later (FL6, FL8)


async def test_a_late_fee_of_the_venue_changes_nothing_of_ours(world: World, worker: Worker) -> None:
    world.venue.fees_come_late = True
    run, fill = await one_trade(world, worker)
    noted = await fees(world)
    world.venue.tell_fees()
    await deep(world, worker)
    assert await fees(world) == noted
    told = world.venue.trades[0][1].fee
    assert (await has(world, run))["USDT"] == 1000 + fill.quote_quantity - told - noted[0][2]
    await world.check_books()


async def test_a_trade_that_never_was_gives_its_fee_back(world: World, worker: Worker) -> None:
    run, fill = await one_trade(world, worker)
    world.venue.move(5_999_950, 6_000_050)
    world.venue.bust(fill.trade_id)
    await deep(world, worker, world.policy.unknown_lookup_window_s + 3 * world.policy.reconcile_interval_s)
    fee = fill.quote_quantity * FEE_BPS / BPS
    assert await fees(world) == [("fill", 1, fee), ("fill_bust", 1, -fee)]
    assert await has(world, run) == {"BTC": Decimal("0.02"), "USDT": Decimal(1000)}
    assert await world.fees.paid_by(ALICE) == []
    assert (await world.desk_of_people.get(ALICE, run.number)).paid == {}
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_trade_that_changes_pays_as_it_stands(world: World, worker: Worker) -> None:
    run, fill = await one_trade(world, worker)
    quantity = fill.quantity - Decimal("0.00123")
    cost = quantity * fill.price
    world.venue.amend(fill.trade_id, quantity=quantity, quote_quantity=cost)
    await deep(world, worker)
    first, now = (fee_of(amount, FEE_BPS, 18) for amount in (fill.quote_quantity, cost))
    assert await fees(world) == [("fill", 1, first), ("fill_bust", 1, -first), ("fill_again", 1, now)]
    assert await world.paid(USDT) == now < first
    assert (await has(world, run))["USDT"] == 1000 + cost - fill.fee - now
    await world.check_books()


async def test_where_the_instance_bears_a_change_the_trade_and_its_fee_stay_for_the_person(
    world: World, worker: Worker
) -> None:
    run, fill = await one_trade(world, worker)
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    had, noted = await world.ledger.balance(available(ALICE, USDT)), await fees(world)
    price = fill.price - 100
    world.venue.amend(fill.trade_id, price=price, quote_quantity=price * fill.quantity)
    await deep(world, worker)
    assert await halted(world) == "fill_changed_unpaid"
    assert await world.ledger.balance(available(ALICE, USDT)) == had
    assert await fees(world) == noted
    await world.check_books()


async def take_out(world: World, fee: Decimal, stock: Decimal) -> None:
    """Let the owner take a fee and all of the float but so much, first what lies at Mixin."""
    there, wallet = venue_account(ACCOUNT, USDT), mixin(TOKENS[USDT])
    rest = await inventory(world, "USDT") - stock
    from_wallet = min(rest, (await world.ledger.balance(wallet)).total)
    ways = (
        (AccountKind.FEES, there, fee),
        (AccountKind.INVENTORY, wallet, from_wallet),
        (AccountKind.INVENTORY, there, rest - from_wallet),
    )
    taken = tuple(Posting(own(kind, USDT), gone, amount) for kind, gone, amount in ways if amount)
    await world.ledger.post(Transfer(Cause("taken", "1"), taken))
    world.venue.total[USDT] -= fee + rest - from_wallet


@pytest.mark.parametrize("stock", ["0", "0.02", "500000"])
async def test_a_fee_that_was_taken_out_is_given_back_all_the_same(store: PostgresStore, stock: str) -> None:
    """The owner's float pays it, and where that has less, a loss that somebody has to explain."""
    world = await world_with_fee(store, BTC="0.02", USDT="2000")
    worker = world.worker()
    await world.rounds(worker, 2)
    run, fill = await one_trade(world, worker)
    fee = fill.quote_quantity * FEE_BPS / BPS
    await take_out(world, fee, Decimal(stock))
    left = await inventory(world, "USDT")
    world.venue.move(5_999_950, 6_000_050)
    world.venue.bust(fill.trade_id)
    await deep(world, worker, world.policy.unknown_lookup_window_s + 3 * world.policy.reconcile_interval_s)
    assert await has(world, run) == {"BTC": Decimal("0.02"), "USDT": Decimal(1000)}
    assert (await world.ledger.balance(own(AccountKind.FEES, USDT))).total == 0
    paid = min(fee, left)
    assert await inventory(world, "USDT") == left - paid
    assert (await world.ledger.balance(own(AccountKind.EXTERNAL, USDT))).total == paid - fee
    assert await halted(world) == ""
    assert await world.ledger.faults() == [] == await world.fees.faults()


async def test_a_bust_that_would_leave_less_than_runs_claim_waits_for_somebody(
    world: World, worker: Worker
) -> None:
    """The coins of the fee have left the venue, and all others there are claimed."""
    run, fill = await one_trade(world, worker)
    fee = fill.quote_quantity * FEE_BPS / BPS
    await take_out(world, fee, ZERO)
    before, noted = await has(world, run), await fees(world)
    world.venue.bust(fill.trade_id)
    window = world.policy.unknown_lookup_window_s + 3 * world.policy.reconcile_interval_s
    await deep(world, worker, window)
    assert await halted(world) == "fill_changed_unpaid"
    assert (await has(world, run), await fees(world)) == (before, noted)
    assert await world.ledger.faults() == [] == await world.fees.faults()
    there = venue_account(ACCOUNT, USDT)
    back = Posting(there, own(AccountKind.INVENTORY, USDT), fee)
    await world.ledger.post(Transfer(Cause("put there", "1"), (back,)))
    world.venue.total[USDT] += fee
    await deep(world, worker, window)
    assert await has(world, run) == {"BTC": Decimal("0.02"), "USDT": Decimal(1000)}
    assert await fees(world) == [*noted, ("fill_bust", 1, -fee)]


async def test_what_was_earned_of_late_is_not_lent_to_new_runs(world: World, worker: Worker) -> None:
    await one_trade(world, worker)
    fee = (await world.ledger.balance(own(AccountKind.FEES, USDT))).total
    there = venue_account(ACCOUNT, USDT)
    left = await world.ledger.unclaimed(there) - fee - 300
    spent = Posting(own(AccountKind.INVENTORY, USDT), there, left)
    await world.ledger.post(Transfer(Cause("taken", "1"), (spent,)))
    bob = World(store=world.store, user=OWNER, time=world.time)
    await bob.person(USDT="1000")
    with pytest.raises(Refused) as refusal:
        await bob.desk_of_people.preview(OWNER, NewRun(PAIR, ZERO, Decimal(301)))
    assert (refusal.value.code, refusal.value.facts["fits"]) == ("beyond_float", "300")
    a_day_later = datetime.now(UTC) + MAY_GO_BACK
    assert await room(world.ledger, world.fees, ACCOUNT, USDT, a_day_later) == 300 + fee


async def test_a_fee_in_a_third_coin_is_paid_from_what_ours_leaves(world: World) -> None:
    world.venue = FakeVenue(world.time, {"BTC": "5", "USDT": "500000", "BNB": "1"}, fee_coin="BNB")
    world.venue.other_books[Pair(BNB, USDT)] = (59_999, 60_001)
    world.venue.third_fee = Decimal(1)  # far more than the fill brings in
    worker = world.worker()
    await world.rounds(worker, 2)
    run, fill = await one_trade(world, worker, base="0.0002", quote="0", levels="1", refresh_s="60")
    [charge] = await world.fills.charges(ACCOUNT, run.pair, fill.trade_id)
    ours = fee_of(fill.quote_quantity, FEE_BPS, 18)
    assert (charge.due, charge.charged) == (Decimal(600), fill.quote_quantity - ours)
    assert (await has(world, run))["USDT"] == 0
    assert await world.paid(USDT) == ours
    assert await halted(world) == ""
    await world.check_books()


async def test_a_fill_that_nobody_here_can_pay_for_costs_nobody_a_fee(world: World, worker: Worker) -> None:
    run = await world.start()
    await world.rounds(worker, 1)
    world.venue.trade_of_a_stranger()
    await world.rounds(worker, 3)
    world.time.advance(world.policy.orphan_window_s + 1)
    await world.rounds(worker, 3)
    assert await halted(world) == "fill_of_unknown_order"
    assert await fees(world) == []
    assert (await world.desk_of_people.get(ALICE, run.number)).paid == {}


# Dying in between


def mined(world: World, worker: Worker, fuse: Fuse) -> Worker:
    """Return the worker of a process in which every port that books has boundaries."""
    desk = worker.desk
    return world.put_to_work(
        replace(
            desk,
            store=Crashing(desk.store, fuse),
            ledger=Crashing(desk.ledger, fuse),
            fees=Crashing(desk.fees, fuse),
            fills=Crashing(desk.fills, fuse),
            orders=Crashing(desk.orders, fuse),
            writing=Crashing(desk.writing, fuse),
            runs=Crashing(desk.runs, fuse),
        )
    )


async def die_everywhere(world: World, worker: Worker, what: Any) -> int:
    """Let a process die once at each boundary of a deep sweep in which something is to be booked.

    ``what`` makes the venue say something new; a process that lives books it, and the next boundary is tried.
    """
    boundary = 0
    while True:
        boundary += 1
        what()
        fuse = Fuse(boundary)
        try:
            await mined(world, worker, fuse).fills.sweep(deep=True)
        except SimulatedCrash:
            await worker.fills.sweep(deep=True)
            await check_standing(world)
        else:
            return boundary - 1


async def check_standing(world: World) -> None:
    due = {BTC: ZERO, USDT: ZERO}
    for _, fill in world.venue.trades:
        coin, got = brought_in(fill)
        due[coin] += fee_of(got, FEE_BPS, LEDGER_PLACES)
    for coin, amount in due.items():
        assert (await world.ledger.balance(own(AccountKind.FEES, coin))).total == amount
        assert await world.paid(coin) == amount
    await world.check_books()


async def test_wherever_a_process_dies_a_fill_pays_once(world: World, worker: Worker) -> None:
    await world.start(levels="1", refresh_s="3600")
    await world.rounds(worker, 1)
    [ask] = [r for r in world.venue.orders if r.order.side is Side.SELL]
    died = await die_everywhere(world, worker, lambda: world.venue.fill(ask, Decimal("0.00001")))
    assert died > 15
    assert len(await fees(world)) == len(world.venue.trades) == died + 1


async def test_wherever_a_process_dies_a_changed_trade_pays_once_as_it_stands(
    world: World, worker: Worker
) -> None:
    _, fill = await one_trade(world, worker)
    sizes = [Decimal(n).scaleb(-5) for n in range(1, 100)]

    def change() -> None:
        quantity = sizes.pop(0)
        world.venue.amend(fill.trade_id, quantity=quantity, quote_quantity=quantity * fill.price)

    died = await die_everywhere(world, worker, change)
    assert died > 25
    kinds = [kind for kind, _, _ in await fees(world)]
    assert kinds == ["fill", *(died + 1) * ["fill_bust", "fill_again"]]
