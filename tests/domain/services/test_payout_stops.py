"""What one payout that breaks may stop, and for how long; who is paid first (WD1, WD4, FE4)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import InvariantBroken
from domain.fees import NOTICE
from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, mixin, own
from domain.money import Coin, Token
from domain.payouts.model import Payout, PayoutState, Purpose
from domain.ports.wallet import SendState, SentTransaction
from domain.services import payouts
from domain.services.payouts import PayoutService
from tests.domain.services.money_world import (
    ALICE,
    BOB,
    IN_MEMORY,
    ON_POSTGRES,
    OWNER,
    USDT,
    MoneyWorld,
    Process,
)
from tests.fakes.leases import firm
from tests.fakes.wallet_views import Noted
from workers.payouts import PayoutWorker

MALLORY = UserId("0c2f7b6e-0000-4000-8000-00000000bad1")
ON_TRON = Token(AssetId("b91e18ff-a9ae-3dc7-8679-e935d9a4b34b"), Coin("USDT"), "Tron")


async def unfreeze(process: Process) -> None:
    """Let the owner look, and let payouts go on."""
    for scope in {freeze.scope for freeze in await process.freezes.list(OWNER)}:
        _, token = await process.freezes.ask(OWNER, scope)
        await process.freezes.lift(OWNER, scope, token, "tap")


async def test_a_lift_is_not_overruled_by_the_payout_that_was_looked_at(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "100")
    broken = await world.request(ALICE, "40")
    process = world.process()
    for _ in range(2):
        await process.payouts.advance(broken)
    other = SentTransaction("", "other hash", SendState.SIGNED, "")
    at = world.process(wallet=Noted(world.wallet, {"find": other}))
    with pytest.raises(InvariantBroken, match="other_transaction"):
        await at.payouts.advance(broken)
    await unfreeze(process)
    with pytest.raises(InvariantBroken, match="other_transaction"):
        await at.payouts.advance(broken)
    assert await process.freezes.list(OWNER) == []
    await world.request(BOB, "40")
    await world.settle()
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("39.96")


async def test_a_bug_that_one_payout_meets_keeps_nobody_else_from_being_paid(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (ALICE, BOB):
        await world.give(person, "100")
    broken = await world.request(ALICE, "40")
    await world.request(BOB, "40")
    drive = PayoutService.drive

    async def fails(service: PayoutService, payout_id: str) -> str:
        if payout_id == broken:
            raise TypeError("a key of 31 bytes")
        return await drive(service, payout_id)  # type: ignore[arg-type]  # an id is text

    monkeypatch.setattr(PayoutService, "drive", fails)
    process = world.process()
    with pytest.raises(ExceptionGroup) as failed:
        await PayoutWorker(process.withdrawals, process.payouts, firm(), world.clock.monotonic).round()
    assert [str(error) for error in failed.value.exceptions] == ["a key of 31 bytes"]
    assert world.wallet.paid[BOB, USDT.asset_id] == Decimal("39.96")


async def test_who_asks_for_much_at_once_keeps_nobody_waiting(world: MoneyWorld) -> None:
    await world.give(MALLORY, "100")
    await world.give(ALICE, "100")
    many = [await world.request(MALLORY, "1") for _ in range(10)]
    world.clock.advance(1)
    one = await world.request(ALICE, "40")
    assert await world.process().withdrawals.due() == [many[0], one, *many[1:]]


@IN_MEMORY
async def test_fees_pass_nobody_who_waits_on_the_same_network(world: MoneyWorld) -> None:
    """Coins of another network cover what is owed, but pay nobody who waits here (FE4)."""
    await world.give(BOB, "1000")
    await world.lend("400")
    await world.give(ALICE, "1000")
    await world.request(ALICE, "1000")
    await world.settle()
    elsewhere = Posting(mixin(ON_TRON), own(AccountKind.INVENTORY, USDT.coin), Decimal(5000))
    await world.books.ledger.post(Transfer(Cause("float", "tron"), (elsewhere,)))
    process = world.process()
    amount, token = await process.takings.ask(OWNER, USDT.asset_id, None)
    taking = await process.takings.announce(OWNER, USDT.asset_id, amount, token, "tap")
    world.clock.advance((NOTICE - timedelta(minutes=1)).total_seconds())
    await world.request(BOB, "900")
    await world.round()
    world.clock.advance(60)
    assert "waiting: at place 2, float_too_small" in await process.payouts.drive(taking.id)
    small = await world.request(BOB, "5")
    assert "is done" in await process.payouts.drive(small), "people may pass one another (WD9)"


async def test_what_was_refused_and_is_paid_after_all_stops_the_wallet(world: MoneyWorld) -> None:
    """Bytes that were on their way when the no was believed: the person would have it twice."""
    await world.give(ALICE, "100")
    payout_id, process = await world.request(ALICE, "40"), world.process()
    for _ in range(3):
        await process.payouts.advance(payout_id)
    world.wallet.refusals["submit"] += 9 * ["receiver_unregistered"]
    await world.settle(rounds=20)
    assert await world.states() == ["refused"]
    assert await process.payouts.look_back() == ""
    world.wallet.refusals["submit"].clear()
    [refused] = await world.books.made()
    await world.wallet.submit(refused.request_id, refused.signed_raw)
    assert await process.payouts.look_back() == "1 of 1 refused payouts were paid"
    [freeze] = await process.freezes.list(OWNER)
    assert (freeze.scope, freeze.reason) == ("wallet", f"refused_but_paid:{payout_id}")
    assert "payouts_frozen" in await world.notices(OWNER)
    world.clock.advance(25 * 3600)
    assert await process.payouts.look_back() == ""


async def test_a_worker_looks_back_once_a_minute(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def look_back(service: PayoutService) -> str:
        asked.append(world.clock.monotonic())
        return ""

    monkeypatch.setattr(PayoutService, "look_back", look_back)
    process = world.process()
    worker = PayoutWorker(process.withdrawals, process.payouts, firm(), world.clock.monotonic)
    for _ in range(130):
        await worker.round()
        world.clock.advance(1)
    assert [at - asked[0] for at in asked] == [0, 60, 120]


async def test_fees_that_wait_hinder_no_merging(world: MoneyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payouts, "CROWDED", 20)
    monkeypatch.setattr(payouts, "LEFT_ALONE", 4)
    await world.give(ALICE, "1000")
    await world.request(ALICE, "1000")
    await world.settle()
    for _ in range(25):
        world.wallet.pay_in(BOB, USDT.asset_id, "1")
    process = world.process()
    await process.deposits.collect()
    now = world.clock.now()
    waiting = Payout(
        WithdrawalId("fees"), Purpose.FEES, OWNER, USDT, Decimal(1), Decimal(0), PayoutState.REQUESTED,
        now, now, request_id="fees",
    )  # fmt: skip
    if not world.admin_url:
        await world.books.payouts.add(waiting)
    assert "merges small outputs" in await process.payouts.tidy()


@ON_POSTGRES
@pytest.mark.parametrize("purpose", ["withdrawal", "refund", "fees"])
async def test_nothing_is_reserved_for_a_payout_that_the_books_promise_to_nobody(
    world: MoneyWorld, purpose: str
) -> None:
    """With the bot's own login to the database: a row alone makes no worker sign anything (WD1)."""
    await world.give(ALICE, "100")
    receiver = OWNER if purpose == "fees" else MALLORY
    await world.store.execute(
        """
        INSERT INTO payouts (id, purpose, receiver, asset_id, coin, network, amount, fee, state,
                             request_id, created_at, due_at)
        VALUES ('x', $1, $2, $3, 'USDT', 'n', 100, 0, 'requested', 'r', fee_clock(), now())
        """,
        purpose,
        receiver,
        USDT.asset_id,
    )
    world.clock.advance(100_000_000)
    with pytest.raises(InvariantBroken, match="payout_not_promised"):
        await world.store.execute("UPDATE payouts SET state = 'reserved' WHERE id = 'x'")
    assert world.wallet.paid == {}


async def test_a_merge_that_would_pay_another_is_never_built(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    now = world.clock.now()
    row = Payout(
        WithdrawalId("merge"), Purpose.CONSOLIDATION, MALLORY, USDT, Decimal(100), Decimal(0),
        PayoutState.REQUESTED, now, now, request_id="9db4ee0c-6e07-4a43-95bd-e4c4f2ce5b5a",
    )  # fmt: skip
    await world.books.payouts.add(row)
    with pytest.raises(InvariantBroken, match="merge_for_another"):
        await world.process().payouts.drive(row.id)
    assert world.wallet.paid == {}
