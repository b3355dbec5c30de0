"""The end of an instance: a day's notice, then everybody is paid all they have, once (WI4 to WI6)."""

import asyncio
import os
from decimal import Decimal
from typing import Any, cast

import pytest

from domain.conversions.quoting import Wish
from domain.errors import Refused
from domain.ids import AssetId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, own, venue
from domain.market.model import Side
from domain.market.runs import RunState
from domain.money import Coin, Token
from domain.ports.closings import ClosingState
from domain.ports.freezes import INSTANCE, NEW, user_scope
from domain.roles import Role
from domain.services.auth import AuthService
from domain.services.closing import ClosingService
from domain.services.confirmations import ConfirmationService
from domain.services.stopping import StopAllService
from domain.services.tokens import ApprovedToken, Tokens
from tests.domain.services.closing_world import DAY, ClosingWorld
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.money_world import (
    ALICE,
    BOB,
    BTC,
    IN_MEMORY,
    ON_POSTGRES,
    OWNER,
    USDT,
    MoneyWorld,
    money_world,
)
from tests.domain.services.trading_world import TOKENS as TRADED
from tests.fakes.closings import FakeClosings
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.exchange import PAIR
from tests.fakes.roles import FakeAudit, FakeRoles
from tests.fakes.treasury import FakePayouts, Treasury
from tests.fakes.wallet import BOT

CAROL = UserId("0c2f7b6e-0000-4000-8000-0000000ca401")
DUST = Decimal("0.000000001")
STRIDE = int(os.environ.get("CLOSING_CRASH_STRIDE", "3"))
"""`make chaos` takes every boundary."""


async def people(world: MoneyWorld) -> ClosingWorld:
    """Give two people who have coins, one of whom is taking some out already."""
    await world.give(ALICE, "100")
    await world.give(ALICE, "0.25", BTC)
    await world.give(BOB, "70.00000001")
    await world.request(ALICE, "40")
    return ClosingWorld(world)


async def test_after_a_day_everybody_is_paid_all_and_once(world: MoneyWorld) -> None:
    at = await people(world)
    await at.announce()
    assert [await world.notices(who) for who in (ALICE, BOB)] == [
        ["deposit_credited", "deposit_credited", "closing_announced"],
        ["deposit_credited", "closing_announced"],
    ]
    with pytest.raises(Refused, match="nothing_new_begins"):
        await world.process().deposits.open(ALICE, USDT.asset_id, Decimal(5))
    await world.give(CAROL, "9")
    assert await at.service().round() == "closing is announced, 1 more people told"
    await world.settle()
    assert sum(world.wallet.paid.values()) == Decimal("39.96"), "nobody is made to leave before the time"
    world.clock.advance(DAY.total_seconds())
    said = await at.until_closed()
    assert said[0].startswith("closing begins")
    await world.check()
    assert dict(world.wallet.paid) == {
        (ALICE, USDT.asset_id): Decimal("99.96"),  # what was asked for before cost what was shown
        (ALICE, BTC.asset_id): Decimal("0.25"),
        (BOB, USDT.asset_id): Decimal("70.00000001"),
        (CAROL, USDT.asset_id): Decimal(9),
    }
    assert await at.owed(ALICE, BOB, CAROL) == 0
    told = await world.notices(OWNER)
    assert told == ["closing_announced_to_keepers", "closing_begins", "closing_is_over"]
    await world.give(BOB, "5")
    await at.until_closed()
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("75.00000001"), "what comes in late goes back"


@IN_MEMORY
async def test_a_death_at_any_boundary_pays_nobody_twice_and_skips_nobody(database: tuple[str, str]) -> None:
    for blow_at in range(1, 400, STRIDE):
        async with money_world(*database) as world:
            if not await _dies_and_goes_on(world, blow_at):
                assert blow_at > 60, "all boundaries were passed"
                return
    raise AssertionError("there were more boundaries than were tried")


@ON_POSTGRES
@pytest.mark.parametrize("blow_at", [9, 23, 41, 57])
async def test_so_it_is_on_postgres(world: MoneyWorld, blow_at: int) -> None:
    assert await _dies_and_goes_on(world, blow_at)


async def _dies_and_goes_on(world: MoneyWorld, blow_at: int) -> bool:
    """Let the process that closes die once, at this boundary; tell whether it came so far."""
    at = await people(world)
    fuse = Fuse(blow_at)
    died = False
    try:
        service = at.service(fuse)
        _, _, token = await service.ask(OWNER)
        await service.announce(OWNER, token, "tap")
        world.clock.advance(DAY.total_seconds())
        for _ in range(8):
            await service.round()
            await world.round()
            world.clock.advance(31)
    except SimulatedCrash:
        died = True
    if await at.store.current() is None:
        await at.announce()
    world.clock.advance(DAY.total_seconds())
    await at.until_closed()
    await world.check()
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("99.96")
    assert world.wallet.paid[ALICE, BTC.asset_id] == Decimal("0.25")
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("70.00000001")
    assert await at.owed(ALICE, BOB) == 0
    return died


