"""The Angel where things are odd: workers that went in order, a store that talks nonsense."""

import asyncio
from decimal import Decimal
from typing import Any, cast

import pytest

from domain.angel.entries import Deed, Entry
from domain.errors import InvariantBroken, Unavailable
from domain.ids import VenueAccountName
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.services.angel_log import TOLD_A_LOOK
from domain.services.angel_sweep import BLOCKED_S
from tests.domain.services.angel_world import AngelProcess, Host
from tests.domain.services.fleet_world import BASE, Process
from tests.domain.services.test_angel import G_S, LIMIT_S, base_of
from tests.fakes.angel import MemoryDiary


async def test_orders_that_a_clean_stop_left_are_cleared_when_nobody_comes_back() -> None:
    """AN1: a machine that shuts down ends its workers in order, and its orders rest all the same."""
    host = Host()
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await clock.sleep(5)
        await worker.stop()
        assert host.resting(), "they are left for the next worker"
        await clock.sleep(50)
        assert host.store.entries == {}
        await host.until_clear(15)
        await host.until_safe(G_S + 4)
        await clock.sleep(120)
        takes = [e for e, _, _ in host.store.entries.values() if e.deed is Deed.TAKE]
        assert len(takes) == len(host.scopes), "once"
        angel.check()
        await angel.kill()
        await host.end(Process(host.fleet, "b").start())

    await clock.run(story())


@pytest.mark.parametrize("error", [RuntimeError("28P01"), InvariantBroken("store_refused")])
async def test_store_that_answers_nonsense_is_as_good_as_silent(error: Exception) -> None:
    """AN5: half a database, another password, another schema: it tells of nobody who acts."""
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await host.fleet.clock.sleep(5)
        host.store.broken = error
        await worker.kill()
        await host.until_clear(16)
        assert "no sense" in angel.angel.missing()
        host.store.broken = None
        await host.fleet.clock.sleep(3)
        assert angel.angel.missing() == ""
        angel.check()
        await angel.kill()
        await host.end(Process(host.fleet, "b").start())

    await host.fleet.clock.run(story())


async def test_word_that_the_books_refuse_keeps_no_account_from_being_safe() -> None:
    host = Host(accounts=1, seed=3)

    async def story() -> None:
        worker = await host.begin(runs=2)
        angel = AngelProcess(host).start()
        host.store.refuses = {host.resting()[0]}
        await worker.kill()
        await host.until_clear(LIMIT_S)
        await host.until_safe(G_S + 4)
        left = await host.fleet.world.orders.unsettled(next(iter(host.fleet.venues)))
        assert host.store.refuses >= {i.client_order_id for i in left if i.state is not OrderState.CANCELLED}
        angel.check()
        await angel.kill()
        host.store.refuses = set()
        await host.end(Process(host.fleet, "b").start())

    await host.fleet.clock.run(story())


async def test_long_tale_is_told_in_pieces_between_looks() -> None:
    """After hours without a store: whoever tells all of it at once does not look meanwhile."""
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        diary = MemoryDiary()
        for n in range(2 * TOLD_A_LOOK + 1):
            entry = Entry(
                f"late-{n}", host.fleet.clock.now(), "angel:a", host.scopes[0], None, Deed.CANCEL, {}
            )
            diary.write(entry)
        angel = AngelProcess(host, diary=diary)
        assert f"{TOLD_A_LOOK} entries late, {TOLD_A_LOOK + 1} wait" in await angel.angel.look()
        await angel.angel.look()
        await angel.angel.look()
        assert diary.unnoted() == []
        await angel.kill()
        await host.end(worker)

    await host.fleet.clock.run(story())


@pytest.mark.parametrize("what", ["open_orders", "cancel"])
async def test_account_that_cannot_be_cleared_stays_the_angels_and_people_are_told(what: str) -> None:
    """AN11: its key was revoked, or trades no more: only a person can do anything."""
    host = Host(accounts=1)
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin(runs=2)
        angels = [AngelProcess(host, f"angel:{name}", wrap=lambda port: Locked(port, what)) for name in "ab"]
        for angel in angels:
            angel.start()
        await worker.kill()
        await clock.sleep(LIMIT_S + BLOCKED_S + 5)
        [scope] = host.scopes
        blocked = [e for e, _, _ in host.store.entries.values() if e.deed is Deed.BLOCKED]
        assert [(e.scope, e.facts["reason"]) for e in blocked] == [(scope, "venue_key_refused")], "once"
        took = [e for e, _, answer in host.store.entries.values() if e.deed is Deed.TAKE and answer.ours]
        assert len(took) == 1, "no other Angel takes it for dead"
        assert host.resting()
        for angel in angels:
            await angel.kill()
        able = AngelProcess(host, "angel:a").start()
        await host.until_clear(5)
        await host.until_safe(G_S + 4)
        await able.kill()
        await host.end(Process(host.fleet, "b").start())

    await clock.run(story())


class Locked:
    """A port of which one thing is refused: the key may not do it any more."""

    def __init__(self, port: Any, what: str) -> None:
        self._port, self._what = port, what

    def __getattr__(self, name: str) -> Any:
        return self._refuse if name == self._what else getattr(self._port, name)

    async def _refuse(self, *_: Any) -> None:
        raise Unavailable("venue_key_refused")


