"""Keepers: of many who want the same, one has it, and stops before the next one begins."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from domain.ids import VenueAccountName
from domain.leases import WALLET, Grip, LeaseTiming, Scope, venue_scope
from domain.ports.leases import Leases
from domain.services.lease_keeping import LeaseKeeper
from tests.fakes.clock import FakeClock
from tests.fakes.leases import RELEASE, FakeLeases, FakeLeaseTable, FencedOff

SCOPES = [WALLET, *(venue_scope(VenueAccountName(name)) for name in ("one", "two"))]
TIMING = LeaseTiming()


@dataclass
class House:
    """A store's leases and the processes that want them; one clock moves all."""

    clock: FakeClock
    table: FakeLeaseTable

    def keeper(self, name: str, release: str = RELEASE, timing: LeaseTiming = TIMING) -> LeaseKeeper:
        grips = [Grip(scope, self.clock.monotonic) for scope in SCOPES]
        return LeaseKeeper(FakeLeases(self.table, name, release), self.clock, timing, grips)


@pytest.fixture
def house() -> House:
    clock = FakeClock()
    return House(clock, FakeLeaseTable(clock))


def held(keeper: LeaseKeeper) -> list[Scope]:
    return [grip.scope for grip in keeper.grips if grip.held]


async def test_first_takes_all_and_the_second_stands_by(house: House) -> None:
    first, second = house.keeper("a"), house.keeper("b")
    assert await first.round() == (
        "took venue:one in epoch 1; took venue:two in epoch 1; took wallet in epoch 1"
    )
    assert await first.round() == "holds venue:one, venue:two, wallet"
    assert await second.round() == "stands by for venue:one (a), venue:two (a), wallet (a)"


async def test_renewed_leases_last_and_a_dead_holder_is_replaced_after_the_ttl(house: House) -> None:
    first, second = house.keeper("a"), house.keeper("b")
    for _ in range(60):
        await first.round()
        await second.round()
        house.clock.advance(0.5)
    assert held(first) == SCOPES
    died_s = house.clock.monotonic()
    while held(second) != SCOPES:
        house.clock.advance(0.5)
        await second.round()
    assert TIMING.ttl_s - TIMING.renew_s - 1 <= house.clock.monotonic() - died_s <= TIMING.ttl_s + 0.5
    assert [grip.epoch for grip in second.grips] == [2, 2, 2]


async def test_clean_end_hands_over_at_once(house: House) -> None:
    first, second = house.keeper("a"), house.keeper("b")
    await first.round()
    assert await first.give_back() == "gave back venue:one, venue:two, wallet"
    assert held(first) == []
    await second.round()
    assert held(second) == SCOPES
    assert await first.give_back() == "nothing to give back"


async def test_failed_renewal_bars_what_is_new_and_the_next_success_allows_it(house: House) -> None:
    keeper = house.keeper("a")
    await keeper.round()
    house.clock.advance(2)
    real, keeper.leases = keeper.leases, FencedOff(keeper.leases)
    assert "not renewed (store_outcome_unknown): nothing new is begun" in await keeper.round()
    assert [(grip.held, grip.sure) for grip in keeper.grips] == [(True, False)] * 3
    keeper.leases = real
    house.clock.advance(0.5)
    assert await keeper.round() == "holds venue:one, venue:two, wallet"
    assert all(grip.sure for grip in keeper.grips)


async def test_without_the_store_all_is_let_go_at_the_deadline_and_taken_anew_later(house: House) -> None:
    keeper = house.keeper("a")
    await keeper.round()
    real, keeper.leases = keeper.leases, FencedOff(keeper.leases)
    for _ in range(15):
        house.clock.advance(0.5)
        await keeper.round()
    assert held(keeper) == SCOPES
    house.clock.advance(0.5)
    assert held(keeper) == [], "eight seconds after the last renewal was sent"
    assert "cannot take" in await keeper.round()
    assert (await keeper.give_back()) == "nothing to give back"
    keeper.leases = real
    assert "took wallet in epoch 2" in await keeper.round()


