"""A difference that stays: the owner books it in two steps, on the instance's own accounts alone."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Refused
from domain.ids import UserId, VenueAccountName
from domain.leases import Scope
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, mixin, own, venue
from domain.reconciliation.model import Line, Round
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.differences import LATEST_WITHIN, DifferenceService
from domain.services.reckoning import EVERY_S
from tests.domain.services.money_world import ALICE, IN_MEMORY, OWNER, TOKENS, USDT, MoneyWorld
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.wallet import BOT

MAIN = Scope("venue:main")
THERE = venue(VenueAccountName("main"), USDT.coin)


def service(world: MoneyWorld, fuse: Fuse | None = None) -> DifferenceService:
    def port(real: Any) -> Any:
        return Crashing(real, fuse) if fuse else real

    books = world.books
    store, ledger, rounds, notices = map(port, (books.store, books.ledger, books.rounds, books.notices))
    confirming = ConfirmationService(books.store, books.confirmations, world.clock, world.ids)
    auth = AuthService(books.roles, books.audit, world.clock)
    return DifferenceService(store, ledger, rounds, notices, confirming, world.clock, TOKENS, auth)


async def looks(world: MoneyWorld, count: int = 2) -> str:
    """Let looks follow each other, a minute apart."""
    for _ in range(count):
        world.clock.advance(EVERY_S)
        world.wallet.at = world.clock.now()
        said = await world.process().comparing.round()
    return said


async def acts(world: MoneyWorld) -> list[str]:
    """Return what was done with more than a user's rights, the newest first."""
    return [act.action for act in await world.books.audit.latest(9) if act.action != "owner.claim"]


async def loses(world: MoneyWorld, amount: str) -> None:
    """Let somebody have taken so much from the wallet."""
    output = next(o for o in world.wallet.outputs if not o.spent and o.amount > 10)
    world.wallet.steal(output.output_id)
    world.wallet.pay_in(BOT, USDT.asset_id, str(output.amount - Decimal(amount)))
    await world.process().deposits.collect()
    await looks(world)


@pytest.fixture
async def short(world: MoneyWorld) -> MoneyWorld:
    """Give a world whose wallet lost five of Alice's hundred; the owner has left ten."""
    await world.give(ALICE, "100")
    world.wallet.pay_in(OWNER, USDT.asset_id, "10", "float")
    await world.process().deposits.collect()
    await loses(world, "5")
    return world


async def test_what_is_lost_the_instance_bears_and_nobody_else(short: MoneyWorld) -> None:
    at = service(short)
    found, token = await at.ask(OWNER, "wallet", "USDT")
    assert found.line.unexplained == -5
    await at.settle(OWNER, "wallet", "USDT", token, "m1")
    assert await short.own(AccountKind.INVENTORY) == 5
    assert (await short.balance(available(ALICE, USDT.coin))).total == 100
    assert "wallet is good" in await looks(short, 1)
    _, token = await short.process().freezes.ask(OWNER, USDT.asset_id)
    await short.process().freezes.lift(OWNER, USDT.asset_id, token, "m2")
    assert await acts(short) == ["freezes.lift", "reconcile.settle"]
    assert "difference_settled" in await short.notices(OWNER)
    with pytest.raises(Refused, match="nothing_to_settle"):
        await at.ask(OWNER, "wallet", "USDT")


async def test_what_the_instance_has_not_it_cannot_bear(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await loses(world, "5")
    at = service(world)
    _, token = await at.ask(OWNER, "wallet", USDT.asset_id)
    with pytest.raises(Refused, match="insufficient_funds"):
        await at.settle(OWNER, "wallet", USDT.asset_id, token, "m1")
    assert (await world.balance(mixin(USDT))).total == 100
    assert await acts(world) == []


@IN_MEMORY
async def test_what_is_over_at_a_venue_is_kept_aside(world: MoneyWorld) -> None:
    opening = Posting(THERE, own(AccountKind.INVENTORY, USDT.coin), Decimal(100))
    await world.books.ledger.post(Transfer(Cause("opening", "main"), (opening,)))
    for seconds in (0, 60):
        line = Line(
            USDT.coin, Decimal(100), Decimal(107), since=world.clock.now() - timedelta(seconds=seconds)
        )
        await world.books.rounds.add(Round(MAIN, world.clock.now(), (line,)))
        at = service(world)
        if not seconds:
            with pytest.raises(Refused, match="nothing_to_settle"):
                await at.ask(OWNER, MAIN, "USDT")
    _, token = await at.ask(OWNER, MAIN, "USDT")
    await at.settle(OWNER, MAIN, "USDT", token, "m1")
    assert (await world.balance(THERE)).total == 107
    assert await world.own(AccountKind.SUSPENSE) == 7
    world.clock.advance(LATEST_WITHIN.total_seconds() + 1)
    with pytest.raises(Refused, match="nothing_to_settle"):
        await at.ask(OWNER, MAIN, "USDT")


async def test_a_word_holds_for_what_was_shown_and_once(short: MoneyWorld) -> None:
    at = service(short)
    _, token = await at.ask(OWNER, "wallet", "USDT")
    await loses(short, "1")
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.settle(OWNER, "wallet", "USDT", token, "m1")
    _, token = await at.ask(OWNER, "wallet", "USDT")
    await at.settle(OWNER, "wallet", "USDT", token, "m2")
    with pytest.raises(Refused):
        await at.settle(OWNER, "wallet", "USDT", token, "m2")
    assert await short.own(AccountKind.INVENTORY) == 4


async def test_nobody_but_the_owner_settles(short: MoneyWorld) -> None:
    with pytest.raises(Refused, match="not_allowed"):
        await service(short).ask(UserId(ALICE), "wallet", "USDT")
    _, token = await service(short).ask(OWNER, "wallet", "USDT")
    with pytest.raises(Refused, match="not_allowed"):
        await service(short).settle(UserId(ALICE), "wallet", "USDT", token, "m1")


async def test_a_death_anywhere_books_all_of_it_or_nothing(short: MoneyWorld) -> None:
    _, token = await service(short).ask(OWNER, "wallet", "USDT")
    point = 0
    while await short.own(AccountKind.INVENTORY) == 10:
        point += 1
        try:
            await service(short, Fuse(point)).settle(OWNER, "wallet", "USDT", token, "m1")
        except SimulatedCrash:
            booked = await short.own(AccountKind.INVENTORY) == 5
            assert len(await acts(short)) == booked
            assert ("difference_settled" in await short.notices(OWNER)) == booked
    assert point > 5
    assert await short.own(AccountKind.INVENTORY) == 5
