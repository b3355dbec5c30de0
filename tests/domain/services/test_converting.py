"""Conversions from word to coins: as quoted or better, or what is left stays as it lies (CV1-CV8)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.db.store import PostgresStore
from domain.conversions.model import Conversion, ConversionState, Ending
from domain.conversions.quoting import Wish
from domain.errors import InvariantBroken, Refused
from domain.ids import UserId
from domain.ledger.model import AccountKind, Balance, available, venue
from domain.market.model import Level, Side
from domain.market.orders import OrderState
from domain.money import ZERO
from tests.domain.services.trading_world import BTC, QUICK, USDT, World
from tests.fakes.exchange import PAIR, Mischief

DEPOSIT = {BTC: "0.02", USDT: "1000"}
SELLING = Wish(PAIR, Side.SELL, Decimal("0.01"))
BUYING = Wish(PAIR, Side.BUY, Decimal(600))
POLICY = replace(QUICK, conversion_patience_s=5)


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store, policy=POLICY, fee_bps=10)
    await world.person(BTC="0.02", USDT="1000")
    await world.rounds(world.worker(), 2)
    return world


async def begin(world: World, wish: Wish) -> Conversion:
    """Have a wish quoted, confirmed and begun."""
    quote = await world.people.quote(world.user, wish)
    token = await world.people.confirm(world.user, quote)
    return await world.people.start(world.user, quote.params, token)


async def leave(world: World, number: int, into: str) -> Conversion:
    """Stop a run and have all of it in one coin."""
    quote = await world.people.quote_leaving(world.user, number, {"BTC": BTC, "USDT": USDT}[into])
    token = await world.people.confirm(world.user, quote)
    return await world.people.start(world.user, quote.params, token)


async def ended(world: World, conversion: Conversion) -> Conversion:
    """Do rounds until nothing trades, check the books to the digit, and return what became of one."""
    await world.until_stopped(world.worker())
    await world.check_ended(DEPOSIT)
    found = await world.people.list(world.user)
    return next(each for each in found if each.id == conversion.id)


def depth(world: World, *bids: tuple[int, int]) -> None:
    """Let others bid so much, and ask a little above the best of it."""
    asks = [Level(bids[0][0] + 100, 100_000)] if bids else [Level(6_000_050, 100_000)]
    world.venue.depth = {Side.BUY: [Level(*each) for each in bids], Side.SELL: asks}


async def test_what_was_quoted_is_what_one_gets(world: World) -> None:
    quote = await world.people.quote(world.user, SELLING)
    done = await ended(world, await begin(world, SELLING))
    assert (done.state, done.reason) == (ConversionState.DONE, Ending.ALL)
    assert (done.spent, done.received) == (Decimal("0.01"), quote.now.receives)
    assert quote.now.receives > quote.least.receives
    assert {"conversion_begun", "conversion_done"} <= set(await world.notices())


async def test_buying_spends_the_amount_and_gives_back_the_rest(world: World) -> None:
    done = await ended(world, await begin(world, BUYING))
    assert done.reason in (Ending.ALL, Ending.TOO_LITTLE)
    assert Decimal(595) < done.spent <= 600
    assert (await world.ledger.balance(available(world.user, USDT))).free == 1000 - done.spent


async def test_so_much_base_asset_and_not_a_lot_more(world: World) -> None:
    done = await ended(world, await begin(world, Wish(PAIR, Side.BUY, quantity=Decimal("0.01"))))
    assert done.reason == Ending.ALL
    assert sum(fill.quantity for _, fill in world.venue.trades) == Decimal("0.01")


async def test_a_thin_book_is_taken_in_slices_as_it_fills_again(world: World) -> None:
    depth(world, (5_999_950, 300), (5_990_000, 200), (5_000_000, 9_000))
    conversion, worker = await begin(world, SELLING), world.worker()
    await world.rounds(worker, 3)
    assert sum(f.quantity for _, f in world.venue.trades) == Decimal("0.005")
    depth(world, (5_995_000, 9_000))
    done = await ended(world, conversion)
    assert (done.reason, done.spent) == (Ending.ALL, Decimal("0.01"))


async def test_it_stops_where_the_worst_price_would_be_broken_and_says_so(world: World) -> None:
    conversion = await begin(world, SELLING)
    depth(world, (5_999_950, 300), (5_000_000, 9_000))
    done = await ended(world, conversion)
    assert (done.reason, done.spent) == (Ending.CAP, Decimal("0.003"))
    assert all(fill.price >= done.worst for _, fill in world.venue.trades)


async def test_a_book_that_only_flickers_is_not_run_after(world: World) -> None:
    """OR9: what is sent counts against the account's day, whether or not it gets anything."""
    conversion, worker = await begin(world, SELLING), world.worker()
    world.venue.levels = lambda side: []  # type: ignore[method-assign]  # shown, and gone when one comes
    for _ in range(130):
        await worker.round()
        world.time.advance(1)
    assert 4 < len(world.venue.sent) < 14
    assert (await ended(world, conversion)).reason == Ending.TIME


