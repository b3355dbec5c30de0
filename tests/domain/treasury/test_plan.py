"""What the planner proposes: people first, then runs, then targets; and never what makes anybody wait."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import AssetId, VenueAccountName
from domain.money import ZERO, Coin, Token
from domain.treasury.model import Direction
from domain.treasury.plan import AtVenue, CoinFacts, Proposal, plan

USDT = Token(AssetId("usdt"), Coin("USDT"), "Ethereum")
A, B = VenueAccountName("a"), VenueAccountName("b")


def at(account: VenueAccountName, free: int, *, busy: bool = False, **more: int) -> AtVenue:
    amounts = {name: Decimal(amount) for name, amount in more.items()}
    return replace(AtVenue(account, Decimal(free), busy=busy), **amounts)  # type: ignore[arg-type]  # by name


def facts(at_mixin: int, waiting: int, *venues: AtVenue, keep: int = 0, worth: int = 0) -> CoinFacts:
    return CoinFacts(USDT, Decimal(at_mixin), Decimal(waiting), venues, Decimal(keep), Decimal(worth))


def said(proposals: list[Proposal]) -> list[tuple[str, str, Decimal]]:
    return [(p.direction, p.account, p.amount) for p in proposals]


def test_people_who_wait_get_theirs_from_where_most_is_free() -> None:
    found = plan(facts(10, 100, at(A, 40), at(B, 70, keep=70)))
    assert said(found) == [("to_mixin", "b", Decimal(70)), ("to_mixin", "a", Decimal(20))]


def test_what_is_on_its_way_is_not_asked_for_again() -> None:
    assert plan(facts(10, 100, at(A, 40, leaving=90), at(B, 70))) == []
    assert plan(facts(500, 0, at(A, 0, wanted=100, coming=100))) == []


def test_one_transfer_of_an_account_at_a_time() -> None:
    assert plan(facts(0, 100, at(A, 400, busy=True))) == []
    assert plan(facts(500, 0, at(A, 0, wanted=100, busy=True))) == []


def test_runs_get_what_they_lacked_beyond_what_people_wait_for() -> None:
    assert said(plan(facts(500, 100, at(A, 30, wanted=200)))) == [("to_venue", "a", Decimal(170))]
    assert said(plan(facts(500, 350, at(A, 0, wanted=200)))) == [("to_venue", "a", Decimal(150))]
    assert plan(facts(100, 100, at(A, 0, wanted=200))) == []


def test_a_target_is_filled_when_less_than_half_is_there() -> None:
    assert plan(facts(500, 0, at(A, 50, keep=100))) == []
    assert said(plan(facts(500, 0, at(A, 49, keep=100)))) == [("to_venue", "a", Decimal(51))]
    assert said(plan(facts(49, 0, at(A, 400, keep=100), keep=100))) == [("to_mixin", "a", Decimal(51))]
    assert plan(facts(50, 0, at(A, 400, keep=100), keep=100)) == []


def test_nobody_makes_us_pay_fees_for_crumbs() -> None:
    assert plan(facts(49, 0, at(A, 400), keep=100, worth=60)) == []
    assert said(plan(facts(0, 1, at(A, 400), worth=60))) == [("to_mixin", "a", Decimal(60))]
    assert said(plan(facts(0, 1, at(A, 30), worth=60))) == [("to_mixin", "a", Decimal(30))]
    assert said(plan(facts(500, 0, at(A, 0, wanted=5), worth=60))) == [("to_venue", "a", Decimal(60))]
    assert plan(facts(50, 0, at(A, 0, wanted=5), worth=60)) == []


amounts = st.integers(0, 1000)
accounts = st.builds(
    lambda free, keep, wanted, coming, leaving, busy: at(
        A, free, keep=keep, wanted=wanted, coming=coming, leaving=leaving, busy=busy
    ),
    *(amounts, amounts, amounts, amounts, amounts, st.booleans()),
)


@given(amounts, amounts, st.lists(accounts, max_size=3), amounts, amounts)
def test_no_plan_makes_anybody_wait(
    at_mixin: int, waiting: int, venues: list[AtVenue], keep: int, worth: int
) -> None:
    known = [
        AtVenue(VenueAccountName(f"v{n}"), v.free, v.keep, v.wanted, v.coming, v.leaving, v.busy)
        for n, v in enumerate(venues)
    ]
    found = plan(facts(at_mixin, waiting, *known, keep=keep, worth=worth))
    assert len({p.direction for p in found}) <= 1
    assert len({p.account for p in found}) == len(found)
    by_name = {v.account: v for v in known}
    for p in found:
        assert p.amount > 0
        assert not by_name[p.account].busy
        if p.direction is Direction.TO_MIXIN:
            assert p.amount <= by_name[p.account].free
    out = sum((p.amount for p in found if p.direction is Direction.TO_VENUE), ZERO)
    assert out <= max(Decimal(at_mixin - waiting - keep), ZERO)
    brought = sum((p.amount for p in found if p.direction is Direction.TO_MIXIN), ZERO)
    assert brought <= max(Decimal(waiting - at_mixin) + worth, Decimal(keep + waiting - at_mixin), ZERO)


@given(amounts, amounts, st.lists(accounts, max_size=3), amounts, amounts)
def test_a_plan_that_was_followed_is_not_made_again(
    at_mixin: int, waiting: int, venues: list[AtVenue], keep: int, worth: int
) -> None:
    """Once everything proposed is under way, nothing more is wanted of the same accounts."""
    known = {
        f"v{n}": AtVenue(VenueAccountName(f"v{n}"), v.free, v.keep, v.wanted, v.coming, v.leaving, v.busy)
        for n, v in enumerate(venues)
    }
    before = facts(at_mixin, waiting, *known.values(), keep=keep, worth=worth)
    spent = ZERO
    for p in plan(before):
        v = known[p.account]
        if p.direction is Direction.TO_VENUE:
            spent += p.amount
            known[p.account] = AtVenue(v.account, v.free, v.keep, v.wanted, v.coming + p.amount, v.leaving)
        else:
            known[p.account] = AtVenue(
                v.account, v.free - p.amount, v.keep, v.wanted, v.coming, v.leaving + p.amount
            )
    after = CoinFacts(
        USDT, at_mixin - spent, before.waiting, tuple(known.values()), before.keep, before.worth
    )
    again = {(p.direction, p.account) for p in plan(after)}
    assert not again & {(p.direction, p.account) for p in plan(before)}
