"""Fees on their way to the owner: a day after the word, never what is owed, once (FE3-FE5)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.db.ledger import PostgresLedger
from domain.errors import InvariantBroken, Refused
from domain.fees import NOTICE
from domain.ids import AssetId, WithdrawalId
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available, run, venue
from domain.money import plain
from domain.payouts.model import Payout
from tests.domain.services.money_world import ALICE, BOB, OWNER, USDT, MoneyWorld, Process, money_world
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.fees import set_fee_clock

pytestmark = pytest.mark.database


@pytest.fixture
async def world(migrated_url: str, admin: Any) -> AsyncIterator[MoneyWorld]:
    """Give a world in which Alice's withdrawals have brought 1 USDT of fees, and Bob has 500 USDT."""
    async with money_world(migrated_url) as made:
        await set_fee_clock(admin, made.clock.now())
        await made.give(ALICE, "1000")
        await made.give(BOB, "500")
        await made.request(ALICE, "1000")
        await made.settle()
        await at_once(made, admin)
        yield made


async def at_once(world: MoneyWorld, admin: Any) -> None:
    """Let the database have the time of everybody else."""
    await set_fee_clock(admin, world.clock.now())


async def later(world: MoneyWorld, admin: Any, span: timedelta) -> None:
    """Let time pass, for everybody."""
    world.clock.advance(span.total_seconds())
    await at_once(world, admin)


async def announce(
    world: MoneyWorld, amount: str | None = None, process: Process | None = None, cause: str = "tap"
) -> Payout:
    """Let the owner take fees, as the chat does."""
    at = (process or world.process()).takings
    wanted, token = await at.ask(OWNER, USDT.asset_id, Decimal(amount) if amount else None)
    return await at.announce(OWNER, USDT.asset_id, wanted, token, cause)


async def takeable(world: MoneyWorld) -> str:
    """Return what can be taken, in plain words."""
    earned, _ = await world.process().takings.list(OWNER)
    return plain(earned[0].takeable) if earned else "none"


async def settle(world: MoneyWorld, admin: Any) -> None:
    """Do rounds until all has ended; the database's clock goes along."""
    for _ in range(12):
        await world.round()
        await later(world, admin, timedelta(seconds=31))


async def test_fees_are_paid_a_day_after_the_word_and_everybody_with_rights_hears_of_it(
    world: MoneyWorld, admin: Any
) -> None:
    assert await takeable(world) == "1"
    payout = await announce(world)
    assert (plain(payout.amount), await takeable(world)) == ("1", "0")
    await later(world, admin, NOTICE - timedelta(seconds=1))
    await settle_nothing(world)
    await later(world, admin, timedelta(seconds=1))
    await settle(world, admin)
    assert world.wallet.paid[OWNER, USDT.asset_id] == 1
    assert await world.own(AccountKind.FEES) == 0
    assert await world.notices(OWNER) == ["fees_taking_announced", "fees_taken"]
    assert await world.funds(BOB) == ("500", "0")
    await world.check()


async def settle_nothing(world: MoneyWorld) -> None:
    """Do a round in which no payout of fees may move."""
    await world.round()
    assert (await world.states())[-1] == "requested"


async def test_more_than_was_earned_or_less_than_nothing_is_refused(world: MoneyWorld) -> None:
    at = world.process().takings
    for amount, code in (
        ("1.00000001", "fees_beyond"),
        ("500", "fees_beyond"),
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("NaN", "amount_not_positive"),
        ("0.000000001", "amount_too_precise"),
    ):
        with pytest.raises(Refused, match=code):
            await at.ask(OWNER, USDT.asset_id, Decimal(amount))
    with pytest.raises(Refused, match="token_unknown"):
        await at.ask(OWNER, AssetId("nothing"), None)
    await announce(world)
    with pytest.raises(Refused, match="fees_beyond"):
        await at.ask(OWNER, USDT.asset_id, None)