async def test_it_ends_when_its_time_is_over(world: World) -> None:
    depth(world, (5_999_950, 20))
    conversion, worker = await begin(world, SELLING), world.worker()
    for _ in range(20):
        depth(world, (5_999_950, 1))  # somebody always wants a little
        await worker.round()
        world.time.advance(7)
    done = await ended(world, conversion)
    assert done.reason == Ending.TIME
    assert ZERO < done.spent < Decimal("0.01")


@pytest.mark.parametrize("reason", ["account_halted", "clock_skew", "limit_price_band"])
async def test_where_nobody_may_trade_it_sends_nothing_and_gives_all_back(world: World, reason: str) -> None:
    conversion = await begin(world, SELLING)
    if reason == "clock_skew":
        world.venue.skew_s = 60
    elif reason == "limit_price_band":  # the last function before the socket keeps it back
        world.venue.limits = replace(world.venue.limits, price_band_bps=0)
    else:
        await world.accounts.halt(conversion.account, "looked_odd")
    done = await ended(world, conversion)
    assert (done.reason, done.spent, world.venue.sent) == (reason, ZERO, [])


async def test_dust_below_the_smallest_order_stays_as_it_lies(world: World) -> None:
    world.venue.rules = replace(world.venue.rules, min_quantity=Decimal("0.003"))
    depth(world, (5_999_950, 800))
    done = await ended(world, await begin(world, SELLING))
    assert (done.reason, done.spent) == (Ending.TOO_LITTLE, Decimal("0.008"))


async def test_one_called_back_keeps_what_was_traded_and_returns_the_rest(world: World) -> None:
    depth(world, (5_999_950, 300), (5_000_000, 9_000))
    conversion, worker = await begin(world, SELLING), world.worker()
    await world.rounds(worker, 2)
    await world.people.cancel(world.user, conversion.number)
    done = await ended(world, conversion)
    assert (done.reason, done.spent) == (Ending.ASKED, Decimal("0.003"))
    with pytest.raises(Refused, match="conversion_over"):
        await world.people.cancel(world.user, conversion.number)


async def test_own_orders_in_the_way_step_aside_and_are_never_traded_with(world: World) -> None:
    """OR8: the venue's double fails on two orders of one account that would meet."""
    worker = world.worker()
    await world.start(base="0.005", quote="400")
    await world.rounds(worker, 3)
    best = max(world.venue.ticks(o) for o in world.venue.resting() if o.side is Side.BUY)
    depth(world, (best - 10, 100_000))
    conversion = await begin(world, Wish(PAIR, Side.SELL, Decimal("0.01")))
    await world.rounds(worker, 4)
    [done] = [c for c in await world.people.list(world.user) if c.id == conversion.id]
    assert done.reason == Ending.ALL
    assert all(fill.price == world.venue.rules.price(best - 10) for _, fill in world.venue.trades)
    await world.desk_of_people.stop_all(world.user)
    await ended(world, conversion)


# Leaving a run


