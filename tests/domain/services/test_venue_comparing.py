"""A venue account beside the books: it trades when they agree, and what is short stops it and its coin."""

from decimal import Decimal

import pytest

from adapters.db.freezes import PostgresFreezes
from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.leases import venue_scope
from domain.money import ZERO
from domain.reconciliation.model import InFlight, Outcome, Round
from domain.services.reckoning import EVERY_S, SHORT
from domain.services.venue_comparing import UNCOMPARED
from tests.domain.services.test_crashes import Crew, Points
from tests.domain.services.trading_world import BNB, BTC, OWNER, TOKENS, USDT, Worker, World
from tests.fakes.exchange import Mischief
from tests.fakes.roles import make_owner

pytestmark = pytest.mark.database

ACCOUNT = VenueAccountName("fake-1")
SCOPE = venue_scope(ACCOUNT)
UNIT = Decimal("0.00000001")


@pytest.fixture
async def world(store: PostgresStore) -> World:
    await make_owner(store, OWNER)
    world = World(store, reconciles=True)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def at_work(world: World) -> Worker:
    """Return a worker with a run that quotes."""
    worker = world.worker()
    while not await world.desk_of_people.pairs():
        await worker.round()
    await world.start()
    await world.rounds(worker, 4)
    assert world.venue.resting(), "it quotes"
    return worker


async def last(world: World) -> Round:
    found = await world.rounds_store.last(SCOPE)
    assert found is not None
    return found


async def minutes(world: World, worker: Worker, count: int = 1) -> None:
    """Work until so many rounds of comparing are over."""
    began = world.time.monotonic()
    while world.time.monotonic() - began < count * EVERY_S + 1:
        await worker.round()


async def stopped(world: World) -> tuple[list[str], list[str]]:
    """Return the scopes that are frozen, and the accounts that are halted."""
    freezes = [freeze.scope for freeze in await PostgresFreezes(world.store).open()]
    return freezes, [halt.account for halt in await world.accounts.halts()]


async def test_nothing_is_sent_before_books_and_venue_were_seen_to_agree(world: World) -> None:
    await at_work(world)
    world.venue.total[USDT] -= UNIT
    fresh = world.worker(name="worker")  # takes the account over, and looks before it trades
    sent = len(world.venue.sent)
    for _ in range(3):
        await fresh.round()
    assert fresh.ticking.comparing.doubt == UNCOMPARED
    world.venue.move(5_990_000, 5_990_100)  # its orders are met, and it would quote anew
    await world.rounds(fresh, 12)
    assert len(world.venue.sent) == sent
    assert world.venue.resting() == [], "what rested is taken off: nobody attends to it"
    assert (await world.runs.active(ACCOUNT))[0].trouble == UNCOMPARED
    world.venue.total[USDT] += UNIT
    await world.rounds(fresh, 12)
    assert fresh.ticking.comparing.doubt == ""
    assert len(world.venue.sent) > sent
    assert await stopped(world) == ([], [])


async def test_one_unit_that_is_missing_stops_its_coin_and_the_account_at_the_second_look(
    world: World,
) -> None:
    worker = await at_work(world)
    await minutes(world, worker)
    world.venue.total[USDT] -= UNIT
    await minutes(world, worker)
    assert (await last(world)).outcome is Outcome.SHORT
    assert (await world.notices(OWNER), await stopped(world)) == (["difference_short"], ([], []))
    await minutes(world, worker)
    assert await stopped(world) == ([TOKENS[USDT].asset_id], [ACCOUNT])
    assert sorted(await world.notices(OWNER)) == ["account_halted", "difference_short", "payouts_frozen"]
    [halt] = await world.accounts.halts()
    assert halt.reason.startswith(f"{SHORT}:{SCOPE} USDT 0.00000001 since 2026-01-01T00:0")
    await world.rounds(worker, 8)
    assert world.venue.resting() == [], "orders are taken off"
    world.venue.total[USDT] -= UNIT
    await minutes(world, worker, 2)
    assert len(await world.notices(OWNER)) == 3, "another amount is no other halt"
    assert await world.accounts.halts() == [halt]


async def test_more_than_the_books_say_stops_nothing_and_a_coin_of_ones_own_stops_nothing(
    world: World,
) -> None:
    world.venue.total[BNB] = Decimal(2)
    worker = await at_work(world)
    world.venue.total[BTC] += UNIT
    world.venue.total[BNB] -= 1
    await minutes(world, worker, 3)
    assert await stopped(world) == ([], [])
    assert sorted(await world.notices(OWNER)) == ["difference_short", "difference_surplus"]
    assert world.venue.resting(), "it trades on"
    booked = (await world.ledger.balances("venue", ACCOUNT))[BTC].total  # type: ignore[arg-type]  # by its text
    assert world.venue.total[BTC] - booked == UNIT, "nothing was adjusted"


