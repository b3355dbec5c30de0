"""A person or a coin that somebody's word has frozen begins nothing, and keeps everything (WI1)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.conversions.model import ConversionState
from domain.conversions.quoting import Wish
from domain.errors import Refused
from domain.ids import UserId
from domain.ledger.model import available
from domain.market.model import Level, Side
from domain.market.runs import RunState
from domain.money import Coin
from domain.payouts.model import PayoutState
from domain.ports.freezes import NEW, coin_scope, user_scope
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.money_world import ALICE, BOB, OWNER, USDT, MoneyWorld, Process
from tests.domain.services.trading_world import ALICE as MEMORY_ALICE
from tests.fakes.exchange import PAIR

ADMIN = UserId("0c2f7b6e-0000-4000-8000-0000000000ad")
SELLING = Wish(PAIR, Side.SELL, Decimal("0.01"))


async def freeze(process: Process, person: UserId, by: UserId = OWNER) -> None:
    """Stop a person in both steps."""
    _, token = await process.freezes.ask_to_freeze(by, person, person=True)
    await process.freezes.freeze(by, person, token, "word", person=True)


async def lift(process: Process, scope: str) -> None:
    """Let go on in both steps."""
    _, token = await process.freezes.ask(OWNER, scope)
    await process.freezes.lift(OWNER, scope, token, "tap")


async def test_a_frozen_person_is_paid_nothing_and_keeps_all_until_it_is_lifted(world: MoneyWorld) -> None:
    process = world.process()
    for person in (ALICE, BOB):
        await process.users.ensure(person, "hi")
        await world.give(person, "100")
    early = await world.request(ALICE, "40")
    await freeze(process, ALICE)
    with pytest.raises(Refused, match="user_frozen"):
        await process.withdrawals.quote(ALICE, USDT.asset_id, Decimal(1))
    await world.give(ALICE, "7")
    await world.request(BOB, "40")
    for _ in range(4):
        await world.round()
        world.clock.advance(seconds=31)
    assert set(world.wallet.paid) == {(BOB, USDT.asset_id)}, "nobody waits for who is frozen"
    balance = await world.books.ledger.balance(available(ALICE, Coin("USDT")))
    assert (balance.total, balance.held) == (Decimal(107), Decimal(40))
    await lift(process, user_scope(ALICE))
    world.clock.advance(seconds=31)
    await world.settle()
    assert (await world.books.payouts.get(early)).state is PayoutState.DONE
    kinds = [told.kind for told in await world.books.told(ALICE)]
    assert ("you_stand_still" in kinds, "you_go_on" in kinds) == (True, True)


async def test_what_was_confirmed_before_a_freeze_is_refused_after_it(world: MoneyWorld) -> None:
    process = world.process()
    await process.users.ensure(ALICE, "hi")
    await world.give(ALICE, "100")
    quote = await process.withdrawals.quote(ALICE, USDT.asset_id, Decimal(40))
    token = await process.withdrawals.confirm(ALICE, quote)
    await freeze(process, ALICE)
    with pytest.raises(Refused, match="user_frozen"):
        await process.withdrawals.request(quote, ALICE, token)
    assert await world.books.made() == []


async def test_a_frozen_coin_is_paid_to_nobody(world: MoneyWorld) -> None:
    process = world.process()
    await world.give(ALICE, "100")
    await world.request(ALICE, "40")
    coin = Coin("USDT")
    _, token = await process.freezes.ask_to_freeze(OWNER, coin, person=False)
    await process.freezes.freeze(OWNER, coin, token, "word", person=False)
    with pytest.raises(Refused, match="coin_frozen"):
        await process.withdrawals.quote(ALICE, USDT.asset_id, Decimal(1))
    await world.round()
    assert world.wallet.paid == {}
    await lift(process, coin_scope(coin))
    world.clock.advance(seconds=31)
    await world.settle()
    assert list(world.wallet.paid) == [(ALICE, USDT.asset_id)]


async def test_a_token_stops_one_scope_once_and_nobody_stops_the_owner(world: MoneyWorld) -> None:
    process = world.process()
    for person in (ALICE, BOB, OWNER):
        await process.users.ensure(person, "hi")
    _, token = await process.freezes.ask_to_freeze(OWNER, ALICE, person=True)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await process.freezes.freeze(OWNER, BOB, token, "word", person=True)
    await process.freezes.freeze(OWNER, ALICE, token, "word", person=True)
    with pytest.raises(Refused, match="already_frozen"):
        await process.freezes.ask_to_freeze(OWNER, ALICE, person=True)
    for about, is_person, code in (
        (OWNER, True, "freeze_not_owner"),
        (UserId("nobody"), True, "person_unknown"),
        (Coin("XYZ"), False, "coin_unknown"),
    ):
        with pytest.raises(Refused, match=code):
            await process.freezes.ask_to_freeze(OWNER, about, person=is_person)
    with pytest.raises(Refused, match="not_allowed"):
        await process.freezes.ask_to_freeze(BOB, ALICE, person=True)


@pytest.fixture
async def trading() -> MemoryWorld:
    trading = MemoryWorld()
    await trading.person(BTC="0.05", USDT="2000")
    await trading.rounds(trading.worker(), 2)
    return trading


@pytest.mark.parametrize("code", ["user_frozen", "coin_frozen"])
async def test_nothing_is_begun_at_an_exchange(trading: MemoryWorld, code: str) -> None:
    scope = user_scope(trading.user) if code == "user_frozen" else coin_scope(Coin("BTC"))
    trading.freezes.add(scope, "by_hand:o", trading.time.now())
    with pytest.raises(Refused, match=code):
        await trading.people.quote(trading.user, SELLING)
    with pytest.raises(Refused, match=code):
        await trading.start("0.01", "500")


async def test_a_conversion_at_work_ends_and_what_it_has_goes_back(trading: MemoryWorld) -> None:
    quote = await trading.people.quote(trading.user, SELLING)
    token = await trading.people.confirm(trading.user, quote)
    begun = await trading.people.start(trading.user, quote.params, token)
    trading.freezes.add(user_scope(trading.user), "by_hand:o", trading.time.now())
    worker = trading.worker()
    await trading.rounds(worker, 30)
    found = trading.conversions.rows[begun.id]
    assert (found.state, found.reason) == (ConversionState.DONE, "user_frozen")
    assert (await trading.ledger.balance(available(trading.user, Coin("BTC")))).free == Decimal("0.05")


@pytest.mark.parametrize(
    "scope", [user_scope(MEMORY_ALICE), coin_scope(Coin("BTC")), coin_scope(Coin("USDT"))]
)
async def test_no_slice_follows_a_freeze_of_its_person_or_of_either_coin(
    trading: MemoryWorld, scope: str
) -> None:
    asks = [Level(6_000_050, 100_000)]
    trading.venue.depth = {Side.BUY: [Level(5_999_950, 300), Level(5_000_000, 9_000)], Side.SELL: asks}
    quote = await trading.people.quote(trading.user, Wish(PAIR, Side.SELL, Decimal("0.003")))
    wish = replace(quote, amount=Decimal("0.01"))
    token = await trading.people.confirm(trading.user, wish)
    begun = await trading.people.start(trading.user, wish.params, token)
    worker = trading.worker()
    await trading.rounds(worker, 3)
    assert sum(fill.quantity for _, fill in trading.venue.trades) == Decimal("0.003"), "a first slice"
    trading.freezes.add(scope, "by_hand:o", trading.time.now())
    trading.venue.depth = {Side.BUY: [Level(5_999_950, 9_000)], Side.SELL: asks}
    sent = len(trading.venue.sent)
    await trading.rounds(worker, 30)
    assert len(trading.venue.sent) == sent, "no further one, though the book is full again"
    found = trading.conversions.rows[begun.id]
    reason = "user_frozen" if scope.startswith("user") else "coin_frozen"
    assert (found.state, found.reason, found.spent) == (ConversionState.DONE, reason, Decimal("0.003"))
    assert (await trading.ledger.balance(available(trading.user, Coin("BTC")))).free == Decimal("0.047")


async def test_an_order_that_rests_comes_off_while_its_coin_is_frozen(trading: MemoryWorld) -> None:
    wish = Wish(PAIR, Side.BUY, quantity=Decimal("0.01"), price=Decimal(59_000))
    quote = await trading.people.quote(trading.user, wish)
    token = await trading.people.confirm(trading.user, quote)
    await trading.people.start(trading.user, quote.params, token)
    worker = trading.worker()
    await trading.rounds(worker, 3)
    assert [order.price for order in trading.venue.resting()] == [Decimal(59_000)]
    trading.freezes.add(coin_scope(Coin("USDT")), "by_hand:o", trading.time.now())
    await trading.rounds(worker, 5)
    assert trading.venue.resting() == []


async def test_a_run_that_is_left_meanwhile_gives_all_back_as_it_lies(trading: MemoryWorld) -> None:
    run = await trading.start("0.01", "500")
    quote = await trading.people.quote_leaving(trading.user, run.number, Coin("USDT"))
    token = await trading.people.confirm(trading.user, quote)
    left = await trading.people.start(trading.user, quote.params, token)
    trading.freezes.add(user_scope(trading.user), "by_hand:o", trading.time.now())
    await trading.rounds(trading.worker(), 30)
    assert (await trading.runs.get(run.id)).state is RunState.STOPPED
    found = trading.conversions.rows[left.id]
    assert (found.state, found.reason) == (ConversionState.DONE, "user_frozen")
    assert (await trading.ledger.balance(available(trading.user, Coin("BTC")))).free == Decimal("0.05")
    assert ("conversion_done", f"conversion_done:{left.id}") in [
        (kind, cause) for _, kind, cause in trading.outbox.rows
    ]


async def test_nothing_new_begins_and_everybody_gets_out_what_they_have(world: MoneyWorld) -> None:
    process = world.process()
    await world.give(ALICE, "100")
    _, token = await process.freezes.ask_to_freeze(OWNER, Coin(NEW), person=False)
    await process.freezes.freeze(OWNER, Coin(NEW), token, "word", person=False)
    with pytest.raises(Refused, match="nothing_new_begins"):
        await process.deposits.open(ALICE, USDT.asset_id, Decimal(5))
    await world.give(ALICE, "7")
    await world.request(ALICE, "107")
    await world.settle()
    assert list(world.wallet.paid) == [(ALICE, USDT.asset_id)], "what came in all the same goes out too"
    await lift(process, NEW)
    assert (await process.deposits.open(ALICE, USDT.asset_id, Decimal(5))).user_id == ALICE


async def test_where_nothing_new_begins_a_run_can_still_be_left(trading: MemoryWorld) -> None:
    run = await trading.start("0.01", "500")
    trading.freezes.add(NEW, "by_hand:o", trading.time.now())
    for begin in (trading.people.quote(trading.user, SELLING), trading.start("0.01", "500")):
        with pytest.raises(Refused, match="nothing_new_begins"):
            await begin
    quote = await trading.people.quote_leaving(trading.user, run.number, Coin("USDT"))
    token = await trading.people.confirm(trading.user, quote)
    left = await trading.people.start(trading.user, quote.params, token)
    await trading.until_stopped(trading.worker())
    found = trading.conversions.rows[left.id]
    assert (found.state, found.reason) == (ConversionState.DONE, "all")
