"""Fees on a real Postgres and a fake Mixin: charged once, by the right version, and told before."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.chat import PostgresOutbox
from adapters.db.fees import PostgresFees
from domain.errors import Refused
from domain.fees import FeeKind, Schedule
from domain.ids import UserId
from domain.ledger.model import AccountKind
from domain.services import fees as fee_service
from tests.domain.services.money_world import ALICE, BOB, BTC, OWNER, USDT, MoneyWorld, money_world
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.fees import set_fee_clock

pytestmark = pytest.mark.database


@pytest.fixture
async def world(migrated_url: str, admin: Any) -> AsyncIterator[MoneyWorld]:
    """Give a world in which a schedule holds: 0, 10 and 0 basis points."""
    async with money_world(migrated_url) as made:
        await set_fee_clock(admin, made.clock.now())
        made.wallet.at = made.clock.now()
        yield made


async def later(world: MoneyWorld, admin: Any, **span: float) -> None:
    """Let time pass, for everybody."""
    world.clock.advance(timedelta(**span).total_seconds())
    world.wallet.at = world.clock.now()
    await set_fee_clock(admin, world.clock.now())


async def change(world: MoneyWorld, kind: FeeKind, bps: int) -> Schedule:
    """Let the owner change a rate, as the chat does."""
    at = world.process().fees
    schedule, token = await at.ask(OWNER, kind, bps)
    return await at.change(OWNER, kind, bps, schedule.effective_at, token, "tap")


async def charges(world: MoneyWorld) -> list[tuple[str, int, str]]:
    rows = await world.store.fetch("SELECT fee, version, amount FROM service_fees ORDER BY noted_at")
    return [(row["fee"], row["version"], f"{row['amount'].normalize():f}") for row in rows]


async def test_a_change_gives_a_day_of_notice_and_then_holds(world: MoneyWorld, admin: Any) -> None:
    schedule = await change(world, FeeKind.DEPOSIT, 50)
    await world.give(ALICE, "100")
    assert await world.funds(ALICE) == ("100", "0")
    table = await world.process().fees.table(ALICE)
    assert (table.now.version, [one.version for one in table.coming], table.paid) == (1, [2], [])
    await later(world, admin, seconds=(schedule.effective_at - world.clock.now()).total_seconds())
    await world.give(BOB, "100.00000001")
    assert await world.funds(BOB) == ("99.5", "0")
    assert await world.own(AccountKind.FEES) == Decimal("0.50000001")
    assert await charges(world) == [("deposit", 2, "0.50000001")]
    [paid] = (await world.process().fees.table(BOB)).paid
    assert (paid.kind, paid.coin, paid.amount) == (FeeKind.DEPOSIT, "USDT", Decimal("0.50000001"))
    await world.check()


async def test_a_deposit_paid_before_and_booked_after_a_change_pays_the_old_rate(
    world: MoneyWorld, admin: Any
) -> None:
    schedule = await change(world, FeeKind.DEPOSIT, 50)
    world.wallet.pay_in(ALICE, USDT.asset_id, "100")
    await later(world, admin, days=2)
    await world.process().deposits.collect()
    assert world.clock.now() > schedule.effective_at
    assert await world.free(ALICE) == 100


async def test_a_link_keeps_the_rate_it_was_shown_with_for_a_day(world: MoneyWorld, admin: Any) -> None:
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=24)
    at = world.process().deposits
    shown, mine, used, old = [await at.open(ALICE, USDT.asset_id, Decimal(100)) for _ in range(4)]
    assert await at.fee_of(shown) == 0
    await later(world, admin, hours=2)
    assert await at.fee_of(await at.open(ALICE, USDT.asset_id, Decimal(100))) == Decimal("0.5")
    world.wallet.pay_in(ALICE, USDT.asset_id, "100", request_id=shown.trace)
    world.wallet.pay_in(BOB, USDT.asset_id, "100", request_id=mine.trace)  # not their link
    world.wallet.pay_in(ALICE, USDT.asset_id, "1000", request_id=used.trace)  # not what it says
    await at.collect()
    assert await world.free(ALICE) == Decimal(100) + Decimal(995)
    assert await world.free(BOB) == Decimal("99.5")
    await later(world, admin, hours=23)
    world.wallet.pay_in(ALICE, USDT.asset_id, "100", request_id=old.trace)
    await at.collect()
    assert await world.free(ALICE) == Decimal(1095) + Decimal("99.5")
    await world.check()


async def test_a_lower_rate_counts_for_links_shown_before(world: MoneyWorld, admin: Any) -> None:
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=26)
    schedule = await change(world, FeeKind.DEPOSIT, 10)
    await later(world, admin, seconds=(schedule.effective_at - world.clock.now()).total_seconds() - 60)
    intent = await world.process().deposits.open(ALICE, USDT.asset_id, Decimal(100))
    await later(world, admin, minutes=2)
    world.wallet.pay_in(ALICE, USDT.asset_id, "100", request_id=intent.trace)
    await world.process().deposits.collect()
    assert await world.free(ALICE) == Decimal("99.9")
    assert await charges(world) == [("deposit", 3, "0.1")]


async def test_the_owners_float_and_what_is_kept_aside_cost_nothing(world: MoneyWorld, admin: Any) -> None:
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=26)
    world.wallet.pay_in(OWNER, USDT.asset_id, "80", memo="float")
    world.wallet.pay_in(ALICE, USDT.asset_id, "0.5")
    await world.process().deposits.collect()
    assert await world.own(AccountKind.INVENTORY) == 80
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.5")
    assert await charges(world) == []


async def test_a_withdrawal_keeps_the_rate_it_was_confirmed_with(world: MoneyWorld, admin: Any) -> None:
    await world.give(ALICE, "100")
    await change(world, FeeKind.WITHDRAWAL, 100)
    at = world.process().withdrawals
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(10))
    token = await at.confirm(ALICE, quote)
    await world.request(ALICE, "40")
    await later(world, admin, hours=26)
    with pytest.raises(Refused, match="quote_expired"):
        await at.request(quote, ALICE, token)
    await world.settle()
    assert await charges(world) == [("withdrawal", 1, "0.04")]
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("39.96")
    await world.check()


async def test_nobody_but_the_owner_changes_a_fee(world: MoneyWorld) -> None:
    at, cause = world.process().fees, "tap"
    schedule, token = await at.ask(OWNER, FeeKind.TRADING, 5)
    for attempt in (
        at.ask(ALICE, FeeKind.TRADING, 5),
        at.change(ALICE, FeeKind.TRADING, 5, schedule.effective_at, token, cause),
    ):
        with pytest.raises(Refused, match="not_allowed"):
            await attempt
    assert await world.store.fetch("SELECT FROM audit WHERE action = 'fees.set'") == []
    await at.change(OWNER, FeeKind.TRADING, 5, schedule.effective_at, token, cause)
    with pytest.raises(Refused, match="fee_unchanged"):
        await at.change(OWNER, FeeKind.TRADING, 5, schedule.effective_at, token, cause)
    [act] = await world.store.fetch("SELECT who, params->>'bps' AS bps FROM audit WHERE action = 'fees.set'")
    assert (act["who"], act["bps"]) == (OWNER, "5")


async def test_a_change_is_refused_that_nobody_may_ask_for(world: MoneyWorld, admin: Any) -> None:
    at = world.process().fees
    for bps, code in ((101, "fee_too_high"), (-1, "fee_too_high"), (0, "fee_unchanged")):
        with pytest.raises(Refused, match=code):
            await at.ask(OWNER, FeeKind.TRADING, bps)
    schedule, token = await at.ask(OWNER, FeeKind.TRADING, 5)
    sooner, later_rate = schedule.effective_at - timedelta(hours=1), 6
    for bps, instant in ((5, sooner), (later_rate, schedule.effective_at)):  # not what was shown
        with pytest.raises(Refused, match="confirmation_unknown"):
            await at.change(OWNER, FeeKind.TRADING, bps, instant, token, "tap")
    await later(world, admin, minutes=4)
    await change(world, FeeKind.DEPOSIT, 5)  # something came between
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.change(OWNER, FeeKind.TRADING, 5, schedule.effective_at, token, "tap")
    assert len(await PostgresFees(world.store).schedules()) == 2


async def test_less_than_a_day_of_notice_is_refused_even_with_a_token(world: MoneyWorld, admin: Any) -> None:
    at = world.process().fees
    world.clock.advance(49 * 60)  # the next full hour is a day and eleven minutes away
    schedule, token = await at.ask(OWNER, FeeKind.TRADING, 5)
    await set_fee_clock(admin, schedule.effective_at - timedelta(hours=23, minutes=59))
    with pytest.raises(Refused, match="fees_too_soon"):
        await at.change(OWNER, FeeKind.TRADING, 5, schedule.effective_at, token, "tap")
    assert len(await PostgresFees(world.store).schedules()) == 1


async def test_small_payments_that_add_up_pay_the_fee_of_their_sum(world: MoneyWorld, admin: Any) -> None:
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=26)
    for amount in ("0.6", "0.6"):
        world.wallet.pay_in(ALICE, USDT.asset_id, amount)
    await world.process().deposits.collect()
    assert await world.free(ALICE) == Decimal("1.194")
    assert await world.own(AccountKind.SUSPENSE) == 0
    assert await charges(world) == [("deposit", 2, "0.006")]
    await world.check()


async def test_small_payments_pay_the_lowest_rate_since_the_first_of_them(
    world: MoneyWorld, admin: Any
) -> None:
    """What waits to add up does not become dearer meanwhile (FE2)."""
    world.wallet.pay_in(ALICE, USDT.asset_id, "0.9")
    await world.process().deposits.collect()
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=26)
    world.wallet.pay_in(ALICE, USDT.asset_id, "0.1")
    world.wallet.pay_in(BOB, USDT.asset_id, "0.9")
    world.wallet.pay_in(BOB, USDT.asset_id, "0.1")
    await world.process().deposits.collect()
    assert (await world.funds(ALICE), await world.funds(BOB)) == (("1", "0"), ("0.995", "0"))
    await world.check()


async def test_everybody_is_told_once_in_batches(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fee_service, "AT_ONCE", 2)
    people = [UserId(f"0c2f7b6e-0000-4000-8000-00000000000{n}") for n in range(5)]
    for person in people:
        await world.process().users.ensure(person, "hello")
    assert await world.process().fees.tell() == "nothing new about fees"
    await change(world, FeeKind.DEPOSIT, 50)
    said = [await world.process().fees.tell() for _ in range(4)]
    assert said == [*2 * ["told 2 people of new fees"], "told 1 people of new fees", "nothing new about fees"]
    await world.process().users.ensure(UserId("0c2f7b6e-0000-4000-8000-000000000009"), "hello")
    assert await world.process().fees.tell() == "told 1 people of new fees"
    for person in people:
        assert await world.notices(person) == ["fees_will_change"]
    [notice, *_] = await PostgresOutbox(world.store).due(9, world.clock.now())
    assert notice.notice.params["deposit_bps"] == "50"
    assert notice.notice.params["deposit_bps_before"] == "0"


async def test_a_change_in_the_settings_changes_nothing(world: MoneyWorld) -> None:
    fees = PostgresFees(world.store)
    before = await fees.schedules()
    await fees.begin(Schedule(1, 99, 99, 99, world.clock.now(), "settings"))
    assert await fees.schedules() == before


async def test_a_charged_deposit_is_booked_once_wherever_the_process_dies(
    world: MoneyWorld, admin: Any
) -> None:
    await change(world, FeeKind.DEPOSIT, 50)
    await later(world, admin, hours=26)
    counter = Fuse()
    world.wallet.pay_in(ALICE, BTC.asset_id, "1")
    await world.process(counter).deposits.collect()
    for boundary in range(1, counter.passed + 1):
        before = await world.free(BOB)
        world.wallet.pay_in(BOB, USDT.asset_id, "100")
        with pytest.raises(SimulatedCrash):
            await world.process(Fuse(boundary)).deposits.collect()
        await world.process().deposits.collect()
        assert await world.free(BOB) - before == Decimal("99.5"), boundary
    await world.check()
    assert counter.passed > 15
