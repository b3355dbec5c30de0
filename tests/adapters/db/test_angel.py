"""The Angel's one door: who may pass it, what it lets happen, and what it never does (AN6-AN8, T20)."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.db.angel import PostgresAngelStore
from adapters.db.asking import Asking
from adapters.db.grants import Role
from adapters.db.leases import PostgresFence
from adapters.db.orders import PostgresOrders
from adapters.db.progress import PostgresGuardians, PostgresProgress
from adapters.db.store import PostgresStore
from adapters.health import ProcessProbe
from domain.angel.entries import Deed, Entry, wish, word
from domain.angel.watch import Standing
from domain.errors import InvariantBroken, MrMarketError, Refused
from domain.health.progress import WHOLE, Progress
from domain.leases import Scope, venue_scope
from domain.ledger.model import AccountKind
from domain.market.model import Side
from domain.market.orders import LimitOrder, OrderState
from domain.market.runs import RunState
from domain.money import ZERO
from domain.ports.angel import Answer
from tests.adapters.db.angel_place import ACCOUNT, SCOPE, Place
from tests.domain.services.legs_world import ONE, TWO, Two
from tests.domain.services.trading_world import USDT
from tests.fakes.exchange import PAIR
from tests.fakes.leases import move_lease_clock

pytestmark = pytest.mark.database


async def test_what_a_worker_holds_is_not_taken_before_its_time(place: Place) -> None:
    for entry in (place.take(place.epoch), place.take(place.epoch, preempt=True)):
        assert await place.angel.act(entry) == Answer(False, None)
    await move_lease_clock(place.admin, 151)  # half of its ttl without a renewal
    assert not (await place.angel.act(place.take(place.epoch))).ours
    assert not (await place.angel.act(place.take(place.epoch - 1, preempt=True))).ours, (
        "seen in another epoch"
    )
    assert not (await place.angel.act(place.take(place.epoch, preempt=True, name="worker"))).ours
    assert await place.angel.act(place.take(place.epoch, preempt=True)) == Answer(True, place.epoch + 1)


async def test_worker_that_renews_and_says_that_it_is_stuck_may_be_relieved(place: Place) -> None:
    stuck = place.entry(Deed.TAKE, seen=place.epoch, preempt=True, stuck=True, reason="x")
    assert not (await place.angel.act(stuck)).ours, "nobody says so"
    say = "INSERT INTO progress VALUES ('worker', $1, 'workers', lease_clock(), 25, 0, '', '')"
    await place.admin.execute(say, SCOPE)
    [sign] = [sign for sign in await place.angel.look() if sign.scope == SCOPE]
    assert sign.ill == "has ended no round for 25 s"
    stuck = place.entry(Deed.TAKE, seen=place.epoch, preempt=True, stuck=True, reason="x")
    assert (await place.angel.act(stuck)).ours


async def test_taken_account_is_nobody_elses_until_it_is_safe(place: Place) -> None:
    epoch = await place.taken()
    sign = next(sign for sign in await place.angel.look() if sign.scope == SCOPE)
    assert (sign.epoch, sign.holder, sign.standing) == (epoch, "angel:a", Standing.ANGEL)
    assert (await place.world.runs.get(place.run.id)).state is RunState.HALTED
    for passed in (302, 3000):
        await move_lease_clock(place.admin, passed)
        assert await place.leases().take([SCOPE], 300) == {}
    assert await place.leases("worker").renew({SCOPE: place.epoch}) == set()
    assert await place.leases("worker").release({SCOPE: place.epoch}) == set()
    fence = PostgresFence(place.world.store)
    for old in (place.epoch, epoch):
        with pytest.raises(Refused, match="epoch_lost"):
            await fence.guard(SCOPE, old)
    assert (await place.angel.act(place.entry(Deed.SAFE, epoch, cancelled=0))).ours
    assert await place.leases().take([SCOPE], 300) == {SCOPE: epoch + 1}
    assert not (await place.angel.act(place.entry(Deed.SAFE, epoch))).ours, "it was given back"


async def test_a_take_over_that_stands_in_anothers_way_is_made_again_at_once(place: Place) -> None:
    """Whoever stops runs meanwhile locks them too: the one that Postgres gives up must not be this one."""
    await move_lease_clock(place.admin, 301)
    await place.admin.execute("SET deadlock_timeout = '30s'")  # so that it is the Angel that is given up
    async with place.admin.transaction():
        await place.admin.execute("SELECT FROM runs FOR UPDATE")
        taking = asyncio.create_task(place.angel.act(place.take(place.epoch)))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not await place.admin.fetchval(waits):
            await asyncio.sleep(0.01)
        await place.admin.execute("SELECT FROM leases FOR UPDATE")  # returns when the Angel was given up
    assert await taking == Answer(True, place.epoch + 1)
    assert (await place.world.runs.get(place.run.id)).state is RunState.HALTED


async def test_of_two_angels_one_acts_and_the_other_follows_when_it_falls_silent(place: Place) -> None:
    epoch = await place.taken()
    assert not (await place.angel.act(place.take(epoch, name="angel:b"))).ours
    await move_lease_clock(place.admin, 500)
    assert (await place.angel.act(place.entry(Deed.CANCEL, epoch, orders=[]))).ours  # it lives
    await move_lease_clock(place.admin, 700)
    assert not (await place.angel.act(place.take(epoch, name="angel:b"))).ours
    assert (await place.angel.act(place.take(epoch))) == Answer(True, epoch + 1), "it goes on after its death"
    await move_lease_clock(place.admin, 1100)
    assert (await place.angel.act(place.take(epoch + 1, name="angel:b"))) == Answer(True, epoch + 2)
    assert not (await place.angel.act(place.entry(Deed.CANCEL, epoch + 1, orders=[]))).ours


async def test_entry_is_written_once_and_a_late_one_changes_nothing(place: Place) -> None:
    await move_lease_clock(place.admin, 301)
    late, take = place.take(place.epoch), place.take(place.epoch)
    assert await place.angel.act(late, late=True) == Answer(False, None)
    assert await place.angel.act(take) == await place.angel.act(take) == Answer(True, place.epoch + 1)
    rows = await place.admin.fetch("SELECT kind, late FROM angel_entries ORDER BY seq")
    assert [tuple(row) for row in rows] == [("take", True), ("take", False)]


async def test_words_of_the_venue_end_orders_and_give_back_what_is_counted(place: Place) -> None:
    epoch, orders = await place.taken(), await place.world.orders.unsettled(ACCOUNT)
    sell = next(intent for intent in orders if intent.side is Side.SELL)
    said = [word(i.client_order_id, "9", OrderState.CANCELLED, ZERO) for i in orders if i is not sell]
    part = Decimal("0.00001")
    said.append(word(sell.client_order_id, "", OrderState.CANCELLED, part))
    strange = word("nobodys", "9", OrderState.FILLED, part)
    assert not (await place.angel.act(place.entry(Deed.HEARD, epoch - 1, orders=said))).ours
    assert len(await place.world.orders.unsettled(ACCOUNT)) == len(orders), "from an old epoch nothing counts"
    for row in said[:-1]:  # one of ids that the venue gives twice would be refused
        row["order_id"] = ""
    await place.angel.act(place.entry(Deed.HEARD, epoch, orders=[*said, strange]))
    [left] = await place.world.orders.unsettled(ACCOUNT)
    assert (left.id, left.state, left.filled, left.booked) == (sell.id, OrderState.CANCELLED, part, ZERO)
    balances = await place.world.ledger.balances(AccountKind.RUN, place.run.id)
    assert balances[USDT].held == 0, "what bids had promised is free"
    assert balances[PAIR.base].held == sell.cost, "what has traded waits for its trade"
    assert await place.world.ledger.faults() == []
    again = [word(sell.client_order_id, "", OrderState.OPEN, ZERO)]
    await place.angel.act(place.entry(Deed.HEARD, epoch, orders=again))
    assert (await place.world.orders.unsettled(ACCOUNT)) == [left], "an older word changes nothing"


def order(quantity: str = "0.001", side: Side = Side.BUY) -> LimitOrder:
    price = Decimal(60_300) if side is Side.BUY else Decimal(59_700)
    return LimitOrder(
        "mmangel0000000001", PAIR, side, price, Decimal(quantity), post_only=False, immediate=True
    )


async def test_order_is_an_intent_with_its_hold_or_nothing_at_all(place: Place) -> None:
    epoch = await place.taken()
    await place.cleared(epoch)
    soon, run_id = place.world.time.now() + timedelta(seconds=1), str(place.run.id)
    facts = wish("intent-1", run_id, order(), soon)
    assert not (await place.angel.act(place.entry(Deed.ORDER, epoch - 1, **facts))).ours
    with pytest.raises(Refused, match="insufficient_funds"):
        await place.angel.act(place.entry(Deed.ORDER, epoch, **wish("intent-2", run_id, order("5"), soon)))
    with pytest.raises(InvariantBroken, match="order_intents_run_id_fkey"):
        await place.angel.act(place.entry(Deed.ORDER, epoch, **wish("intent-3", "another", order(), soon)))
    await place.admin.execute(
        "INSERT INTO freezes (scope, reason, created_at) VALUES ('instance', 'x', now())"
    )
    with pytest.raises(Refused, match="instance_frozen"):
        await place.angel.act(place.entry(Deed.ORDER, epoch, **facts))
    await place.admin.execute("UPDATE freezes SET lifted_at = now(), lifted_by = 'owner'")
    before = (await place.world.ledger.balances(AccountKind.RUN, place.run.id))[USDT]
    once = place.entry(Deed.ORDER, epoch, **facts)
    await place.angel.act(once)
    await place.angel.act(once)
    [made] = [i for i in await place.world.orders.unsettled(ACCOUNT) if i.id == "intent-1"]
    assert (made.epoch, made.state, made.immediate, made.post_only) == (
        epoch,
        OrderState.SENDING,
        True,
        False,
    )
    after = (await place.world.ledger.balances(AccountKind.RUN, place.run.id))[USDT]
    assert after.held - before.held == made.cost
    rows = await place.admin.fetch("SELECT kind FROM angel_entries WHERE kind = 'order'")
    assert len(rows) == 2, "the one from an old epoch is written down, and what was refused is not"
    assert await place.world.ledger.faults() == []


async def test_worker_takes_the_account_back_and_its_runs_go_on(place: Place) -> None:
    epoch = await place.taken()
    await place.cleared(epoch)
    soon = place.world.time.now() + timedelta(seconds=1)
    wanted = order(side=Side.SELL)
    await place.angel.act(place.entry(Deed.ORDER, epoch, **wish("intent-1", place.run.id, wanted, soon)))
    place.world.venue.accept(wanted)  # it has filled, and nobody wrote that down
    await place.angel.act(place.entry(Deed.SAFE, epoch))
    await move_lease_clock(place.admin, 301)
    worker = place.world.worker(name="next")
    for _ in range(12):
        await worker.round()
        place.world.time.advance(1)
    assert (await place.world.runs.get(place.run.id)).state is RunState.RUNNING
    assert [f.client_order_id or f.order_id for _, f in place.world.venue.trades]
    await place.world.check_books()


async def test_angel_that_looks_is_heard_and_no_other_may_speak_for_it(
    place: Place, url_of: Callable[[Role], str]
) -> None:
    probe = ProcessProbe(url_of(Role.WEB), "angel")
    assert await probe.ask() == "was not heard of in the last seconds"
    guardians = PostgresGuardians(place.world.store)
    assert await guardians.angel_unheard_s() is None
    await place.angel.alive("angel:a", "", {})
    await place.angel.alive("angel:a", "", {})
    assert await probe.ask() == "ok"
    await place.angel.alive("angel:a", "fake-1: venue_key_refused", {})
    assert await probe.ask() == "fake-1: venue_key_refused"
    with pytest.raises(InvariantBroken):
        await place.angel.alive("worker", "", {})
    assert await place.admin.fetchval("SELECT count(*) FROM angel_entries") == 0
    await move_lease_clock(place.admin, 4000)
    await PostgresProgress(place.world.store, "workers", "somebody").say([Progress(WHOLE)])
    unheard_s = await guardians.angel_unheard_s()
    assert unheard_s is not None
    assert 3900 < unheard_s < 4100, "the workers do not forget it as they do each other"


async def test_angel_knows_where_it_is_the_last_line(place: Place) -> None:
    look = (
        "INSERT INTO account_looks (account, venue, at, open_orders, dead_man)"
        " VALUES ($1, 'fake', now(), 0, $2)"
    )
    for account, state in (("fake-1", "proven"), ("fake-2", "configured")):
        await place.admin.execute(look, account, state)
    assert await place.angel.dead_men() == {"fake-1": "proven", "fake-2": "configured"}


FORBIDDEN = {
    "a lease": "UPDATE leases SET epoch = epoch + 1",
    "an intent": "INSERT INTO order_intents (id) VALUES ('x')",
    "a halt": "UPDATE venue_accounts SET halted = ''",
    "a run": "UPDATE runs SET state = 'stopping'",
    "an entry of its own making": "INSERT INTO angel_entries (id) VALUES (gen_random_uuid())",
    "a payout": "SELECT FROM payouts",
    "a payment": "SELECT FROM outputs",
    "a person's words": "SELECT FROM inbox",
    "a transfer": "SELECT post_transfers('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}')",
    "a hold": "SELECT release_hold('order', 'x')",
    "an order past the door": "SELECT angel_order('fake-1', 1, '{}')",
    "a word past the door": "SELECT angel_heard('fake-1', '[]')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_the_angel_may_not_touch(what: str, url_of: Callable[[Role], str]) -> None:
    own = await asyncpg.connect(url_of(Role.ANGEL))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await own.execute(FORBIDDEN[what])
    finally:
        await own.close()


async def test_of_sealed_keys_the_angel_sees_its_own_alone(admin: Any, url_of: Callable[[Role], str]) -> None:
    await admin.execute("INSERT INTO master_keys (kid) VALUES (repeat('a', 16))")
    for n, kind in enumerate(("session_key", "spend_key", "venue_key", "angel_key")):
        await admin.execute(
            "INSERT INTO secrets (id, instance, kind, name, version, nonce, ciphertext, kid, wrapped_key)"
            " VALUES ($1, 'i', $2, 'n', 1, $3, $4, repeat('a', 16), $5)",
            *(uuid.UUID(int=n), kind, bytes(12), bytes(40), bytes(60)),
        )
    own = await asyncpg.connect(url_of(Role.ANGEL))
    assert [row["kind"] for row in await own.fetch("SELECT kind FROM secrets")] == ["angel_key"]
    await own.close()


POSING = {
    "as the Angel": "UPDATE leases SET state = 'angel'",
    "as the Angel in the next epoch": "UPDATE leases SET state = 'angel', epoch = epoch + 1, "
    "holder = 'angel:x'",
}
ROBBING = {
    "of what it holds": "UPDATE leases SET state = 'held', epoch = epoch + 1, holder = 'w', "
    "expires_at = lease_clock() + ttl",
    "of its name": "UPDATE leases SET holder = 'w'",
    "by giving it back": "UPDATE leases SET state = 'released'",
}


async def test_no_worker_poses_as_the_angel_nor_robs_it(place: Place) -> None:
    for sql in POSING.values():
        with pytest.raises(MrMarketError):
            await place.world.store.execute(f"{sql} WHERE scope = 'venue:fake-1'")
    epoch = await place.taken()
    for sql in ROBBING.values():
        with pytest.raises(MrMarketError):
            await place.world.store.execute(f"{sql} WHERE scope = 'venue:fake-1'")
    intent = (await place.world.orders.unsettled(ACCOUNT))[0]
    with pytest.raises(Refused, match="epoch_lost"):
        await place.world.store.execute(
            "INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side,"
            " price, quantity, post_only, not_after, state) SELECT 'mine', 'mine', run_id, account, $1, base,"
            " quote, side, price, quantity, true, now(), 'sending' FROM order_intents WHERE id = $2",
            *(epoch, intent.id),
        )
    with pytest.raises((asyncpg.InsufficientPrivilegeError, MrMarketError)):
        await place.world.store.fetch("SELECT angel_act('{}')", writes=True)


@pytest.mark.parametrize("scope", ["wallet", "seat:1"])
async def test_neither_wallet_nor_seat_is_taken(place: Place, scope: str) -> None:
    await place.leases().take([Scope(scope)], 2)
    await move_lease_clock(place.admin, 301)
    entry = Entry(
        *(str(uuid.uuid4()), place.world.time.now(), "angel:a", Scope(scope), None, Deed.TAKE),
        {"seen": 1, "preempt": True},
    )
    with pytest.raises(InvariantBroken):
        await place.angel.act(entry)


async def test_of_a_run_with_two_accounts_both_halves_are_seen_and_the_leg_may_be_closed(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    two = Two.on_postgres(store)
    await two.begin()
    own = Asking(url_of(Role.ANGEL))
    angel = PostgresAngelStore(own)
    await move_lease_clock(admin, 301)
    scope = venue_scope(TWO)

    def entry(deed: Deed, epoch: int | None = None, **facts: Any) -> Entry:
        return Entry(str(uuid.uuid4()), two.time.now(), "angel:a", scope, epoch, deed, facts)

    take = entry(Deed.TAKE, seen=1, preempt=False, stuck=False, reason="x")
    assert await angel.act(take) == Answer(True, 2)
    [half] = await angel.stranded(TWO)
    assert half.partner is not None
    assert (half.run_id, half.is_leg, half.partner.run_id) == (two.leg.id, True, two.leader.id)
    assert (half.base, half.free_base, half.partner.is_leg) == (two.leg.base_start, half.base, False)
    assert await angel.stranded(ONE) == [], "its worker lives, as far as anybody has said"
    soon = two.time.now() + timedelta(seconds=1)
    facts = wish("leg-1", two.leg.id, order(side=Side.SELL), soon)
    assert (await angel.act(entry(Deed.ORDER, 2, **facts))).ours
    [made] = await PostgresOrders(store).unsettled(TWO)
    assert (made.id, made.run_id, made.epoch) == ("leg-1", two.leg.id, 2)
    await own.close()