@pytest.mark.parametrize("into", ["USDT", "BTC"])
async def test_a_run_is_left_in_one_coin(world: World, into: str) -> None:
    worker = world.worker()
    run = await world.start(base="0.01", quote="600")
    await world.rounds(worker, 3)
    done = await ended(world, await leave(world, run.number, into))
    other = {"USDT": BTC, "BTC": USDT}[into]
    held = (await world.ledger.balance(available(world.user, other))).free
    kept = Decimal(DEPOSIT[other]) - {BTC: Decimal("0.01"), USDT: Decimal(600)}[other]
    assert done.reason in (Ending.ALL, Ending.TOO_LITTLE)
    assert kept <= held < kept + {BTC: Decimal("0.0001"), USDT: Decimal(6)}[other]
    kinds = await world.notices()
    assert "run_stopped" not in kinds
    assert [k for k in kinds if k in ("run_stopping", "run_stopped_converting", "conversion_begun")]


async def test_the_strategy_of_a_run_that_is_left_sends_nothing_more(world: World) -> None:
    """ST2, CV3: from the confirmation on its orders only go."""
    worker = world.worker()
    run = await world.start(base="0.01", quote="600")
    await world.rounds(worker, 3)
    await leave(world, run.number, "USDT")
    sent = len(world.venue.sent)
    await world.until_stopped(worker)
    orders = [o for o in world.venue.orders if o.order.client_order_id in world.venue.sent[sent:]]
    assert orders
    assert all(o.order.state in (OrderState.FILLED, OrderState.EXPIRED) for o in orders)


async def test_second_thoughts_before_a_run_has_stopped_leave_its_coins_as_they_lie(world: World) -> None:
    worker = world.worker()
    run = await world.start(base="0.01", quote="600")
    await world.rounds(worker, 3)
    conversion = await leave(world, run.number, "USDT")
    assert conversion.state is ConversionState.WAITING
    await world.people.cancel(world.user, conversion.number)
    done = await ended(world, conversion)
    assert (done.state, done.reason, done.spent) == (ConversionState.DONE, Ending.ASKED, ZERO)
    assert "run_stopped" in await world.notices()


async def test_a_run_is_left_once(world: World) -> None:
    worker = world.worker()
    run = await world.start(base="0.01", quote="600")
    await world.rounds(worker, 3)
    quote = await world.people.quote_leaving(world.user, run.number, USDT)
    first = await world.people.confirm(world.user, quote)
    second = await world.people.confirm(world.user, quote)
    await world.people.start(world.user, quote.params, first)
    for token, code in ((first, "confirmation_used"), (second, "run_not_running")):
        with pytest.raises(Refused, match=code):
            await world.people.start(world.user, quote.params, token)


# Orders that rest


async def test_an_order_rests_at_its_price_until_the_market_meets_it(world: World) -> None:
    worker = world.worker()
    wish = Wish(PAIR, Side.BUY, quantity=Decimal("0.01"), price=Decimal(59_000))
    conversion = await begin(world, wish)
    said = await world.rounds(worker, 3)
    assert "rests" in said[-1]
    assert [(o.price, o.quantity) for o in world.venue.resting()] == [(Decimal(59_000), Decimal("0.01"))]
    world.venue.move(5_899_000, 5_900_000)
    done = await ended(world, conversion)
    assert (done.reason, done.spent) == (Ending.ALL, Decimal(590))


async def test_an_order_that_was_cleared_away_rests_again(world: World) -> None:
    worker = world.worker()
    wish = Wish(PAIR, Side.SELL, Decimal("0.01"), price=Decimal(61_000))
    conversion = await begin(world, wish)
    await world.rounds(worker, 3)
    await world.accounts.halt(conversion.account, "looked_odd")
    await world.rounds(worker, 2)
    assert world.venue.resting() == []
    [halt] = await world.accounts.halts()
    await world.accounts.lift([halt], UserId("owner"), world.time.now())
    await world.rounds(worker, 3)
    assert [o.price for o in world.venue.resting()] == [Decimal(61_000)]
    await world.people.cancel(world.user, conversion.number)
    assert (await ended(world, conversion)).reason == Ending.ASKED