async def test_two_workers_at_once_promise_everything_once(world: MoneyWorld) -> None:
    at = await people(world)
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    await at.service().round()
    await asyncio.gather(*(at.service().round() for _ in range(2)))
    await at.until_closed()
    await world.check()
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("70.00000001")


async def test_it_is_called_off_until_it_has_begun_and_opened_again_after_it(world: MoneyWorld) -> None:
    at = await people(world)
    with pytest.raises(Refused, match="not_closing"):
        await at.service().call_off(OWNER, "word")
    await at.announce()
    assert (await at.service().call_off(OWNER, "word")).state is ClosingState.CALLED_OFF
    assert (await world.notices(BOB))[-1] == "closing_called_off"
    assert await world.process().deposits.open(BOB, USDT.asset_id, Decimal(5))
    world.clock.advance(DAY.total_seconds())
    assert await at.service().round() == "not closing"
    await at.announce()
    assert (await world.notices(BOB))[-1] == "closing_announced", "a second end is told anew"
    world.clock.advance(DAY.total_seconds())
    await at.service().round()
    with pytest.raises(Refused, match="closing_has_begun"):
        await at.service().call_off(OWNER, "word")
    await at.until_closed()
    assert (await at.service().call_off(OWNER, "word")).state is ClosingState.REOPENED
    assert await world.process().deposits.open(BOB, USDT.asset_id, Decimal(5))


@IN_MEMORY
async def test_only_the_owner_closes_once_and_no_other_word_opens(world: MoneyWorld) -> None:
    at = await people(world)
    with pytest.raises(Refused, match="not_allowed"):
        await at.service().ask(ALICE)
    with pytest.raises(Refused, match="not_allowed"):
        await at.service().call_off(ALICE, "word")
    _, _, token = await at.service().ask(OWNER)
    await at.service().announce(OWNER, token, "tap")
    with pytest.raises(Refused, match="closing_stands"):
        await at.service().ask(OWNER)
    with pytest.raises(Refused, match="closing_stands"):
        await world.process().freezes.ask(OWNER, NEW)
    assert [act.action for act in await world.books.audit.latest(5)] == ["closing.set"]


@IN_MEMORY
async def test_a_freeze_of_all_that_is_new_gives_way_to_the_closing(world: MoneyWorld) -> None:
    """Otherwise the word that lifts it would let new things begin in the middle of the end."""
    at = await people(world)
    world.books.freezes.add(NEW, "by_hand:o", world.clock.now())
    await at.announce()
    assert [freeze.reason for freeze in await world.books.freezes.open()] == ["closing:1"]


@IN_MEMORY
async def test_books_that_may_be_old_promise_nothing(world: MoneyWorld) -> None:
    at = await people(world)
    await at.announce()
    await world.books.freezes.freeze(INSTANCE, "books_behind:1", world.clock.now())
    world.clock.advance(DAY.total_seconds())
    assert await at.service().round() == "closing stands still: books_behind:1"
    closing = await at.store.current()
    assert closing.state is ClosingState.ANNOUNCED
    assert len(await world.books.made()) == 1, "what was asked for before"


async def test_who_is_frozen_and_who_cannot_be_paid_keep_what_is_theirs(world: MoneyWorld) -> None:
    at = await people(world)
    await world.books.freezes.freeze(user_scope(BOB), "by_hand:o", world.clock.now())
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    for _ in range(9):
        said = await at.service().round()
        await world.round()
        world.clock.advance(31)
    assert said == "closing waits: 0 runs, 0 payouts, 1 claims stand still"
    _, left = await at.service().status(OWNER)
    assert [(each.coin, each.people, each.owed) for each in left.coins] == [
        ("USDT", 1, Decimal("70.00000001"))
    ]
    assert (ALICE, USDT.asset_id) in world.wallet.paid, "nobody waits for who is frozen"
    [frozen] = [each for each in await world.books.freezes.open() if each.scope != NEW]
    await world.books.freezes.lift(frozen, OWNER, world.clock.now())
    await at.until_closed()
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("70.00000001")


@IN_MEMORY
async def test_a_refused_payment_is_tried_again_a_day_later(world: MoneyWorld) -> None:
    at = await people(world)
    world.wallet.unregistered.add(BOB)
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    for _ in range(9):
        said = await at.service().round()
        await world.round()
        world.clock.advance(31)
    assert said.endswith("1 claims stand still")
    assert (await world.states()).count("refused") == 1
    world.wallet.unregistered.remove(BOB)
    world.clock.advance(DAY.total_seconds())
    await at.until_closed()
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("70.00000001")


