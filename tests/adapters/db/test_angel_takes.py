"""Which accounts the Angel may take beside those whose lease is over, and who hears of it."""

import json

import pytest

from domain.angel.entries import Deed, Entry
from domain.angel.watch import Standing
from domain.ports.angel import Answer
from tests.adapters.db.angel_place import ACCOUNT, SCOPE, Place
from tests.domain.services.trading_world import OWNER
from tests.fakes.leases import move_lease_clock

pytestmark = pytest.mark.database


async def test_what_was_given_back_is_taken_only_with_orders_on_its_book(place: Place) -> None:
    def take(behind: bool) -> Entry:
        return place.entry(Deed.TAKE, seen=place.epoch, preempt=False, stuck=False, behind=behind, reason="x")

    assert not (await place.angel.act(take(True))).ours, "its worker has it"
    assert await place.leases("worker").release({SCOPE: place.epoch}) == {SCOPE}
    [sign] = [sign for sign in await place.angel.look() if sign.scope == SCOPE]
    assert (sign.standing, sign.left_behind) == (Standing.RELEASED, True)
    assert not (await place.angel.act(take(False))).ours
    assert await place.angel.act(take(True)) == Answer(True, place.epoch + 1)
    await place.angel.act(place.entry(Deed.SAFE, place.epoch + 1, cancelled=0))
    [sign] = [sign for sign in await place.angel.look() if sign.scope == SCOPE]
    assert (sign.standing, sign.left_behind) == (Standing.RELEASED, False), "it saw none there"


async def test_clock_that_was_put_back_keeps_no_dead_workers_account_from_being_taken(place: Place) -> None:
    """CK3: renewed an hour from now, by the clock of now. What is renewed after that is safe again."""
    await move_lease_clock(place.admin, -3600)
    [sign] = [sign for sign in await place.angel.look() if sign.scope == SCOPE]
    assert sign.renewed_ago_s < -3500
    assert sign.renewed_at_s is not None
    assert not (await place.angel.act(place.take(place.epoch))).ours
    held = {SCOPE: place.epoch}
    assert await place.leases("worker").renew(held) == set(held)
    assert not (await place.angel.act(place.take(place.epoch, preempt=True))).ours
    await move_lease_clock(place.admin, -7200)
    assert await place.angel.act(place.take(place.epoch, preempt=True)) == Answer(True, place.epoch + 1)


async def appoint_owner(place: Place) -> None:
    """Let the instance have an owner."""
    await place.world.store.execute(
        "INSERT INTO audit (who, action, params, params_hash, cause, at)"
        " VALUES ($1, 'first', '{}', repeat('0', 64), 'c', now())",
        OWNER,
    )
    await place.world.store.execute(
        "INSERT INTO role_changes (user_id, from_role, to_role, audit)"
        " SELECT $1, 'user', 'owner', number FROM audit WHERE action = 'first'",
        OWNER,
    )


async def told(place: Place) -> list[tuple[str, str, dict[str, str]]]:
    """Return what was told of take-overs: to whom, what, and its facts."""
    rows = await place.admin.fetch(
        "SELECT user_id, kind, params FROM outbox WHERE kind LIKE '%angel%' OR kind = 'run_taken_over' "
        "ORDER BY seq"
    )
    return [(row["user_id"], row["kind"], json.loads(row["params"])) for row in rows]


async def test_take_over_is_told_while_no_worker_lives(place: Place) -> None:
    """Issue 6: to those who look after the instance, and to the people whose market makers are held back."""
    await appoint_owner(place)
    for _ in range(2):
        await place.angel.alive("angel:a", "", {ACCOUNT: "venue_key_refused"})
    assert await told(place) == [(OWNER, "angel_blind", {"account": ACCOUNT, "reason": "venue_key_refused"})]
    await place.admin.execute("DELETE FROM outbox WHERE kind = 'angel_blind'")
    epoch = await place.taken()
    number, pair = str(place.run.number), str(place.run.pair)
    mine = (place.run.user_id, "run_taken_over", {"number": number, "pair": pair})
    took = (OWNER, "angel_took", {"account": ACCOUNT, "runs": "1", "reason": "worker_gone"})
    assert sorted(await told(place)) == sorted([mine, took])
    again = await place.angel.act(place.take(epoch))
    assert again.epoch is not None
    assert len(await told(place)) == 2, "an Angel that goes on takes nothing over"
    for _ in range(2):
        await place.angel.act(place.entry(Deed.BLOCKED, again.epoch, reason="venue_key_refused"))
    await place.angel.act(place.entry(Deed.SAFE, again.epoch, cancelled=6))
    assert (await told(place))[2:4] == [
        (OWNER, "angel_blocked", {"account": ACCOUNT, "reason": "venue_key_refused"}),
        (OWNER, "angel_safe", {"account": ACCOUNT, "cancelled": "6"}),
    ]
    held, clock_s = again.epoch, 301.0
    for _ in range(3):  # the worker fails again and again
        assert await place.leases("worker").take([SCOPE], 300) == {SCOPE: held + 1}
        clock_s += 400
        await move_lease_clock(place.admin, clock_s)
        answer = await place.angel.act(place.take(held + 1))
        assert answer.epoch is not None
        await place.angel.act(place.entry(Deed.SAFE, answer.epoch, cancelled=0))
        held = answer.epoch
    assert len(await told(place)) == 4, "that is one piece of news"
    old = "UPDATE outbox SET created_at = now() - interval '2 hours' WHERE kind LIKE 'angel%'"
    await place.admin.execute(
        f"SET session_replication_role = replica; {old}; RESET session_replication_role"
    )
    await place.leases("worker").take([SCOPE], 300)
    await move_lease_clock(place.admin, clock_s + 400)
    answer = await place.angel.act(place.take(held + 1))
    await place.angel.act(place.entry(Deed.SAFE, answer.epoch, cancelled=0))
    assert [kind for _, kind, _ in (await told(place))[4:]] == ["angel_took", "angel_safe"]


async def test_each_take_over_that_holds_somebody_back_is_told_and_each_end_of_a_blocked_one(
    place: Place,
) -> None:
    await appoint_owner(place)
    epoch, clock_s = await place.taken(), 301.0
    await place.angel.act(place.entry(Deed.SAFE, epoch, cancelled=1))
    await place.admin.execute("UPDATE runs SET state = 'recovering'")
    await place.admin.execute("UPDATE runs SET state = 'running'")
    assert await place.leases("worker").take([SCOPE], 300) == {SCOPE: epoch + 1}
    clock_s += 400
    await move_lease_clock(place.admin, clock_s)
    again = await place.angel.act(place.take(epoch + 1))
    assert again.epoch is not None
    await place.angel.act(place.entry(Deed.SAFE, again.epoch, cancelled=2))
    keepers = [kind for who, kind, _ in await told(place) if who == OWNER]
    assert keepers == ["angel_took", "angel_safe"] * 2
    assert await place.leases("worker").take([SCOPE], 300) == {SCOPE: again.epoch + 1}
    await move_lease_clock(place.admin, clock_s + 400)
    last = await place.angel.act(place.take(again.epoch + 1))  # its run is held back since
    assert last.epoch is not None
    await place.angel.act(place.entry(Deed.BLOCKED, last.epoch, reason="venue_silent"))
    await place.angel.act(place.entry(Deed.SAFE, last.epoch, cancelled=3))
    keepers = [kind for who, kind, _ in await told(place) if who == OWNER]
    assert keepers[4:] == ["angel_blocked", "angel_safe"], (
        "who was told to cancel by hand must hear that it is done"
    )