class Slow(FencedOff):
    """Leases whose answers are lost, though what was asked is done."""

    async def take(self, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
        await self.real.take(scopes, ttl_s)
        await asyncio.sleep(60)
        raise AssertionError

    async def renew(self, held: Mapping[Scope, int]) -> set[Scope]:
        await self.real.renew(held)
        await asyncio.sleep(60)
        raise AssertionError


async def test_lost_answers_are_waited_for_no_longer_than_the_timeout(house: House) -> None:
    keeper = house.keeper("a", timing=LeaseTiming(timeout_s=0.01))
    real = keeper.leases
    keeper.leases = Slow(real)
    assert "no answer in time" in await keeper.round()
    assert held(keeper) == []
    keeper.leases = real
    assert "took wallet in epoch 2" in await keeper.round(), "what was taken unheard is taken again"
    keeper.leases = Slow(real)
    house.clock.advance(2)
    assert "not renewed (no answer in time)" in await keeper.round()
    assert held(keeper) == SCOPES


async def test_frozen_holder_that_wakes_has_nothing_left(house: House) -> None:
    first, second = house.keeper("a"), house.keeper("b")
    await first.round()
    house.clock.advance(TIMING.ttl_s)
    await second.round()
    assert held(first) == []
    await first.round()
    assert (held(first), held(second)) == ([], SCOPES)


async def test_lease_that_somebody_else_has_is_let_go_when_the_store_says_so(house: House) -> None:
    keeper = house.keeper("a")
    await keeper.round()
    await FakeLeases(house.table, "a").take([WALLET], 10)  # its epoch grew behind the keeper's back
    house.clock.advance(2)
    assert "lost wallet" in await keeper.round()


async def test_other_release_says_so_and_gives_back_what_it_may_not_keep(house: House) -> None:
    old, new = house.keeper("a"), house.keeper("b", "next")
    assert "this release is not the one that was deployed" in await new.round()
    await old.round()
    house.table.deploy("next")
    for _ in range(236):  # 118 s
        house.clock.advance(0.5)
        await old.round()
        await new.round()
    assert held(old) == SCOPES
    said = []
    for _ in range(10):
        house.clock.advance(0.5)
        said.append(await old.round())
        await new.round()
    assert any("this release is not the one that was deployed; gave back" in each for each in said)
    assert (held(old), held(new)) == ([], SCOPES)


class Fickle:
    """A store that answers some, does others unheard, and is not there for the rest."""

    def __init__(self, real: Leases, dice: random.Random) -> None:
        self._real, self._dice = real, dice
        self._off = FencedOff(real)

    def __getattr__(self, name: str) -> object:
        call, off = getattr(self._real, name), getattr(self._off, name)

        async def perhaps(*args: object) -> object:
            fate = self._dice.random()
            if fate < 0.5:
                return await call(*args)
            if fate < 0.75:
                await call(*args)
            return await off(*args)

        return perhaps


@pytest.mark.parametrize("seed", range(30))
async def test_two_are_never_sure_of_the_same_scope_whatever_fails(house: House, seed: int) -> None:
    """Freezes, lost answers, hand-overs: at any instant one at most passes the gate; epochs only grow."""
    dice = random.Random(seed)
    keepers = [house.keeper(name) for name in "abcd"]
    for keeper in keepers:
        keeper.leases = Fickle(keeper.leases, dice)  # type: ignore[assignment]  # by attribute
    asleep = dict.fromkeys(range(4), 0.0)
    epochs: dict[Scope, int] = {}
    busy = 0
    for _ in range(600):
        house.clock.advance(dice.choice((0.1, 0.5, 1.0)))
        for n, keeper in enumerate(keepers):
            if house.clock.monotonic() < asleep[n]:
                continue
            if dice.random() < 0.01:
                asleep[n] = house.clock.monotonic() + dice.uniform(1, 25)
            elif dice.random() < 0.01:
                await keeper.give_back()
            else:
                await keeper.round()
        for scope in SCOPES:
            holders = [g for keeper in keepers for g in keeper.grips if g.scope == scope and g.held]
            assert len(holders) <= 1, [(grip.epoch, grip.deadline_s) for grip in holders]
            for grip in holders:
                assert grip.epoch >= epochs.get(scope, 0)
                epochs[scope] = grip.epoch
                busy += 1
    assert busy > 600, "somebody holds something most of the time"
