"""Transfers happen once, are told when late, and are decided by the owner alone (TX4, TX6, TX8, EX2 …)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ledger.model import AccountKind
from domain.money import ZERO
from domain.ports.venue_funds import DepositStage, WithdrawalOrder, WithdrawalStage
from domain.treasury.model import ENDED, Decision, Direction, TransferState
from tests.domain.services.money_world import ALICE, OWNER, USDT
from tests.domain.services.treasury_world import (
    TreasuryWorld,
    frozen,
    nothing_left,
    only,
    treasury_world,
)
from tests.fakes.venue_funds import Personality
from tests.fakes.wallet import Fault

TO_VENUE, TO_MIXIN = Direction.TO_VENUE, Direction.TO_MIXIN


@pytest.fixture
async def world() -> AsyncIterator[TreasuryWorld]:
    """Give a world whose addresses are proven."""
    async with treasury_world() as made:
        yield made


# Once (TX4, TX6, TX8, EX3).


async def test_the_missing_half_of_a_pair_is_sent_unchanged(world: TreasuryWorld) -> None:
    world.wallet.faults["half"] = [Fault.LOST]
    await world.plan(TO_VENUE)
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert len(world.wallet.executed) == 2
    await world.check()


async def test_no_refusal_ends_a_pair_of_which_one_half_was_accepted(world: TreasuryWorld) -> None:
    world.wallet.faults["half"] = [Fault.LOST]
    world.wallet.refusals["submit"] = []
    await world.plan(TO_VENUE)
    for _ in range(4):
        await world.round()
        world.wallet.refusals["submit"] = ["network_fee_too_small"] * 3
        world.clock.advance(31)
    world.wallet.refusals["submit"] = []
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_one_transfer_of_an_account_and_a_coin_at_a_time(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    for direction in Direction:
        with pytest.raises(Refused, match="transfer_unresolved"):
            await world.plan(direction)
    await world.settle()
    await world.plan(TO_MIXIN)


async def test_a_deposit_that_is_listed_twice_under_new_ids_is_credited_once(world: TreasuryWorld) -> None:
    world.credits = False
    await world.plan(TO_VENUE)
    await world.settle(8)
    (deposit,) = world.far.deposits
    world.far.deposits.append(replace(deposit, deposit_id="renamed", stage=DepositStage.CONFIRMING))
    world.far.credit(deposit.chain_hash)
    world.far.trading[USDT.coin] -= 100  # the venue has it once
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_coins_that_came_by_another_hash_are_not_the_transfers(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(4)
    made = world.far.withdrawals[0]
    world.wallet.arrive(USDT.asset_id, str(made.arrives), "0xstranger")
    world.far.restage(made.withdrawal_id, WithdrawalStage.DONE, "0xours")
    await world.settle(4)
    assert await world.state() is TransferState.ON_CHAIN
    assert await world.own(AccountKind.SUSPENSE) == made.arrives
    world.wallet.arrive(USDT.asset_id, str(made.arrives), "0xours")
    await world.settle(4)
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.SUSPENSE) == made.arrives


async def test_a_withdrawal_that_is_listed_twice_stops_everything(world: TreasuryWorld) -> None:
    world.far.personality = Personality.LABELS
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(2)
    transfer = await only(world)
    world.far.pay(WithdrawalOrder(transfer.client_id, USDT.coin, transfer.to, transfer.amount))
    await world.settle(3)
    assert (await frozen(world)).startswith("withdrawn_twice")
    assert (await world.told()).count("transfer_twice") == 1
    with pytest.raises(Refused, match="transfers_frozen"):
        await world.plan(TO_VENUE)


# When (TX6, EX2, EX4, EX7, TX8).


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_is_late_is_said_once_and_still_credited(
    world: TreasuryWorld, direction: Direction
) -> None:
    world.carries = False
    await world.plan(direction)
    await world.settle(6)
    world.clock.advance(24 * 3600)
    for _ in range(3):
        await world.settle(2)
    assert await world.state() is TransferState.STUCK
    assert (await world.told()).count("transfer_stuck") == 1
    assert (await world.booked())[1] > 0
    world.carries = True
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_a_venue_that_looks_at_a_withdrawal_is_waited_for_and_told_of(world: TreasuryWorld) -> None:
    world.far.reviews = True
    await world.plan(TO_MIXIN)
    await world.settle(5)
    assert await world.state() is TransferState.AWAITING_VENUE
    assert (await world.told()).count("transfer_in_review") == 1
    world.far.restage(world.far.withdrawals[0].withdrawal_id, WithdrawalStage.UNDER_WAY)
    await world.settle()
    assert await world.state() is TransferState.CREDITED


@pytest.mark.parametrize("rounds", [2, 5])
async def test_what_a_venue_gives_back_is_there_again(world: TreasuryWorld, rounds: int) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(rounds)
    world.far.restage(world.far.withdrawals[0].withdrawal_id, WithdrawalStage.CANCELLED)
    await world.settle()
    assert await world.state() is TransferState.RETURNED
    assert await world.booked() == (Decimal(1000), ZERO, Decimal(1000))
    assert await world.own(AccountKind.INVENTORY) == Decimal(2000)
    assert "transfer_returned" in await world.told()
    await world.check()


async def test_a_credit_that_a_venue_takes_back_is_told_and_stops_its_transfers(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    await world.settle()
    assert await world.process().transfers.look_back() == ""
    world.far.deposits[0] = replace(world.far.deposits[0], stage=DepositStage.CONFIRMING)
    for _ in range(2):
        assert "is not any more" in await world.process().transfers.look_back()
    assert (await frozen(world)).startswith("deposit_went_back")
    assert (await world.told()).count("transfer_went_back") == 1


async def test_a_person_may_ask_again_only_when_nothing_shows_it_and_nothing_is_gone() -> None:
    async with treasury_world(personality=Personality.DELAYED) as world:
        world.carries = False
        world.far.listed_after = timedelta(hours=2)
        world.far.faults["withdraw"] = [Fault.LOST]
        await world.plan(TO_MIXIN)
        await world.settle(40)
        assert await world.state() is TransferState.UNKNOWN
        assert "transfer_unlisted" in await world.told()
        assert "transfer_unanswered" not in await world.told()
        with pytest.raises(Refused, match="transfer_not_open_to"):
            await world.decide(Decision.RESEND)
        assert world.far.calls["withdraw"] == 1


async def test_a_word_that_has_become_wrong_meanwhile_is_not_acted_on(world: TreasuryWorld) -> None:
    world.far.faults["withdraw"] = [Fault.DOWN]
    await world.plan(TO_MIXIN)
    await world.settle(40)
    assert (await world.told()).count("transfer_unanswered") == 1
    await world.decide(Decision.RESEND)
    world.far.trading[USDT.coin] -= 100  # gone after all, and not yet listed
    await world.settle(5)
    assert world.far.calls["withdraw"] == 1
    assert await world.state() is TransferState.UNKNOWN
    world.far.trading[USDT.coin] += 100
    await world.settle(5)
    await world.decide(Decision.GIVE_UP)
    await world.settle(5)
    assert await world.state() is TransferState.VOID
    await world.check()


async def test_a_no_is_believed_once_and_not_after_a_second_asking(world: TreasuryWorld) -> None:
    world.far.refusals["withdraw"] = ["not_enough"]
    await world.plan(TO_MIXIN)
    await world.settle()
    assert await world.state() is TransferState.VOID
    world.far.faults["withdraw"] = [Fault.DOWN]
    await world.plan(TO_MIXIN)
    await world.settle(40)
    await world.decide(Decision.RESEND)
    world.far.refusals["withdraw"] = ["not_enough"]
    await world.settle(2)
    assert (await world.transfers())[-1].state is TransferState.UNKNOWN


# Two wallets, and by hand.


@pytest.mark.parametrize("direction", list(Direction))
async def test_a_venue_with_two_wallets_is_traded_from_the_right_one(direction: Direction) -> None:
    async with treasury_world(two_wallets=True) as world:
        world.far.faults["to_trading"] = [Fault.LOST]
        await world.plan(direction)
        await world.settle()
        assert await world.state() is TransferState.CREDITED
        assert world.far.funding[USDT.coin] == 0
        await world.check()


@pytest.mark.parametrize("says_so", [False, True])
async def test_a_person_withdraws_where_we_hold_no_key(says_so: bool) -> None:
    async with treasury_world(by_hand=True) as world:
        await world.plan(TO_MIXIN)
        await world.settle(3)
        transfer = await only(world)
        assert (await world.told()).count("transfer_by_hand") == 1
        assert world.far.calls["withdraw"] == 0
        if says_so:
            await world.decide(Decision.DONE_BY_HAND)
            await world.settle(2)
            assert await world.state() is TransferState.UNKNOWN
        world.far.pay(WithdrawalOrder("", USDT.coin, transfer.to, transfer.amount))
        await world.settle()
        assert await world.state() is TransferState.CREDITED
        assert world.far.calls["withdraw"] == 0
        await world.check()


async def test_what_a_person_does_not_want_to_withdraw_is_given_up() -> None:
    async with treasury_world(by_hand=True) as world:
        await world.plan(TO_MIXIN)
        await world.settle(3)
        await world.decide(Decision.GIVE_UP)
        await world.settle(2)
        await nothing_left(world)


async def test_decisions_are_the_owners_and_bind_what_was_seen(world: TreasuryWorld) -> None:
    world.far.faults["withdraw"] = [Fault.DOWN]
    await world.plan(TO_MIXIN)
    await world.settle(40)
    at, transfer = world.process().decisions, await only(world)
    with pytest.raises(Refused, match="not_allowed"):
        await at.ask(ALICE, transfer.id, Decision.RESEND)
    _, token = await at.ask(OWNER, transfer.id, Decision.RESEND)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await at.decide(OWNER, transfer.id, Decision.GIVE_UP, token, "message")
    await at.decide(OWNER, transfer.id, Decision.RESEND, token, "message")
    with pytest.raises(Refused, match="confirmation_used"):
        await at.decide(OWNER, transfer.id, Decision.RESEND, token, "message again")
    await world.settle()
    assert await world.state() in ENDED