async def test_nobody_but_the_owner_takes_or_calls_off(world: MoneyWorld) -> None:
    at, asset = world.process().takings, USDT.asset_id
    wanted, token = await at.ask(OWNER, asset, None)
    payout = await at.announce(OWNER, asset, wanted, token, "tap")
    for attempt in (
        at.list(ALICE),
        at.ask(ALICE, asset, None),
        at.announce(ALICE, asset, wanted, token, "tap"),
        at.cancel(ALICE, payout.id, "tap"),
    ):
        with pytest.raises(Refused, match="not_allowed"):
            await attempt
    acts = await world.store.fetch("SELECT who FROM audit WHERE action = 'fees.take'")
    assert [act["who"] for act in acts] == [OWNER]


async def test_a_word_binds_what_was_shown_and_once(world: MoneyWorld) -> None:
    at, asset = world.process().takings, USDT.asset_id
    wanted, token = await at.ask(OWNER, asset, Decimal("0.5"))
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.announce(OWNER, asset, Decimal("0.6"), token, "tap")
    await at.announce(OWNER, asset, wanted, token, "tap")
    with pytest.raises(Refused, match="confirmation_used"):
        await at.announce(OWNER, asset, wanted, token, "tap")
    assert (await world.states())[1:] == ["requested"]


async def test_what_is_called_off_stays_earned(world: MoneyWorld, admin: Any) -> None:
    at = world.process().takings
    payout = await announce(world)
    await at.cancel(OWNER, payout.id, "tap")
    assert await takeable(world) == "1"
    with pytest.raises(Refused, match="taking_under_way"):
        await at.cancel(OWNER, payout.id, "tap")
    [withdrawal] = await world.store.fetch("SELECT id FROM payouts WHERE purpose = 'withdrawal'")
    for unknown in ("nothing", withdrawal["id"]):
        with pytest.raises(Refused, match="taking_unknown"):
            await at.cancel(OWNER, WithdrawalId(unknown), "tap")
    await later(world, admin, 2 * NOTICE)
    await settle(world, admin)
    assert OWNER not in {receiver for receiver, _ in world.wallet.paid}
    assert await world.notices(OWNER) == ["fees_taking_announced", "fees_taking_cancelled"]
    await world.check()


async def test_fees_stand_behind_everybody_who_waits(world: MoneyWorld, admin: Any) -> None:
    await announce(world)
    await later(world, admin, NOTICE - timedelta(minutes=1))
    more = Transfer(Cause("back", "1"), (Posting(venue_of(), available(BOB, USDT.coin), Decimal(1000)),))
    await PostgresLedger(world.store).post(more)  # his run has ended, and its coins lie at the venue
    await world.request(BOB, "1500")
    await settle(world, admin)
    assert (await world.states())[1:] == ["waiting", "waiting"]
    [status] = await world.process().withdrawals.status(BOB)
    assert status.place == 1, "fees that were announced before stand behind him"
    assert "float_short" in await world.notices(OWNER)
    await world.give(ALICE, "1001")
    await settle(world, admin)
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("1498.5")
    [taking] = (await world.process().takings.list(OWNER))[1]
    assert taking.reason == "fees_not_covered"


async def test_what_lies_elsewhere_cannot_be_taken(world: MoneyWorld, admin: Any) -> None:
    """What runs work with is owed, wherever it lies: what is not in the wallet is not realised."""
    ledger = PostgresLedger(world.store)
    gain = Transfer(Cause("fill", "gain"), (Posting(venue_of(), run_of(), Decimal("0.4")),))
    await ledger.post(gain)
    assert await takeable(world) == "0.6"
    payout = await announce(world)
    more = Transfer(Cause("fill", "more"), (Posting(venue_of(), run_of(), Decimal("0.1")),))
    await ledger.post(more)
    await later(world, admin, NOTICE)
    await settle(world, admin)
    [row] = await world.store.fetch("SELECT state, reason FROM payouts WHERE id = $1", payout.id)
    assert (row["state"], row["reason"]) == ("waiting", "fees_not_covered")
    loss = Transfer(Cause("fill", "loss"), (Posting(run_of(), venue_of(), Decimal("0.1")),))
    await ledger.post(loss)
    await settle(world, admin)
    assert world.wallet.paid[OWNER, USDT.asset_id] == Decimal("0.6")


