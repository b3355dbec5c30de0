"""What must not move coins, and who is told: addresses, fees, shortfalls, doubles, time (TX, EX)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ledger.model import AccountKind, mixin, own, venue
from domain.money import ZERO
from domain.payouts.onward import ChainAddress, NetworkFee
from domain.ports.freezes import coin_scope
from domain.ports.venue_funds import DepositStage, WithdrawalOrder, WithdrawalStage
from domain.services.addresses import Place
from domain.services.treasury_accounts import scope_of
from domain.treasury.addresses import AddressState
from domain.treasury.model import ENDED, Decision, Direction, TransferState, TreasuryTransfer
from domain.treasury.networks import NETWORKS
from tests.domain.services.money_world import ALICE, BTC, OWNER, USDT
from tests.domain.services.treasury_world import (
    ACCOUNT,
    AT_VENUE,
    CHAIN,
    CODE,
    TreasuryWorld,
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


async def only(world: TreasuryWorld) -> TreasuryTransfer:
    (transfer,) = await world.transfers()
    return transfer


async def nothing_left(world: TreasuryWorld) -> None:
    """Hold that no coin has moved and none is promised."""
    assert world.addresses_paid() == set()
    assert await world.booked() == (Decimal(1000), ZERO, Decimal(1000))
    for account in (mixin(USDT), venue(ACCOUNT, USDT.coin), own(AccountKind.INVENTORY, BTC.coin)):
        assert (await world.money.balance(account)).held == 0
    await world.check()


async def frozen(world: TreasuryWorld) -> str:
    return str(await world.books.freezes.frozen(scope_of(ACCOUNT)))


# Where to (TX2).


CHANGED = {
    "address_changed": ChainAddress(CODE, "0xthief"),
    "tag_changed": ChainAddress(CODE, AT_VENUE, "7"),
    "network_changed": ChainAddress("BSC", AT_VENUE),
}


@pytest.mark.parametrize("wrong", CHANGED)
async def test_a_venue_that_says_another_address_gets_nothing(world: TreasuryWorld, wrong: str) -> None:
    await world.plan(TO_VENUE)
    world.far.addresses[USDT.coin, CODE] = CHANGED[wrong]
    await world.settle()
    await nothing_left(world)
    transfer = await only(world)
    assert (transfer.state, transfer.reason) == (TransferState.VOID, wrong)
    assert (await frozen(world)).startswith(wrong)
    assert "address_changed" in await world.told()
    with pytest.raises(Refused, match="transfers_frozen"):
        await world.plan(TO_VENUE)


@pytest.mark.parametrize("held", [False, True])
async def test_mixin_that_says_another_address_gets_nothing(world: TreasuryWorld, held: bool) -> None:
    await world.plan(TO_MIXIN)
    if held:
        await world.process().transfers.advance((await only(world)).id)
        assert await world.state() is TransferState.HELD
    world.wallet.addresses[CHAIN] = ChainAddress(CHAIN, "0xthief")
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "address_changed"
    assert "address_changed" in await world.told()


async def test_a_dropped_tag_is_noticed_to_the_byte(world: TreasuryWorld) -> None:
    place, addresses = Place("gate-1", USDT.coin, NETWORKS["XRP"], "XRP"), world.process().addresses
    tagged = ChainAddress("XRP", "rVenue", "1007")
    assert "cannot be one: tag_missing" in await addresses.note(place, replace(tagged, tag=""))
    assert await world.books.addresses.of("gate-1", USDT.coin, "XRP") == []
    await addresses.note(place, tagged)
    await world.approve_all()
    assert (await addresses.check(place, tagged, ACCOUNT)).said == tagged
    for said, wrong in (
        (replace(tagged, tag=""), "tag_dropped"),
        (replace(tagged, tag="1007 "), "tag_changed"),
        (replace(tagged, address="rVenuE"), "address_changed"),
    ):
        with pytest.raises(Refused, match=wrong):
            await addresses.check(place, said, ACCOUNT)
        assert "address_changed" in await world.told()
        await addresses.note(place, tagged)
        await world.approve_all()


async def test_nothing_goes_to_an_address_that_nobody_approved() -> None:
    async with treasury_world(approved=False) as world:
        for direction in Direction:
            with pytest.raises(Refused, match="address_not_approved"):
                await world.plan(direction)
        assert await world.transfers() == []
        assert (await world.told()).count("address_proposed") == 2
        with pytest.raises(Refused, match="not_allowed"):
            await world.process().addresses.list(ALICE)


async def test_a_canary_is_no_mere_dust_where_the_venue_would_credit_even_that() -> None:
    async with treasury_world(proven=False) as world:
        world.far.offer(USDT.coin, CODE, AT_VENUE, least_deposit=Decimal("0.00000001"))
        await world.plan(TO_VENUE, "400")
        await world.settle()
        (canary,) = await world.transfers()
        assert (canary.canary, canary.amount, canary.state) == (True, Decimal(1), TransferState.CREDITED)


async def test_a_canary_of_the_least_amount_goes_first() -> None:
    async with treasury_world(proven=False) as world:
        for direction, least in ((TO_VENUE, Decimal(1)), (TO_MIXIN, Decimal(2))):
            await world.plan(direction, "400")
            await world.settle()
            canary = (await world.transfers())[-1]
            assert (canary.canary, canary.state) == (True, TransferState.CREDITED)
            assert least <= canary.amount <= least + Decimal("0.01")
            await world.plan(direction, "400")
            await world.settle()
            whole = (await world.transfers())[-1]
            assert (whole.canary, whole.state) == (False, TransferState.CREDITED)
            assert Decimal("399.99") <= whole.amount <= Decimal(400)
        await world.check()


async def test_an_address_that_was_approved_anew_is_used_and_the_old_one_is_not(world: TreasuryWorld) -> None:
    world.far.addresses[USDT.coin, CODE] = CHANGED["address_changed"]
    await world.plan(TO_VENUE)
    await world.settle()
    await world.process().addresses.note(
        Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE), CHANGED["address_changed"]
    )
    await world.approve_all()
    world.books.freezes.rows.clear()
    await world.plan(TO_VENUE)
    await world.settle()
    assert world.addresses_paid() == {"0xthief"}
    states = {entry.state for entry in await world.books.addresses.of(ACCOUNT, USDT.coin, "Ethereum")}
    assert states == {AddressState.PROVEN}


# How much (TX1, TX5, TX7, EX5, EX6).


async def test_a_fee_that_has_risen_since_the_plan_voids_it(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("0.0012"))
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "fee_changed"
    assert "transfer_void" in await world.told()


async def test_a_venues_fee_that_has_risen_since_the_plan_voids_it(world: TreasuryWorld) -> None:
    await world.plan(TO_MIXIN)
    world.far.offer(USDT.coin, CODE, AT_VENUE, fee=Decimal("0.6"))
    await world.settle()
    await nothing_left(world)
    assert (await only(world)).reason == "fee_changed"


async def test_the_fee_that_a_venue_really_takes_is_booked(world: TreasuryWorld) -> None:
    await world.plan(TO_MIXIN)
    await world.process().transfers.advance((await only(world)).id)
    world.far.offer(USDT.coin, CODE, AT_VENUE, fee=Decimal("0.75"))
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert (await only(world)).fee == Decimal("0.75")
    assert await world.own(AccountKind.INVENTORY) == Decimal("1999.25")
    await world.check()


async def test_the_owners_float_bears_fees_and_peoples_money_does_not(world: TreasuryWorld) -> None:
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("1.5"))
    world.wallet.pay_in(ALICE, BTC.asset_id, "5")
    await world.plan(TO_VENUE)
    await world.settle()
    assert (await only(world)).reason == "insufficient_funds"
    await nothing_left(world)


async def test_an_address_that_mixin_refuses_voids_it_and_holds_nothing(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.wallet.refusals["build_onward"] = ["address_invalid"]
    await world.settle()
    assert await world.state() is TransferState.VOID
    await nothing_left(world)


async def test_a_plan_that_waits_for_money_is_void_after_ten_minutes(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE, "1000")
    await world.money.give(ALICE, "5")
    await world.money.request(ALICE, "5")
    output = world.wallet.outputs[0]
    await world.books.strike(output.output_id)
    said = await world.settle(40)
    assert await world.state() is TransferState.VOID, said
    assert (await only(world)).reason == "stale"
    assert world.addresses_paid() == set()
    assert (await world.money.balance(own(AccountKind.INVENTORY, BTC.coin))).held == 0


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_is_missing_stays_in_transit_until_a_person_writes_it_off(
    world: TreasuryWorld, direction: Direction
) -> None:
    world.loses = Decimal("0.25")
    await world.plan(direction)
    await world.settle()
    transfer = await only(world)
    assert (transfer.state, transfer.short) == (TransferState.STUCK, Decimal("0.25"))
    at_mixin, under_way, at_venue = await world.booked()
    assert under_way == Decimal("0.25")
    assert at_mixin == world.wallet.unspent(USDT.asset_id)
    assert at_venue == world.far.trading[USDT.coin]
    assert "transfer_short" in await world.told()
    with pytest.raises(Refused, match="transfer_unresolved"):
        await world.plan(direction)
    inventory = await world.own(AccountKind.INVENTORY)
    await world.decide(Decision.WRITE_OFF)
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.INVENTORY) == inventory - Decimal("0.25")
    await world.check()


async def test_a_deposit_fee_explains_what_is_missing(world: TreasuryWorld) -> None:
    await world.plan(TO_VENUE)
    world.carries = False
    await world.settle(6)
    world.wallet.carry((await only(world)).sent_as, "0xc0ffee")
    world.far.receive(USDT.coin, CODE, "99", "0xC0FFEE", fee="1")
    world.far.credit("0xC0FFEE")
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.INVENTORY) == Decimal(1999)
    await world.check()


@pytest.mark.parametrize("direction", list(Direction))
async def test_what_is_beyond_goes_to_suspense(world: TreasuryWorld, direction: Direction) -> None:
    world.loses = Decimal("-0.25")
    await world.plan(direction)
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    assert await world.own(AccountKind.SUSPENSE) == Decimal("0.25")
    assert "transfer_over" in await world.told()
    await world.check()


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


# What hostile eyes found.


async def test_a_payout_that_was_handed_over_stands_still_when_its_account_is_stopped(
    world: TreasuryWorld,
) -> None:
    await world.plan(TO_VENUE)
    await world.process().transfers.advance((await only(world)).id)
    await world.books.freezes.freeze(scope_of(ACCOUNT), "why", world.clock.now())
    await world.settle(6)
    assert world.addresses_paid() == set()
    [freeze] = await world.books.freezes.open()
    await world.books.freezes.lift(freeze, OWNER, world.clock.now())
    await world.settle()
    assert await world.state() is TransferState.CREDITED


@pytest.mark.parametrize("direction", Direction)
async def test_nothing_more_is_sent_of_a_coin_that_is_frozen(
    world: TreasuryWorld, direction: Direction
) -> None:
    await world.plan(direction)
    await world.process().transfers.advance((await only(world)).id)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    await world.settle(3)
    assert world.addresses_paid() == set()
    with pytest.raises(Refused, match="transfers_frozen"):
        await world.plan(direction)
    [freeze] = await world.books.freezes.open()
    await world.books.freezes.lift(freeze, OWNER, world.clock.now())
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_what_a_chain_carries_of_a_frozen_coin_is_followed_to_its_end(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(3)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    world.carries = True
    await world.settle()
    assert await world.state() is TransferState.CREDITED
    await world.check()


async def test_nobody_is_asked_to_withdraw_a_frozen_coin_by_hand(world: TreasuryWorld) -> None:
    world.by_hand = True
    await world.plan(TO_MIXIN)
    await world.books.freezes.freeze(coin_scope(USDT.coin), "by_hand:o", world.clock.now())
    await world.settle(3)
    assert "transfer_by_hand" not in await world.told()


async def test_a_canary_proves_the_address_it_went_to_and_no_other() -> None:
    async with treasury_world(proven=False) as world:
        world.carries = False
        await world.plan(TO_VENUE)
        await world.settle(6)
        other = ChainAddress(CODE, "0xother")
        await world.process().addresses.note(Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE), other)
        await world.approve_all()
        world.carries = True
        await world.settle()
        assert await world.state() is TransferState.CREDITED
        [entry] = await world.books.addresses.of(ACCOUNT, USDT.coin, "Ethereum")
        assert (entry.said, entry.state) == (other, AddressState.APPROVED)


async def test_a_hash_is_the_same_however_it_is_written(world: TreasuryWorld) -> None:
    world.carries = False
    await world.plan(TO_MIXIN)
    await world.settle(4)
    made = world.far.withdrawals[0]
    world.far.restage(made.withdrawal_id, WithdrawalStage.DONE, "AB" * 32)
    world.wallet.arrive(USDT.asset_id, str(made.arrives), "0x" + "ab" * 32)
    await world.settle(4)
    assert await world.state() is TransferState.CREDITED


async def test_what_stands_in_the_way_is_told_once_and_tried_again_later(world: TreasuryWorld) -> None:
    world.wallet.fees[USDT.asset_id] = NetworkFee(BTC.asset_id, Decimal("1.5"))
    world.keep = Decimal(2002)
    for _ in range(20):
        await world.process().planning.round()
        await world.round()
        world.clock.advance(31)
    assert len(await world.transfers()) == 1
    world.clock.advance(600)
    await world.process().planning.round()
    await world.round()
    assert len(await world.transfers()) == 2
    assert (await world.told()).count("transfer_void") == 1


async def test_a_transfer_of_an_account_that_is_gone_stands_still_and_disturbs_nobody(
    world: TreasuryWorld,
) -> None:
    await world.plan(TO_MIXIN)
    service = world.process().transfers
    service._accounts = {}
    assert "nobody speaks for its account" in await service.advance((await only(world)).id)
    await world.settle()
    assert await world.state() is TransferState.CREDITED