async def test_fills_of_an_order_that_rests_are_told(world: World) -> None:
    worker = world.worker()
    conversion = await begin(world, Wish(PAIR, Side.SELL, Decimal("0.01"), price=Decimal(61_000)))
    await world.rounds(worker, 3)
    world.venue.move(6_100_000, 6_100_100, share=Decimal("0.5"))
    await world.rounds(worker, 3)
    assert "order_fill_summary" in await world.notices()
    await world.people.cancel(world.user, conversion.number)
    assert (await ended(world, conversion)).spent == Decimal("0.005")


# What is refused


async def test_what_cannot_be_is_refused_before_anything_is_confirmed(world: World) -> None:
    for wish, code in (
        (Wish(PAIR, Side.SELL, Decimal("0.03")), "insufficient_funds"),
        (Wish(PAIR, Side.BUY, quantity=Decimal(1)), "insufficient_funds"),
        (Wish(PAIR, Side.SELL, Decimal("0.00001")), "conversion_too_small"),
        (Wish(PAIR, Side.BUY, Decimal(4)), "conversion_too_small"),
        (Wish(PAIR, Side.BUY, quantity=Decimal("0.000001")), "conversion_too_small"),
        (Wish(PAIR, Side.SELL, Decimal("0.01"), price=Decimal(90_000)), "price_too_far"),
        (Wish(PAIR, Side.BUY, Decimal(100), price=Decimal("0.001")), "price_too_far"),
    ):
        with pytest.raises(Refused, match=code):
            await world.people.quote(world.user, wish)


async def test_no_more_than_lies_at_the_exchange_is_promised(store: PostgresStore) -> None:
    world = World(store)
    await world.person(BTC="100")
    await world.rounds(world.worker(), 2)
    with pytest.raises(Refused, match="conversion_beyond_float") as refused:
        await world.people.quote(world.user, Wish(PAIR, Side.SELL, Decimal(50)))
    assert refused.value.facts == {"coin": BTC, "fits": "5"}


async def test_a_book_that_nobody_has_seen_lately_gives_no_quote(world: World) -> None:
    quote = await world.people.quote(world.user, SELLING)
    token = await world.people.confirm(world.user, quote)
    world.time.advance(31)
    with pytest.raises(Refused, match="market_stale"):
        await world.people.quote(world.user, SELLING)
    with pytest.raises(Refused, match="market_stale"):
        await world.people.start(world.user, quote.params, token)


async def test_a_quote_that_the_market_has_left_behind_begins_nothing(world: World) -> None:
    quote = await world.people.quote(world.user, SELLING)
    token = await world.people.confirm(world.user, quote)
    world.venue.move(5_899_950, 5_900_050)
    world.time.advance(11)
    await world.rounds(world.worker(), 2)
    with pytest.raises(Refused, match="price_moved"):
        await world.people.start(world.user, quote.params, token)
    assert await world.people.list(world.user) == []


async def test_a_token_stands_for_one_person_and_for_all_that_was_shown(world: World) -> None:
    quote = await world.people.quote(world.user, SELLING)
    token = await world.people.confirm(world.user, quote)
    other = UserId("00000000-0000-4000-8000-0000000000b0")
    await world.store.execute("INSERT INTO users (user_id) VALUES ($1)", other)
    better = quote.params | {"worst": "1"}
    for person, shown in ((other, quote.params), (world.user, better)):
        with pytest.raises(Refused, match="confirmation_unknown"):
            await world.people.start(person, shown, token)
    await world.people.start(world.user, quote.params, token)
    with pytest.raises(Refused, match="confirmation_used"):
        await world.people.start(world.user, quote.params, token)


async def test_nobody_sees_or_calls_back_another_persons_conversion(world: World) -> None:
    conversion = await begin(world, SELLING)
    other = UserId("00000000-0000-4000-8000-0000000000b0")
    assert await world.people.list(other) == []
    with pytest.raises(Refused, match="conversion_unknown"):
        await world.people.cancel(other, conversion.number)


