"""What leases promise, in memory and in Postgres (D4, AN9, CK3)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.build import schema_version
from adapters.db.leases import Claimant, PostgresFence, PostgresLeases
from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.leases import WALLET, Scope, venue_scope
from domain.ports.leases import Leases
from tests.fakes.clock import FakeClock
from tests.fakes.leases import RELEASE, FakeLeases, FakeLeaseTable, move_lease_clock, stamp

ONE, TWO = (venue_scope(VenueAccountName(name)) for name in ("one", "two"))
ALL = [WALLET, ONE, TWO]
TTL_S = 10.0


@dataclass
class Place:
    """Leases of one kind: a holder by name and release, time that is moved, releases that are deployed."""

    holder: Callable[..., Leases]
    advance: Callable[[float], Awaitable[None]]
    deploy: Callable[[str], Awaitable[None]]


@pytest.fixture
def fake_place() -> Place:
    clock = FakeClock()
    table = FakeLeaseTable(clock)

    async def advance(seconds: float) -> None:
        clock.advance(seconds)

    async def deploy(release: str) -> None:
        table.deploy(release)

    return Place(lambda name, release=RELEASE: FakeLeases(table, name, release), advance, deploy)


@pytest.fixture
async def postgres_place(store: PostgresStore, admin: Any) -> Place:
    passed = [0.0]

    async def advance(seconds: float) -> None:
        passed[0] += seconds
        await move_lease_clock(admin, passed[0])

    async def deploy(release: str) -> None:
        await stamp(admin, release)

    await deploy(RELEASE)
    return Place(
        lambda name, release=RELEASE: PostgresLeases(store, replace(claimant(name), build=release)),
        advance,
        deploy,
    )


@pytest.fixture(params=["fake", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    made: Place = request.getfixturevalue(f"{request.param}_place")
    return made


async def standing(leases: Leases) -> dict[Scope, tuple[int, str, bool]]:
    return {lease.scope: (lease.epoch, lease.holder, lease.live) for lease in await leases.all()}


async def test_what_nobody_holds_is_taken_once(place: Place) -> None:
    first, second = place.holder("a"), place.holder("b")
    assert await first.take([ONE, WALLET], TTL_S) == {ONE: 1, WALLET: 1}
    assert await second.take(ALL, TTL_S) == {TWO: 1}
    assert await standing(second) == {WALLET: (1, "a", True), ONE: (1, "a", True), TWO: (1, "b", True)}


async def test_lease_is_free_when_it_has_expired_and_not_before(place: Place) -> None:
    first, second = place.holder("a"), place.holder("b")
    await first.take([ONE], TTL_S)
    await place.advance(TTL_S - 2)
    assert await second.take([ONE], TTL_S) == {}
    await place.advance(2.1)
    assert (await standing(first))[ONE] == (1, "a", False)
    assert await first.renew({ONE: 1}) == set(), "what has expired is not renewed, even if nobody took it"
    assert await second.take([ONE], TTL_S) == {ONE: 2}
    assert await first.renew({ONE: 1}) == set()
    assert await first.release({ONE: 1}) == set()
    assert (await standing(first))[ONE] == (2, "b", True)


async def test_renewed_lease_lasts(place: Place) -> None:
    first, second = place.holder("a"), place.holder("b")
    await first.take([ONE, TWO], TTL_S)
    for _ in range(4):
        await place.advance(TTL_S - 2)
        assert await first.renew({ONE: 1}) == {ONE}
    assert await second.take([ONE, TWO], TTL_S) == {TWO: 2}


async def test_lease_given_back_is_free_at_once(place: Place) -> None:
    first, second = place.holder("a"), place.holder("b")
    await first.take([ONE], TTL_S)
    assert await second.release({ONE: 1}) == set(), "only its holder gives a lease back"
    assert await first.release({ONE: 1}) == {ONE}
    assert await first.release({ONE: 1}) == set()
    assert await first.renew({ONE: 1}) == set()
    assert await second.take([ONE], TTL_S) == {ONE: 2}


async def test_holder_that_missed_the_answer_takes_again_in_a_new_epoch(place: Place) -> None:
    first = place.holder("a")
    await first.take([ONE], TTL_S)
    assert await first.take([ONE], TTL_S) == {ONE: 2}
    assert await first.renew({ONE: 1}) == set()
    assert await first.renew({ONE: 2}) == {ONE}


async def test_other_release_takes_nothing(place: Place) -> None:
    old, new = place.holder("a", "yesterday"), place.holder("b")
    with pytest.raises(Refused, match="lease_version"):
        await old.take([ONE], TTL_S)
    assert await new.take([ONE], TTL_S) == {ONE: 1}
    assert await old.take([ONE], TTL_S) == {}, "what is not free is no question of releases"


async def test_old_release_keeps_what_it_has_for_a_rolling_deploy_and_not_for_ever(place: Place) -> None:
    old, new = place.holder("a"), place.holder("b", "tomorrow")
    await old.take([ONE, TWO], TTL_S)
    await place.deploy("tomorrow")
    for _ in range(14):  # 112 s
        await place.advance(8)
        assert await old.renew({ONE: 1, TWO: 1}) == {ONE, TWO}
    assert await old.release({TWO: 1}) == {TWO}
    with pytest.raises(Refused, match="lease_version"):
        await old.take([TWO], TTL_S)
    assert await new.take([ONE, TWO], TTL_S) == {TWO: 2}
    await place.advance(8.1)
    with pytest.raises(Refused, match="lease_version"):
        await old.renew({ONE: 1})
    await place.advance(TTL_S)
    assert await new.take([ONE], TTL_S) == {ONE: 2}


# What only many connections, or time that leaps, can show.


def claimant(name: str) -> Claimant:
    return Claimant(name, RELEASE, schema_version())


async def test_of_eight_who_race_one_holds_each_scope(store: PostgresStore, admin: Any) -> None:
    await stamp(admin, RELEASE)
    racers = [
        PostgresLeases(store, claimant(f"racer-{n}")) for n in range(8)
    ]  # the store has eight connections
    for lap in range(1, 21):
        taken = await asyncio.gather(*(racer.take(ALL, TTL_S) for racer in racers))
        winners = {scope: [n for n, got in enumerate(taken) if scope in got] for scope in ALL}
        assert all(len(names) == 1 for names in winners.values()), winners
        assert {epoch for got in taken for epoch in got.values()} == {lap}
        if lap % 2:
            await asyncio.gather(*(r.release(got) for r, got in zip(racers, taken, strict=True) if got))
        else:
            await move_lease_clock(admin, lap * TTL_S)


async def test_take_over_waits_for_a_transaction_under_the_old_epoch_and_a_renewal_does_not(
    store: PostgresStore, admin: Any
) -> None:
    await stamp(admin, RELEASE)
    mine, theirs = PostgresLeases(store, claimant("a")), PostgresLeases(store, claimant("b"))
    await mine.take([ONE], TTL_S)
    fence = PostgresFence(store)
    inside, done = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        async with store.transaction():
            await fence.guard(ONE, 1)
            inside.set()
            await done.wait()

    acting = asyncio.create_task(act())
    await inside.wait()
    async with asyncio.timeout(5):
        assert await mine.renew({ONE: 1}) == {ONE}
        assert await mine.release({ONE: 1}) == {ONE}
    taking = asyncio.create_task(theirs.take([ONE], TTL_S))
    await asyncio.sleep(0.1)
    assert not taking.done()
    done.set()
    await acting
    assert await taking == {ONE: 2}
    for epoch in (1, 3):
        with pytest.raises(Refused, match="epoch_lost"):
            await fence.guard(ONE, epoch)
    await fence.guard(ONE, 2)


@pytest.mark.parametrize("leap_s", [-3600.0, 3600.0])
async def test_leap_of_the_stores_clock_robs_nobody_of_what_is_theirs(
    postgres_place: Place, store: PostgresStore, admin: Any, leap_s: float
) -> None:
    """CK1, CK3: after a leap forward the lease is lost and taken anew; backward, it is renewed as ever."""
    first, second = postgres_place.holder("a"), postgres_place.holder("b")
    await first.take([ONE], TTL_S)
    until = (await store.fetch("SELECT expires_at FROM leases"))[0]["expires_at"]
    await move_lease_clock(admin, leap_s)
    assert await first.renew({ONE: 1}) == ({ONE} if leap_s < 0 else set())
    after = (await store.fetch("SELECT expires_at FROM leases"))[0]["expires_at"]
    assert (after - until).total_seconds() == 0
    assert await second.take([ONE], TTL_S) == ({} if leap_s < 0 else {ONE: 2})
