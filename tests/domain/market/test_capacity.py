"""Room on an account: what runs claim together is never more than there is."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.market.capacity import NOTHING, Capacity, Claim, Claimed, Place, quoting
from domain.market.model import Pair

BTC, ETH = Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")
PLACE = Place(60, Decimal(5), Decimal(100))
KRAKEN = Capacity(1, {BTC: PLACE, ETH: PLACE})


def test_a_share_of_orders_is_kept_for_who_leaves_and_a_share_of_requests_for_the_angel() -> None:
    assert (KRAKEN.orders(BTC), KRAKEN.hourly) == (57, 3_240)
    assert Capacity(0, {BTC: replace(PLACE, most=1)}).orders(BTC) == 0


def test_a_look_counts_as_one_order() -> None:
    assert quoting(6, 5) == Claim(6, 720)
    assert quoting(2, 7) == Claim(2, 515)  # rounded up


def test_a_claim_has_no_more_orders_than_its_funds_make() -> None:
    assert KRAKEN.within(Claim(6, 720), BTC, Decimal("0.1"), Decimal(4)) == Claim(2, 720)
    assert KRAKEN.within(Claim(6, 720), BTC, Decimal(1), Decimal(500)) == Claim(6, 720)
    assert Capacity().within(Claim(6, 720), BTC, Decimal(0), Decimal(0)) == Claim(6, 720)


def test_a_full_pair_says_how_many_orders_are_left_and_another_pair_has_room() -> None:
    claimed = Claimed.of(KRAKEN, [(BTC, Claim(53, 0)), (ETH, Claim(2, 0))])
    with pytest.raises(Refused) as refused:
        claimed.require(BTC, Claim(6, 1))
    assert (refused.value.code, dict(refused.value.facts)) == (
        "no_room_for_orders",
        {"pair": BTC, "wanted": 6, "left": 4},
    )
    claimed.require(BTC, Claim(4, 1))
    claimed.require(ETH, Claim(55, 1))


def test_an_account_that_sends_all_it_may_says_what_would_still_fit_and_that_fits() -> None:
    claimed = Claimed.of(KRAKEN, [(BTC, Claim(1, 3_000))])
    with pytest.raises(Refused) as refused:
        claimed.require(ETH, quoting(6, 5))
    assert (refused.value.code, refused.value.facts["seconds"]) == ("no_room_for_requests", 15)
    claimed.require(ETH, quoting(6, 15))
    with pytest.raises(Refused, match="no_room_for_any_request"):
        Claimed.of(KRAKEN, [(BTC, Claim(1, 3_240))]).require(ETH, quoting(1, 3_600))


def test_who_claims_no_more_than_before_always_may() -> None:
    overfull = Claimed.of(KRAKEN, [(BTC, Claim(90, 9_000))])
    overfull.require(BTC, Claim(4, 700), was=Claim(6, 720))
    with pytest.raises(Refused, match="no_room_for_orders"):
        overfull.require(BTC, Claim(7, 700), was=Claim(6, 720))


def test_what_nobody_has_told_limits_nobody() -> None:
    Claimed.of(Capacity(), [(BTC, Claim(10_000, 10**9))]).require(BTC, Claim(20, 3_600))


@pytest.mark.parametrize("seed", range(20))
def test_whoever_comes_in_whatever_order_what_is_let_in_fits(seed: int) -> None:
    dice, let_in = random.Random(seed), list[tuple[Pair, Claim]]()
    for _ in range(200):
        pair, claim = dice.choice((BTC, ETH)), quoting(dice.randint(1, 20), dice.randint(1, 60))
        try:
            Claimed.of(KRAKEN, let_in).require(pair, claim, NOTHING)
        except Refused:
            continue
        let_in.append((pair, claim))
    assert sum(claim.hourly for _, claim in let_in) <= 3_240
    for pair in (BTC, ETH):
        assert sum(claim.orders for at, claim in let_in if at == pair) <= 57
    assert let_in
