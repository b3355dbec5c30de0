"""A worker that lays many orders at two exchanges: ``python -m tests.angel.main FACTS``.

Real leases, intents, holds and adapters; only the limiter is off, so that many orders are soon there. It says
``ready`` when all rest, and then goes on until it is killed.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.clock import WallMarketClock
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.ids import RandomIds
from domain.errors import MrMarketError
from domain.ids import RunId, VenueAccountName
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.limits import Limits
from domain.market.model import Pair, Quote, Side
from domain.market.orders import TERMINAL, Intent
from domain.secrets import Secret
from domain.services.desk import Desk, ExecutionPolicy
from domain.services.fill_accounting import FillAccounting
from domain.services.lease_keeping import LeaseKeeper
from domain.services.order_resolution import OrderResolution
from domain.services.order_sending import OrderSending, Wanted
from tests.clocks import WallClock
from tests.domain.services.trading_world import World

PAIR = Pair.parse("BTC/USDT")
FREE = Limits(10**6, 10**6, 10**7, 10**12, 9_900)  # type: ignore[arg-type]  # whole numbers do
AT_ONCE = 16


class Account:
    """One account, with as many orders as asked for."""

    def __init__(
        self, store: PostgresStore, facts: dict[str, Any], timing: LeaseTiming, expiry_ms: int
    ) -> None:
        clock, name = WallClock(), VenueAccountName(facts["name"])
        key = VenueKey(Secret(facts["api_key"]), Secret(facts["secret"]))
        account = VenueAccount(
            name, facts["venue"], key, facts["urls"], FREE, (PAIR,), expiry_ms, lockstep=True
        )
        grip = Grip(venue_scope(name), clock.monotonic)
        self.exchange = CcxtExchange(account, clock, grip.require)
        self.exchange._client.throttle = _at_once
        self.world = World(store, account=name)
        self.desk: Desk = replace(
            self.world.worker().desk,
            exchange=self.exchange,
            venue=facts["venue"],
            clock=clock,
            market=WallMarketClock(),
            ids=RandomIds(),
            policy=ExecutionPolicy(sends_at_once=AT_ONCE, venue_expiry_s=expiry_ms / 1000),
            grip=grip,
        )
        self.sending = OrderSending(self.desk)
        self.resolution = OrderResolution(self.desk, FillAccounting(self.desk))
        self.run_id = RunId(facts["run"])
        self._dice = random.Random(facts["name"])

    async def lay(self, count: int) -> None:
        """Rest so many bids and asks, far from where anybody trades."""
        self.desk.epoch = self.desk.grip.epoch
        run, rules = await self.desk.runs.get(self.run_id), await self.exchange.rules(PAIR)
        mid = (await self.exchange.book(PAIR)).twice_mid // 2
        wanted = []
        for n in range(count):
            side = Side.BUY if n % 2 else Side.SELL
            away = mid * (800 + self._dice.randrange(400)) // 10_000
            ticks = mid - away if side is Side.BUY else mid + away
            lots = rules.lots_down(max(rules.min_quantity, 2 * rules.min_notional / rules.price(ticks)))
            wanted.append(Wanted(run, rules, Quote(side, ticks, max(1, lots)), post_only=True))
        await self.sending.send(wanted)

    async def live(self) -> Sequence[Intent]:
        return [i for i in await self.desk.orders.unsettled(self.desk.account) if i.state not in TERMINAL]

    async def fill_up(self, count: int) -> None:
        """Lay as many at once as any venue allows, until so many rest."""
        while (missing := count - len(await self.live())) > 0:
            await self.lay(min(8, missing))
            await asyncio.sleep(1)

    async def change(self, count: int, every_s: float) -> None:
        """Put one order in another's place, again and again, whoever may have taken over meanwhile."""
        while True:
            try:
                live = await self.live()
                if len(live) >= count and self.desk.grip.held:
                    await self.resolution.cancel([self._dice.choice(live)])
                await self.lay(1)
            except MrMarketError as error:
                say({"refused": str(error)})
            await asyncio.sleep(every_s)


def say(facts: dict[str, Any]) -> None:
    """Tell whoever started us."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def _at_once(cost: float | None = None) -> None:
    """Let every request leave."""


async def work(facts: dict[str, Any]) -> None:
    timing = LeaseTiming(**facts["timing"])
    async with PostgresStore(facts["dsn"]) as store:
        accounts = [Account(store, each, timing, facts["expiry_ms"]) for each in facts["accounts"]]
        grips = [account.desk.grip for account in accounts]
        leases = accounts[0].world.put_to_work(accounts[0].desk, facts["holder"]).keeper.leases
        keeper = LeaseKeeper(leases, WallClock(), timing, grips)
        keeping = asyncio.create_task(_keep(keeper))
        while not all(grip.held for grip in grips):
            await asyncio.sleep(0.1)
        await asyncio.gather(*(account.fill_up(facts["orders"]) for account in accounts))
        say({"ready": sum([len(await account.live()) for account in accounts])})
        await asyncio.gather(
            keeping, *(account.change(facts["orders"], facts["every_s"]) for account in accounts)
        )


async def _keep(keeper: LeaseKeeper) -> None:
    while True:
        await keeper.round()
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(work(json.loads(Path(sys.argv[1]).read_text())))
