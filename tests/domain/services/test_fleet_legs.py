"""Runs with two accounts in a fleet whose workers die, come and go: each hedge is sent once."""

import asyncio
import os
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.ids import RunId
from domain.market.model import Quote, Side
from domain.market.orders import Intent
from domain.market.runs import Run, RunKind
from domain.money import ZERO
from domain.services.execution import ExecutionService
from domain.services.legs import Asking
from domain.services.order_sending import Wanted
from domain.services.trading_strategy import funding
from tests.domain.services.fleet_world import BASE, QUOTE, TIMING, Fleet, Process
from tests.domain.services.test_fleet import until
from tests.fakes.exchange import RULES

SEEDS = int(os.environ.get("HEDGED_FLEETS", "2"))
LATE_S = 1.0
"""After so long past its time nobody makes an order of what was asked for."""


class Hedged(Fleet):
    """Accounts on which each run has a leg at the next account."""

    shares = 3
    legs: dict[RunId, Run]

    async def begin(self, runs: int) -> None:
        await super().begin(runs)
        accounts, self.legs = list(self.venues), {}
        for run in list(self.runs):
            beside = accounts[(accounts.index(run.account) + 1) % len(accounts)]
            leg = replace(
                run, id=RunId(self.world.ids.new_id()), account=beside, kind=RunKind.LEG, leader=run.id,
                base_start=2 * BASE, quote_start=2 * QUOTE,
            )  # fmt: skip
            self.legs[run.id] = await self.world.runs.add(leg)
            await self.world.ledger.post(funding(leg))

    def net(self, run: Run) -> Decimal:
        """Return what a run has bought less what it has sold, as booked."""
        booked = [intent for intent in self.world.orders.rows.values() if intent.run_id == run.id]
        return sum((_sign(intent.side) * intent.booked for intent in booked), ZERO)

    def under_way(self, leg: Run) -> Decimal:
        """Return what is asked for and neither booked nor known to be over."""
        now, found = self.clock.now(), ZERO
        for asked in self.world.asked.rows.values():
            intent: Intent | None = self.world.orders.rows.get(asked.id)
            if asked.run_id != leg.id or (intent and intent.settled):
                continue
            if intent or (now - asked.not_after).total_seconds() < LATE_S:
                found += _sign(asked.side) * (asked.quantity - (intent.booked if intent else ZERO))
        return found


class Hedger(Process):
    """A worker process with a small strategy of two legs: what a run has bought, its leg sells, and back."""

    def start(self) -> "Hedger":
        super().start()
        self._loops.append(asyncio.create_task(self._hedge()))
        return self

    async def _hedge(self) -> None:
        while not self._over:
            await self._fleet.clock.sleep(0.5)
            for execution in self.executions:
                if execution.desk.grip.held and execution.desk.epoch == execution.desk.grip.epoch:
                    await self._hedge_at(execution)

    async def _hedge_at(self, execution: ExecutionService) -> None:
        fleet, desk = self._fleet, execution.desk
        assert isinstance(fleet, Hedged)
        assert desk.asked is not None
        for run in fleet.runs:
            if run.account != desk.account:
                continue
            leg = fleet.legs[run.id]
            open_ = -fleet.net(run) - fleet.net(leg) - fleet.under_way(leg)
            side, lots = (Side.BUY if open_ > 0 else Side.SELL), RULES.lots_down(abs(open_))
            ticks = fleet.venues[leg.account].bid * (101 if side is Side.BUY else 99) // 100
            if lots * ticks * RULES.tick * RULES.lot < RULES.min_notional:
                continue
            wanted = Wanted(leg, RULES, Quote(side, ticks, lots), post_only=False, immediate=True)
            await Asking(desk, desk.asked).ask([wanted])


def _sign(side: Side) -> int:
    return 1 if side is Side.BUY else -1


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_hedges_of_a_fleet_are_sent_once_each_whoever_dies_comes_or_goes(seed: int) -> None:
    fleet = Hedged(4, seed)

    async def story() -> None:
        first, second = Hedger(fleet, "a").start(), Hedger(fleet, "b").start()
        await fleet.clock.sleep(8)
        assert len(first.held) == len(second.held) == 2
        await fleet.begin(4)
        markets = asyncio.create_task(fleet.move_markets())
        await fleet.clock.sleep(12)
        await first.kill()
        await until(fleet, {second: 4}, TIMING.ttl_s + 2)
        third = Hedger(fleet, "c").start()
        await fleet.clock.sleep(15)
        await second.stop()
        await until(fleet, {third: 4}, 2)
        await fleet.clock.sleep(8)
        markets.cancel()
        await fleet.clock.sleep(30)  # unclear orders of the dead are looked up, the last hedges are made
        third.check()
        for run in fleet.runs:
            left = fleet.net(run) + fleet.net(fleet.legs[run.id])
            assert abs(left) * 60_000 < 10, f"not hedged: {left}"
        await fleet.stop_runs()
        while not await fleet.stopped():
            third.check()
            await fleet.clock.sleep(1)
        await third.stop()

    await fleet.clock.run(story())
    fleet.runs += fleet.legs.values()
    sent = [asked for asked in fleet.world.asked.rows.values() if asked.id in fleet.world.orders.rows]
    assert len(sent) > 4
    for asked in sent:
        intent = fleet.world.orders.rows[asked.id]
        assert (intent.account, intent.quantity) == (asked.account, asked.quantity)
        assert intent.booked <= asked.quantity
    await fleet.check_ended()