async def test_nothing_alarms_while_a_market_moves_and_the_venue_tells_late(world: World) -> None:
    """Fills told late, orders that hide, answers lost, fees that come late, from trade to trade."""
    worker = await at_work(world)
    world.venue.fees_come_late = True
    world.venue.mischief = Mischief(drop_answer=0.2, drop_request=0.1, hide_s=3, late_fills_s=6)
    for step in range(24):
        middle = 6_000_000 + (2_500 if step % 2 else -2_500)
        world.venue.move(middle - 50, middle + 50, Decimal("0.4"))
        await world.rounds(worker, 6)
        world.time.advance(7)
        if step % 5 == 4:
            world.venue.tell_fees()
    rows = await world.store.fetch("SELECT outcome FROM reconciliations WHERE outcome = 'short'")
    assert len(world.venue.trades) > 10
    assert (rows, await stopped(world)) == ([], ([], []))
    assert "difference_short" not in await world.notices(OWNER)
    world.venue.mischief = Mischief()
    world.venue.tell_fees()
    await minutes(world, worker, 2)
    assert all(line.difference == 0 for line in (await last(world)).lines)


async def test_a_trade_that_the_venue_never_tells_is_found(world: World) -> None:
    worker = await at_work(world)
    await minutes(world, worker)
    world.venue.total[BTC] += Decimal("0.001")
    world.venue.total[USDT] -= 60
    await minutes(world, worker, 3)
    assert await stopped(world) == ([TOKENS[USDT].asset_id], [ACCOUNT])
    assert "difference_surplus" in await world.notices(OWNER)


async def test_what_is_on_its_way_between_places_explains(world: World) -> None:
    worker = await at_work(world)
    world.venue.total[USDT] -= 100
    world.on_the_way.open[SCOPE] = [InFlight("transfer 1", USDT, Decimal(-100), ZERO)]
    await minutes(world, worker, 3)
    assert (await last(world)).outcome is Outcome.GOOD
    assert await stopped(world) == ([], [])


async def test_the_owner_lets_it_go_on_and_the_same_shortfall_stops_nothing_again(world: World) -> None:
    worker = await at_work(world)
    world.venue.total[USDT] -= UNIT
    await minutes(world, worker, 2)
    [freeze] = await PostgresFreezes(world.store).open()
    await PostgresFreezes(world.store).lift(freeze, OWNER, world.time.now())
    await minutes(world, worker)
    assert await stopped(world) == ([], [ACCOUNT]), "each lifted by itself"
    await world.accounts.lift(await world.accounts.halts(), OWNER, world.time.now())
    fresh = world.worker()  # also a new worker trades
    await minutes(world, fresh, 2)
    assert await stopped(world) == ([], [])
    assert world.venue.resting()
    world.venue.total[USDT] -= UNIT
    await minutes(world, fresh, 2)
    assert await stopped(world) == ([TOKENS[USDT].asset_id], [ACCOUNT])


async def test_once_a_day_the_trades_of_two_days_are_read_again(world: World) -> None:
    """A trade that a venue changes hours later is set right, which the short look back would not see."""
    worker = await at_work(world)
    world.venue.move(5_996_000, 5_996_100)
    await minutes(world, worker)
    trade = world.venue.trades[0][1]
    world.time.advance(3 * 3600)
    world.venue.move(6_020_000, 6_020_100)  # later trades, behind which nobody looks so soon
    await minutes(world, worker)
    world.venue.amend(trade.trade_id, fee=trade.fee + UNIT)
    await minutes(world, worker)
    assert (await last(world)).outcome is Outcome.SHORT
    world.time.advance(22 * 3600)
    await minutes(world, worker)
    assert (await last(world)).outcome is Outcome.GOOD
    assert any(row["deep"] for row in await world.store.fetch("SELECT deep FROM reconciliations"))


async def test_a_worker_that_dies_in_a_round_of_comparing_loses_no_halt(world: World) -> None:
    """A death at each call of the round that halts: the next worker halts, once."""
    await minutes(world, await at_work(world))
    world.venue.total[USDT] -= UNIT
    await minutes(world, world.worker())
    assert (await last(world)).outcome is Outcome.SHORT
    world.time.advance(EVERY_S)
    for point in range(1, 400, 13):
        points = Points(die_at=point)
        crew = Crew(world, world.worker(points.wrap))
        await crew.rounds(3)
        if points.passed < point:
            break
        assert await stopped(world) == ([TOKENS[USDT].asset_id], [ACCOUNT])
    assert (await world.notices(OWNER)).count("account_halted") == 1
