"""Withdrawals, in memory and on a real Postgres: paid once or given back, whatever happens."""

import asyncio
import contextvars
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.db.withdrawals import PostgresPayouts
from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import AccountKind
from domain.payouts.fees import WithdrawalQuote
from domain.payouts.inputs import Spendable
from domain.payouts.model import Purpose
from tests.domain.services.money_world import ALICE, BOB, BTC, ON_POSTGRES, OWNER, USDT, MoneyWorld
from tests.fakes.leases import firm
from tests.fakes.wallet import DENIED, Fault
from workers.payouts import PayoutWorker


async def test_a_withdrawal_is_paid_and_booked(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, "40")
    assert await world.funds(ALICE) == ("60", "40")
    await world.settle()
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("39.96")
    assert await world.funds(ALICE) == ("60", "0")
    assert await world.own(AccountKind.FEES) == Decimal("0.04")
    assert await world.notices(ALICE) == ["deposit_credited", "withdrawal_sent"]
    await world.check()


async def test_everything_can_be_withdrawn(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, None)
    await world.settle()
    assert await world.free(ALICE) == 0
    assert await world.process().balances.of(ALICE) == []
    await world.check()


async def test_change_comes_back_and_is_no_deposit(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, "10")
    await world.settle()
    await world.request(ALICE, "90")
    await world.settle()
    assert await world.states() == ["done", "done"]
    await world.check()


@pytest.mark.parametrize(
    ("amount", "code"),
    [("100.00000001", "insufficient_funds"), ("0", "amount_not_positive"), ("NaN", "amount_not_positive"),
     ("0.00000001", "amount_too_small"), ("1.000000001", "amount_too_precise")],
)  # fmt: skip
async def test_what_cannot_be_paid_is_refused(world: MoneyWorld, amount: str, code: str) -> None:
    await world.give(ALICE, "100")
    with pytest.raises(Refused) as refused:
        await world.process().withdrawals.quote(ALICE, USDT.asset_id, Decimal(amount))
    assert refused.value.code == code


async def test_a_quote_of_nothing_says_how_little_there_is(world: MoneyWorld) -> None:
    with pytest.raises(Refused) as refused:
        await world.process().withdrawals.quote(ALICE, USDT.asset_id, None)
    assert refused.value.facts == {"available": "0"}


async def test_a_confirmation_works_once_for_its_person_and_its_amount(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "100")
    process = world.process()
    at, is_used = process.withdrawals, process.confirmations.is_used
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(10))
    more = await at.quote(ALICE, USDT.asset_id, Decimal(20))
    token = await at.confirm(ALICE, quote)

    async def code_of(user_id: UserId, wanted: WithdrawalQuote = quote) -> str:
        with pytest.raises(Refused) as refused:
            await at.request(wanted, user_id, token)
        return refused.value.code

    assert await code_of(BOB) == "confirmation_unknown"
    assert await code_of(ALICE, more) == "confirmation_unknown"
    assert not await is_used(ALICE, token)
    await at.request(quote, ALICE, token)
    for _ in range(10):
        assert await code_of(ALICE) == "confirmation_used"
    assert await is_used(ALICE, token)
    assert not await is_used(BOB, token)
    assert not await is_used(ALICE, "no such token")
    assert await world.held(ALICE) == 10


async def test_a_confirmation_expires(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    at = world.process().withdrawals
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(10))
    token = await at.confirm(ALICE, quote)
    world.clock.advance(timedelta(minutes=5).total_seconds())
    with pytest.raises(Refused, match="confirmation_expired"):
        await at.request(quote, ALICE, token)