async def test_what_would_keep_it_from_its_work_is_said_before_there_is_any() -> None:
    host = Host()

    async def story() -> None:
        worker = await host.begin()
        angel = AngelProcess(host).start()
        await host.fleet.clock.sleep(3)
        assert (host.store.troubles, angel.angel.missing()) == ({"angel:a": ""}, "")
        first, second = host.scopes
        name = VenueAccountName(first.removeprefix("venue:"))
        angel.angel.blind = {name: "venue_key_refused", VenueAccountName("other"): "venue_silent"}
        angel.angel.desks = {first: angel.angel.desks[first]}
        await angel.angel.look()
        said = f"{name}: venue_key_refused; other: venue_silent; {second} is not in its file"
        assert (host.store.troubles["angel:a"], angel.angel.missing()) == (said, said)
        assert host.store.refused == {name: "venue_key_refused"}, "of a venue that is silent nobody is told"
        await angel.kill()
        await host.end(worker)

    await host.fleet.clock.run(story())


@pytest.mark.parametrize("reaches", [True, False])
async def test_worker_cut_off_from_its_exchange_is_relieved_by_an_angel_that_reaches_it(
    reaches: bool,
) -> None:
    """Its lease is renewed and its orders rest where it cannot take them off: nobody attends to them."""
    host = Host(accounts=1)
    clock = host.fleet.clock

    async def story() -> None:
        worker = await host.begin(runs=2)
        [execution] = worker.executions
        angel = AngelProcess(host, wrap=lambda port: port if reaches else Unreached(port)).start()
        real, execution.desk.exchange = execution.desk.exchange, Unreached(execution.desk.exchange)

        async def beats() -> None:
            while True:
                host.store.ill = {worker.name: execution.stuck}
                host.store.waits = {worker.name: execution.waits_for}
                await clock.sleep(2)

        beating = asyncio.create_task(beats())
        await clock.sleep(55)
        assert host.resting()
        assert execution.waits_for == "venue_silent"
        assert not any(e.deed is Deed.TAKE for e, _, _ in host.store.entries.values())
        if reaches:
            await host.until_clear(25)
            await host.until_safe(G_S + 4)
        await clock.sleep(300)
        takes = [e for e, _, answer in host.store.entries.values() if e.deed is Deed.TAKE and answer.ours]
        assert len(takes) == (1 if reaches else 0), "and if we do not reach it either, it is the exchange"
        [looked_at] = angel.angel.desks.values()
        assert reaches or 5 < cast("Any", looked_at.exchange).asked < 15, "which may count who asks"
        execution.desk.exchange = real
        beating.cancel()
        host.store.ill, host.store.waits = {}, {}
        await angel.kill()
        await host.end(worker)

    await clock.run(story())


class Unreached(Locked):
    """An exchange that does not answer us."""

    def __getattr__(self, name: str) -> Any:
        asked = (
            "open_orders",
            "cancel",
            "cancel_many",
            "place",
            "find_order",
            "fills_since",
            "balances",
            "book",
        )
        return self._silent if name in asked else getattr(self._port, name)

    def __init__(self, port: Any) -> None:
        super().__init__(port, "")
        self.asked = 0

    async def _silent(self, *_: Any) -> None:
        self.asked += 1
        raise Unavailable("venue_silent")


async def test_clock_that_is_wrong_keeps_no_order_on_the_book_and_trades_nothing() -> None:
    """T31: by the wrong time a venue lets nothing in; the Angel asks for its time, and trades nothing."""
    host = Host(accounts=1, seed=3)

    async def story() -> None:
        worker = await host.begin(runs=2)
        await host.fleet.clock.sleep(20)
        angel = AngelProcess(host, wrap=lambda port: Locked(port, "open_orders"))
        [desk] = angel.angel.desks.values()
        locked, asked = cast("Any", desk.exchange), []

        async def keep_time() -> float:
            asked.append(1)
            desk.exchange = locked._port
            return 3600.0

        desk.keep_time = keep_time
        angel.start()
        await worker.kill()
        await host.until_clear(LIMIT_S + 5)
        await host.until_safe(G_S + 4)
        assert asked == [1]
        left = [e.facts["reason"] for e, _, _ in host.store.entries.values() if e.deed is Deed.LEFT]
        assert left == ["clock_skew"] * 2
        angel.check()
        await angel.kill()
        await host.end(Process(host.fleet, "b").start())

    await host.fleet.clock.run(story())


async def test_what_is_more_than_one_order_may_be_of_is_closed_in_pieces() -> None:
    """OR9: the account's limit on one order is no reason to leave a run as it is."""
    host = Host(accounts=1, seed=3)
    world = host.fleet.world

    async def story() -> None:
        worker = await host.begin(runs=2)
        await host.fleet.clock.sleep(30)
        host.calm()
        moved = {run.id: await base_of(host, run.id) - BASE for run in world.runs.rows}
        angel = AngelProcess(host)
        [desk] = angel.angel.desks.values()
        desk.most_notional = most = max(map(abs, moved.values())) * 60_000 / 3
        angel.start()
        await worker.kill()
        await host.until_clear(LIMIT_S)
        await host.until_safe(G_S + 10)
        angel.check()
        sent = [e.facts for e, _, _ in host.store.entries.values() if e.deed is Deed.ORDER]
        assert len(sent) >= 4
        assert all(Decimal(each["price"]) * Decimal(each["quantity"]) <= most for each in sent)
        await angel.kill()
        back = Process(host.fleet, "b").start()
        while any(run.state is RunState.HALTED for run in world.runs.rows):
            await host.fleet.clock.sleep(0.1)
        for run in world.runs.rows:
            assert abs(await base_of(host, run.id) - BASE) < Decimal("0.0002")
        host.markets = asyncio.create_task(host.fleet.move_markets())
        await host.end(back)

    await host.fleet.clock.run(story())