async def test_dust_stays_listed_and_keeps_nobody_waiting(world: MoneyWorld) -> None:
    at = await people(world)
    rounding = own(AccountKind.ROUNDING, USDT.coin)
    await world.books.ledger.post(
        Transfer(Cause("test", "dust"), (Posting(rounding, available(BOB, USDT.coin), DUST),))
    )
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    await at.until_closed()
    _, left = await at.service().status(OWNER)
    assert [(each.coin, each.owed, each.dust) for each in left.coins] == [("USDT", DUST, DUST)]
    assert left.nothing


async def test_what_lies_at_a_venue_is_waited_for(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.lend("60")
    await world.give(BOB, "70.00000001")
    at = ClosingWorld(world)
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    for _ in range(6):
        said = await at.service().round()
        await world.round()
        world.clock.advance(31)
    assert said.startswith("closing waits: 0 runs, 1 payouts"), "it stands in the line"
    there = venue(VenueAccountName("v"), USDT.coin)
    back = Transfer(Cause("test", "back"), (Posting(mixin(USDT), there, Decimal(60)),))
    await world.books.ledger.post(back)
    world.wallet.pay_in(BOT, USDT.asset_id, "60")  # as what the treasury brings
    await at.until_closed()
    await world.check()
    assert set(world.wallet.paid.values()) == {Decimal(100), Decimal("70.00000001")}


@IN_MEMORY
async def test_a_coin_of_two_networks_is_paid_as_it_lies(world: MoneyWorld) -> None:
    tron = Token(AssetId("b91e18ff-a9ae-3dc7-8679-e935d9a4b34b"), Coin("USDT"), "TRON")
    both = Tokens([ApprovedToken(USDT, Decimal(1), Decimal(1)), ApprovedToken(tron, Decimal(1), Decimal(1))])
    await world.give(ALICE, "100")
    at = ClosingWorld(world, both)
    await world.books.ledger.post(
        Transfer(Cause("test", "tron"), (Posting(mixin(tron), available(ALICE, USDT.coin), Decimal(30)),))
    )
    await at.announce()
    world.clock.advance(DAY.total_seconds())
    await at.service().round()
    await at.service().round()
    made = [(payout.token.network, payout.amount) for payout in await world.books.made()]
    assert made == [("Ethereum", Decimal(100))], "what each token has, and only that"


async def test_what_runs_and_conversions_held_is_paid_when_they_have_stopped() -> None:
    trading = MemoryWorld()
    audit = FakeAudit()
    roles = FakeRoles(trading.store, audit)
    roles.plant(OWNER, Role.OWNER)
    treasury = Treasury(trading.store, TRADED.values())
    closings = FakeClosings(trading.ledger, trading.outbox, trading.freezes, trading.runs, treasury)
    trading.store.tables += [audit, roles, closings]
    confirming = ConfirmationService(trading.store, trading.confirmations, trading.time, trading.ids)
    auth = AuthService(roles, audit, trading.time)
    stopping = StopAllService(
        *(trading.store, trading.runs, trading.conversions, cast("Any", trading.outbox), confirming),
        *(trading.time, auth),
    )
    closing = ClosingService(
        trading.store,
        trading.ledger,
        trading.time,
        trading.ids,
        closings,
        cast("Any", trading.freezes),
        FakePayouts(treasury),
        cast("Any", trading.outbox),
        roles,
        stopping,
        confirming,
        Tokens([ApprovedToken(token, Decimal(1), Decimal(1)) for token in TRADED.values()]),
        auth,
    )
    await trading.person(BTC="0.05", USDT="4000")
    await trading.rounds(trading.worker(), 2)
    run = await trading.start("0.01", "500")
    wish = Wish(PAIR, Side.BUY, quantity=Decimal("0.01"), price=Decimal(59_000))
    quote = await trading.people.quote(trading.user, wish)
    token = await trading.people.confirm(trading.user, quote)
    await trading.people.start(trading.user, quote.params, token)
    _, _, token = await closing.ask(OWNER)
    await closing.announce(OWNER, token, "tap")
    await trading.rounds(trading.worker(), 3)
    assert (await trading.runs.get(run.id)).state is RunState.RUNNING, "people have their day"
    trading.time.advance(DAY.total_seconds())
    assert await closing.round() == "closing begins: 1 runs and 1 conversions stop"
    await closing.round()
    await trading.until_stopped(trading.worker())
    await closing.round()
    _, left = await closing.status(OWNER)
    assert (left.runs, [(each.coin, each.owed) for each in left.coins]) == (
        0,
        [("BTC", Decimal("0.05")), ("USDT", Decimal(4000))],
    )
    promised = {token.coin: Decimal(0) for token in TRADED.values()}
    for payout in treasury.rows.payouts.values():
        promised[payout.token.coin] += payout.amount
    assert {coin: amount for coin, amount in promised.items() if amount} == {
        "BTC": Decimal("0.05"),
        "USDT": Decimal(4000),
    }