async def test_a_confirmation_is_not_used_up_by_a_refusal(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    at = world.process().withdrawals
    quote = await at.quote(ALICE, USDT.asset_id, Decimal(60))
    token = await at.confirm(ALICE, quote)
    await world.request(ALICE, "60")
    with pytest.raises(Refused, match="insufficient_funds"):
        await at.request(quote, ALICE, token)
    await world.give(ALICE, "20")
    await at.request(quote, ALICE, token)


async def test_less_than_the_minimum_can_only_be_taken_as_all_there_is(world: MoneyWorld) -> None:
    await world.give(ALICE, "100.5")
    with pytest.raises(Refused, match="amount_too_small minimum=1"):
        await world.process().withdrawals.quote(ALICE, USDT.asset_id, Decimal("0.5"))
    await world.request(ALICE, "100")
    await world.request(ALICE, "0.5")
    await world.settle()
    assert await world.free(ALICE) == 0
    await world.check()


async def test_one_can_choose_among_the_coins_one_has(world: MoneyWorld) -> None:
    assert await world.process().withdrawals.choices(ALICE) == []
    await world.give(ALICE, "100")
    await world.give(ALICE, "1", BTC)
    await world.request(ALICE, "1", BTC)
    assert [b.coin for b in await world.process().withdrawals.choices(ALICE)] == ["USDT"]


async def test_many_requests_at_once_promise_no_more_than_there_is(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    results = await asyncio.gather(*(world.request(ALICE, "30") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(r, str) for r in results) == 3
    assert await world.free(ALICE) == 10
    await world.settle()
    await world.check()


async def test_a_withdrawal_beyond_the_float_waits_visibly_in_its_place(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "10")
    await world.lend("70")
    first = await world.request(ALICE, "100")
    await world.settle(3)
    assert await world.states() == ["waiting"]
    assert (await world.notices(ALICE)).count("withdrawal_waiting") == 1
    assert await world.held(ALICE) == 100
    world.wallet.pay_in(OWNER, USDT.asset_id, "80", memo="float")
    await world.settle()
    assert await world.states() == ["done"], first
    await world.check()


async def test_a_receiver_who_cannot_be_paid_gets_everything_back(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    world.wallet.unregistered.add(ALICE)
    await world.request(ALICE, "40")
    await world.settle()
    assert await world.states() == ["refused"]
    assert await world.funds(ALICE) == ("100", "0")
    assert await world.notices(ALICE) == ["deposit_credited", "withdrawal_refused"]
    assert not world.wallet.paid
    await world.give(BOB, "1")
    await world.request(BOB, "1")  # the inputs are free again
    await world.settle()
    await world.check()


@pytest.mark.parametrize("call", ["build", "sign", "submit"])
async def test_a_definite_no_at_any_step_gives_everything_back(world: MoneyWorld, call: str) -> None:
    await world.give(ALICE, "100")
    world.wallet.refusals[call] += ["receiver_deleted"] * 9
    payout_id = await world.request(ALICE, "40")
    await world.settle()
    assert await world.states() == ["refused"]
    assert await world.funds(ALICE) == ("100", "0")
    assert "nothing to do" in await world.process().withdrawals.advance(payout_id)
    await world.check()


async def test_an_accepted_payment_that_mixin_loses_is_sent_again_in_the_same_bytes(
    world: MoneyWorld,
) -> None:
    world.wallet.polls_to_final = 3
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await world.process().payouts.drive(payout_id)
    world.wallet.lose(world.wallet.executed[0])
    await world.settle()
    assert await world.states() == ["done"]
    await world.check()


async def test_a_step_taken_by_two_workers_at_once_is_taken_once(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    for _ in range(5):
        await asyncio.gather(*(world.process().payouts.advance(payout_id) for _ in range(3)))
    await world.process().deposits.collect()
    await world.check()
    assert await world.states() == ["done"]
    assert (await world.notices(ALICE)).count("withdrawal_sent") == 1


async def test_a_payment_that_breaks_does_not_stop_the_others(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "1", BTC)
    await world.request(BOB, "0.5", BTC)
    broken = await world.request(ALICE, "40")
    world.wallet.steal(world.wallet.outputs[0].output_id)
    process, said = world.process(), []
    worker = PayoutWorker(process.withdrawals, process.payouts, firm(), world.clock.monotonic)
    for _ in range(4):
        said.append(await worker.round())
        world.clock.advance(31)
    assert f"{broken} broke: spent_elsewhere" in said[-1]
    assert await world.states() == ["done", "built"]


async def test_a_no_that_we_do_not_know_to_be_final_ends_nothing(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    for call in ("build", "sign", "submit"):
        world.wallet.refusals[call].append("something_new")
    await world.request(ALICE, "40")
    await world.settle()
    assert await world.states() == ["done"]
    await world.check()


async def test_a_no_after_the_payment_was_accepted_does_not_undo_it(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, "40")
    world.wallet.faults["submit"].append(DENIED)
    await world.settle()
    assert await world.states() == ["done"]
    await world.check()


async def test_inputs_that_somebody_else_spent_stop_the_wallet(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "1", BTC)
    payout_id = await world.request(ALICE, "40")
    world.wallet.steal(world.wallet.outputs[0].output_id)
    for _ in range(3):  # it may be our own doing: look first
        assert "inputs_spent" in await world.process().payouts.drive(payout_id)
    with pytest.raises(InvariantBroken, match="spent_elsewhere"):
        await world.process().payouts.drive(payout_id)
    assert await world.held(ALICE) == 40
    other = await world.request(BOB, "0.5", BTC)
    assert "frozen" in await world.process().payouts.drive(other)


@pytest.mark.parametrize("call", ["build", "sign", "submit", "find"])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("times", [1, 3])
async def test_a_missing_answer_is_looked_up_and_paid_once(
    world: MoneyWorld, call: str, fault: Fault, times: int
) -> None:
    await world.give(ALICE, "100")
    world.wallet.faults[call] += [fault] * times
    await world.request(ALICE, "40")
    await world.settle()
    assert await world.states() == ["done"]
    assert world.wallet.paid[ALICE, USDT.asset_id] == Decimal("39.96")
    await world.check()


async def test_two_workers_pay_once(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    for _ in range(5):
        await world.request(ALICE, "15")

    async def worker() -> None:
        process = world.process()
        for _ in range(10):
            await world.round(process)
            world.clock.advance(5)

    await asyncio.gather(worker(), worker(), worker())
    await world.settle()
    assert await world.states() == ["done"] * 5
    assert world.wallet.paid[ALICE, USDT.asset_id] == 5 * Decimal("14.985")
    await world.check()


@ON_POSTGRES
async def test_change_that_is_booked_while_outputs_are_chosen_is_not_taken_for_many_outputs(
    world: MoneyWorld,
) -> None:
    await world.give(ALICE, "100")
    first, second = await world.request(ALICE, "15"), await world.request(ALICE, "15")
    process = world.process()
    await process.payouts.drive(first)
    chosen = process.payouts._payouts.spendable

    async def overtaken(asset_id: AssetId, most: int) -> list[Spendable]:
        free = await chosen(asset_id, most)
        booking = asyncio.create_task(world.process().deposits.collect(), context=contextvars.Context())
        await booking  # another worker, in a transaction of its own
        return list(free)

    process.payouts._payouts.spendable = overtaken  # type: ignore[method-assign]  # a moment no test can time
    await process.payouts.advance(second)
    assert {payout.purpose for payout in await world.books.made()} == {Purpose.WITHDRAWAL}
    await world.settle()
    assert await world.states() == ["done"] * 2
    await world.check()


async def test_two_payouts_never_share_an_input(world: MoneyWorld) -> None:
    for _ in range(4):
        await world.give(ALICE, "10")
    ids = [await world.request(ALICE, "10") for _ in range(4)]
    await asyncio.gather(*(world.process().payouts.advance(payout_id) for payout_id in ids))
    reserved = await world.books.reserved()
    assert sorted(reserved.values()) == sorted(ids)


async def test_a_payment_of_too_many_small_outputs_merges_them_first(world: MoneyWorld) -> None:
    for _ in range(300):
        world.wallet.pay_in(ALICE, USDT.asset_id, "1")
    await world.process().deposits.collect()
    await world.request(ALICE, "290")
    await world.settle()
    assert await world.states() == ["done", "done"]
    assert len(world.wallet.executed) == 2
    assert "withdrawal_waiting" not in await world.notices(ALICE)
    await world.check()


@ON_POSTGRES
async def test_a_flood_of_dust_does_not_delay_a_withdrawal(world: MoneyWorld) -> None:
    """DP7: the dust is stored as the collector would, but in one statement."""
    await world.give(ALICE, "100")
    await world.store.execute(
        """
        INSERT INTO outputs SELECT 'dust-' || n, n, 'hash', 0, $1, 0.00000001, 'dust', '', '', false, false,
                                   now(), 'hash', 'suspense', 'below_minimum', now()
        FROM generate_series(1, 10000) AS n
        """,
        USDT.asset_id,
    )
    payout_id = await world.request(ALICE, "40")
    began = time.monotonic()
    await world.process().payouts.drive(payout_id)
    assert await world.states() == ["done"]
    assert time.monotonic() - began < 5


@ON_POSTGRES
async def test_choosing_outputs_costs_what_it_finds(world: MoneyWorld, admin: Any) -> None:
    """Neither a flood of dust nor years of spent outputs are read to pay from the largest ones."""
    await world.give(ALICE, "100")
    await world.store.execute(
        """
        INSERT INTO outputs SELECT 'dust-' || n, n, 'hash', 0, $1, 0.00000001, 'dust', '', '', false, false,
                                   now(), 'hash', 'suspense', 'below_minimum', now()
        FROM generate_series(1, 2000) AS n
        """,
        USDT.asset_id,
    )
    payouts = PostgresPayouts(world.store)
    assert [o.amount for o in await payouts.spendable(USDT.asset_id, 2)] == [100, Decimal("0.00000001")]
    assert await payouts.free_total(USDT.asset_id) == Decimal("100.00002")
    await world.request(ALICE, "100")
    await world.round()
    assert Decimal(100) not in [o.amount for o in await payouts.spendable(USDT.asset_id, 2)]
    with pytest.raises(asyncpg.PostgresError, match="change_refused"):
        await admin.execute("DELETE FROM free_outputs")


async def test_a_payment_is_settled_only_when_final(world: MoneyWorld) -> None:
    world.wallet.polls_to_final = 3
    await world.give(ALICE, "100")
    payout_id = await world.request(ALICE, "40")
    await world.process().payouts.drive(payout_id)
    assert await world.states() == ["sent"]
    assert await world.held(ALICE) == 40
    await world.settle()
    assert await world.states() == ["done"]


@ON_POSTGRES
async def test_bytes_hash_and_amount_are_fixed_in_the_database(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    await world.request(ALICE, "40")
    await world.settle()
    for change in ("raw = 'other'", "transaction_hash = 'other'", "signed_raw = ''", "amount = 39",
                   "receiver = 'bob'", "state = 'requested'", "request_id = 'other'"):  # fmt: skip
        with pytest.raises(InvariantBroken):
            await world.store.execute(f"UPDATE payouts SET {change}")  # noqa: S608 - texts from above
    for statement in ("DELETE FROM payouts", "DELETE FROM reservations", "DELETE FROM outputs",
                      "UPDATE outputs SET amount = 1", "UPDATE reservations SET position = 7"):  # fmt: skip
        with pytest.raises(InvariantBroken):
            await world.store.execute(statement)


async def test_an_unknown_withdrawal_is_refused(world: MoneyWorld) -> None:
    with pytest.raises(Refused, match="withdrawal_unknown"):
        await world.process().withdrawals.advance(WithdrawalId("none"))


async def test_withdrawal_asked_for_while_a_clock_was_wrong_is_paid_once_it_is_right(
    world: MoneyWorld,
) -> None:
    await world.give(ALICE, "100")
    world.clock.advance(3600)
    await world.request(ALICE, "40")
    world.clock.advance(-3600)
    await world.settle()
    assert await world.states() == ["done"]
    await world.check()
