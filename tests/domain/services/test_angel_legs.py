"""A half-done action of a run with two accounts is finished, undone, or left: by a strategy of this test."""

from dataclasses import dataclass
from decimal import Decimal

from domain.angel.closing import Bounds, CloseAll, FailSafe, Liquidate
from domain.angel.entries import Deed
from domain.angel.watch import Patience, Watch, Window
from domain.ids import VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.model import Quote, Side
from domain.market.runs import RunState
from domain.services.angel import Angel
from domain.services.angel_desk import AngelDesk
from domain.services.angel_log import AngelLog
from domain.services.angel_sweep import Sweeping
from domain.services.order_sending import OrderSending, Wanted
from tests.domain.services.legs_world import LOW, ONE, TWO, Two
from tests.domain.services.trading_world import Worker
from tests.fakes.angel import FakeWitness, MemoryAngelStore, MemoryDiary, MemoryKeepsake
from tests.fakes.exchange import PAIR, RULES, FakeExchange

TIMING = LeaseTiming(ttl_s=300, renew_s=90)
LOTS = 500
QUANTITY = RULES.quantity(LOTS)


@dataclass
class TwoLegs:
    """Buys at the first account what it sells at the second: one after the other, as markets are."""

    two: Two
    first: Worker
    second: Worker

    async def buy(self) -> None:
        """Take what is offered at the first account."""
        desk = self.first.desk
        ask = (await desk.exchange.book(PAIR)).asks[0].ticks
        wanted = Wanted(self.two.leader, RULES, Quote(Side.BUY, ask, LOTS), post_only=False, immediate=True)
        sent = await OrderSending(desk).send([wanted])
        assert sent.intents

    async def sell(self) -> None:
        """Have the second account's worker sell as much."""
        await self.two.ask(self.first, LOW, LOTS)
        await self.two.world.rounds(self.second, 2)


class Scene:
    """Both workers, and an Angel that steps through time."""

    def __init__(self, failsafe: FailSafe | None = None) -> None:
        self.two = Two.in_memory()
        self.store = MemoryAngelStore(self.two.world)
        self._failsafe = failsafe or CloseAll(Bounds())

    async def begin(self) -> TwoLegs:
        first, second = await self.two.begin()
        await self.two.world.pauses.pause(self.two.world.user, self.two.leader.number)
        await self.two.world.rounds(first, 3)  # its strategy of old lays nothing any more
        await self.two.world.pauses.resume(self.two.world.user, self.two.leader.number)
        return TwoLegs(self.two, first, second)

    def angel(self) -> Angel:
        time = self.two.time
        log = AngelLog(self.store, MemoryDiary(), time, self.two.world.ids, "angel:a")
        desks = {}
        for account, far in self.two.venues.items():
            grip = Grip(venue_scope(account), time.monotonic)
            exchange = FakeExchange(far, account, grip.require)
            desks[grip.scope] = AngelDesk(exchange, grip, (PAIR,), Window(), TIMING, "mm")
        watch = Watch(Patience(renew_s=90, ttl_s=300), "angel:a", time.monotonic())
        return Angel(log, watch, Sweeping(log, self._failsafe), desks, MemoryKeepsake(), FakeWitness())

    async def taken_over(self, *safe: VenueAccountName, alive: Worker | None = None) -> None:
        """Let the dead workers' leases end, and the Angel do what it does until accounts are safe."""
        self.two.time.advance(200)
        if alive:
            await alive.keeper.round()
        self.two.time.advance(120)
        angel = self.angel()
        for _ in range(200):
            if alive:
                await alive.keeper.round()
            await angel.look()
            for scope in angel.desks:
                await angel.sweep(scope)
            if all(Deed.SAFE in self.store.deeds(venue_scope(account)) for account in safe):
                return
            self.two.time.advance(0.5)
        raise AssertionError(f"not safe: {self.store.entries.values()}")

    def traded(self, account: VenueAccountName) -> list[tuple[Side, Decimal]]:
        return [(fill.side, fill.quantity) for _, fill in self.two.venues[account].trades]

    def left(self) -> dict[str, str]:
        """Return why runs were left as they are."""
        rows = (entry for entry, _, _ in self.store.entries.values() if entry.deed is Deed.LEFT)
        names = {self.two.leader.id: "leader", self.two.leg.id: "leg"}
        return {names[row.facts["run_id"]]: row.facts["reason"] for row in rows}

    async def comes_back(self) -> None:
        """Bring workers back, stop the run at its person's word, and assert that the books are whole."""
        workers = self.two.worker(ONE), self.two.worker(TWO)
        for _ in range(12):
            for worker in workers:
                await worker.round()
            self.two.time.advance(1)
        assert (await self.two.runs.get(self.two.leader.id)).state is not RunState.HALTED
        await self.two.stop(*workers)
        await self.two.check_ended()


async def test_action_cut_in_its_middle_is_finished_at_the_second_account() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    await scene.taken_over(ONE, TWO)
    assert scene.traded(ONE) == [(Side.BUY, QUANTITY)]
    assert scene.traded(TWO) == [(Side.SELL, QUANTITY)]
    assert scene.left() == {"leader": "near_enough"}
    await scene.comes_back()


async def test_what_cannot_be_finished_is_undone_at_the_first() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    far = scene.two.venues[TWO]
    far.bid, far.ask = far.ask, far.bid  # no price
    await scene.taken_over(ONE, TWO)
    far.bid, far.ask = far.ask, far.bid
    assert scene.traded(TWO) == []
    assert scene.traded(ONE) == [(Side.BUY, QUANTITY), (Side.SELL, QUANTITY)]
    assert scene.left() == {"leg": "book_crossed"}
    await scene.comes_back()


async def test_what_the_cap_does_not_reach_at_either_is_left() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    for far in scene.two.venues.values():
        far.bid, far.ask = far.bid - 100_000, far.ask + 100_000
    await scene.taken_over(ONE, TWO)
    assert scene.traded(TWO) == []
    assert scene.left() == {"leg": "beyond_slippage", "leader": "beyond_slippage"}
    await scene.comes_back()


async def test_whole_action_is_left_as_it_is() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    await strategy.sell()
    assert scene.traded(TWO) == [(Side.SELL, QUANTITY)]
    await scene.taken_over(ONE, TWO)
    assert len(scene.traded(ONE)) == len(scene.traded(TWO)) == 1
    assert scene.left() == {"leg": "near_enough", "leader": "near_enough"}
    await scene.comes_back()


async def test_run_whose_second_account_has_a_worker_is_undone() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    await scene.taken_over(ONE, alive=strategy.second)
    assert scene.traded(TWO) == []
    assert scene.traded(ONE) == [(Side.BUY, QUANTITY), (Side.SELL, QUANTITY)]


async def test_leg_whose_run_has_a_worker_is_that_workers() -> None:
    scene = Scene()
    strategy = await scene.begin()
    await strategy.buy()
    await scene.taken_over(TWO, alive=strategy.first)
    assert scene.traded(TWO) == []
    assert scene.left() == {"leg": "its_run_has_a_worker"}


async def test_fail_safe_that_knows_no_legs_is_asked_of_each_half() -> None:
    scene = Scene(Liquidate(Bounds()))
    strategy = await scene.begin()
    await strategy.buy()
    await scene.taken_over(ONE, TWO)
    assert [way for way, _ in scene.traded(TWO)] == [Side.SELL]
    assert [way for way, _ in scene.traded(ONE)] == [Side.BUY, Side.SELL]
    await scene.comes_back()