def venue_of() -> Any:
    """Return where runs have their coins."""
    return venue("fake-1", USDT.coin)  # type: ignore[arg-type]  # a name


def run_of() -> Any:
    """Return what a run works with."""
    return run("run-1", "fake-1", USDT.coin)  # type: ignore[arg-type]  # names


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("receiver = 'a'", "fees_taken_wrongly"),
        ("fee = 0.1", "fees_taken_wrongly"),
        ("state = 'reserved'", "illegal_transition"),
        ("created_at = fee_clock() - interval '2 days'", "fees_taken_wrongly"),
    ],
)
async def test_the_database_refuses_a_word_that_was_not_given(
    world: MoneyWorld, change: str, code: str
) -> None:
    name, _, value = change.partition(" = ")
    values = {
        "id": "'x'",
        "purpose": "'fees'",
        "receiver": f"'{OWNER}'",
        "asset_id": f"'{USDT.asset_id}'",
        "coin": "'USDT'",
        "network": "'n'",
        "amount": "1",
        "fee": "0",
        "state": "'requested'",
        "request_id": "'r'",
        "created_at": "fee_clock()",
        "due_at": "fee_clock()",
        name: value,
    }
    sql = f"INSERT INTO payouts ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608 - the attack
    with pytest.raises((Refused, InvariantBroken)) as refused:
        await world.store.execute(sql)
    assert refused.value.code == code


async def test_the_database_refuses_to_pay_too_soon_or_what_is_owed(world: MoneyWorld, admin: Any) -> None:
    payout = await announce(world)
    reserve = "UPDATE payouts SET state = 'reserved' WHERE id = $1"
    with pytest.raises(Refused, match="fees_taken_too_soon"):
        await world.store.execute(reserve, payout.id)
    await later(world, admin, NOTICE)
    gain = Transfer(Cause("fill", "gain"), (Posting(venue_of(), run_of(), Decimal("0.00000001")),))
    await PostgresLedger(world.store).post(gain)
    with pytest.raises(Refused, match="fees_not_covered"):
        await world.store.execute(reserve, payout.id)


async def test_a_crash_at_any_boundary_takes_once_or_never(world: MoneyWorld, admin: Any) -> None:
    earned = await world.own(AccountKind.FEES)
    boundary, crashed = 0, True
    while crashed:
        boundary += 1
        await world.request(BOB, "1")  # earns 0.001 again
        await world.settle()
        await at_once(world, admin)
        earned, paid = await world.own(AccountKind.FEES), world.wallet.paid[OWNER, USDT.asset_id]
        crashed = False
        fuse = Fuse(boundary)
        try:
            await announce(world, "0.001", world.process(fuse), f"tap-{boundary}")
            await later(world, admin, NOTICE)
            await world.round(world.process(fuse))
        except SimulatedCrash:
            crashed = True
        await later(world, admin, NOTICE)
        await settle(world, admin)
        left, got = await world.own(AccountKind.FEES), world.wallet.paid[OWNER, USDT.asset_id]
        assert earned - left == got - paid in (0, Decimal("0.001")), boundary
        await world.check()
    assert boundary > 60
    assert await PostgresLedger(world.store).balance(available(BOB, USDT.coin))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(1, 60_000_000), min_size=1, max_size=6))
async def test_takings_together_are_never_more_than_was_earned(
    world: MoneyWorld, admin: Any, amounts: list[int]
) -> None:
    await at_once(world, admin)
    before, taken = Decimal(await takeable(world)), Decimal(0)
    announced = []
    for units in amounts:
        amount = Decimal(units).scaleb(-8)
        try:
            announced.append(await announce(world, plain(amount)))
            taken += amount
        except Refused:
            assert taken + amount > before
    assert taken <= before
    for payout in announced:
        await world.process().takings.cancel(OWNER, payout.id, "tap")
    assert Decimal(await takeable(world)) == before
