"""Coins that come and go, without clock, socket or disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.rails.crossing import STRAY, Crossing
from sandbox.rails.networks import BY_NAME, ETHEREUM, RIPPLE
from sandbox.venue.accounts import Accounts
from sandbox.venue.coins import WAYS, find_way
from sandbox.venue.funds import Address, Ask, Declined, Funds, Reason, Stage, Withdrawal
from sandbox.venue.model import units

OURS = ETHEREUM.address_of("mixin")
XRP_AT_MIXIN = RIPPLE.address_of("mixin")


class Venue:
    """Funds of one account, and a clock."""

    def __init__(self) -> None:
        self.accounts, self.now_ms = Accounts(), 1_000_000
        self.funds = Funds(self.accounts)
        self.funds.allowed["mm"] = [("ETH", OURS, ""), ("XRP", XRP_AT_MIXIN, "7")]
        for coin in ("USDT", "XRP"):
            self.accounts.bring("mm", coin, units("1000"))

    def ask(self, amount: str = "100", **changes: Any) -> Withdrawal:
        facts = {"coin": "USDT", "network": "ETH", "address": OURS, "tag": "", "client_id": "mmt1"}
        return self.funds.withdraw("mm", Ask(**{**facts, "units": units(amount), **changes}), self.now_ms)

    def later(self, ms: int = 10_000) -> list[Any]:
        self.now_ms += ms
        gone = self.funds.step(self.now_ms)
        assert set(self.accounts.missing().values()) == {0}
        return gone

    def free(self, coin: str = "USDT") -> int:
        return self.accounts.free["mm", coin]

    def arrives(self, amount: str = "50", **changes: Any) -> Crossing:
        way = find_way("USDT", "ETH")
        assert way
        at = self.funds.address_of("mm", "USDT", "ETH")
        facts = {
            "chain_id": ETHEREUM.chain_id,
            "asset_key": way.asset_key,
            "sender": OURS,
            "address": at.address,
            "tag": "",
        }
        crossing = Crossing(**{"hash": "0xin", "units": units(amount), **facts, **changes})
        self.funds.see(crossing, self.now_ms)
        return crossing


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_a_withdrawal_leaves_the_account_at_once_and_its_fee_out_of_the_amount(venue: Venue) -> None:
    made = venue.ask("100")
    assert venue.free() == units("900")
    assert venue.later(0) == []
    venue.later(300)
    [gone] = venue.later()
    assert (gone.units, gone.address, gone.name) == (units("96"), OURS, str(made.number))
    [(_, listed)] = venue.funds.listed_withdrawals("mm", venue.now_ms)
    assert (listed.stage, listed.chain_hash, listed.fee) == (Stage.DONE, gone.hash, units("4"))
    venue.funds.delivered(gone)
    assert venue.later() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coin": "DOGE"}, Reason.UNKNOWN_COIN),
        ({"network": "BSC"}, Reason.UNKNOWN_NETWORK),
        ({"address": OURS[:-1]}, Reason.BAD_ADDRESS),
        ({"tag": "7"}, Reason.BAD_TAG),
        ({"coin": "XRP", "network": "XRP", "address": XRP_AT_MIXIN}, Reason.BAD_TAG),
        ({"coin": "XRP", "network": "XRP", "address": XRP_AT_MIXIN, "tag": "8"}, Reason.NOT_LISTED),
        ({"address": ETHEREUM.address_of("thief")}, Reason.NOT_LISTED),
        ({"units": units("100.0000001")}, Reason.TOO_PRECISE),
        ({"units": units("9.99")}, Reason.TOO_LITTLE),
        ({"units": units("1000.01")}, Reason.TOO_POOR),
    ],
)
def test_what_may_not_leave_is_declined_and_nothing_happened(
    venue: Venue, changes: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(Declined) as declined:
        venue.ask(**changes)
    assert declined.value.reason is reason
    assert venue.free() == units("1000")
    assert venue.funds.listed_withdrawals("mm", venue.now_ms) == []


def test_an_account_without_a_list_of_addresses_sends_anywhere(venue: Venue) -> None:
    del venue.funds.allowed["mm"]
    assert venue.ask(address=ETHEREUM.address_of("anybody")).number == 1


@pytest.mark.parametrize(
    ("habit", "made", "shown"), [("dedupe", 1, "mmt1"), ("label", 2, "mmt1"), ("ignore", 2, "")]
)
def test_venues_differ_in_what_a_name_asked_for_twice_means(
    venue: Venue, habit: str, made: int, shown: str
) -> None:
    venue.funds.habits.change({"client_ids": habit})
    again = [venue.ask().number for _ in range(2)]
    listed = venue.funds.listed_withdrawals("mm", venue.now_ms)
    assert (again[1], len(listed)) == (made, made)
    assert {row.client_id for _, row in listed} == {shown}


def test_a_withdrawal_may_be_listed_late(venue: Venue) -> None:
    venue.funds.habits.change({"listed_after_ms": 60_000})
    venue.ask()
    venue.later(59_999)
    assert venue.funds.listed_withdrawals("mm", venue.now_ms) == []
    venue.later(1)
    assert len(venue.funds.listed_withdrawals("mm", venue.now_ms)) == 1


def test_a_review_waits_for_a_word_and_ends_by_one(venue: Venue) -> None:
    venue.funds.habits.change({"review": True})
    first, second = venue.ask(), venue.ask(client_id="mmt2")
    assert venue.later() == []
    assert venue.funds.decide(first.number, Stage.CANCELLED, venue.now_ms).stage == Stage.CANCELLED
    assert venue.free() == units("900")
    venue.funds.decide(second.number, Stage.PROCESSING, venue.now_ms)
    venue.later(300)
    assert [gone.name for gone in venue.later()] == [str(second.number)]
    for number in (first.number, second.number):
        with pytest.raises(Declined):
            venue.funds.decide(number, Stage.CANCELLED, venue.now_ms)
    assert venue.free() == units("900")


def test_a_fee_may_be_higher_than_it_was_said(venue: Venue) -> None:
    venue.funds.habits.change({"extra_fee": units("1")})
    venue.ask()
    venue.later(300)
    [gone] = venue.later()
    assert gone.units == units("95")


def test_a_deposit_is_credited_once_when_it_is_confirmed(venue: Venue) -> None:
    crossing = venue.arrives()
    venue.later(1000)
    [(_, seen)] = venue.funds.listed_deposits("mm")
    assert (seen.credited, venue.funds.confirmations(seen, venue.now_ms)) == (False, (4, 16))
    assert venue.free() == units("1000")
    venue.later(3000)
    venue.funds.see(crossing, venue.now_ms)
    venue.later()
    [(_, credited)] = venue.funds.listed_deposits("mm")
    assert credited.credited
    assert venue.free() == units("1050")


def test_a_venue_may_keep_part_of_a_deposit_or_take_none_for_a_while(venue: Venue) -> None:
    venue.funds.habits.change({"deposit_fee": units("3"), "no_deposits": True})
    venue.arrives()
    venue.later()
    assert venue.free() == units("1000")
    venue.funds.habits.change({"deposit_fee": units("3")})
    venue.later()
    assert venue.free() == units("1047")


@pytest.mark.parametrize(
    "changes",
    [
        {"address": ETHEREUM.address_of("nobody")},
        {"asset_key": "0xlookalike"},
        {"tag": "1"},
        {"chain_id": BY_NAME["TRX"].chain_id},
        {"units": units("0.99")},
    ],
    ids=["address", "coin", "tag", "network", "too little"],
)
def test_what_the_venue_cannot_place_goes_to_its_support(venue: Venue, changes: dict[str, Any]) -> None:
    crossing = venue.arrives(**changes)
    venue.later()
    assert venue.free() == units("1000")
    assert venue.funds.listed_deposits("mm") == []
    assert venue.funds.arrivals.get(crossing.hash).state == STRAY


def test_support_finds_whose_coins_these_are(venue: Venue) -> None:
    crossing = venue.arrives(address=ETHEREUM.address_of("nobody"))
    venue.funds.recover(crossing.hash, "mm", venue.now_ms)
    venue.later()
    assert venue.free() == units("1050")
    with pytest.raises(Declined):
        venue.funds.recover(crossing.hash, "mm", venue.now_ms)


def test_an_address_stays_until_another_is_handed_out_and_the_old_one_works_on(venue: Venue) -> None:
    def told() -> Address:
        return venue.funds.address_of("mm", "USDT", "ETH")

    old = told()
    assert told() == old
    assert ETHEREUM.is_address(old.address)
    new = venue.funds.renew_address("mm", "ETH")
    assert told() == new
    assert new.address != old.address
    venue.arrives(address=old.address)
    venue.later()
    assert venue.free() == units("1050")


def test_customers_share_an_address_where_a_tag_tells_them_apart(venue: Venue) -> None:
    ours, theirs = (venue.funds.address_of(name, "XRP", "XRP") for name in ("mm", "other"))
    assert ours.address == theirs.address
    assert ours.tag != theirs.tag
    assert ours.tag.isdigit()


@pytest.mark.parametrize(("habit", "differs"), [("drop_tag", "tag"), ("strange_address", "address")])
def test_a_venue_may_say_a_wrong_address(venue: Venue, habit: str, differs: str) -> None:
    right = venue.funds.address_of("mm", "XRP", "XRP")
    venue.funds.habits.change({habit: True})
    wrong = venue.funds.address_of("mm", "XRP", "XRP")
    assert getattr(wrong, differs) != getattr(right, differs)


Lists = Callable[[Venue], list[tuple[str, Any]]]


@pytest.mark.parametrize(
    "lists",
    [lambda v: v.funds.listed_withdrawals("mm", v.now_ms), lambda v: v.funds.listed_deposits("mm")],
    ids=["withdrawals", "deposits"],
)
def test_lists_may_show_rows_twice_under_other_names_and_as_they_were(venue: Venue, lists: Lists) -> None:
    venue.ask()
    venue.arrives()
    venue.later(300)
    venue.later()
    [(name, row)] = lists(venue)
    venue.funds.habits.change({"duplicate_rows": True, "rename": True, "regress": True})
    again = lists(venue)
    assert len(again) == 2
    assert name not in {other for other, _ in again}
    assert {shown for _, shown in again} != {row}
    assert {shown.address for _, shown in again} == {row.address}


def test_what_goes_to_an_account_of_the_same_venue_arrives_there(venue: Venue) -> None:
    del venue.funds.allowed["mm"]
    to = venue.funds.address_of("other", "USDT", "ETH")
    venue.ask(address=to.address)
    venue.later(300)
    assert venue.later() == []
    venue.later()
    assert venue.accounts.free["other", "USDT"] == units("96")


def test_habits_and_what_they_may_be(venue: Venue) -> None:
    for wanted in ({"client_ids": "sometimes"}, {"review": 1}, {"mood": "bad"}):
        with pytest.raises(ValueError, match=r"no habit|client_ids"):
            venue.funds.habits.change(wanted)
    venue.funds.habits.change({"no_withdrawals": True})
    with pytest.raises(Declined):
        venue.ask()


def test_every_row_is_what_it_was_when_it_is_taken_back(venue: Venue) -> None:
    venue.ask()
    venue.arrives()
    venue.later(300)
    venue.later()
    again = Funds(venue.accounts)
    for kind, key, body in venue.funds.journal.written():
        assert body
        again.load(kind, key, body)
    assert again.shown() == venue.funds.shown()


def test_each_coin_has_a_fee_it_may_cost_and_an_address_it_may_go_to() -> None:
    for way in WAYS:
        assert 0 < way.fee_units < way.least_units
        assert way.network.is_address(way.network.address_of("x"))