async def test_conversions_are_no_runs_to_those_who_list_runs(world: World) -> None:
    await begin(world, SELLING)
    assert await world.runs.list(world.user) == []
    assert await world.runs.find(world.user, 1) is None
    assert (await world.start(base="0.005", quote="300")).number == 1


async def test_the_database_refuses_an_order_beyond_the_worst_price(world: World) -> None:
    conversion = await begin(world, SELLING)
    insert = """
        INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price,
            quantity, post_only, not_after, state)
        SELECT 'i', 'c', $1, $2::text, epoch, 'BTC', 'USDT', $3, $4, $5, false, now(), 'sending'
        FROM leases WHERE scope = 'venue:' || $2::text
    """
    below = conversion.worst - Decimal("0.01")
    for side, price in (("sell", below), ("buy", conversion.worst)):
        with pytest.raises(InvariantBroken, match="beyond_worst_price"):
            await world.store.execute(
                insert, conversion.id, conversion.account, side, price, Decimal("0.001")
            )


async def test_what_was_confirmed_stays_so_for_whoever_writes_the_table(world: World, admin: Any) -> None:
    conversion = await begin(world, SELLING)
    for change in ("worst = 1", "amount = 2", "side = 'buy'", "patience_s = 9999", "resting = true"):
        with pytest.raises(asyncpg.PostgresError, match="change_refused"):
            await admin.execute(f"UPDATE conversions SET {change}")  # noqa: S608 - constants above
    with pytest.raises(asyncpg.PostgresError, match="change_refused"):
        await admin.execute("DELETE FROM conversions")
    assert (await world.conversions.of([conversion.id]))[conversion.id] == conversion


async def test_calling_back_what_is_ending_already_changes_nothing_of_it(world: World) -> None:
    conversion, worker = await begin(world, SELLING), world.worker()
    await world.rounds(worker, 2)
    assert not await world.conversions.call_off(conversion.id, Ending.ASKED, world.time.now())
    done = await ended(world, conversion)
    assert not await world.conversions.end(done.id, Ending.ASKED, ZERO, ZERO, world.time.now())
    assert (done.reason, done.spent) == (Ending.ALL, Decimal("0.01"))


async def test_a_worker_that_lost_the_account_sends_nothing_more(world: World) -> None:
    """D4: the one that took over looks up what the other had sent, and goes on."""
    depth(world, (5_999_950, 300))
    conversion, first = await begin(world, SELLING), world.worker()
    world.venue.mischief = Mischief(drop_answer=1.0)
    await world.rounds(first, 2)
    world.venue.mischief = Mischief()
    second = world.worker()
    await world.rounds(second, 1)
    sent = list(world.venue.sent)
    assert len(sent) == 1
    depth(world, (5_999_950, 9_000))
    assert "another worker took" in (await world.rounds(first, 1))[0]
    assert world.venue.sent == sent
    await world.until_stopped(second)
    assert (await ended(world, conversion)).spent == Decimal("0.01")


async def test_lost_answers_and_refusals_cost_nothing(world: World) -> None:
    """OR3: what is unknown is looked up before anything more is sent."""
    world.venue.mischief = Mischief(drop_request=0.2, drop_answer=0.3, refuse=0.1, silent_read=0.1)
    depth(world, (5_999_950, 100_000))
    done = await ended(world, await begin(world, SELLING))
    assert done.spent == sum(fill.quantity for _, fill in world.venue.trades) <= Decimal("0.01")


async def test_what_a_conversion_works_with_is_the_persons_until_it_is_spent(world: World) -> None:
    conversion = await begin(world, SELLING)
    mine = await world.ledger.balances(AccountKind.RUN, conversion.id)
    assert mine == {BTC: Balance(Decimal("0.01"), ZERO)}
    assert await world.ledger.unclaimed(venue(conversion.account, BTC)) == Decimal("4.99")
